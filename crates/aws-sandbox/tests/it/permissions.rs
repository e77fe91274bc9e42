//! Authorization, and the messages of denied calls.

use serde_json::json;

use crate::test_env::{TRUST, TestEnv, portal, rejection};

const DENIED: &str = "User: arn:aws:iam::123456789012:user/portal is not authorized to perform:";

#[tokio::test]
async fn the_three_denials_of_the_guide_match_exactly() {
    let env = TestEnv::new().await;
    env.service_role("daxServiceRole").await;
    env.allow(json!([{"Effect": "Allow", "Action": "dax:*", "Resource": "*"}]));
    let iam = env.iam_as("portal", "portal");
    let role = iam
        .create_role()
        .path("/service-role/")
        .role_name("DAXServiceRole")
        .assume_role_policy_document(TRUST);
    let because =
        |action: &str| format!(" because no identity-based policy allows the {action} action");
    let (code, message) = rejection(role.send().await);
    let resource = "arn:aws:iam::123456789012:role/service-role/DAXServiceRole";
    assert_eq!(code, "AccessDenied");
    assert_eq!(
        message,
        format!(
            "{DENIED} iam:CreateRole on resource: {resource}{}",
            because("iam:CreateRole")
        )
    );
    let policy = iam
        .create_policy()
        .policy_name("DAXServicePolicy")
        .policy_document("{}");
    let expected = format!(
        "{DENIED} iam:CreatePolicy on resource: policy DAXServicePolicy{}",
        because("iam:CreatePolicy")
    );
    assert_eq!(rejection(policy.send().await).1, expected);
    let arn = "arn:aws:iam::123456789012:policy/DAXServicePolicy";
    let attach = iam
        .attach_role_policy()
        .role_name("daxServiceRole")
        .policy_arn(arn);
    let expected = format!(
        "{DENIED} iam:AttachRolePolicy on resource: role daxServiceRole{}",
        because("iam:AttachRolePolicy")
    );
    assert_eq!(rejection(attach.send().await).1, expected);
    let version = iam.get_policy_version().policy_arn(arn).version_id("v1");
    let expected = format!(
        "{DENIED} iam:GetPolicyVersion on resource: policy {arn}{}",
        because("iam:GetPolicyVersion")
    );
    assert_eq!(rejection(version.send().await).1, expected);
}

#[tokio::test]
async fn create_cluster_requires_permissions_for_tags_pass_role_and_service_linked_role() {
    let env = TestEnv::new().await;
    let role = env.service_role("Service").await;
    let allow = |actions: serde_json::Value| {
        env.allow(json!([
            {"Effect": "Allow", "Action": actions, "Resource": "*"},
            {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*",
             "Condition": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}},
        ]));
    };
    let create = || {
        let tag = aws_sdk_dax::types::Tag::builder()
            .key("a")
            .value("b")
            .build();
        let create = env
            .dax_as("portal", "portal")
            .create_cluster()
            .cluster_name("c1")
            .node_type("dax.t3.small");
        create
            .replication_factor(1)
            .iam_role_arn(&role)
            .tags(tag)
            .send()
    };
    allow(json!(["dax:CreateCluster"]));
    let (code, message) = rejection(create().await);
    assert_eq!(code, "AccessDeniedException");
    assert!(
        message
            .contains("dax:TagResource on resource: arn:aws:dax:us-east-1:123456789012:cache/c1"),
        "{message}"
    );
    allow(json!(["dax:CreateCluster", "dax:TagResource"]));
    let expected = format!(
        "{DENIED} iam:PassRole on resource: {role} because no identity-based policy allows the iam:PassRole action"
    );
    assert_eq!(
        rejection(create().await),
        ("AccessDeniedException".to_owned(), expected)
    );
    allow(json!([
        "dax:CreateCluster",
        "dax:TagResource",
        "iam:PassRole"
    ]));
    let (code, message) = rejection(create().await);
    assert_eq!(code, "AccessDeniedException");
    assert!(
        message.contains("iam:CreateServiceLinkedRole on resource: arn:aws:iam::"),
        "{message}"
    );
    allow(json!([
        "dax:CreateCluster",
        "dax:TagResource",
        "iam:PassRole",
        "iam:CreateServiceLinkedRole"
    ]));
    create().await.unwrap();
    let roles = env.sandbox.inventory().roles;
    assert!(
        roles
            .iter()
            .any(|role| role.name == "AWSServiceRoleForDAX" && role.service_linked)
    );
}

#[tokio::test]
async fn describing_all_clusters_is_not_covered_by_a_cluster_arn() {
    let env = TestEnv::new().await;
    env.cluster("c1", 1).await;
    env.allow(json!([{"Effect": "Allow", "Action": "dax:*",
        "Resource": "arn:aws:dax:us-east-1:123456789012:cache/c1"}]));
    let dax = env.dax_as("portal", "portal");
    dax.describe_clusters()
        .cluster_names("c1")
        .send()
        .await
        .unwrap();
    let because = "because no identity-based policy allows the dax:DescribeClusters action";
    let expected = (
        "AccessDeniedException".to_owned(),
        format!("{DENIED} dax:DescribeClusters {because}"),
    );
    assert_eq!(rejection(dax.describe_clusters().send().await), expected);
}

