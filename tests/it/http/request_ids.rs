//! Request IDs and trace contexts over HTTP.

use serde_json::json;

use crate::support::api::cluster_request;
use crate::support::test_env::TestEnv;

#[tokio::test]
async fn the_ids_of_a_request_are_stored_and_returned() {
    let env = TestEnv::new().await;
    let api = env.api();
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let ids = [("x-request-id", "portal-42"), ("traceparent", trace)];
    let created = api
        .post("/v1/clusters", &cluster_request("orders"), &ids)
        .await;
    assert_eq!(created.header("x-request-id"), "portal-42");
    assert_eq!(created.header("traceparent"), trace);
    assert_eq!(created.body["request_id"], "portal-42");
    assert_eq!(created.body["traceparent"], json!(trace));
    let rejected = api.get_with("/unknown", &ids).await;
    assert_eq!(rejected.header("x-request-id"), "portal-42");
}

#[tokio::test]
async fn invalid_ids_of_a_request_are_replaced() {
    let env = TestEnv::new().await;
    let ids = [("x-request-id", "a b"), ("traceparent", "00-0-0-0")];
    let response = env.api().get_with("/unknown", &ids).await;
    assert_ne!(response.header("x-request-id"), "a b");
    assert_ne!(response.header("traceparent"), "00-0-0-0");
}
