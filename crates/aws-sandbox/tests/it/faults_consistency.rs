//! Reads that miss a recent change or a member of a list, and rate limits.

use aws_sandbox::{FaultKind, FaultRule, RateLimit};
use serde_json::json;

use crate::test_env::{TRUST, TestEnv, code};

/// Adds a rule that makes the reads of a call lag by ten seconds.
fn lag(env: &TestEnv, call: &str) {
    env.sandbox
        .add_fault(FaultRule::new(call, FaultKind::Lag).seconds(10.0));
}

async fn create_role(env: &TestEnv, name: &str) {
    let create = env.iam().create_role().role_name(name);
    create
        .assume_role_policy_document(TRUST)
        .send()
        .await
        .unwrap();
}

/// The names in DescribeClusters without names.
async fn cluster_names(env: &TestEnv) -> Vec<String> {
    let response = env.dax().describe_clusters().send().await.unwrap();
    let name = |cluster: &aws_sdk_dax::types::Cluster| cluster.cluster_name().unwrap().to_owned();
    response.clusters().iter().map(name).collect()
}

#[tokio::test]
async fn a_lagging_read_returns_a_role_after_its_lag_only() {
    let env = TestEnv::new().await;
    create_role(&env, "earlier").await;
    lag(&env, "iam:Get*");
    create_role(&env, "recent").await;
    let iam = env.iam();
    let get = |name: &str| iam.get_role().role_name(name).send();
    get("earlier").await.unwrap();
    assert_eq!(code(get("recent").await), "NoSuchEntity");
    let again = iam.create_role().role_name("recent");
    assert_eq!(
        code(again.assume_role_policy_document(TRUST).send().await),
        "EntityAlreadyExists"
    );
    env.advance(10);
    get("recent").await.unwrap();
    iam.delete_role().role_name("recent").send().await.unwrap();
    get("recent").await.unwrap();
    env.sandbox.clear_faults();
    assert_eq!(code(get("recent").await), "NoSuchEntity");
}

#[tokio::test]
async fn a_lagging_read_returns_the_status_of_its_time() {
    let env = TestEnv::new().await;
    let role = env.service_role("Service").await;
    lag(&env, "*");
    env.create("c1", 1, &role).send().await.unwrap();
    assert!(cluster_names(&env).await.is_empty());
    env.advance(60);
    assert_eq!(env.describe("c1").await.status(), Some("creating"));
    env.advance(10);
    assert_eq!(env.describe("c1").await.status(), Some("available"));
}

#[tokio::test]
async fn a_lagging_read_is_authorized_by_the_current_state() {
    let env = TestEnv::new().await;
    env.allow(
        json!([{"Effect": "Allow", "Action": "iam:GetRole", "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/team": "a"}}}]),
    );
    create_role(&env, "r").await;
    lag(&env, "iam:GetRole");
    let portal = env.iam_as("portal", "portal");
    assert_eq!(
        code(portal.get_role().role_name("r").send().await),
        "AccessDenied"
    );
    let tag = aws_sdk_iam::types::Tag::builder().key("team").value("a");
    let tags = env.iam().tag_role().role_name("r");
    tags.tags(tag.build().unwrap()).send().await.unwrap();
    let response = portal.get_role().role_name("r").send().await.unwrap();
    assert!(response.role().unwrap().tags().is_empty());
}

#[tokio::test]
async fn a_gap_omits_one_cluster_of_one_list() {
    let env = TestEnv::new().await;
    for name in ["c1", "c2", "c3"] {
        env.cluster(name, 1).await;
    }
    let gap = || FaultRule::new("dax:*", FaultKind::Gap);
    env.sandbox.add_fault(gap());
    assert_eq!(
        env.describe("c1").await.cluster_name(),
        Some("c1"),
        "a read by name has no gap"
    );
    assert_eq!(cluster_names(&env).await, ["c2", "c3"]);
    assert_eq!(cluster_names(&env).await, ["c1", "c2", "c3"]);
    let seed = Some(1);
    env.sandbox.add_fault(FaultRule { seed, ..gap() });
    assert_eq!(cluster_names(&env).await, ["c1", "c3"]);
}

#[tokio::test]
async fn a_gap_omits_one_role() {
    let env = TestEnv::new().await;
    for name in ["a", "b"] {
        create_role(&env, name).await;
    }
    env.sandbox
        .add_fault(FaultRule::new("iam:*", FaultKind::Gap));
    let response = env.iam().list_roles().send().await.unwrap();
    let names: Vec<&str> = response.roles().iter().map(|r| r.role_name()).collect();
    assert_eq!(names, ["b"]);
}

#[tokio::test]
async fn no_member_omits_the_whole_list() {
    let env = TestEnv::new().await;
    env.cluster("c1", 1).await;
    env.sandbox
        .add_fault(FaultRule::new("*", FaultKind::NoMember).count(2));
    let clusters = env.dax().describe_clusters().send().await.unwrap();
    assert_eq!(clusters.clusters, None);
    let policies = || {
        let list = env.iam().list_attached_role_policies();
        list.role_name("Service").send()
    };
    assert_eq!(policies().await.unwrap().attached_policies, None);
    assert_eq!(
        policies().await.unwrap().attached_policies,
        Some(Vec::new())
    );
}

#[tokio::test]
async fn a_rate_limit_throttles_calls_beyond_its_burst() {
    let env = TestEnv::new().await;
    // The rate is low because the burst of this test takes time.
    env.sandbox.set_rate_limits(vec![RateLimit {
        call: "iam:*".to_owned(),
        burst: 20.0,
        per_second: 0.01,
    }]);
    let iam = env.iam();
    for _ in 0..20 {
        iam.list_roles().send().await.unwrap();
    }
    assert_eq!(code(iam.list_roles().send().await), "Throttling");
    assert_eq!(env.sandbox.calls()[20].outcome, "throttle");
    cluster_names(&env).await;
    env.advance(150);
    iam.list_roles().send().await.unwrap();
    assert_eq!(code(iam.list_roles().send().await), "Throttling");
    env.sandbox.set_rate_limits(Vec::new());
    iam.list_roles().send().await.unwrap();
}