#[tokio::test]
async fn a_denial_names_the_type_of_policy_that_denied() {
    let env = TestEnv::new().await;
    let everything = json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}]);
    let mut caller = portal(everything.clone());
    caller.permissions_boundary = Some(json!({"Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}]}));
    env.sandbox.put_identity("portal", caller);
    let reason = |message: String| {
        message
            .split_once("dax:DescribeClusters")
            .unwrap()
            .1
            .to_owned()
    };
    let describe = || env.dax_as("portal", "portal").describe_clusters().send();
    assert_eq!(
        reason(rejection(describe().await).1),
        " because no permissions boundary allows the dax:DescribeClusters action"
    );
    env.allow(
        json!([everything[0], {"Effect": "Deny", "Action": "dax:Describe*", "Resource": "*"}]),
    );
    assert_eq!(
        reason(rejection(describe().await).1),
        " with an explicit deny in an identity-based policy"
    );
    let mut caller = portal(everything);
    caller.session_policies = Some(vec![json!({"Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}]})]);
    env.sandbox.put_identity("portal", caller);
    assert_eq!(
        reason(rejection(describe().await).1),
        " because no session policy allows the dax:DescribeClusters action"
    );
}

#[tokio::test]
async fn conditions_on_boundary_policy_region_and_tags_are_enforced() {
    let env = TestEnv::new().await;
    let boundary = env
        .iam()
        .create_policy()
        .policy_name("Boundary")
        .policy_document(crate::test_env::ACCESS);
    let boundary = boundary
        .send()
        .await
        .unwrap()
        .policy()
        .unwrap()
        .arn()
        .unwrap()
        .to_owned();
    env.allow(json!([
        {"Effect": "Allow", "Action": "iam:CreateRole", "Resource": "arn:aws:iam::123456789012:role/app/*",
         "Condition": {"StringEquals": {"iam:PermissionsBoundary": boundary}}},
        {"Effect": "Allow", "Action": "iam:TagRole", "Resource": "*",
         "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}},
        {"Effect": "Allow", "Action": "iam:AttachRolePolicy", "Resource": "*",
         "Condition": {"ArnLike": {"iam:PolicyARN": "arn:aws:iam::123456789012:policy/app-*"}}},
        {"Effect": "Allow", "Action": "dax:*", "Resource": "*",
         "Condition": {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}},
    ]));
    let iam = env.iam_as("portal", "portal");
    let create = || {
        iam.create_role()
            .path("/app/")
            .role_name("r")
            .assume_role_policy_document(TRUST)
    };
    let tag = |key: &str| {
        aws_sdk_iam::types::Tag::builder()
            .key(key)
            .value("x")
            .build()
            .unwrap()
    };
    assert!(
        rejection(create().send().await)
            .1
            .contains("iam:CreateRole")
    );
    let bounded = || create().permissions_boundary(&boundary);
    assert!(
        rejection(bounded().tags(tag("owner")).send().await)
            .1
            .contains("iam:TagRole")
    );
    assert!(
        rejection(bounded().path("/other/").send().await)
            .1
            .contains("role/other/r")
    );
    bounded().tags(tag("team")).send().await.unwrap();
    let attach = |arn: &str| {
        iam.attach_role_policy()
            .role_name("r")
            .policy_arn(arn)
            .send()
    };
    assert_eq!(rejection(attach(&boundary).await).0, "AccessDenied");
    assert_eq!(
        rejection(attach("arn:aws:iam::123456789012:policy/app-x").await).0,
        "NoSuchEntity"
    );
    env.dax_as("portal", "portal")
        .describe_clusters()
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn the_simulator_and_real_calls_agree() {
    let env = TestEnv::new().await;
    env.allow(json!([
        {"Effect": "Allow", "Action": ["dax:*", "iam:Get*"], "Resource": "*"},
        {"Effect": "Deny", "Action": "dax:Delete*", "Resource": "*"},
        {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*",
         "Condition": {"StringEquals": {"iam:PassedToService": "dax.amazonaws.com"}}},
    ]));
    let simulate = |action: &str| {
        let source = "arn:aws:iam::123456789012:user/portal";
        env.iam()
            .simulate_principal_policy()
            .policy_source_arn(source)
            .action_names(action)
    };
    let decision = |answer: aws_sdk_iam::operation::simulate_principal_policy::SimulatePrincipalPolicyOutput| {
        answer.evaluation_results()[0].eval_decision().as_str().to_owned()
    };
    for (action, expected) in [
        ("dax:CreateCluster", "allowed"),
        ("dax:DeleteCluster", "explicitDeny"),
        ("iam:CreateRole", "implicitDeny"),
        ("iam:PassRole", "implicitDeny"),
    ] {
        assert_eq!(
            decision(simulate(action).send().await.unwrap()),
            expected,
            "{action}"
        );
    }
    let incomplete = simulate("iam:PassRole").send().await.unwrap();
    assert_eq!(
        incomplete.evaluation_results()[0].missing_context_values(),
        ["iam:PassedToService"]
    );
    let entry = aws_sdk_iam::types::ContextEntry::builder()
        .context_key_name("iam:PassedToService")
        .context_key_values("dax.amazonaws.com")
        .build();
    let complete = simulate("iam:PassRole")
        .context_entries(entry)
        .send()
        .await
        .unwrap();
    assert_eq!(decision(complete), "allowed");
    let missing = "arn:aws:iam::123456789012:user/unknown";
    let unknown = env
        .iam()
        .simulate_principal_policy()
        .policy_source_arn(missing)
        .action_names("dax:CreateCluster");
    assert_eq!(rejection(unknown.send().await).0, "NoSuchEntity");
}
