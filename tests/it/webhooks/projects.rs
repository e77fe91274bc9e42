//! Webhooks of projects: who may manage them, and which events they receive.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use dax_provisioner::api::ApiSettings;
use dax_provisioner::authorization::Rules;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::receiver::{Receiver, secrets_key};
use crate::authorization::{built_in, with_policies};
use crate::support::api::{ApiClient, ApiResponse, cluster_request, open_settings, strings};
use crate::support::test_env::TestEnv;

/// A client of an API with these rules, which can keep secrets.
fn governed(env: &TestEnv, rules: Rules) -> (ApiClient, watch::Sender<Arc<Rules>>) {
    let settings = ApiSettings {
        secrets_key: Some(secrets_key()),
        ..open_settings()
    };
    env.governed_api_with(settings, rules)
}

fn webhook(url: &str) -> Value {
    json!({"url": url, "events": ["*"]})
}

async fn create(api: &ApiClient, more: Value) -> ApiResponse {
    let mut body = webhook("https://a.example/");
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    api.post("/v1/webhooks", &body, &[]).await
}

/// Every request about one webhook: method, path, and status for a caller with the right.
fn requests(webhook: &str) -> Vec<(&'static str, String, u16)> {
    vec![
        ("GET", webhook.to_owned(), 200),
        ("GET", format!("{webhook}/deliveries"), 200),
        ("POST", format!("{webhook}/test"), 201),
        ("POST", format!("{webhook}/rotate_secret"), 200),
        ("DELETE", webhook.to_owned(), 204),
    ]
}

async fn send(api: &ApiClient, method: &str, path: &str) -> ApiResponse {
    let token = api.token.as_deref().unwrap();
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {token}"));
    api.send(request.body(Body::empty()).unwrap()).await
}

async fn patch(api: &ApiClient, path: &str, body: &Value) -> ApiResponse {
    let token = api.token.as_deref().unwrap();
    let request = Request::patch(path)
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .header("if-match", "*");
    api.send(request.body(Body::from(body.to_string())).unwrap())
        .await
}

