//! Every kind of tampering with records and seals is found: without the key as well, unless the
//! person who tampers also makes new seals. Those are found with the key, or with an anchor.

use dax_provisioner::domain::audit::AuditKey;
use sqlx::AssertSqlSafe;

use super::key;
use crate::support::requests::plain_spec;
use crate::support::test_env::TestEnv;

/// Number of records that each seal seals.
const RECORDS: i64 = 4;

/// Three seals, each of four records. Every column of some record has a value.
async fn sealed(key: Option<&AuditKey>) -> TestEnv {
    let env = TestEnv::new().await;
    let insert = "insert into audit_records (caller, caller_id, requested_for, groups, action, decision, target, project,
          cluster, operation_id, subject, intent, count, policies, organisation, request_id, address, details)
        select 'token:a', 'token:1', 'alice', '[\"operators\"]', 'create_cluster', 'accepted', 'default', 'payments',
          'orders', gen_random_uuid(), 'x', n, 1, '[\"operators\"]', 'hash', 'r-' || n, '192.0.2.1', '{\"a\": 1}'
        from generate_series(1, $1) as n";
    for _ in 0..3 {
        sqlx::query(insert)
            .bind(RECORDS)
            .execute(&env.pool)
            .await
            .unwrap();
        env.seal(key).await.unwrap();
    }
    for table in ["audit_records", "audit_seals", "event_numbering"] {
        execute(&env, &format!("create table kept_{table} as table {table}")).await;
    }
    assert_eq!(env.verify(key, None).await, Vec::<String>::new());
    env
}

async fn execute(env: &TestEnv, statement: &str) {
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
        .execute(&env.pool)
        .await
        .unwrap_or_else(|error| panic!("{statement}: {error}"));
}

async fn restore(env: &TestEnv) {
    execute(env, "truncate audit_records, audit_seals").await;
    execute(
        env,
        "insert into audit_records overriding system value table kept_audit_records;
         insert into audit_seals table kept_audit_seals;
         update event_numbering n set last_audit_position = k.last_audit_position from kept_event_numbering k",
    )
    .await;
}

/// The columns of a table with their types.
async fn columns(env: &TestEnv, table: &str) -> Vec<(String, String)> {
    sqlx::query_as(
        "select column_name::text, data_type::text from information_schema.columns
         where table_name = $1 order by ordinal_position",
    )
    .bind(table)
    .fetch_all(&env.pool)
    .await
    .unwrap()
}

/// Another value of a column.
fn other_value(column: &str, kind: &str) -> String {
    match (column, kind) {
        ("decision", _) => "'settled'".to_owned(),
        (_, "text") => format!("coalesce({column}, '') || 'x'"),
        (_, "bigint") => format!("coalesce({column}, 0) + 1000"),
        (_, "jsonb") => "'[\"other\"]'".to_owned(),
        (_, "uuid") => "gen_random_uuid()".to_owned(),
        (_, "timestamp with time zone") => format!("{column} + interval '1 microsecond'"),
        _ => panic!("{column}: {kind}"),
    }
}

/// Tampers by each statement. Returns those that are not found.
async fn not_found(env: &TestEnv, key: Option<&AuditKey>, statements: &[String]) -> Vec<String> {
    let mut missed = Vec::new();
    for statement in statements {
        execute(env, statement).await;
        let faults = env.verify(key, None).await;
        println!("{statement}\n  {}", faults.join("\n  "));
        if faults.is_empty() {
            missed.push(statement.clone());
        }
        restore(env).await;
        assert_eq!(
            env.verify(key, None).await,
            Vec::<String>::new(),
            "restored"
        );
    }
    missed
}

const MOVED: &str = "update audit_records set position = position + 1000";

