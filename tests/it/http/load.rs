//! Overload: requests above the limit are rejected soon, and requests that wait for something else
//! than the database do not count.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dax_provisioner::api::ApiSettings;
use tokio::task::JoinSet;

use crate::support::api::{ApiClient, cluster_request, open_settings};
use crate::support::test_env::TestEnv;

/// Concurrent requests of the process.
const REQUESTS_MAX: usize = 16;
/// Requests above the limit.
const EXCESS: usize = 40;

fn limited_api(env: &TestEnv) -> Arc<ApiClient> {
    let settings = ApiSettings {
        requests_max: REQUESTS_MAX,
        ..open_settings()
    };
    Arc::new(env.api_with(env.store.clone(), settings))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_above_the_limit_are_rejected_soon() {
    let env = TestEnv::new().await;
    let api = limited_api(&env);
    let mut blocked = env.pool.begin().await.unwrap();
    sqlx::query("lock table clusters in access exclusive mode")
        .execute(&mut *blocked)
        .await
        .unwrap();
    let began = Instant::now();
    let mut requests = JoinSet::new();
    for _ in 0..REQUESTS_MAX + EXCESS {
        let api = Arc::clone(&api);
        requests.spawn(async move { api.get("/v1/clusters").await });
    }

    // The database answers nothing now, so these are the rejections.
    for _ in 0..EXCESS {
        let response = requests.join_next().await.unwrap().unwrap();
        response.rejected(503, "unavailable");
        assert_eq!(response.header("retry-after"), "1");
        assert!(response.text.contains("too many requests"), "{response:?}");
    }
    let took = began.elapsed();
    let alive = api.get("/healthz").await.status;

    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(alive, 200);
    blocked.rollback().await.unwrap();
    for response in requests.join_all().await {
        assert_eq!(response.status, 200, "{response:?}");
    }
    assert_eq!(api.get("/v1/clusters").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_wait_for_an_operation_do_not_count() {
    let env = TestEnv::new().await;
    let api = limited_api(&env);
    let accepted = api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await;
    let path = format!("/v1/operations/{}", accepted.accepted());
    let mut waiting = JoinSet::new();
    for _ in 0..2 * REQUESTS_MAX {
        let (client, path) = (Arc::clone(&api), path.clone());
        waiting.spawn(async move { client.get_with(&path, &[("prefer", "wait=30")]).await });
        // One after the other, so that none is rejected before it waits.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let response = api.get("/v1/clusters").await;

    assert_eq!(response.status, 200, "{response:?}");
    api.shutdown.cancel();
    for response in waiting.join_all().await {
        assert_eq!(response.header("preference-applied"), "wait=30");
    }
}