#[expect(
    clippy::too_many_lines,
    reason = "one webhook is requested by each kind of caller"
)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_of_another_project_finds_no_webhook_and_makes_none() {
    let env = TestEnv::new().await;
    let (mut api, _rules) = governed(&env, built_in(&[]));
    let operators: &[&str] = &["operators"];
    env.act_as(&mut api, "pay", operators, &["payments"]).await;
    let own = create(&api, json!({})).await;
    assert_eq!(
        (own.status.as_u16(), &own.body["project"]),
        (201, &json!("payments"))
    );
    let own = own.header("location").to_owned();
    let test = send(&api, "POST", &format!("{own}/test")).await;
    let delivery = test.body["id"].as_str().unwrap().to_owned();
    let redeliver = format!("{own}/deliveries/{delivery}/redeliver");
    env.act_as(&mut api, "admin", &["admins"], &[]).await;
    let of_all = create(&api, json!({})).await;
    assert_eq!(of_all.body["project"], json!(null));
    let of_all = of_all.header("location").to_owned();

    env.act_as(&mut api, "other", operators, &["search"]).await;
    for hidden in [&own, &of_all] {
        for (method, path, _) in requests(hidden) {
            send(&api, method, &path).await.rejected(404, "not_found");
        }
        let change = json!({"enabled": false});
        patch(&api, hidden, &change)
            .await
            .rejected(404, "not_found");
    }
    send(&api, "POST", &redeliver)
        .await
        .rejected(404, "not_found");
    assert_eq!(api.get("/v1/webhooks").await.body["items"], json!([]));
    create(&api, json!({"project": "payments"}))
        .await
        .rejected(403, "forbidden");
    // A viewer of the project finds nothing to manage.
    env.act_as(&mut api, "viewer", &["viewers"], &["payments"])
        .await;
    send(&api, "GET", &own).await.rejected(403, "forbidden");
    send(&api, "GET", &of_all).await.rejected(403, "forbidden");
    api.get("/v1/webhooks").await.rejected(403, "forbidden");
    create(&api, json!({})).await.rejected(403, "forbidden");

    // A second project of the caller is not the default, so it is named.
    env.act_as(&mut api, "both", operators, &["payments", "search"])
        .await;
    create(&api, json!({})).await.rejected(403, "forbidden");
    create(&api, json!({"project": "Search"}))
        .await
        .rejected(403, "forbidden");
    assert_eq!(create(&api, json!({"project": "search"})).await.status, 201);
    let listed = api.get("/v1/webhooks").await.body;
    assert_eq!(strings(&listed["items"], "project"), ["search", "payments"]);
    env.act_as(&mut api, "admin", &["admins"], &[]).await;
    let listed = api.get("/v1/webhooks").await.body;
    assert_eq!(listed["items"].as_array().unwrap().len(), 3);

    env.act_as(&mut api, "pay", operators, &["payments"]).await;
    assert_eq!(send(&api, "POST", &redeliver).await.status, 200);
    assert_eq!(
        patch(&api, &own, &json!({"description": "x"})).await.status,
        200
    );
    let moved = patch(&api, &own, &json!({"project": "search"})).await;
    assert_eq!(moved.violations(), [("/project", "unknown_field")]);
    for (method, path, status) in requests(&own) {
        assert_eq!(send(&api, method, &path).await.status, status, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_of_a_project_gets_its_events_only_whatever_the_policies_become() {
    let env = TestEnv::new().await;
    let (mut api, rules) = governed(&env, built_in(&[]));
    let [of_pay, of_all] = [Receiver::accepting().await, Receiver::accepting().await];
    let operators: &[&str] = &["operators"];
    env.act_as(&mut api, "pay", operators, &["payments"]).await;
    let (own, _) = api.create_webhook_with(&webhook(&of_pay.url)).await;
    env.act_as(&mut api, "admin", &["admins"], &[]).await;
    api.create_webhook_with(&webhook(&of_all.url)).await;
    let create = async |api: &ApiClient, name: &str, project: Value| {
        let mut body = cluster_request(name);
        body["project"] = project;
        api.post("/v1/clusters", &body, &[]).await.accepted()
    };
    let _running = env.deliver("w");
    create(&api, "search-1", json!("search")).await;
    create(&api, "pay-1", json!("payments")).await;
    create(&api, "none-1", json!(null)).await;
    of_all.wait_for(6).await;
    assert_eq!(of_pay.wait_for(2).await.len(), 2);

    // The callers of the project lose their rights, and others may do everything.
    rules.send_replace(Arc::new(with_policies(
        r#"@id("closed") forbid (principal, action, resource) when { principal has projects && principal.projects.contains(Project::"payments") };
        @id("open") permit (principal, action, resource);"#,
    )));
    create(&api, "search-2", json!("search")).await;
    create(&api, "pay-2", json!("payments")).await;
    let all = of_all.wait_for(10).await;
    assert_eq!(all.len(), 10);
    let received = of_pay.wait_for(4).await;
    for one in &received {
        assert_eq!(one.body["data"]["project"], "payments", "{}", one.text);
    }
    let mut clusters: Vec<&str> = received.iter().map(|one| one.cluster()).collect();
    clusters.dedup();
    assert_eq!(clusters, ["pay-1", "pay-2"]);
    env.act_as(&mut api, "pay", operators, &["payments"]).await;
    let refused = send(&api, "GET", &own).await.status;
    assert!([403, 404].contains(&refused.as_u16()), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disabled_webhook_is_announced_within_its_project_only() {
    let env = TestEnv::new().await;
    let (mut api, _rules) = governed(&env, built_in(&[]));
    let gone = Receiver::new(|_| async {
        axum::response::IntoResponse::into_response(axum::http::StatusCode::GONE)
    })
    .await;
    let mut receivers = Vec::new();
    for _ in 0..3 {
        receivers.push(Receiver::accepting().await);
    }
    env.act_as(&mut api, "admin", &["admins"], &[]).await;
    let projects = [json!("payments"), json!("search"), json!(null)];
    for (receiver, project) in receivers.iter().zip(projects) {
        let mut body = webhook(&receiver.url);
        body["events"] = json!(["webhook.disabled"]);
        body["project"] = project;
        api.create_webhook_with(&body).await;
    }
    let mut body = webhook(&gone.url);
    body["project"] = json!("payments");
    let (path, _) = api.create_webhook_with(&body).await;
    let _running = env.deliver("w");
    send(&api, "POST", &format!("{path}/test")).await;
    for number in [0, 2] {
        let announced = &receivers[number].wait_for(1).await[0];
        assert_eq!(announced.body["type"], "webhook.disabled");
    }
    let of_search: i64 = sqlx::query_scalar(
        "select count(*) from webhook_deliveries d join webhooks w on w.id = d.webhook_id where w.project = 'search'",
    )
    .fetch_one(&env.pool)
    .await
    .unwrap();
    assert_eq!(of_search, 0);
}