/// What is done to records.
async fn changes_of_records(env: &TestEnv) -> Vec<String> {
    let mut statements = Vec::new();
    // The ID and the transaction only order the numbering.
    for (column, kind) in columns(env, "audit_records").await {
        if !["id", "xid"].contains(&column.as_str()) {
            let value = other_value(&column, &kind);
            statements.push(format!(
                "update audit_records set {column} = {value} where position = 6"
            ));
        }
    }
    let nullable = [
        "caller",
        "requested_for",
        "groups",
        "policies",
        "address",
        "details",
        "subject",
    ];
    statements.extend(
        nullable
            .map(|column| format!("update audit_records set {column} = null where position = 6")),
    );
    statements.extend(
        [
            // Removed: in the middle, the first, a whole range, the last ones, all.
            "delete from audit_records where position = 6",
            "delete from audit_records where position = 1",
            "delete from audit_records where position between 5 and 8",
            "delete from audit_records where position > 10",
            "delete from audit_records where position > 8",
            "delete from audit_records",
            // Removed, and the gap closed.
            "delete from audit_records where position = 6;
             update audit_records set position = position + 1000 where position > 6;
             update audit_records set position = position - 1001 where position > 1000",
            "update audit_records set position = null where position = 6",
            // Inserted: at a position that others have moved from, at none, before the first.
            "update audit_records set position = position + 1000 where position > 6;
             update audit_records set position = position - 999 where position > 1000;
             insert into audit_records (position, action, decision) values (7, 'x', 'accepted')",
            "insert into audit_records (position, action, decision) values (0, 'x', 'accepted')",
            "insert into audit_records (position, action, decision) values (13, 'x', 'accepted')",
            // Swapped: in a range, and between two.
            "update audit_records set position = 100 where position = 6;
             update audit_records set position = 6 where position = 7;
             update audit_records set position = 7 where position = 100",
            "update audit_records set position = 100 where position = 4;
             update audit_records set position = 4 where position = 5;
             update audit_records set position = 5 where position = 100",
            MOVED,
        ]
        .map(str::to_owned),
    );
    statements
}

