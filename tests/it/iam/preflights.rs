//! Preflights of permissions: each missing one is predicted by IAM's simulator, and no other.

use std::collections::BTreeMap;

use aws_sandbox::{FaultKind, FaultRule, Identity};
use dax_provisioner::aws::LOOKUPS_BUILT_IN;
use dax_provisioner::domain::iam::policies::PolicyDocument;
use dax_provisioner::domain::iam::policies::service::simulation_policy;
use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::operation::Status;
use serde_json::{Value, json};

use crate::iam::escalation_names::TRUST_ACCOUNT;
use crate::support::api::{ApiClient, ApiResponse, cluster_request};
use crate::support::identity::{SERVICE, SERVICE_ARN};
use crate::support::test_env::{TestEnv, aws_as};

/// A request with everything new.
fn everything(env: &TestEnv) -> Value {
    let subnets = env.sandbox.inventory().subnets;
    let subnets: Vec<&str> = subnets.iter().map(|subnet| subnet.id.as_str()).collect();
    let mut body = cluster_request("orders");
    body["subnet_group"] = json!({"subnet_ids": subnets});
    body["parameters"] = json!({"record_ttl_millis": 1000});
    body
}

/// The request with these members added.
pub fn with(mut body: Value, more: Value) -> Value {
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    body
}

pub async fn preflight(api: &ApiClient, body: &Value) -> ApiResponse {
    let response = api.post("/v1/preflights", body, &[]).await;
    assert_eq!(response.status, 200, "{response:?}");
    response
}

/// The names of the checks with this result.
pub fn named<'a>(response: &'a ApiResponse, result: &str) -> Vec<&'a str> {
    let checks = response.body["checks"].as_array().unwrap().iter();
    checks
        .filter(|check| check["result"] == result)
        .map(|check| check["name"].as_str().unwrap())
        .collect()
}

/// The checks that need lookups, in a build without them.
fn not_built_in(names: &[&'static str]) -> Vec<&'static str> {
    if LOOKUPS_BUILT_IN {
        Vec::new()
    } else {
        names.to_vec()
    }
}

pub fn check<'a>(response: &'a ApiResponse, name: &str) -> &'a Value {
    let checks = response.body["checks"].as_array().unwrap();
    checks
        .iter()
        .find(|check| check["name"] == name)
        .unwrap_or_else(|| panic!("no check {name}: {:#}", response.body))
}

