//! The number of statements, each a round trip to the database, of the hot paths.

use std::sync::Arc;
use std::time::Duration;

use dax_provisioner::domain::operation::Kind;
use dax_provisioner::oidc::Issuers;
use dax_provisioner::store::Store;
use dax_provisioner::worker::{TurnResult, Worker};
use tokio_util::sync::CancellationToken;

use crate::authorization::built_in;
use crate::support::api::{ApiClient, cluster_request, open_settings};
use crate::support::database::open_store;
use crate::support::database_proxy::DatabaseProxy;
use crate::support::requests::{new_operation, plain_spec, spec_with_groups};
use crate::support::test_env::TestEnv;

/// A store with a connection for statements that are planned once and one for others, through a
/// proxy that records its statements.
struct Counted {
    env: TestEnv,
    proxy: Arc<DatabaseProxy>,
    store: Store,
}

impl Counted {
    async fn new() -> Self {
        let env = TestEnv::new().await;
        let proxy = DatabaseProxy::start(&env.database.url()).await;
        let store = open_store(proxy.url.clone(), 2);
        Self { env, proxy, store }
    }

    fn api(&self) -> ApiClient {
        self.env.api_with(self.store.clone(), open_settings())
    }

    fn worker(&self) -> Worker {
        self.env.worker_on(self.store.clone(), "w")
    }

    /// The statements since the last call. Notifications of workers are sent after the response, and
    /// may use the other connection first.
    fn statements(&self) -> Vec<String> {
        let mut statements = self.proxy.take_statements();
        statements.retain(|statement| {
            !statement.contains("pg_notify") && !statement.contains("plan_cache_mode")
        });
        statements
    }

    /// The statements of the third of three creates. The first also computes the medians of the
    /// estimate, which are cached.
    async fn third_create(&self, api: &ApiClient) -> Vec<String> {
        for name in ["first", "second", "third"] {
            self.statements();
            let key = [("idempotency-key", name)];
            let accepted = api.post("/v1/clusters", &cluster_request(name), &key).await;
            accepted.accepted();
        }
        self.statements()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_is_accepted_by_one_statement_and_answered_by_none() {
    let counted = Counted::new().await;
    let api = counted.api();
    let statements = counted.third_create(&api).await;
    assert_eq!(statements.len(), 1, "{statements:#?}");
    assert!(statements[0].contains("insert into operations"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policies_and_a_token_add_one_statement_to_a_create() {
    let counted = Counted::new().await;
    let (mut api, _rules) =
        counted
            .env
            .governed_api_of(counted.store.clone(), built_in(&[]), Issuers::default());
    counted
        .env
        .act_as(&mut api, "payer", &["operators"], &["payments"])
        .await;
    let statements = counted.third_create(&api).await;
    // The use of a token is noted once a minute.
    assert_eq!(statements.len(), 2, "{statements:#?}");
    assert!(statements[0].contains("from tokens"), "{statements:#?}");
    assert!(statements[1].contains("insert into operations"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_is_one_statement_and_of_an_unchanged_version_a_narrow_one() {
    let counted = Counted::new().await;
    let api = counted.api();
    let mut id = uuid::Uuid::nil();
    for number in 0..20 {
        let request = cluster_request(&format!("c{number}"));
        id = api.post("/v1/clusters", &request, &[]).await.accepted();
    }
    let operation = format!("/v1/operations/{id}");
    for path in [
        operation.as_str(),
        "/v1/clusters/c7",
        "/v1/clusters?limit=100",
        "/v1/clusters?limit=5",
    ] {
        counted.statements();
        let read = api.get(path).await;
        assert_eq!(read.status, 200);
        let statements = counted.statements();
        assert_eq!(statements.len(), 1, "{path}: {statements:#?}");
    }
    for path in [operation.as_str(), "/v1/clusters/c7"] {
        let tag = api.get(path).await.header("etag").to_owned();
        counted.statements();
        let known = api.get_with(path, &[("if-none-match", &tag)]).await;
        assert_eq!(known.status, 304);
        let statements = counted.statements();
        assert_eq!(statements.len(), 1, "{path}: {statements:#?}");
        assert!(!statements[0].contains("inventory"), "{statements:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_is_a_claim_a_task_an_intent_and_a_record() {
    let counted = Counted::new().await;
    let worker = counted.worker();
    let new = new_operation(Kind::CreateCluster);
    let spec = spec_with_groups(&counted.env, "orders");
    counted.store.accept_create(&new, &spec).await.unwrap();
    let (mut turns, mut longest) = (0, Vec::new());
    while !counted.env.status(new.id).await.is_finished() {
        counted.env.make_due().await;
        counted.statements();
        let turn = worker.turn().await.unwrap();
        assert_ne!(turn, TurnResult::Idle);
        let statements = counted.statements();
        if statements.len() > longest.len() {
            longest = statements;
        }
        turns += 1;
    }
    println!("{turns} turns");
    assert!(turns > 10, "{turns}");
    assert_eq!(longest.len(), 4, "{longest:#?}");
    counted.statements();
    assert_eq!(worker.turn().await.unwrap(), TurnResult::Idle);
    let idle = counted.statements();
    assert_eq!(idle.len(), 1, "{idle:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_claims_an_operation_once_for_several_turns() {
    let counted = Counted::new().await;
    let new = new_operation(Kind::CreateCluster);
    let spec = spec_with_groups(&counted.env, "orders");
    counted.store.accept_create(&new, &spec).await.unwrap();
    counted.statements();
    let stop = CancellationToken::new();
    let worker = tokio::spawn(counted.worker().run(1, false, stop.clone()));
    while !counted.env.status(new.id).await.is_finished() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stop.cancel();
    worker.await.unwrap();

    let statements = counted.statements();

    let records = statements
        .iter()
        .filter(|statement| statement.contains("-- Records turns"))
        .count();
    let claims: i64 = sqlx::query_scalar("select epoch from operations")
        .fetch_one(&counted.env.pool)
        .await
        .unwrap();
    assert!(records > 10, "{records}");
    assert!(claims <= 5, "{claims} claims for {records} turns");
}

/// The answer is built from what was written, so it must equal what is stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_response_to_a_request_is_the_operation_as_it_is_read() {
    let env = TestEnv::new().await;
    let api = env.api();
    let created = api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await;
    let read = |body: &serde_json::Value| {
        let mut body = body.clone();
        // The estimate counts from the time of the response.
        body["estimated_completion_at"].take();
        body
    };
    let path = format!("/v1/operations/{}", created.accepted());
    assert_eq!(read(&created.body), read(&api.get(&path).await.body));
    let id = env.create(&plain_spec("other")).await;
    env.finish(&env.worker("w"), id).await;
    let deleted = api.delete("/v1/clusters/other").await;
    let path = format!("/v1/operations/{}", deleted.accepted());
    assert_eq!(read(&deleted.body), read(&api.get(&path).await.body));
}
