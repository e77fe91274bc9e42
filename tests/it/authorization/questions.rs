//! `me` and `authorizations`: what a portal asks.

use serde_json::json;

use super::with_policies;
use crate::support::api::cluster_request;
use crate::support::cluster_fixture::ClusterFixture;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_is_decided_as_the_request_would_be() {
    let fixture = ClusterFixture::new().await;
    let rules = with_policies(
        r#"@id("keep") @advice("Ask the owner.")
        forbid (principal, action == Action::"delete_cluster", resource) when { resource.name == "pay" };"#,
    );
    let (mut api, _rules) = fixture.env.governed_api(rules);
    fixture
        .env
        .act_as(&mut api, "op", &["operators"], &["payments"])
        .await;
    fixture
        .succeeds(&api.post("/v1/clusters", &cluster_request("pay"), &[]).await)
        .await;
    let ask = async |question: serde_json::Value| {
        let answer = api.post("/v1/authorizations", &question, &[]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    };
    for (question, allowed) in [
        (json!({"action": "read"}), true),
        (json!({"action": "read", "project": "search"}), false),
        (json!({"action": "scale_cluster", "cluster": "pay"}), true),
        (json!({"action": "delete_cluster", "cluster": "pay"}), false),
        (
            json!({"action": "release_cluster", "cluster": "pay"}),
            false,
        ),
        (json!({"action": "use_table", "table": "Orders"}), true),
        (json!({"action": "list_orphans"}), false),
        (
            json!({"action": "open_ingress", "cluster": "pay", "cidr": "10.0.0.0/16"}),
            true,
        ),
    ] {
        let answer = ask(question.clone()).await;
        assert_eq!(answer["allowed"], allowed, "{question}: {answer}");
        assert_eq!(answer["detail"].is_null(), allowed);
    }
    let answer = ask(json!({"action": "delete_cluster", "cluster": "pay"})).await;
    assert_eq!(
        answer["policies"],
        json!([{"id": "keep", "advice": "Ask the owner."}])
    );
    let status = api.status_of("DELETE", "/v1/clusters/pay", None).await;
    assert_eq!(status, 403);
    let settings = json!({"action": "create_cluster", "settings": {"name": "x", "node_type": 1}});
    let invalid = api.post("/v1/authorizations", &settings, &[]).await;
    let violations = invalid.violations();
    assert!(
        violations
            .iter()
            .any(|(pointer, _)| *pointer == "/settings/node_type"),
        "{violations:?}"
    );
}

#[tokio::test]
async fn only_admins_ask_for_other_callers() {
    let fixture = ClusterFixture::new().await;
    let (mut api, _rules) = fixture.env.governed_api(with_policies(""));
    fixture
        .env
        .act_as(&mut api, "op", &["operators"], &["payments"])
        .await;
    let other = |project: &str| {
        json!({"action": "read", "project": project,
               "caller": {"groups": ["viewers"], "projects": ["search"]}})
    };
    let path = "/v1/authorizations";
    api.post(path, &other("search"), &[])
        .await
        .rejected(403, "forbidden");
    fixture
        .env
        .act_as(&mut api, "admin", &["admins"], &[])
        .await;
    for (project, allowed) in [("payments", false), ("search", true)] {
        let answer = api.post(path, &other(project), &[]).await;
        assert_eq!(answer.body["allowed"], allowed, "{answer:?}");
    }
}

#[tokio::test]
async fn without_a_directory_every_token_may_do_everything() {
    let fixture = ClusterFixture::new().await;
    let settings = crate::http::authentication::guarded_settings();
    let mut api = fixture.env.api_with(fixture.env.store.clone(), settings);
    fixture.env.act_as(&mut api, "plain", &[], &[]).await;
    let me = api.get("/v1/me").await.body;
    assert_eq!(
        (&me["organisation"], &me["reads_everything"]),
        (&json!(null), &json!(true))
    );
    let mut body = cluster_request("one");
    body["project"] = json!("anything");
    assert_eq!(
        api.post("/v1/clusters", &body, &[]).await.body["project"],
        "anything"
    );
    let question = json!({"action": "list_orphans"});
    assert_eq!(
        api.post("/v1/authorizations", &question, &[]).await.body["allowed"],
        true
    );
}
