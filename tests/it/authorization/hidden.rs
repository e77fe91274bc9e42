//! What a caller may not read does not exist for them: in lists, feeds, conflicts and replays.

use serde_json::{Value, json};

use super::built_in;
use crate::support::api::{ApiClient, cluster_request};
use crate::support::cluster_fixture::ClusterFixture;
use crate::support::test_env::TestEnv;

fn in_project(name: &str, project: &str) -> Value {
    let mut body = cluster_request(name);
    body["project"] = json!(project);
    body
}

/// The names in a list.
fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap().iter();
    items
        .map(|item| item["name"].as_str().or(item["cluster"].as_str()).unwrap())
        .collect()
}

const LISTS: [&str; 3] = ["/v1/clusters", "/v1/operations", "/v1/events?limit=100"];

/// The clusters `pay`, `seek` and `free`, of two projects and of none.
async fn three_clusters(fixture: &ClusterFixture) -> ApiClient {
    let (mut api, _) = fixture.env.governed_api(built_in(&[]));
    fixture
        .env
        .act_as(&mut api, "admin", &["admins"], &[])
        .await;
    for (name, project) in [
        ("pay", Some("payments")),
        ("seek", Some("search")),
        ("free", None),
    ] {
        let mut body = cluster_request(name);
        if let Some(project) = project {
            body = in_project(name, project);
            body["parameters"] = json!({"record_ttl_millis": 1000});
        }
        let created = api.post("/v1/clusters", &body, &[]).await;
        fixture.succeeds(&created).await;
    }
    fixture.env.number_events().await;
    api
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_and_feeds_show_only_what_the_caller_may_read() {
    let fixture = ClusterFixture::new().await;
    let mut api = three_clusters(&fixture).await;
    for path in LISTS {
        let seen = api.get(path).await.body;
        for name in ["pay", "seek", "free"] {
            assert!(names(&seen).contains(&name), "{path}: {seen}");
        }
    }
    fixture
        .env
        .act_as(&mut api, "payer", &["viewers"], &["payments"])
        .await;
    for path in LISTS {
        let seen = api.get(path).await.body;
        assert!(!names(&seen).is_empty(), "{path}");
        assert!(
            names(&seen).iter().all(|name| *name == "pay"),
            "{path}: {seen}"
        );
        assert_eq!(seen["items"][0]["project"], "payments");
    }
    for path in ["/v1/clusters?project=search", "/v1/operations?cluster=seek"] {
        assert_eq!(api.get(path).await.body["items"], json!([]), "{path}");
    }
    let idle = std::time::Duration::from_millis(400);
    let stream = api.read_stream("/v1/events/stream", &[], idle).await;
    assert!(
        stream.contains("\"pay\"") && !stream.contains("seek"),
        "{stream}"
    );
    fixture.env.act_as(&mut api, "stranger", &[], &[]).await;
    for path in LISTS {
        assert_eq!(api.get(path).await.body["items"], json!([]), "{path}");
    }
    assert_eq!(api.get("/v1/targets").await.body["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hidden_cluster_and_what_belongs_to_it_do_not_exist() {
    let fixture = ClusterFixture::new().await;
    let mut api = three_clusters(&fixture).await;
    fixture
        .env
        .act_as(&mut api, "payer", &["viewers"], &["payments"])
        .await;
    for path in ["/v1/service_roles", "/v1/parameter_groups"] {
        let text = api.get(path).await.text;
        assert!(
            text.contains("dax-pay-") && !text.contains("dax-seek-"),
            "{path}: {text}"
        );
    }
    let hidden = api.get("/v1/clusters/seek").await;
    let missing = api.get("/v1/clusters/none").await;
    hidden.rejected(404, "not_found");
    let text = hidden.body.to_string().replace("seek", "none");
    assert_eq!(text, missing.body.to_string());
}

#[tokio::test]
async fn a_name_that_a_hidden_cluster_has_is_taken_without_a_word_about_it() {
    let env = TestEnv::new().await;
    let (mut api, _rules) = env.governed_api(built_in(&[]));
    env.act_as(&mut api, "admin", &["admins"], &[]).await;
    // Its create is still in progress.
    api.post("/v1/clusters", &in_project("seek", "search"), &[])
        .await
        .accepted();
    env.act_as(&mut api, "payer", &["operators"], &["payments"])
        .await;
    let taken = api
        .post("/v1/clusters", &cluster_request("seek"), &[])
        .await;
    let problem = taken.rejected(409, "cluster_exists");
    assert_eq!(problem.get("instance"), None, "{problem}");
    env.act_as(&mut api, "seeker", &["operators"], &["search"])
        .await;
    let seen = api
        .post("/v1/clusters", &cluster_request("seek"), &[])
        .await;
    assert!(seen.rejected(409, "operation_in_progress")["instance"].is_string());
}

#[tokio::test]
async fn a_replay_is_answered_only_to_who_may_still_read_the_operation() {
    let env = TestEnv::new().await;
    let (mut api, rules) = env.governed_api(built_in(&[]));
    env.act_as(&mut api, "payer", &["operators"], &["payments"])
        .await;
    let key = [("idempotency-key", "k1")];
    let first = api
        .post("/v1/clusters", &cluster_request("pay"), &key)
        .await;
    let id = first.accepted();
    assert_eq!(first.body["project"], "payments");
    let again = api
        .post("/v1/clusters", &cluster_request("pay"), &key)
        .await;
    assert_eq!(again.accepted(), id);
    rules.send_replace(std::sync::Arc::new(super::with_policies(
        r#"@id("closed") forbid (principal, action == Action::"read", resource in Project::"payments");"#,
    )));
    let hidden = api
        .post("/v1/clusters", &cluster_request("pay"), &key)
        .await;
    assert!([403, 404].contains(&hidden.status.as_u16()), "{hidden:?}");
    assert!(!hidden.text.contains(&id.to_string()));
    let conditional = [("if-none-match", "\"1\"")];
    for path in [
        "/v1/clusters/pay".to_owned(),
        format!("/v1/operations/{id}"),
    ] {
        let cached = api.get_with(&path, &conditional).await;
        assert!([403, 404].contains(&cached.status.as_u16()), "{cached:?}");
    }
}

#[tokio::test]
async fn a_replay_is_answered_whatever_the_rules_permit_now() {
    let env = TestEnv::new().await;
    let (mut api, rules) = env.governed_api(built_in(&[]));
    env.act_as(&mut api, "payer", &["operators"], &["payments"])
        .await;
    let key = [("idempotency-key", "k1")];
    let request = cluster_request("pay");
    let id = api.post("/v1/clusters", &request, &key).await.accepted();
    rules.send_replace(std::sync::Arc::new(super::with_policies(
        r#"@id("closed") @advice("ask") forbid (principal, action == Action::"create_cluster", resource);"#,
    )));
    let again = api.post("/v1/clusters", &request, &key).await;
    assert_eq!(again.accepted(), id);
    assert_eq!(again.header("idempotency-replayed"), "true");
    let other = api
        .post("/v1/clusters", &cluster_request("other"), &key)
        .await;
    other.rejected(422, "idempotency_key_reused");
    let new = api
        .post("/v1/clusters", &cluster_request("other"), &[])
        .await;
    new.rejected(403, "forbidden");
}
