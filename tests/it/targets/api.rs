//! The API with more than one target.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use dax_provisioner::api::targets::{AwsReads, Target, Targets};
use dax_provisioner::domain::installation::AwsAccount;
use dax_provisioner::domain::target::{TargetName, TargetStatus};
use dax_provisioner::inspections::Inspector;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::support::api::{ApiClient, DOCUMENT, cluster_request, open_settings, strings};
use crate::support::test_env::TestEnv;
use crate::targets::setup::{
    AccessRole, OTHER, administrator, assumed, put_principal, set_up, two_regions,
};

fn target(
    name: &str,
    inspector: Option<Inspector>,
    account: &AwsAccount,
    status: TargetStatus,
) -> Target {
    Target {
        name: TargetName::parse(name).unwrap(),
        inspector,
        account: watch::channel(Some(account.clone())).1,
        status: watch::channel(status).1,
        default_access: None,
        permissions_boundary: None,
        other_boundaries: Vec::new(),
        aws_reads: AwsReads::default(),
    }
}

/// An environment with the targets `default` and `other`, and `gone`, which is removed.
async fn two_targets(env: &TestEnv) -> (ApiClient, AccessRole) {
    put_principal(&env.sandbox);
    let admin = administrator(&env.sandbox, &env.endpoint, OTHER, "eu-west-1").await;
    let role = set_up(&admin, "other", &[]).await;
    let aws = assumed(&env.sandbox, &env.endpoint, &role).await;
    let gone = AwsAccount {
        account_id: "333333333333".to_owned(),
        ..env.account.clone()
    };
    let own = Inspector::new(env.aws.clone());
    let mut other = target(
        "other",
        Some(Inspector::new(aws)),
        &role.account,
        TargetStatus::Ready,
    );
    other.permissions_boundary = Some(role.boundary.clone());
    let targets = [
        target("default", Some(own), &env.account, TargetStatus::Ready),
        other,
        target("gone", None, &gone, TargetStatus::Removed),
    ];
    let targets: Targets = targets
        .into_iter()
        .map(|target| (target.name.clone(), Arc::new(target)))
        .collect();
    let client = env.api_of(targets, open_settings());
    (client, role)
}

#[tokio::test]
async fn every_change_must_name_its_target() {
    let env = TestEnv::with(two_regions()).await;
    let (api, _) = two_targets(&env).await;
    let mut refused = BTreeSet::new();
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let is_change = operation["responses"].get("202").is_some();
            // An operation has its target.
            if !is_change || path.starts_with("/v1/operations/") {
                continue;
            }
            let sent = path.replace("{name}", "orders");
            let type_of = if method == "patch" {
                "application/merge-patch+json"
            } else {
                "application/json"
            };
            let request = |path: &str| {
                Request::builder()
                    .method(method.to_uppercase().as_str())
                    .uri(path)
                    .header("content-type", type_of)
                    .header("if-match", "\"1\"")
                    .body(Body::from("{}"))
                    .unwrap()
            };
            let response = api.send(request(&sent)).await;
            response.rejected(422, "target_required");
            let detail = response.body["detail"].as_str().unwrap();
            assert!(detail.contains("default, gone, other"), "{detail}");
            if path != "/v1/clusters" {
                let unknown = api.send(request(&format!("{sent}?target=nowhere"))).await;
                unknown.rejected(422, "unknown_target");
                let named = api.send(request(&format!("{sent}?target=other"))).await;
                assert_ne!(named.body["code"], "target_required", "{method} {path}");
            }
            refused.insert(format!("{method} {path}"));
        }
    }
    println!("{refused:#?}");
    assert!(refused.len() >= 10, "{refused:#?}");
}

fn request_in(name: &str, target: &str) -> Value {
    let mut request = cluster_request(name);
    request["target"] = json!(target);
    request
}

