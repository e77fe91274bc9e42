//! The list of audit records reads few rows, however many there are.

use chrono::TimeDelta;
use dax_provisioner::store::AuditFilter;

use crate::support::test_env::TestEnv;

/// Number of records.
const ROWS: i64 = 100_000;
/// Most rows that the query of a page of 20 may read.
const ROWS_READ_MAX: i64 = 2_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::too_many_lines, reason = "one sequence of events")]
async fn no_list_of_100_000_records_reads_them_sequentially() {
    let env = TestEnv::new().await;
    sqlx::query(
        "insert into audit_records (position, at, caller, action, decision, target, project, cluster, operation_id)
         select n, now() - (100000 - n) * interval '1 second',
                case when n % 10000 = 0 then 'token:rare' else 'token:' || n % 50 end,
                case when n % 10000 = 0 then 'create_token' else 'a' || n % 20 end,
                case when n % 1000 = 0 then 'denied' else 'applied' end,
                case when n % 1000 = 0 then 'other' else 'default' end,
                case when n % 1000 = 0 then 'rare' end, 'c' || n % 1000,
                md5((n / 10)::text)::uuid
         from generate_series(1, $1) as n",
    )
    .bind(ROWS)
    .execute(&env.pool)
    .await
    .unwrap();
    sqlx::query("analyze audit_records")
        .execute(&env.pool)
        .await
        .unwrap();
    let now = env.store.clock().await.unwrap();
    let of = AuditFilter::default;
    let text = |value: &str| Some(value.to_owned());
    let operation =
        sqlx::query_scalar("select operation_id from audit_records where position = 500");
    let operation = operation.fetch_one(&env.pool).await.unwrap();
    let ago = |hours| Some(now - TimeDelta::hours(hours));
    for (name, filter) in [
        ("all", of()),
        (
            "of a time",
            AuditFilter {
                since: ago(11),
                until: ago(10),
                ..of()
            },
        ),
        (
            "next page",
            AuditFilter {
                before: ago(10).map(|at| (at, 5)),
                ..of()
            },
        ),
        (
            "caller",
            AuditFilter {
                caller: text("token:7"),
                ..of()
            },
        ),
        (
            "rare caller",
            AuditFilter {
                caller: text("token:rare"),
                ..of()
            },
        ),
        (
            "rare action",
            AuditFilter {
                action: text("create_token"),
                ..of()
            },
        ),
        (
            "cluster",
            AuditFilter {
                cluster: text("c7"),
                until: ago(10),
                ..of()
            },
        ),
        (
            "operation",
            AuditFilter {
                operation: Some(operation),
                ..of()
            },
        ),
        (
            "denied",
            AuditFilter {
                decision: text("denied"),
                ..of()
            },
        ),
        (
            "applied",
            AuditFilter {
                decision: text("applied"),
                ..of()
            },
        ),
        (
            "target",
            AuditFilter {
                target: text("other"),
                ..of()
            },
        ),
        (
            "project",
            AuditFilter {
                project: text("rare"),
                ..of()
            },
        ),
    ] {
        let (scans, rows) = env
            .reads_of(&["audit_records"], async |store| {
                assert!(!store.audit_records(filter, 21).await.unwrap().is_empty());
            })
            .await;
        println!("{name}: {scans} scans, {rows} rows");
        assert_eq!(scans, 0, "{name}");
        assert!(rows <= ROWS_READ_MAX, "{name}: {rows}");
    }
}
