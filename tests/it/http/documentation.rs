//! The documentation over HTTP: Swagger UI, the OpenAPI document, and a page for each problem code.

use serde_json::Value;

use crate::support::api::DOCUMENT;
use crate::support::test_env::TestEnv;

#[tokio::test]
async fn swagger_ui_is_served_without_external_resources() {
    let env = TestEnv::new().await;
    let api = env.api();
    assert_eq!(api.get("/docs").await.header("location"), "docs/");
    let page = api.get("/docs/").await;
    assert!(page.text.contains("swagger-ui-bundle.js"));
    assert!(!page.text.contains("https://"));
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'self'"), "{policy}");
    let script = api.get("/docs/swagger-initializer.js").await.text;
    assert!(script.contains("../openapi.json"), "{script}");
    assert!(script.contains("\"validatorUrl\": \"none\""), "{script}");
    assert_eq!(api.get("/openapi.json").await.body, *DOCUMENT);
}

#[tokio::test]
async fn every_problem_code_has_a_page_as_text_and_as_html() {
    let env = TestEnv::new().await;
    let api = env.api();
    let codes = &DOCUMENT["components"]["schemas"]["ProblemCode"]["enum"];
    for code in codes.as_array().unwrap().iter().map(Value::as_str) {
        let path = format!("/problems/{}", code.unwrap());
        let text = api.get(&path).await;
        assert!(text.header("content-type").starts_with("text/plain"));
        let accept = [("accept", "text/html,*/*;q=0.8")];
        let html = api.get_with(&path, &accept).await;
        assert!(html.header("content-type").starts_with("text/html"));
    }
    api.get("/problems/unknown")
        .await
        .rejected(404, "not_found");
}
