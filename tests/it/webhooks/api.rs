//! The API of webhooks.

use serde_json::json;

use crate::support::api::{ApiClient, ApiResponse};
use crate::support::test_env::TestEnv;

async fn patch(api: &ApiClient, path: &str, body: &str, if_match: &str) -> ApiResponse {
    let request = axum::http::Request::patch(path)
        .header("content-type", "application/merge-patch+json")
        .header("if-match", if_match);
    api.send(request.body(body.to_owned().into()).unwrap())
        .await
}

#[tokio::test]
async fn a_secret_is_shown_once_and_stored_encrypted() {
    let env = TestEnv::new().await;
    let api = env.webhook_api();
    let url = "https://portal.example.com/hooks";
    let (webhook, secret) = api.create_webhook(url, &["operation.failed", "*"]).await;
    assert!(
        secret.starts_with("whsec_") && secret.len() > 40,
        "{secret}"
    );
    let read = api.get(&webhook).await;
    assert_eq!(read.header("etag"), "\"1\"");
    assert_eq!(read.body["secret"], json!(null));
    assert_eq!(read.body["events"], json!(["*", "operation.failed"]));
    assert_eq!(
        (&read.body["enabled"], &read.body["url"]),
        (&json!(true), &json!(url))
    );
    let list = api.get("/v1/webhooks").await;
    assert_eq!(list.body["items"], json!([read.body]));
    let rotated = api
        .send_empty("POST", &format!("{webhook}/rotate_secret"))
        .await;
    let second = rotated.body["secret"].as_str().unwrap();
    assert!(second.starts_with("whsec_") && second != secret);
    assert!(!rotated.body["previous_secret_until"].is_null());
    let stored: Vec<(Vec<u8>, Vec<u8>)> =
        sqlx::query_as("select secret, previous_secret from webhooks")
            .fetch_all(&env.pool)
            .await
            .unwrap();
    for (shown, sealed) in [(second, &stored[0].0), (secret.as_str(), &stored[0].1)] {
        use base64::Engine;
        let raw = base64::prelude::BASE64_STANDARD
            .decode(shown.strip_prefix("whsec_").unwrap())
            .unwrap();
        let contains = |bytes: &[u8]| sealed.windows(bytes.len()).any(|part| part == bytes);
        assert!(!contains(&raw) && !contains(shown.as_bytes()));
    }
}

