//! Preflights: what would stop a cluster is told before anything is made, and only that.

use std::collections::BTreeMap;

use aws_sandbox::Identity;
use dax_provisioner::aws::LOOKUPS_BUILT_IN;
use dax_provisioner::domain::iam::policies::service::simulation_policy;
use dax_provisioner::domain::iam::policies::{PolicyDocument, trust_policy};
use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::mutation::bodies::NewCluster;
use dax_provisioner::domain::operation::Status;
use serde_json::{Value, json};

use crate::support::api::{ApiClient, ApiResponse, cluster_request};
use crate::support::identity::SERVICE_ARN;
use crate::support::test_env::{TestEnv, aws_as};

/// A cluster that needs everything made.
fn everything(world: &TestEnv) -> Value {
    let subnets: Vec<Value> = world
        .sandbox
        .inventory()
        .subnets
        .iter()
        .map(|subnet| json!(subnet.id))
        .collect();
    let mut body = cluster_request("orders");
    body["subnet_group"] = json!({"subnet_ids": subnets});
    body["parameters"] = json!({"record_ttl_millis": 1000});
    body
}

fn with(mut body: Value, more: Value) -> Value {
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    body
}

async fn preflight(door: &ApiClient, body: &Value) -> ApiResponse {
    let answer = door.post("/v1/preflights", body, &[]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

fn named<'a>(answer: &'a ApiResponse, result: &str) -> Vec<&'a str> {
    let checks = answer.body["checks"].as_array().unwrap().iter();
    checks
        .filter(|check| check["result"] == result)
        .map(|check| check["name"].as_str().unwrap())
        .collect()
}

/// What only lookups can see, in a build without them.
fn unseen(names: &[&'static str]) -> Vec<&'static str> {
    if LOOKUPS_BUILT_IN {
        Vec::new()
    } else {
        names.to_vec()
    }
}

fn check<'a>(answer: &'a ApiResponse, name: &str) -> &'a Value {
    answer.body["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|check| check["name"] == name)
        .unwrap()
}

fn role(name: &str, path: &str, trust: &str) -> Mutation {
    Mutation::CreateRole {
        name: name.to_owned(),
        path: path.to_owned(),
        trust_policy: trust.to_owned(),
        permissions_boundary: None,
        description: String::new(),
        tags: BTreeMap::new(),
    }
}

#[tokio::test]
async fn the_shipped_policy_passes_and_without_the_simulator_nothing_is_said_to_be_missing() {
    let world = TestEnv::new().await;
    let door = world.api();
    let unknown = preflight(&door, &everything(&world)).await;
    assert_eq!(unknown.body["result"], "not_checked");
    assert_eq!(
        (named(&unknown, "fail"), &unknown.body["policy"]),
        (Vec::<&str>::new(), &Value::Null)
    );
    let detail = check(&unknown, "iam:CreateRole")["detail"]
        .as_str()
        .unwrap();
    assert!(
        detail.contains("iam:SimulatePrincipalPolicy returned AccessDenied"),
        "{detail}"
    );

    world.grant(&[], vec![simulation_policy(SERVICE_ARN)]);
    let seen = preflight(&door, &everything(&world)).await;
    assert_eq!(named(&seen, "fail"), Vec::<&str>::new(), "{:#}", seen.body);
    assert_eq!(
        named(&seen, "not_checked"),
        unseen(&["subnets", "network_type", "tables"])
    );
    let all = with(
        cluster_request("orders"),
        json!({"service_role": {"access": "read_only", "all_tables": true}}),
    );
    assert_eq!(preflight(&door, &all).await.body["result"], "pass");
    assert_eq!(world.created_in_aws(), Vec::<String>::new());
}

#[tokio::test]
async fn each_permission_that_is_taken_away_is_named_with_the_statement_that_cures_it() {
    let world = TestEnv::new().await;
    let door = world.api();
    let body = everything(&world);
    let plan = door.post("/v1/plans", &body, &[]).await.body;
    let permissions = plan["permissions"].as_array().unwrap();
    let statement = |one: &Value| {
        let mut statement =
            json!({"Effect": "Allow", "Action": one["action"], "Resource": one["resource"]});
        if !one["conditions"].as_object().unwrap().is_empty() {
            statement["Condition"] = one["conditions"].clone();
        }
        statement
    };
    for (missing, lacking) in permissions.iter().enumerate() {
        let others = permissions
            .iter()
            .enumerate()
            .filter(|(index, _)| *index != missing);
        let statements: Vec<Value> = others.map(|(_, one)| statement(one)).collect();
        let lesser = json!({"Version": "2012-10-17", "Statement": statements});
        let lesser: PolicyDocument = serde_json::from_value(lesser).unwrap();
        world.put_policies(&[lesser, simulation_policy(SERVICE_ARN)]);
        let found = preflight(&door, &body).await;
        let action = lacking["action"].as_str().unwrap();
        let failed: Vec<&str> = named(&found, "fail");
        assert_eq!(failed, [action], "{:#}", found.body);
        assert_eq!(
            found.body["policy"]["Statement"],
            json!([statement(lacking)]),
            "{action}"
        );
        let hint = &check(&found, action)["hints"][0];
        assert!(hint["title"].as_str().unwrap().contains(action), "{hint}");
        assert_eq!(hint["policy"], found.body["policy"], "{action}");
    }
    println!(
        "preflights: {} permissions taken away, each named and none else",
        permissions.len()
    );
    assert!(permissions.len() >= 19, "{}", permissions.len());
}

#[tokio::test]
async fn a_deny_and_a_boundary_are_told_apart_from_a_missing_allow() {
    let world = TestEnv::new().await;
    let door = world.api();
    let deny = json!({"Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": "iam:CreatePolicy", "Resource": "*"}]});
    world.grant(
        &[],
        vec![
            simulation_policy(SERVICE_ARN),
            serde_json::from_value(deny).unwrap(),
        ],
    );
    let denied = preflight(&door, &cluster_request("orders")).await;
    let hint = &check(&denied, "iam:CreatePolicy")["hints"][0];
    assert_eq!(
        (&hint["id"], &hint["policy"]),
        (&json!("explicit_deny"), &Value::Null)
    );
    assert_eq!(denied.body["policy"], Value::Null);

    let policies = [world.shipped_policy(&[]), simulation_policy(SERVICE_ARN)];
    let narrow = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "NotAction": "iam:TagRole", "Resource": "*"}]});
    let identity = Identity {
        secret: "service".to_owned(),
        arn: SERVICE_ARN.to_owned(),
        policies: policies
            .iter()
            .map(|policy| serde_json::to_value(policy).unwrap())
            .collect(),
        permissions_boundary: Some(narrow),
        session_policies: None,
    };
    world.sandbox.put_identity("service", identity);
    let bounded = preflight(&door, &cluster_request("orders")).await;
    assert_eq!(named(&bounded, "fail"), ["iam:TagRole"]);
    assert_eq!(
        check(&bounded, "iam:TagRole")["hints"][0]["id"],
        "cause_permissions_boundary"
    );
}

