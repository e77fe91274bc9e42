//! The roles of `docker/roles.sql`. Every other test uses the database with them: migrations run as the
//! owner, and each store is the service's role.

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::support::database::TestDatabase;

async fn connect(database: &TestDatabase, role: &str) -> PgConnection {
    PgConnection::connect(&database.url_as(role)).await.unwrap()
}

/// The SQLSTATE of a rejected statement.
async fn rejected(connection: &mut PgConnection, statement: &str) -> String {
    let error = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
        .execute(connection)
        .await
        .expect_err(statement);
    let error = error.as_database_error().expect(statement);
    error.code().unwrap().into_owned()
}

/// A new table or sequence that the service's role cannot use fails here, even if no test uses it.
#[tokio::test]
async fn the_service_can_use_every_table_and_sequence_and_own_none() {
    let database = TestDatabase::new().await;
    let pool = database.open_pool(1).await;
    let rights: Vec<(String, bool, String)> = sqlx::query_as(
        "select c.relname::text,
                case when c.relkind = 'S' then has_sequence_privilege('dax_app', c.oid, 'usage')
                     when c.relname = '_sqlx_migrations' then has_table_privilege('dax_app', c.oid, 'select')
                     else has_table_privilege('dax_app', c.oid, 'select')
                      and has_table_privilege('dax_app', c.oid, 'insert')
                      and has_table_privilege('dax_app', c.oid, 'update')
                      and has_table_privilege('dax_app', c.oid, 'delete')
                end,
                pg_get_userbyid(c.relowner)::text
         from pg_class c
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'S')",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert!(rights.len() > 10, "{rights:?}");
    for (name, is_usable, owner) in rights {
        assert!(is_usable, "{name}");
        assert_eq!(owner, "dax_owner", "{name}");
    }
}

#[tokio::test]
async fn neither_role_is_a_superuser_and_the_service_changes_no_tables() {
    let database = TestDatabase::new().await;
    let pool = database.open_pool(1).await;
    let privileged: i64 = sqlx::query_scalar(
        "select count(*) from pg_roles
         where rolname in ('dax_owner', 'dax_app')
           and (rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls)",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(privileged, 0);
    let mut service = connect(&database, "dax_app").await;
    for statement in [
        "create table x (id int)",
        "drop table clusters",
        "alter table tokens add column x int",
        "truncate operations",
        "update _sqlx_migrations set success = false",
        "delete from _sqlx_migrations",
        "copy clusters to program 'true'",
        "copy (select 1) to '/tmp/x'",
        "select * from pg_authid",
        "create role x",
        "set role dax_owner",
    ] {
        assert_eq!(
            rejected(&mut service, statement).await,
            "42501",
            "{statement}"
        );
    }
    let mut owner = connect(&database, "dax_owner").await;
    let shell = "copy clusters to program 'true'";
    assert_eq!(rejected(&mut owner, shell).await, "42501");
}

#[tokio::test]
async fn a_table_of_a_later_migration_is_granted_without_a_grant() {
    let database = TestDatabase::new().await;
    let mut owner = connect(&database, "dax_owner").await;
    sqlx::raw_sql("create table later (id bigint generated always as identity, note text)")
        .execute(&mut owner)
        .await
        .unwrap();
    let mut service = connect(&database, "dax_app").await;
    sqlx::raw_sql(
        "insert into later (note) values ('a');
         update later set note = 'b';
         select * from later;
         delete from later",
    )
    .execute(&mut service)
    .await
    .unwrap();
}

#[tokio::test]
async fn the_service_can_drop_what_versions_before_targets_need_and_nothing_else() {
    let database = TestDatabase::new().await;
    let mut owner = connect(&database, "dax_owner").await;
    let kept = "create unique index clusters_name_before_targets on clusters (name) where deleted_at is null";
    sqlx::raw_sql(kept).execute(&mut owner).await.unwrap();
    let mut service = connect(&database, "dax_app").await;
    let drop = "drop index clusters_name_before_targets";
    assert_eq!(rejected(&mut service, drop).await, "42501");
    sqlx::raw_sql("select end_upgrade_to_targets()")
        .execute(&mut service)
        .await
        .unwrap();
    let left: bool =
        sqlx::query_scalar("select to_regclass('clusters_name_before_targets') is not null")
            .fetch_one(&mut owner)
            .await
            .unwrap();
    assert!(!left);
}