#[tokio::test]
async fn a_webhook_is_changed_under_its_version_and_deleted() {
    let env = TestEnv::new().await;
    let api = env.webhook_api();
    let (webhook, _) = api.create_webhook("https://a.example/", &["*"]).await;
    let body = r#"{"url": "https://b.example/x", "description": "b", "target": "default", "enabled": false}"#;
    patch(&api, &webhook, body, "\"9\"")
        .await
        .rejected(412, "precondition_failed");
    let none = axum::http::Request::patch(&webhook).header("content-type", "application/json");
    let none = api.send(none.body("{}".into()).unwrap()).await;
    none.rejected(428, "precondition_required");
    let changed = patch(&api, &webhook, body, "\"1\"").await;
    assert_eq!(changed.header("etag"), "\"2\"");
    assert_eq!(changed.body["url"], "https://b.example/x");
    assert_eq!(changed.body["disabled_reason"], "requested");
    assert_eq!(changed.body["target"], "default");
    let unknown = patch(&api, &webhook, r#"{"target": "lost"}"#, "*").await;
    unknown.rejected(422, "unknown_target");
    patch(&api, &webhook, body, "\"1\"")
        .await
        .rejected(412, "precondition_failed");
    let test = format!("{webhook}/test");
    api.send_empty("POST", &test)
        .await
        .rejected(409, "webhook_disabled");
    let enabled = patch(
        &api,
        &webhook,
        r#"{"description": null, "target": null, "enabled": true}"#,
        "*",
    )
    .await;
    assert_eq!(enabled.body["enabled"], true);
    assert_eq!(enabled.body["description"], json!(null));
    assert_eq!(enabled.body["target"], json!(null));
    assert_eq!(enabled.body["url"], "https://b.example/x");
    assert_eq!(api.send_empty("POST", &test).await.status, 201);
    assert_eq!(api.delete(&webhook).await.status, 204);
    for path in [webhook.clone(), format!("{webhook}/deliveries")] {
        api.get(&path).await.rejected(404, "not_found");
    }
    api.delete(&webhook).await.rejected(404, "not_found");
    api.get("/v1/webhooks/x").await.rejected(404, "not_found");
    let left: i64 = sqlx::query_scalar("select count(*) from webhook_deliveries")
        .fetch_one(&env.pool)
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn invalid_webhooks_are_rejected_with_each_field() {
    let env = TestEnv::new().await;
    let api = env.webhook_api();
    let body = json!({"url": "http://example.com/", "events": [], "description": "a".repeat(257)});
    let rejected = api.post("/v1/webhooks", &body, &[]).await;
    rejected.rejected(422, "invalid_request");
    assert_eq!(
        rejected.violations(),
        [
            ("/description", "out_of_range"),
            ("/events", "out_of_range"),
            ("/url", "invalid_format"),
        ]
    );
    let body = json!({"url": 1, "events": ["operation.lost"], "secret": "x"});
    let rejected = api.post("/v1/webhooks", &body, &[]).await;
    let pointers: Vec<&str> = rejected.violations().iter().map(|(at, _)| *at).collect();
    assert_eq!(pointers, ["/events/0", "/secret", "/url"]);
    let body = json!({"url": "https://a.example/", "events": ["*"], "target": "Lost"});
    let rejected = api.post("/v1/webhooks", &body, &[]).await;
    rejected.rejected(422, "invalid_request");
    assert_eq!(rejected.violations(), [("/target", "invalid_format")]);
    let body = json!({"url": "https://a.example/", "events": ["*"], "target": "lost"});
    let rejected = api.post("/v1/webhooks", &body, &[]).await;
    rejected.rejected(422, "unknown_target");
    api.post("/v1/webhooks", &json!({}), &[])
        .await
        .rejected(422, "invalid_request");
    assert_eq!(api.get("/v1/webhooks").await.body["items"], json!([]));
}

#[tokio::test]
async fn without_a_key_no_webhook_is_created() {
    let env = TestEnv::new().await;
    let body = json!({"url": "https://a.example/", "events": ["*"]});
    let rejected = env.api().post("/v1/webhooks", &body, &[]).await;
    let problem = rejected.rejected(409, "secrets_key_required");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("--secrets-key-file"), "{detail}");
}

#[tokio::test]
async fn lists_are_paged_newest_first() {
    let env = TestEnv::new().await;
    let api = env.webhook_api();
    let mut webhooks = Vec::new();
    for number in 0..3 {
        let url = format!("https://{number}.example/");
        webhooks.push(api.create_webhook(&url, &["*"]).await.0);
    }
    for _ in 0..3 {
        let test = format!("{}/test", webhooks[0]);
        assert_eq!(api.send_empty("POST", &test).await.status, 201);
    }
    let deliveries = format!("{}/deliveries", webhooks[0]);
    for list in ["/v1/webhooks", &deliveries] {
        let first = api.get(&format!("{list}?limit=2")).await;
        let cursor = first.body["next_cursor"].as_str().unwrap();
        assert!(first.header("link").contains(cursor));
        let second = api.get(&format!("{list}?limit=2&cursor={cursor}")).await;
        assert_eq!(second.body["next_cursor"], json!(null));
        let mut items = first.body["items"].as_array().unwrap().clone();
        items.extend(second.body["items"].as_array().unwrap().clone());
        let all = api.get(list).await;
        assert_eq!(json!(items), all.body["items"]);
        assert_eq!(items.len(), 3);
        let dates: Vec<&str> = items
            .iter()
            .map(|item| item["created_at"].as_str().unwrap())
            .collect();
        assert!(dates.is_sorted_by(|a, b| a >= b), "{dates:?}");
    }
    let pending = api.get(&format!("{deliveries}?status=pending")).await;
    assert_eq!(pending.body["items"].as_array().unwrap().len(), 3);
    let failed = api.get(&format!("{deliveries}?status=failed")).await;
    assert_eq!(failed.body["items"], json!([]));
    api.get(&format!("{deliveries}?status=lost"))
        .await
        .rejected(422, "invalid_request");
}
