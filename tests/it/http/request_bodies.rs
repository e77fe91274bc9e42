//! Request bodies over HTTP: malformed, oversized and mistyped ones are rejected.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use crate::support::api::{ApiClient, cluster_request};
use crate::support::test_env::TestEnv;

/// Checks that no request so far was accepted or changed anything in AWS.
async fn check_nothing_changed(env: &TestEnv, api: &ApiClient) {
    assert_eq!(api.get("/v1/clusters").await.body["items"], json!([]));
    assert!(env.effects().is_empty());
}

#[tokio::test]
async fn malformed_json_is_rejected() {
    let env = TestEnv::new().await;
    let api = env.api();
    let with_name = |name: &str| {
        cluster_request("orders")
            .to_string()
            .replace("\"orders\"", name)
            .into_bytes()
    };
    for body in [
        vec![],
        b"{".to_vec(),
        b"\xff\xfe".to_vec(),
        b"nul".to_vec(),
        with_name("\"a\\u0000\""),
        with_name("\"\\ud800\""),
        with_name("1e400"),
        br#"{"name": "a", "name": "b"}"#.to_vec(),
        "[".repeat(17).into_bytes(),
        "[".repeat(60_000).into_bytes(),
    ] {
        api.post_bytes("/v1/clusters", body, &[])
            .await
            .rejected(400, "invalid_request");
    }
    check_nothing_changed(&env, &api).await;
}

#[tokio::test]
async fn json_of_another_type_is_rejected() {
    let env = TestEnv::new().await;
    let api = env.api();
    for body in [
        json!(null),
        json!([]),
        json!({}),
        json!({"name": {"$ne": 1}}),
    ] {
        api.post("/v1/clusters", &body, &[])
            .await
            .rejected(422, "invalid_request");
    }
    check_nothing_changed(&env, &api).await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_rejected_with_and_without_a_length() {
    let env = TestEnv::new().await;
    let api = env.api();
    let body = cluster_request(&"a".repeat(65_536)).to_string();
    api.post_bytes("/v1/clusters", body.into_bytes(), &[])
        .await
        .rejected(413, "body_too_large");
    let chunks = (0..100).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1_000]));
    let stream = Body::from_stream(futures_util::stream::iter(chunks));
    let request = Request::post("/v1/clusters").header("content-type", "application/json");
    api.send(request.body(stream).unwrap())
        .await
        .rejected(413, "body_too_large");
    check_nothing_changed(&env, &api).await;
}

#[tokio::test]
async fn a_body_with_another_content_type_is_rejected() {
    let env = TestEnv::new().await;
    let api = env.api();
    api.send_empty("POST", "/v1/clusters")
        .await
        .rejected(415, "unsupported_media_type");
    for media_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/merge-patch+json",
        "",
    ] {
        let request = Request::post("/v1/clusters").header("content-type", media_type);
        let body = Body::from(cluster_request("orders").to_string());
        api.send(request.body(body).unwrap())
            .await
            .rejected(415, "unsupported_media_type");
    }
    check_nothing_changed(&env, &api).await;
}