#[tokio::test]
async fn answers_and_lists_name_the_target_and_reads_default_to_default() {
    let env = TestEnv::with(two_regions()).await;
    let (api, role) = two_targets(&env).await;
    for target in ["default", "other"] {
        let created = api
            .post("/v1/clusters", &request_in("orders", target), &[])
            .await;
        created.accepted();
        assert_eq!(created.body["target"], target);
    }
    let twice = api
        .post("/v1/clusters", &request_in("orders", "other"), &[])
        .await;
    twice.rejected(409, "operation_in_progress");
    let plain = api.get("/v1/clusters/orders").await;
    assert_eq!(
        (&plain.body["target"], &plain.body["account_id"]),
        (&json!("default"), &json!("123456789012"))
    );
    let other = api.get("/v1/clusters/orders?target=other").await;
    assert_eq!(other.body["target"], "other");
    assert_eq!(
        (&other.body["account_id"], &other.body["region"]),
        (&json!(OTHER), &json!("eu-west-1"))
    );
    let all = api.get("/v1/clusters").await;
    assert_eq!(strings(&all.body["items"], "target"), ["other", "default"]);
    let one = api.get("/v1/clusters?target=other&limit=1").await;
    assert_eq!(strings(&one.body["items"], "target"), ["other"]);
    let operations = api.get("/v1/operations?target=other").await;
    assert_eq!(strings(&operations.body["items"], "target"), ["other"]);
    api.get("/v1/clusters/orders?target=Nowhere")
        .await
        .rejected(422, "invalid_request");
    api.get("/v1/clusters/orders?target=nowhere")
        .await
        .rejected(422, "unknown_target");
    let groups = api.get("/v1/subnet_groups?target=other").await;
    assert_eq!(
        groups.body["items"][0]["subnets"][0]["availability_zone"], "eu-west-1a",
        "{groups:?}"
    );
    let plan = api
        .post("/v1/plans", &request_in("more", "other"), &[])
        .await;
    let text = plan.text;
    assert!(
        text.contains(OTHER) && text.contains("eu-west-1") && !text.contains("123456789012"),
        "{text}"
    );
    assert!(text.contains(&role.boundary), "{text}");
}

#[tokio::test]
async fn a_key_belongs_to_its_target() {
    let env = TestEnv::with(two_regions()).await;
    let (api, _) = two_targets(&env).await;
    let key = [("idempotency-key", "k1")];
    let first = api
        .post("/v1/clusters", &request_in("orders", "other"), &key)
        .await
        .accepted();
    let again = api
        .post("/v1/clusters", &request_in("orders", "other"), &key)
        .await
        .accepted();
    assert_eq!(first, again);
    let elsewhere = api
        .post("/v1/clusters", &request_in("orders", "default"), &key)
        .await;
    elsewhere.rejected(422, "idempotency_key_reused");
}

#[tokio::test]
async fn a_removed_target_is_readable_and_takes_no_new_cluster() {
    let env = TestEnv::with(two_regions()).await;
    let (api, _) = two_targets(&env).await;
    api.post("/v1/clusters", &request_in("orders", "gone"), &[])
        .await
        .rejected(422, "target_unavailable");
    api.get("/v1/subnet_groups?target=gone")
        .await
        .rejected(422, "target_unavailable");
    api.get("/v1/clusters/orders?target=gone")
        .await
        .rejected(404, "not_found");
    let listed = api.get("/v1/targets").await;
    assert_eq!(
        strings(&listed.body["items"], "name"),
        ["default", "gone", "other"]
    );
    assert_eq!(
        strings(&listed.body["items"], "status"),
        ["ready", "removed", "ready"]
    );
    assert_eq!(
        api.get("/v1/targets/gone").await.body["reason"],
        "the organisation no longer has it"
    );
    api.get("/v1/targets/nowhere")
        .await
        .rejected(404, "not_found");
}

#[tokio::test]
async fn a_check_says_what_an_account_lacks() {
    let env = TestEnv::with(two_regions()).await;
    let (api, role) = two_targets(&env).await;
    let whole = api.post("/v1/targets/other/check", &json!({}), &[]).await;
    assert_eq!(whole.body["result"], "pass", "{whole:#?}");
    let admin = administrator(&env.sandbox, &env.endpoint, OTHER, "eu-west-1").await;
    let policy = format!("arn:aws:iam::{OTHER}:policy/dax-provisioner-other-1");
    let detach = dax_provisioner::domain::mutation::Mutation::DetachRolePolicy {
        role: "dax-provisioner-other".to_owned(),
        policy_arn: policy,
    };
    admin.send(&detach, &role.account).await.unwrap();
    let without = api.post("/v1/targets/other/check", &json!({}), &[]).await;
    assert_eq!(without.body["result"], "fail", "{without:#?}");
    assert!(without.body["policy"].is_object(), "{without:#?}");
}
