//! Pasted errors of AWS and what `POST /v1/hints/explain` must find in them.

use aws_sandbox::{FaultKind, FaultRule, Identity};
use dax_provisioner::domain::operation::Status;
use serde_json::{Value, json};

use crate::iam::explanation_samples::SAMPLES;
use crate::support::api::cluster_request;
use crate::support::identity::{SERVICE, SERVICE_ARN};
use crate::support::test_env::TestEnv;

const USER: &str = "User: arn:aws:iam::123456789012:user/u is not authorized to perform:";

fn ids(explained: &Value) -> String {
    let hints = explained["hints"].as_array().unwrap();
    let ids: Vec<&str> = hints
        .iter()
        .map(|hint| hint["id"].as_str().unwrap())
        .collect();
    ids.join(" ")
}

#[tokio::test]
async fn every_pasted_error_is_explained() {
    let env = TestEnv::new().await;
    let api = env.api();
    let mut failures = Vec::new();
    for (sample, path, expected) in SAMPLES {
        let message = sample.replace("U:", USER);
        let body = json!({ "message": message });
        let explained = api.post("/v1/hints/explain", &body, &[]).await.body;
        let found = match path {
            "ids" => ids(&explained),
            _ => explained
                .pointer(path)
                .and_then(Value::as_str)
                .unwrap_or("null")
                .to_owned(),
        };
        if found != expected {
            failures.push(format!("{sample}\n  {path} is {found}, not {expected}"));
        }
    }
    assert!(
        failures.is_empty(),
        "{} failures\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[tokio::test]
async fn a_text_without_an_aws_error_is_not_recognized() {
    let env = TestEnv::new().await;
    let api = env.api();
    for (message, recognized) in [
        ("hello", false),
        ("it does not work", false),
        (
            "An error occurred (Unheard) when calling the CreateMoon operation: x",
            false,
        ),
        ("Rate exceeded", true),
        ("User: x is not authorized to perform: moon:Land", true),
    ] {
        let body = json!({ "message": message });
        let explained = api.post("/v1/hints/explain", &body, &[]).await.body;
        assert_eq!(explained["recognized"], recognized, "{message}");
        assert_eq!(
            explained["hints"].as_array().unwrap().is_empty(),
            !recognized
        );
    }
}

/// Pasted denials, the resource of the policy, and part of the explanation where there is none.
const POLICIES: [(&str, Result<&str, &str>); 8] = [
    (
        "U: iam:CreatePolicy on resource: policy dax-orders-abcdefghij",
        Ok("arn:aws:iam::123456789012:policy/dax-provisioner/dax-orders-abcdefghij"),
    ),
    (
        "{\"m\":\"U: iam:CreateRole on resource: arn:aws:iam::123456789012:role/dax-provisioner/dax-x\"}",
        Ok("arn:aws:iam::123456789012:role/dax-provisioner/dax-x"),
    ),
    (
        "U: dax:CreateCluster on resource: arn:aws:dax:eu-west-1:123456789012:cache/orders",
        Ok("*"),
    ),
    (
        "U: iam:PassRole on resource: arn:aws:iam::***:role/service-role/DAXtoDynamoDB",
        Err("the account in the message is masked"),
    ),
    (
        "U: iam:CreateServiceLinkedRole on resource: arn:aws:iam::123456789012:role/aws-service-role/elasticache.amazonaws.com/AWSServiceRoleForElastiCache",
        Err("does not have this permission on this resource"),
    ),
    (
        "U: iam:ListPolicies on resource: policy path / because no permissions boundary allows the iam:ListPolicies action",
        Err("the Allow belongs in the permissions boundary"),
    ),
    (
        "U: iam:CreateRole on resource: arn:aws:iam::999999999999:role/dax-provisioner/dax-x",
        Err("another account or partition"),
    ),
    (
        "U: sts:AssumeRole on resource: arn:aws:iam::123456789012:role/Admin",
        Err("could let its holder gain others"),
    ),
];

#[tokio::test]
async fn a_pasted_denial_has_an_exact_policy_or_says_why_there_is_none() {
    let env = TestEnv::new().await;
    let api = env.api();
    for (sample, expected) in POLICIES {
        let body = json!({ "message": sample.replace("U:", USER) });
        let explained = api.post("/v1/hints/explain", &body, &[]).await.body;
        let hint = &explained["hints"][0];
        match expected {
            Ok(resource) => {
                let statement = &hint["policy"]["Statement"][0];
                assert_eq!(statement["Resource"], resource, "{sample}: {hint:#}");
                assert_eq!(statement["Action"], explained["aws"]["action"]);
                if resource == "*" {
                    let region = &statement["Condition"]["StringEquals"]["aws:RequestedRegion"];
                    assert_eq!(region, "eu-west-1");
                }
            }
            Err(reason) => {
                assert_eq!(hint["policy"], Value::Null, "{sample}");
                let explanation = hint["explanation"].as_str().unwrap();
                assert!(explanation.contains(reason), "{sample}: {explanation}");
            }
        }
    }
}

async fn blocked_problem(env: &TestEnv) -> Value {
    let (api, worker) = (env.api(), env.worker("w"));
    let id = api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    assert_eq!(env.settle(&worker, id).await.status, Status::Blocked);
    let path = format!("/v1/operations/{id}");
    api.get(&path).await.body["problem"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_required_boundary_is_named_with_its_setting() {
    let env = TestEnv::new().await;
    let deny = json!({
        "Effect": "Deny", "Action": "iam:CreateRole", "Resource": "*",
        "Condition": {"StringNotEquals": {"iam:PermissionsBoundary": "arn:aws:iam::123456789012:policy/Required"}},
    });
    let allow = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    let identity = Identity {
        secret: SERVICE.to_owned(),
        arn: SERVICE_ARN.to_owned(),
        policies: vec![json!({"Version": "2012-10-17", "Statement": [allow, deny]})],
        permissions_boundary: None,
        session_policies: None,
        service_control_policies: None,
    };
    env.sandbox.put_identity(SERVICE, identity);
    let problem = blocked_problem(&env).await;
    let hint = &problem["hints"][0];
    assert_eq!(hint["id"], "iam_boundary_required", "{problem:#}");
    let explanation = hint["explanation"].as_str().unwrap();
    for part in ["`iam:PermissionsBoundary`", "`--permissions-boundary ARN`"] {
        assert!(explanation.contains(part), "{explanation}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn session_credentials_that_only_iam_rejects_are_named() {
    let env = TestEnv::new().await;
    let code = "InvalidClientTokenId".to_owned();
    let fault = FaultRule::new("iam:CreateRole", FaultKind::Error(code)).count(100);
    env.sandbox.add_fault(fault);
    let problem = blocked_problem(&env).await;
    let ids: Vec<&Value> = problem["hints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hint| &hint["id"])
        .collect();
    assert_eq!(ids, ["credentials_not_for_iam"], "{problem:#}");
}