pub fn role(name: &str, path: &str, trust: &str) -> Mutation {
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
async fn the_shipped_policy_passes() {
    let env = TestEnv::new().await;
    let api = env.api();
    env.grant(&[], vec![simulation_policy(SERVICE_ARN)]);
    let response = preflight(&api, &everything(&env)).await;
    assert_eq!(named(&response, "fail"), Vec::<&str>::new(), "{response:?}");
    assert_eq!(
        named(&response, "not_checked"),
        not_built_in(&["subnets", "network_type", "tables"])
    );
    // What this build cannot check does not keep it from passing.
    assert_eq!(response.body["result"], "pass");
    for check in response.body["checks"].as_array().unwrap() {
        assert_eq!(
            check["by_design"],
            check["result"] == "not_checked",
            "{check}"
        );
    }
    let role = json!({"access": "read_only", "all_tables": true});
    let all_tables = with(cluster_request("orders"), json!({"service_role": role}));
    let response = preflight(&api, &all_tables).await;
    assert_eq!(response.body["result"], "pass");
    assert_eq!(env.created_in_aws(), Vec::<String>::new());
}

#[tokio::test]
async fn without_permission_to_simulate_no_permission_is_reported_as_missing() {
    let env = TestEnv::new().await;
    let response = preflight(&env.api(), &everything(&env)).await;
    assert_eq!(response.body["result"], "not_checked");
    assert_eq!(named(&response, "fail"), Vec::<&str>::new());
    assert_eq!(response.body["policy"], Value::Null);
    let detail = &check(&response, "iam:CreateRole")["detail"];
    let reason = "iam:SimulatePrincipalPolicy returned AccessDenied";
    assert!(detail.as_str().unwrap().contains(reason), "{detail}");
}

/// The policy statement of a permission in a plan.
fn statement(permission: &Value) -> Value {
    let mut statement = json!({
        "Effect": "Allow", "Action": permission["action"], "Resource": permission["resource"],
    });
    if !permission["conditions"].as_object().unwrap().is_empty() {
        statement["Condition"] = permission["conditions"].clone();
    }
    statement
}

fn policy(statements: &[Value]) -> PolicyDocument {
    let policy = json!({"Version": "2012-10-17", "Statement": statements});
    serde_json::from_value(policy).unwrap()
}

#[tokio::test]
async fn each_missing_permission_is_reported_with_the_statement_that_grants_it() {
    let env = TestEnv::new().await;
    let api = env.api();
    let body = everything(&env);
    let plan = api.post("/v1/plans", &body, &[]).await.body;
    let permissions = plan["permissions"].as_array().unwrap();
    let statements: Vec<Value> = permissions.iter().map(statement).collect();
    for (index, missing) in permissions.iter().enumerate() {
        let others = [&statements[..index], &statements[index + 1..]].concat();
        env.put_policies(&[policy(&others), simulation_policy(SERVICE_ARN)]);
        let response = preflight(&api, &body).await;
        let action = missing["action"].as_str().unwrap();
        assert_eq!(named(&response, "fail"), [action], "{response:?}");
        let missing_policy = &response.body["policy"];
        let granted = json!([statements[index]]);
        assert_eq!(missing_policy["Statement"], granted, "{action}");
        let hint = &check(&response, action)["hints"][0];
        assert!(hint["title"].as_str().unwrap().contains(action), "{hint}");
        assert_eq!(hint["policy"], *missing_policy, "{action}");
    }
    assert!(permissions.len() >= 19, "{}", permissions.len());
}

#[tokio::test]
async fn an_explicit_deny_is_reported_as_such_and_without_a_policy() {
    let env = TestEnv::new().await;
    let deny = json!({"Effect": "Deny", "Action": "iam:CreatePolicy", "Resource": "*"});
    let policies = vec![simulation_policy(SERVICE_ARN), policy(&[deny])];
    env.grant(&[], policies);
    let response = preflight(&env.api(), &cluster_request("orders")).await;
    let hint = &check(&response, "iam:CreatePolicy")["hints"][0];
    assert_eq!(hint["id"], "explicit_deny");
    assert_eq!(hint["policy"], Value::Null);
    assert_eq!(response.body["policy"], Value::Null);
}

#[tokio::test]
async fn a_permissions_boundary_is_reported_as_such() {
    let env = TestEnv::new().await;
    let policies = [env.shipped_policy(&[]), simulation_policy(SERVICE_ARN)];
    let mut identity = identity(SERVICE, SERVICE_ARN, &policies);
    let statement = json!({"Effect": "Allow", "NotAction": "iam:TagRole", "Resource": "*"});
    let boundary = json!({"Version": "2012-10-17", "Statement": [statement]});
    identity.permissions_boundary = Some(boundary);
    env.sandbox.put_identity(SERVICE, identity);
    let response = preflight(&env.api(), &cluster_request("orders")).await;
    assert_eq!(named(&response, "fail"), ["iam:TagRole"]);
    let hint = &check(&response, "iam:TagRole")["hints"][0];
    assert_eq!(hint["id"], "cause_permissions_boundary");
}

fn identity(secret: &str, arn: &str, policies: &[PolicyDocument]) -> Identity {
    let policies = policies
        .iter()
        .map(|policy| serde_json::to_value(policy).unwrap());
    Identity {
        secret: secret.to_owned(),
        arn: arn.to_owned(),
        policies: policies.collect(),
        permissions_boundary: None,
        session_policies: None,
        service_control_policies: None,
    }
}

/// Creates the role `portal` with the shipped policy. Returns its ARN.
async fn create_portal(env: &TestEnv) -> String {
    let created = async |mutation: Mutation| {
        let effect = env.admin.send(&mutation, &env.account).await.unwrap();
        effect.arn.unwrap_or_default()
    };
    let role_arn = created(role("portal", "/team/", TRUST_ACCOUNT)).await;
    let policy_arn = created(Mutation::CreatePolicy {
        name: "portal".to_owned(),
        path: "/".to_owned(),
        document: env.shipped_policy(&[]).to_json(),
        description: String::new(),
        tags: BTreeMap::new(),
    })
    .await;
    created(Mutation::AttachRolePolicy {
        role: "portal".to_owned(),
        policy_arn,
    })
    .await;
    role_arn
}

#[tokio::test]
async fn the_role_of_a_session_is_read_and_then_simulated() {
    let mut env = TestEnv::new().await;
    let role_arn = create_portal(&env).await;
    let session_arn = "arn:aws:sts::123456789012:assumed-role/portal/i-0abc";
    let session = |policies: &[PolicyDocument]| identity("session", session_arn, policies);
    let shipped = env.shipped_policy(&[]);
    env.sandbox
        .put_identity("session", session(std::slice::from_ref(&shipped)));
    env.aws = aws_as(&env.sandbox, &env.endpoint, "session", "session").await;
    let api = env.api();
    let response = preflight(&api, &cluster_request("orders")).await;
    let detail = &check(&response, "iam:CreateRole")["detail"];
    let reason = "could not find whose permissions to simulate: iam:GetRole returned";
    assert!(detail.as_str().unwrap().starts_with(reason), "{detail}");

    let policies = [shipped, simulation_policy(&role_arn)];
    env.sandbox.put_identity("session", session(&policies));
    let response = preflight(&api, &cluster_request("orders")).await;
    let not_checked = named(&response, "not_checked");
    assert_eq!(not_checked, not_built_in(&["tables"]), "{response:?}");
    assert_eq!(named(&response, "fail"), Vec::<&str>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_organisation_denies_under_conditions_is_not_checked() {
    let env = TestEnv::new().await;
    let shipped = env.shipped_policy(&[]);
    let policies = [shipped, simulation_policy(SERVICE_ARN)];
    // The deny is about another Region. The simulator ignores that.
    let allow = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    let elsewhere = json!({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}});
    let deny =
        json!({"Effect": "Deny", "Action": "iam:*", "Resource": "*", "Condition": elsewhere});
    let of_organisation = json!({"Version": "2012-10-17", "Statement": [allow, deny]});
    let service = Identity {
        service_control_policies: Some(vec![of_organisation]),
        ..identity(SERVICE, SERVICE_ARN, &policies)
    };
    env.sandbox.put_identity(SERVICE, service);
    let (api, worker) = (env.api(), env.worker("w"));
    let response = preflight(&api, &cluster_request("orders")).await;
    assert_eq!(named(&response, "fail"), Vec::<&str>::new());
    let create_role = check(&response, "iam:CreateRole");
    assert_eq!(create_role["result"], "not_checked");
    let detail = create_role["detail"].as_str().unwrap();
    assert!(detail.contains("policy of the organisation"), "{detail}");
    assert_eq!(check(&response, "dax:CreateCluster")["result"], "pass");
    let mut body = cluster_request("orders");
    body["require_preflight"] = json!(true);
    let id = api.post("/v1/clusters", &body, &[]).await.accepted();
    assert_eq!(env.settle(&worker, id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn an_action_that_cannot_be_simulated_leaves_the_others_checked() {
    let env = TestEnv::new().await;
    let api = env.api();
    env.grant(&[], vec![simulation_policy(SERVICE_ARN)]);
    // The first simulation has one action, so it is unknown; the next is repeated in parts.
    for count in [1, 2] {
        let fault = FaultKind::Error("InvalidInput".to_owned());
        let rule = FaultRule::new("iam:SimulatePrincipalPolicy", fault).count(count);
        env.sandbox.add_fault(rule);
        let response = preflight(&api, &everything(&env)).await;
        let checks = response.body["checks"].as_array().unwrap().iter();
        let unchecked = checks.filter(|check| {
            let name = check["name"].as_str().unwrap();
            name.contains(':') && check["result"] != "pass"
        });
        let unchecked: Vec<&Value> = unchecked.map(|check| &check["name"]).collect();
        assert_eq!(unchecked, ["iam:GetRole"], "{count}");
    }
}