/// What is done to seals.
async fn changes_of_seals(env: &TestEnv) -> Vec<String> {
    let mut statements = Vec::new();
    for (column, kind) in columns(env, "audit_seals").await {
        let value = other_value(&column, &kind);
        for number in [1, 2, 3] {
            statements.push(format!(
                "update audit_seals set {column} = {value} where number = {number}"
            ));
        }
    }
    statements.extend(
        [
            // Removed: the first, the middle one, the last one with its records, without them, all.
            "delete from audit_seals where number = 1",
            "delete from audit_seals where number = 2",
            "delete from audit_seals where number = 2; update audit_seals set number = 2 where number = 3",
            // Truncated with its records, but not what the numbering says.
            "delete from audit_seals where number = 3; delete from audit_records where position > 8",
            "delete from audit_seals; delete from audit_records",
            // Inserted, and swapped.
            "insert into audit_seals select 4, 13, 13, 1, records_sha256, seal, sealed_at, key_id, seal, null
             from audit_seals where number = 3",
            "update audit_seals set number = 100 where number = 2; update audit_seals set number = 2 where number = 3;
             update audit_seals set number = 3 where number = 100",
            // A range that retention did not delete.
            "delete from audit_records where position <= 4; update audit_seals set pruned = seal where number = 1",
        ]
        .map(str::to_owned),
    );
    statements
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_change_of_records_is_found_with_and_without_the_key() {
    for key in [Some(key(1)), None] {
        let env = sealed(key.as_ref()).await;
        let statements = changes_of_records(&env).await;
        assert!(statements.len() > 35, "{}", statements.len());
        let missed = not_found(&env, key.as_ref(), &statements).await;
        assert_eq!(missed, Vec::<String>::new(), "key: {}", key.is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_change_of_seals_is_found_with_and_without_the_key() {
    for key in [Some(key(1)), None] {
        let env = sealed(key.as_ref()).await;
        let statements = changes_of_seals(&env).await;
        assert!(statements.len() > 35, "{}", statements.len());
        let missed = not_found(&env, key.as_ref(), &statements).await;
        assert_eq!(missed, Vec::<String>::new(), "key: {}", key.is_some());
    }
}

/// Changes a record and makes all seals again, as a person can who does not have the key.
async fn chain_again(env: &TestEnv) {
    execute(
        env,
        "update audit_records set caller = 'token:other' where position = 6",
    )
    .await;
    execute(env, "delete from audit_seals").await;
    env.seal(None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_seals_are_found_with_the_key_or_with_an_anchor() {
    let key = key(1);
    let env = sealed(Some(&key)).await;
    let anchor = env.store.last_seal().await.unwrap().unwrap().anchor();
    chain_again(&env).await;
    let faults = env.verify(Some(&key), None).await;
    assert_eq!(faults, ["the last seal, 1, is made without a key"]);
    // Without the key they are valid, and only an anchor shows that they are new.
    assert_eq!(env.verify(None, None).await, Vec::<String>::new());
    let faults = env.verify(None, Some(&anchor)).await;
    assert_eq!(faults, ["seal 3, the anchor, is missing"]);
    // With another key.
    execute(&env, "delete from audit_seals").await;
    env.seal(Some(&super::key(2))).await.unwrap();
    let faults = env.verify(Some(&key), None).await;
    assert!(faults[0].contains("which was not given"), "{faults:?}");
    // Only the last seal is made again, without a key.
    restore(&env).await;
    execute(&env, "delete from audit_seals where number = 3").await;
    env.seal(None).await.unwrap();
    let faults = env.verify(Some(&key), None).await;
    assert!(
        faults[0].contains("made without a key, the seal before it with one"),
        "{faults:?}"
    );
    // As many plain seals, each in the place of another.
    restore(&env).await;
    let plain = sealed(None).await;
    let anchor = plain.store.last_seal().await.unwrap().unwrap().anchor();
    execute(
        &plain,
        "update audit_records set caller = 'token:other' where position = 12",
    )
    .await;
    execute(&plain, "delete from audit_seals where number = 3").await;
    plain.seal(None).await.unwrap();
    assert_eq!(plain.verify(None, None).await, Vec::<String>::new());
    let faults = plain.verify(None, Some(&anchor)).await;
    assert_eq!(faults, ["seal 3 is not that of the anchor"]);
}

/// A person who removes the last records and seals can also set back what the numbering says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_truncation_is_found_with_an_anchor() {
    let key = key(1);
    let env = sealed(Some(&key)).await;
    let anchor = env.store.last_seal().await.unwrap().unwrap().anchor();
    assert_eq!(
        env.verify(Some(&key), Some(&anchor)).await,
        Vec::<String>::new()
    );
    execute(
        &env,
        "delete from audit_seals where number = 3; delete from audit_records where position > 8;
         update event_numbering set last_audit_position = 8",
    )
    .await;
    // What was sealed before the anchor is valid.
    assert_eq!(env.verify(Some(&key), None).await, Vec::<String>::new());
    let faults = env.verify(Some(&key), Some(&anchor)).await;
    assert_eq!(faults, ["seal 3, the anchor, is missing"]);
    // Also when new records have taken the place of the removed ones.
    env.create(&plain_spec("orders")).await;
    env.seal(Some(&key)).await.unwrap();
    let faults = env.verify(Some(&key), Some(&anchor)).await;
    assert_eq!(faults, ["seal 3 is not that of the anchor"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_can_be_added_and_replaced() {
    let env = TestEnv::new().await;
    for (name, key) in [("a", None), ("b", Some(key(1))), ("c", Some(key(2)))] {
        env.create(&plain_spec(name)).await;
        env.seal(key.as_ref()).await.unwrap();
    }
    let keys = vec![key(1), key(2)];
    let mut verification = dax_provisioner::domain::audit::Verification::new(keys, None);
    let mut reader = env.store.read_audit().await.unwrap();
    let unsealed = reader.verify(&mut verification).await.unwrap();
    assert_eq!((unsealed, verification.records()), (0, (3, 0)));
    assert_eq!(verification.finish(), Vec::<String>::new());
    let faults = env.verify(Some(&key(2)), None).await;
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(
        faults[0].starts_with("seal 2 is made with the key"),
        "{faults:?}"
    );
}
