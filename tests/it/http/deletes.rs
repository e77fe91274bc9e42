//! Deletes with an idempotency key and with `If-Match`.

use axum::body::Body;
use axum::http::Request;

use crate::support::api::{ApiClient, ApiResponse, cluster_request};
use crate::support::test_env::TestEnv;

const PATH: &str = "/v1/clusters/orders";

async fn delete(api: &ApiClient, path: &str, headers: &[(&str, &str)]) -> ApiResponse {
    let request = headers
        .iter()
        .fold(Request::delete(path), |request, (name, value)| {
            request.header(*name, *value)
        });
    api.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delete_repeated_with_its_key_is_the_same_operation_also_after_its_end() {
    let env = TestEnv::new().await;
    let (api, worker) = (env.api(), env.worker("w"));
    let created = api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await;
    env.settle(&worker, created.accepted()).await;
    let key = [("idempotency-key", "k1")];
    let first = delete(&api, PATH, &key).await;
    assert_eq!(first.header("idempotency-replayed"), "");
    let id = first.accepted();
    // Another key for the same delete answers with the same operation, and is stored as well.
    let other = [("idempotency-key", "k2")];
    assert_eq!(delete(&api, PATH, &other).await.accepted(), id);
    env.settle(&worker, id).await;
    for key in [key, other] {
        let replayed = delete(&api, PATH, &key).await;
        assert_eq!(replayed.accepted(), id);
        assert_eq!(replayed.header("idempotency-replayed"), "true");
    }
    delete(&api, PATH, &[]).await.rejected(404, "not_found");
    let retaining = format!("{PATH}?retain=service_role");
    delete(&api, &retaining, &key)
        .await
        .rejected(422, "idempotency_key_reused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delete_of_another_version_is_rejected() {
    let env = TestEnv::new().await;
    let (api, worker) = (env.api(), env.worker("w"));
    let created = api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await;
    let old = api.get(PATH).await.header("etag").to_owned();
    env.settle(&worker, created.accepted()).await;
    let stale = delete(&api, PATH, &[("if-match", &old)]).await;
    stale.rejected(412, "precondition_failed");
    let current = api.get(PATH).await.header("etag").to_owned();
    let weak = format!("W/{current}");
    delete(&api, PATH, &[("if-match", current.trim_matches('"'))])
        .await
        .rejected(422, "invalid_request");
    delete(&api, PATH, &[("if-match", &weak)]).await.accepted();
}
