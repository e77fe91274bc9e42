//! A database of the last version without targets, with work in flight. `before_targets/` has its data
//! and the journal of the sandbox that it used. Its clusters say what they are there for: an operation
//! on `intent` ended in the middle of a call that took effect, that on `undone` half way back.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use aws_sandbox::{Inventory, Sandbox};
use chrono::{DateTime, Utc};
use dax_provisioner::domain::installation::AwsAccount;
use dax_provisioner::domain::operation::Kind;
use dax_provisioner::domain::target::TargetName;
use dax_provisioner::store::{Connection, Store, StoreError};
use reqwest::Client;
use serde_json::{Value, json};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool, Row};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::engine::processes::{call, migrate, start_postgres, start_with};
use crate::support::api::strings;
use crate::support::requests::{new_operation, plain_spec};

const DATA: &str = include_str!("before_targets/data.sql");
const JOURNAL: &str = include_str!("before_targets/sandbox.journal");
/// The statement by which that version accepts creates, which its processes send until they are replaced.
const ACCEPT: &str = include_str!("before_targets/accept_creates.sql");
/// When the data was dumped.
const DUMPED_AT: &str = "2026-11-29T20:03:02Z";
/// The last migration of that version.
const LAST: i64 = 20;
/// The clusters that exist in the end.
const CLUSTERS: [&str; 6] = ["blocked", "intent", "late", "pending", "scaled", "updated"];

/// Creates the tables of that version, with the data as if it had been written just now.
async fn restore(url: &str) -> PgPool {
    let pool = PgPoolOptions::new().connect(url).await.unwrap();
    let mut migrator = sqlx::migrate!("./migrations");
    let migrations = migrator.migrations.to_mut();
    migrations.retain(|migration| migration.version <= LAST);
    assert_eq!(migrations.last().unwrap().version, LAST);
    migrator.run(&pool).await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar(
        "select tablename::text from pg_tables where schemaname = 'public' and tablename <> '_sqlx_migrations'",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    let times: Vec<String> = sqlx::query_scalar(
        "select format('update %I set %s;', table_name, string_agg(
           format('%1$I = %1$I + (now() - %2$L::timestamptz)', column_name, $1), ', '))
         from information_schema.columns
         where table_schema = 'public' and data_type = 'timestamp with time zone'
           and table_name <> '_sqlx_migrations'
         group by table_name",
    )
    .bind(DUMPED_AT)
    .fetch_all(&pool)
    .await
    .unwrap();
    // The transactions of the server that wrote the data mean nothing to this one.
    let transactions =
        "update operation_events set xid = 3; update event_numbering set numbered_below = 3;";
    let text = format!(
        "begin; truncate {}; set local session_replication_role = replica; {DATA} {} {transactions} commit",
        tables.join(", "),
        times.concat(),
    );
    sqlx::raw_sql(AssertSqlSafe(text))
        .execute(&pool)
        .await
        .unwrap();
    pool
}

/// The sandbox of that version, served at the returned endpoint.
async fn sandbox_in(folder: &Path) -> (Sandbox, String, AbortOnDropHandle<()>) {
    let journal = folder.join("sandbox.journal");
    std::fs::write(&journal, JOURNAL).unwrap();
    let settings = aws_sandbox::Settings {
        journal: Some(journal),
        creating_seconds: 0.3,
        propagation_seconds: 0.0,
        ..aws_sandbox::Settings::default()
    };
    let sandbox = Sandbox::open(settings).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let served = sandbox.clone();
    let server = tokio::spawn(async move {
        let _ = served.serve(listener, std::future::pending()).await;
    });
    (sandbox, endpoint, AbortOnDropHandle::new(server))
}