#[tokio::test]
async fn a_session_is_simulated_by_its_role_which_is_read_first() {
    let mut world = TestEnv::new().await;
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"sts:AssumeRole"}]}"#;
    let own = world
        .admin
        .send(&role("portal", "/team/", trust), &world.account)
        .await
        .unwrap()
        .arn
        .unwrap();
    let policy = Mutation::CreatePolicy {
        name: "portal".to_owned(),
        path: "/".to_owned(),
        document: world.shipped_policy(&[]).to_json(),
        description: String::new(),
        tags: BTreeMap::new(),
    };
    let policy_arn = world
        .admin
        .send(&policy, &world.account)
        .await
        .unwrap()
        .arn
        .unwrap();
    let attach = Mutation::AttachRolePolicy {
        role: "portal".to_owned(),
        policy_arn,
    };
    world.admin.send(&attach, &world.account).await.unwrap();
    let session = |policies: Vec<PolicyDocument>| Identity {
        secret: "session".to_owned(),
        arn: "arn:aws:sts::123456789012:assumed-role/portal/i-0abc".to_owned(),
        policies: policies
            .iter()
            .map(|policy| serde_json::to_value(policy).unwrap())
            .collect(),
        permissions_boundary: None,
        session_policies: None,
    };
    world
        .sandbox
        .put_identity("session", session(vec![world.shipped_policy(&[])]));
    world.aws = aws_as(&world.sandbox, &world.endpoint, "session", "session").await;
    let door = world.api();
    let unknown = preflight(&door, &cluster_request("orders")).await;
    let detail = check(&unknown, "iam:CreateRole")["detail"]
        .as_str()
        .unwrap();
    assert!(
        detail.starts_with("could not read the service's own role"),
        "{detail}"
    );
    world.sandbox.put_identity(
        "session",
        session(vec![world.shipped_policy(&[]), simulation_policy(&own)]),
    );
    let seen = preflight(&door, &cluster_request("orders")).await;
    assert_eq!(
        named(&seen, "not_checked"),
        unseen(&["tables"]),
        "{:#}",
        seen.body
    );
    assert_eq!(named(&seen, "fail"), Vec::<&str>::new());
}

