//! Unknown paths, methods and query parameters over HTTP. Each is a problem.

use crate::support::test_env::TestEnv;

#[tokio::test]
async fn an_unknown_path_is_not_found() {
    let env = TestEnv::new().await;
    let api = env.api();
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v1/cluster",
        "/v1/clusters/",
        "/v2/clusters",
        "/%00",
        "/docs/unknown.js",
        "/%ff",
    ] {
        api.get(path).await.rejected(404, "not_found");
    }
    for name in ["a%00b", "%ff", "a%20b", "1a", "%F0%9F%98%80"] {
        let path = format!("/v1/clusters/{name}");
        api.get(&path).await.rejected(404, "not_found");
        api.delete(&path).await.rejected(404, "not_found");
    }
}

#[tokio::test]
async fn an_unknown_method_is_not_allowed() {
    let env = TestEnv::new().await;
    let api = env.api();
    let response = api.send_empty("PUT", "/v1/clusters").await;
    response.rejected(405, "method_not_allowed");
    let mut allowed: Vec<&str> = response.header("allow").split(',').collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "POST"]);
    for method in ["TRACE", "OPTIONS", "CONNECT", "PROPFIND"] {
        let status = api.send_empty(method, "/v1/clusters").await.status;
        assert!(status.is_client_error(), "{method}: {status}");
    }
    assert_eq!(api.send_empty("HEAD", "/v1/clusters").await.status, 200);
}

#[tokio::test]
async fn an_invalid_query_parameter_is_named() {
    let env = TestEnv::new().await;
    let api = env.api();
    for query in [
        "limit=0",
        "limit=101",
        "limit=x",
        "cursor=AAAA",
        "cursor=",
        "status=lost",
        "colour=blue",
        "limit=1&limit=2",
    ] {
        let response = api.get(&format!("/v1/clusters?{query}")).await;
        let problem = response.rejected(422, "invalid_request");
        let name = query.split('=').next().unwrap();
        assert_eq!(problem["errors"][0]["parameter"], name, "{query}");
    }
    api.get("/v1/operations?cluster=a%00&kind=x")
        .await
        .rejected(422, "invalid_request");
}