/// The live operations, each with its kind and status, by cluster.
async fn live(pool: &PgPool) -> BTreeMap<String, (String, String)> {
    let rows: Vec<(String, String, String)> = sqlx::query_as(
        "select cluster_name, kind, status from operations where finished_at is null",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    rows.into_iter()
        .map(|(cluster, kind, status)| (cluster, (kind, status)))
        .collect()
}

/// Accepts a create as a process of that version does: `late`, with the settings of `pending`.
async fn accept_late(pool: &PgPool) -> Result<Uuid, sqlx::Error> {
    let (desired, spec, steps): (Value, Value, Vec<String>) = sqlx::query_as(
        "select c.desired, o.spec, array(select name from operation_steps s where s.operation_id = o.id order by position)
         from operations o join clusters c on c.id = o.cluster_id
         where o.cluster_name = 'pending'",
    )
    .fetch_one(pool)
    .await?;
    let late = |value: &Value| -> Value {
        let text = value.to_string().replace("\"pending\"", "\"late\"");
        serde_json::from_str(&text).unwrap()
    };
    let id = Uuid::now_v7();
    let accepted = sqlx::query(ACCEPT)
        .bind(vec![id])
        .bind(vec!["late"])
        .bind(vec![late(&desired)])
        .bind(vec![late(&spec)])
        .bind(steps)
        .bind(vec!["anonymous"])
        .bind(vec!["r"])
        .bind(vec![None::<&str>])
        .bind(vec![3_600.0_f64])
        .bind(vec![None::<&str>])
        .bind(vec![None::<&str>])
        .bind(vec![None::<Vec<u8>>])
        .bind(vec!["accepted"])
        .bind(vec![2_i32])
        .bind(1_i32)
        .fetch_one(pool)
        .await?;
    let created_at: Option<DateTime<Utc>> = accepted.get("created_at?");
    assert!(created_at.is_some());
    Ok(id)
}

async fn count(pool: &PgPool, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(pool).await.unwrap()
}

/// What is in AWS for the clusters: their names, and the clusters that roles, policies and parameter
/// groups are named after.
fn in_aws(inventory: &Inventory) -> [Vec<String>; 4] {
    let of = |names: Vec<&String>| {
        let named = names
            .into_iter()
            .filter_map(|name| name.strip_prefix("dax-"));
        let mut clusters: Vec<String> = named
            .filter_map(|name| Some(name.rsplit_once('-')?.0.to_owned()))
            .collect();
        clusters.sort_unstable();
        clusters
    };
    let mut clusters: Vec<String> = inventory.clusters.iter().map(|c| c.name.clone()).collect();
    clusters.sort_unstable();
    [
        clusters,
        of(inventory.roles.iter().map(|role| &role.name).collect()),
        of(inventory
            .policies
            .iter()
            .map(|policy| &policy.name)
            .collect()),
        of(inventory
            .parameter_groups
            .iter()
            .map(|group| &group.name)
            .collect()),
    ]
}

async fn finished(client: &Client, url: &str) -> Value {
    let begun = Instant::now();
    loop {
        let list = call(client.get(format!("{url}/v1/operations?limit=100"))).await;
        let items = list["items"].as_array().unwrap();
        if items.iter().all(|item| !item["finished_at"].is_null()) {
            return list["items"].clone();
        }
        assert!(begun.elapsed() < Duration::from_secs(90), "{list:#}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn is(kind: &str, status: &str) -> (String, String) {
    (kind.to_owned(), status.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::too_many_lines, reason = "one sequence of events")]
async fn work_in_flight_before_targets_ends_well_in_the_target_default() {
    let (_postgres, database) = start_postgres("dax-provisioner-migration").await;
    let pool = restore(&database).await;
    let before = live(&pool).await;
    let expected = BTreeMap::from([
        ("blocked".to_owned(), is("create_cluster", "blocked")),
        ("deleted".to_owned(), is("delete_cluster", "pending")),
        ("intent".to_owned(), is("create_cluster", "running")),
        ("pending".to_owned(), is("create_cluster", "pending")),
        ("scaled".to_owned(), is("scale_cluster", "running")),
        ("undone".to_owned(), is("create_cluster", "rolling_back")),
        ("updated".to_owned(), is("update_cluster", "pending")),
    ]);
    assert_eq!(before, expected);
    let open = "select count(*) from intents where closed_at is null";
    assert_eq!(count(&pool, open).await, 1);
    let ids: BTreeMap<String, String> = sqlx::query_as::<_, (String, String)>(
        "select cluster_name, id::text from operations where finished_at is null",
    )
    .fetch_all(&pool)
    .await
    .unwrap()
    .into_iter()
    .collect();
    let folder = tempfile::tempdir().unwrap();
    let (sandbox, endpoint, _server) = sandbox_in(folder.path()).await;

    migrate(&database);
    accept_late(&pool).await.unwrap();
    let arguments =
        format!("serve --aws-endpoint {endpoint} --listen 127.0.0.1:0 --authentication off");
    let (_process, url) = start_with(&arguments, &[("DATABASE_URL", &database)], "listening on");
    let client = Client::builder().no_proxy().build().unwrap();
    // A key of before is answered as before. The request is the one that made the operation.
    let repeated = client
        .post(format!("{url}/v1/clusters"))
        .header("idempotency-key", "create-pending")
        .json(&json!({
            "name": "pending", "node_type": "dax.t3.small", "replication_factor": 2,
            "service_role": {"access": "read_write", "tables": ["Orders"]},
            "parameters": {"record_ttl_millis": 60_000},
        }));
    let repeated = call(repeated).await;
    assert_eq!(repeated["id"], ids["pending"].as_str(), "{repeated:#}");
    let retry = format!("{url}/v1/operations/{}/retry", ids["blocked"]);
    call(client.post(retry)).await;
    let operations = finished(&client, &url).await;
    for operation in operations.as_array().unwrap() {
        let is_undone = operation["cluster"] == "undone";
        let expected = if is_undone { "failed" } else { "succeeded" };
        assert_eq!(operation["status"], expected, "{operation:#}");
        assert_eq!(operation["target"], "default", "{operation:#}");
    }

    let clusters = call(client.get(format!("{url}/v1/clusters?limit=100"))).await;
    let mut names = strings(&clusters["items"], "name");
    names.sort_unstable();
    let known = [
        "blocked", "intent", "late", "pending", "scaled", "undone", "updated",
    ];
    assert_eq!(names, known);
    assert!(
        strings(&clusters["items"], "target")
            .iter()
            .all(|target| *target == "default")
    );
    let targets = call(client.get(format!("{url}/v1/targets"))).await;
    assert_eq!(
        (
            &targets["items"][0]["name"],
            &targets["items"][0]["status"],
            &targets["items"][0]["account_id"]
        ),
        (&json!("default"), &json!("ready"), &json!("123456789012")),
    );
    // Nothing is lost, nothing is left, and nothing was done twice.
    let inventory = sandbox.inventory();
    assert_eq!(
        in_aws(&inventory),
        [CLUSTERS; 4].map(|names| names.map(str::to_owned).to_vec())
    );
    let nodes = |name: &str| {
        inventory
            .clusters
            .iter()
            .find(|c| c.name == name)
            .unwrap()
            .nodes
            .len()
    };
    assert_eq!((nodes("scaled"), nodes("updated")), (3, 2));
    let updated = call(client.get(format!("{url}/v1/clusters/updated"))).await;
    assert_eq!(updated["observed"]["description"], "changed", "{updated:#}");
    assert_eq!(count(&pool, open).await, 0);
    let unnumbered = "select count(*) from operation_events e where not exists (
        select 1 from event_feed f where f.operation_id = e.operation_id and f.sequence = e.sequence)";
    let begun = Instant::now();
    while count(&pool, unnumbered).await > 0 {
        assert!(begun.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_of_the_version_before_targets_work_until_there_is_a_second_target() {
    let (_postgres, database) = start_postgres("dax-provisioner-upgrade").await;
    let pool = restore(&database).await;
    migrate(&database);
    accept_late(&pool).await.unwrap();
    let used = "insert into role_users (role_arn, cluster_name, listed_at)
        select 'arn', 'late', now() on conflict (role_arn, cluster_name) do update set listed_at = excluded.listed_at";
    sqlx::raw_sql(used).execute(&pool).await.unwrap();
    let second = Store::open(&Connection {
        url: database,
        max_connections: 2,
        acquire_timeout: Duration::from_secs(5),
        statement_timeout: Duration::from_secs(5),
    })
    .unwrap()
    .of_target(&TargetName::parse("second").unwrap());
    let account = AwsAccount {
        sandbox_id: None,
        account_id: "210987654321".to_owned(),
        partition: "aws".to_owned(),
        region: "eu-west-1".to_owned(),
    };
    second.claim_account(&account).await.unwrap();
    let refused = accept_late(&pool).await.unwrap_err();
    let code = refused.as_database_error().unwrap().code();
    assert_eq!(code.as_deref(), Some("42P10"), "{refused}");
    // For a process it is a temporary state, which its replacement ends.
    assert!(StoreError::from(refused).is_unavailable());
    let new = new_operation(Kind::CreateCluster);
    let accepted = second
        .accept_create(&new, &plain_spec("late"))
        .await
        .unwrap();
    assert_eq!(accepted.created(), Some(new.id));
}