/// Somebody's clusters, which leave room for two nodes.
async fn take_nodes(world: &TestEnv, role_arn: &str) {
    for (number, nodes) in [11, 11, 11, 11, 4].into_iter().enumerate() {
        let cluster = NewCluster {
            name: format!("taken{number}"),
            description: None,
            node_type: "dax.t3.small".to_owned(),
            replication_factor: nodes,
            availability_zones: Vec::new(),
            iam_role_arn: role_arn.to_owned(),
            subnet_group: "default".to_owned(),
            security_group_ids: Vec::new(),
            network_type: None,
            parameter_group: None,
            encryption_at_rest: true,
            encryption_in_transit: false,
            maintenance_window: None,
            notification_topic_arn: None,
            tags: BTreeMap::new(),
        };
        world
            .admin
            .send(&Mutation::CreateCluster(Box::new(cluster)), &world.account)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn the_account_is_looked_at() {
    let world = TestEnv::new().await;
    let ec2 = trust_policy()
        .to_json()
        .replace("dax.amazonaws.com", "ec2.amazonaws.com");
    let mistrusting = world
        .admin
        .send(&role("Mine", "/", &ec2), &world.account)
        .await
        .unwrap()
        .arn
        .unwrap();
    let trusting = role("Theirs", "/", &trust_policy().to_json());
    let trusting = world
        .admin
        .send(&trusting, &world.account)
        .await
        .unwrap()
        .arn
        .unwrap();
    world.grant(
        &[mistrusting.clone(), trusting.clone()],
        vec![simulation_policy(SERVICE_ARN)],
    );
    take_nodes(&world, &trusting).await;
    let door = world.api();
    for (more, name, result, hint) in [
        (json!({}), "node_quota", "pass", None),
        (
            json!({"replication_factor": 3}),
            "node_quota",
            "fail",
            Some("dax_nodes_per_account_quota"),
        ),
        (
            json!({"name": "taken0"}),
            "cluster_name",
            "fail",
            Some("dax_cluster_exists"),
        ),
        (
            json!({"service_role": {"arn": mistrusting}}),
            "service_role",
            "fail",
            Some("dax_role_not_assumable"),
        ),
        (
            json!({"service_role": {"arn": trusting}}),
            "service_role",
            "pass",
            None,
        ),
        (
            json!({"service_role": {"arn": trusting}}),
            "iam:PassRole",
            "pass",
            None,
        ),
        (
            json!({"service_role": {"arn": "arn:aws:iam::123456789012:role/None"}}),
            "service_role",
            "not_checked",
            None,
        ),
        (
            json!({"subnet_group": {"name": "none"}}),
            "subnet_group",
            "fail",
            Some("dax_cluster_subnet_group_missing"),
        ),
        (
            json!({"network_type": "ipv6"}),
            "network_type",
            "fail",
            Some("dax_subnet_not_allowed"),
        ),
        (
            json!({"network_type": "ipv4"}),
            "network_type",
            "pass",
            None,
        ),
        (
            json!({"parameter_group": {"name": "none"}}),
            "parameter_group",
            "fail",
            Some("dax_cluster_parameter_group_missing"),
        ),
        (json!({}), "service_linked_role", "pass", None),
        (
            json!({}),
            "tables",
            if LOOKUPS_BUILT_IN {
                "pass"
            } else {
                "not_checked"
            },
            None,
        ),
    ] {
        let found = preflight(&door, &with(cluster_request("orders"), more.clone())).await;
        let check = check(&found, name);
        assert_eq!(check["result"], result, "{more}: {check:#}");
        assert_eq!(check["hints"][0]["id"].as_str(), hint, "{more}");
    }
}

#[tokio::test]
async fn a_required_preflight_refuses_with_all_findings_before_anything_is_made() {
    let world = TestEnv::new().await;
    let door = world.api();
    let body = with(cluster_request("orders"), json!({"require_preflight": true}));
    let lacking = json!({"Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "NotAction": ["iam:CreateRole", "iam:PassRole"], "Resource": "*"}]});
    let service = |policy: Value| Identity {
        secret: "service".to_owned(),
        arn: SERVICE_ARN.to_owned(),
        policies: vec![policy],
        permissions_boundary: None,
        session_policies: None,
    };
    world.sandbox.put_identity("service", service(lacking));
    let key = [("idempotency-key", "k-1")];
    let answer = door.post("/v1/clusters", &body, &key).await;
    let problem = answer.rejected(422, "preflight_failed");
    let failed = problem["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["result"] == "fail");
    assert_eq!(
        failed
            .map(|check| check["name"].as_str().unwrap())
            .collect::<Vec<_>>(),
        ["iam:CreateRole", "iam:PassRole"]
    );
    let titles: Vec<&str> = problem["hints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hint| hint["title"].as_str().unwrap())
        .collect();
    assert_eq!(
        titles,
        [
            "Add iam:CreateRole to your user policy.",
            "Add iam:PassRole to your user policy."
        ]
    );
    assert_eq!(world.created_in_aws(), Vec::<String>::new());
    door.get("/v1/clusters/orders")
        .await
        .rejected(404, "not_found");

    // What cannot be looked at does not refuse: the shipped policy has no right to simulate.
    world.grant(&[], Vec::new());
    let id = door.post("/v1/clusters", &body, &key).await.accepted();
    assert_eq!(
        door.post("/v1/clusters", &body, &key).await.accepted(),
        id,
        "a replay is no new request"
    );
    assert_eq!(
        world.settle(&world.worker("w"), id).await.status,
        Status::Succeeded
    );
    // The cluster is ours now: that is said, and not that its name is taken in AWS.
    door.post("/v1/clusters", &body, &[])
        .await
        .rejected(409, "cluster_exists");
}
