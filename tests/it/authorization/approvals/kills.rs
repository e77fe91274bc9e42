//! A process that dies at each statement of the last approval: it is recorded once or not at all, and
//! nothing is lost.

use std::time::Duration;

use dax_provisioner::oidc::Issuers;
use dax_provisioner::store::{Connection, Store};
use serde_json::{Value, json};
use sqlx::{query_as, query_scalar};

use super::{Case, ORDERS, awaiting, operation, rules, vote};
use crate::support::api::{ApiClient, cluster_request};
use crate::support::database_proxy::DatabaseProxy;

/// More than a vote executes.
const STATEMENTS_MAX: usize = 60;

/// The API of a process of its own, behind a proxy.
struct Process {
    api: ApiClient,
    proxy: std::sync::Arc<DatabaseProxy>,
}

impl Process {
    async fn start(case: &Case, token: Option<String>) -> Self {
        let env = &case.fixture.env;
        let proxy = DatabaseProxy::start(&env.database.url()).await;
        let store = Store::open(&Connection {
            url: proxy.url.clone(),
            max_connections: 4,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(5),
        });
        let (mut api, _) = env.governed_api_of(store.unwrap(), rules(), Issuers::default());
        api.token = token;
        Self { api, proxy }
    }

    /// Approves, and dies at a statement. Returns whether it died before it answered.
    async fn dies(&self, id: &str, statements: usize, is_sent: bool) -> bool {
        self.proxy.die_after(statements, is_sent);
        tokio::select! {
            () = self.proxy.died() => true,
            response = vote(&self.api, id, "approve") => {
                let has_died = self.proxy.is_dead();
                assert!(has_died || response.status == 202, "{response:?}");
                has_died
            }
        }
    }
}

/// The events of approvals of an operation, and the audit records of accepted ones.
async fn approvals(case: &Case, id: &str) -> (i64, i64) {
    query_as(
        "select (select count(*) from operation_events where operation_id = $1::uuid and type = 'operation_approved'),
                (select count(*) from audit_records
                 where operation_id = $1::uuid and action = 'approve_operation' and decision = 'accepted')",
    )
    .bind(id)
    .fetch_one(&case.fixture.env.pool)
    .await
    .unwrap()
}

/// Kills a process at each statement of an approval of an operation that `request` makes, and
/// approves again in another process. Returns the number of kills.
async fn kill_everywhere(case: &Case, request: impl AsyncFn(usize) -> String) -> usize {
    let finance = case
        .caller("fay", &["operators", "finance", "platform"])
        .await;
    let mut kills = 0;
    for statements in 0..STATEMENTS_MAX {
        let mut has_died = false;
        for is_sent in [false, true] {
            let id = request(2 * statements + usize::from(is_sent)).await;
            let process = Process::start(case, finance.token.clone()).await;
            let died = process.dies(&id, statements, is_sent).await;
            has_died |= died;
            kills += usize::from(died);
            let status = operation(&finance, &id).await["status"].clone();
            assert!(
                status == "awaiting_approval" || status == "pending",
                "{statements} {is_sent}: {status}"
            );
            let again = vote(&finance, &id, "approve").await;
            again.accepted();
            assert_eq!(again.body["status"], "pending", "{again:?}");
            assert_eq!(approvals(case, &id).await, (1, 1), "{statements} {is_sent}");
            let cancel = format!("/v1/operations/{id}/cancel");
            finance.post(&cancel, &json!({}), &[]).await.accepted();
        }
        if !has_died {
            return kills;
        }
    }
    panic!("an approval executes more than {STATEMENTS_MAX} statements");
}

/// Takes turns until no operation is unfinished.
async fn finish_all(case: &Case) {
    let env = &case.fixture.env;
    for _ in 0..1_000 {
        let unfinished = "select count(*) from operations where finished_at is null";
        let unfinished: i64 = query_scalar(unfinished).fetch_one(&env.pool).await.unwrap();
        if unfinished == 0 {
            return;
        }
        env.make_due().await;
        case.fixture.worker.turn().await.unwrap();
    }
    panic!("operations are unfinished");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_in_an_approval_of_a_create_records_it_once_or_not_at_all() {
    let case = Case::new().await;
    let operator = case.caller("op", &["operators"]).await;
    let create = async |number: usize| {
        let body = cluster_request(&format!("c{number}"));
        awaiting(&operator.post("/v1/clusters", &body, &[]).await)
    };
    let kills = kill_everywhere(&case, create).await;
    println!("a create: {kills} kills");
    assert!(kills > 20, "{kills}");
    // No worker was woken by the process that died: another one finds the work.
    let id = create(1_000).await;
    let groups = ["operators", "finance", "platform"];
    let both = case.caller("pat", &groups).await;
    let process = Process::start(&case, both.token.clone()).await;
    process.proxy.die_after(usize::MAX - 1, false);
    let approved = vote(&process.api, &id, "approve").await;
    assert_eq!(approved.body["status"], "pending");
    drop(process);
    finish_all(&case).await;
    assert_eq!(operation(&operator, &id).await["status"], "succeeded");
    let effects = case.fixture.env.effects();
    let created: Vec<&str> = effects
        .iter()
        .filter(|((call, _), _)| call == "dax:CreateCluster")
        .map(|((_, name), count)| {
            assert_eq!(*count, 1);
            name.as_str()
        })
        .collect();
    assert_eq!(created, ["c1000"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_in_an_approval_of_a_delete_records_it_once_or_not_at_all() {
    let case = Case::with_cluster().await;
    let operator = case.caller("op", &["operators"]).await;
    let delete = async |_: usize| awaiting(&operator.delete(ORDERS).await);
    let before = case.mutations();
    let kills = kill_everywhere(&case, delete).await;
    println!("a delete: {kills} kills");
    assert!(kills > 20, "{kills}");
    assert_eq!(case.mutations(), before);
    assert_eq!(operator.get(ORDERS).await.body["status"], "available");
    let id = delete(0).await;
    let platform = case.caller("pat", &["operators", "platform"]).await;
    case.fixture
        .succeeds(&vote(&platform, &id, "approve").await)
        .await;
    assert_eq!(
        operator.get(ORDERS).await.body["code"],
        Value::from("not_found")
    );
}
