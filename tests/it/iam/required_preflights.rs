//! Creates with `require_preflight`: a failed check rejects the request.

use aws_sandbox::Identity;
use dax_provisioner::domain::iam::policies::service::simulation_policy;
use dax_provisioner::domain::operation::Status;
use serde_json::{Value, json};

use crate::iam::preflights::with;
use crate::support::api::{cluster_request, strings};
use crate::support::identity::{SERVICE, SERVICE_ARN};
use crate::support::test_env::TestEnv;

/// A create that requires its preflight.
fn request() -> Value {
    let more = json!({"require_preflight": true});
    with(cluster_request("orders"), more)
}

#[tokio::test]
async fn a_failed_preflight_rejects_the_create_with_all_checks_and_hints() {
    let env = TestEnv::new().await;
    let api = env.api();
    let missing = ["iam:CreateRole", "iam:PassRole"];
    let statement = json!({"Effect": "Allow", "NotAction": missing, "Resource": "*"});
    let identity = Identity {
        secret: SERVICE.to_owned(),
        arn: SERVICE_ARN.to_owned(),
        policies: vec![json!({"Version": "2012-10-17", "Statement": [statement]})],
        permissions_boundary: None,
        session_policies: None,
        service_control_policies: None,
    };
    env.sandbox.put_identity(SERVICE, identity);
    let key = [("idempotency-key", "k-1")];
    let response = api.post("/v1/clusters", &request(), &key).await;
    let problem = response.rejected(422, "preflight_failed");
    let checks = problem["checks"].as_array().unwrap();
    let failed: Vec<&Value> = checks
        .iter()
        .filter(|check| check["result"] == "fail")
        .map(|check| &check["name"])
        .collect();
    assert_eq!(failed, missing);
    let titles = [
        "Add iam:CreateRole to your user policy.",
        "Add iam:PassRole to your user policy.",
    ];
    assert_eq!(strings(&problem["hints"], "title"), titles);
    assert_eq!(env.created_in_aws(), Vec::<String>::new());
    api.get("/v1/clusters/orders")
        .await
        .rejected(404, "not_found");

    // A rejected request does not use up its idempotency key.
    env.grant(&[], Vec::new());
    api.post("/v1/clusters", &request(), &key).await.accepted();
}

#[tokio::test]
async fn checks_without_a_result_do_not_reject_the_create() {
    // The shipped policy does not allow to simulate, so no permission is checked.
    let env = TestEnv::new().await;
    let api = env.api();
    let id = api.post("/v1/clusters", &request(), &[]).await.accepted();
    let status = env.settle(&env.worker("w"), id).await.status;
    assert_eq!(status, Status::Succeeded);
}

#[tokio::test]
async fn a_strict_preflight_rejects_what_was_not_checked_unless_by_design() {
    // The shipped policy does not allow to simulate, so no permission is checked.
    let env = TestEnv::new().await;
    let api = env.api();
    let strict = with(cluster_request("orders"), json!({"strict_preflight": true}));
    let response = api.post("/v1/clusters", &strict, &[]).await;
    let problem = response.rejected(422, "preflight_failed");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("iam:CreateRole"),
        "{problem}"
    );
    assert!(
        !problem["detail"].as_str().unwrap().contains("tables"),
        "{problem}"
    );
    env.grant(&[], vec![simulation_policy(SERVICE_ARN)]);
    api.post("/v1/clusters", &strict, &[]).await.accepted();
}

#[tokio::test]
async fn a_repeated_create_is_recognised_before_its_preflight() {
    let env = TestEnv::new().await;
    let api = env.api();
    let key = [("idempotency-key", "k-1")];
    let id = api.post("/v1/clusters", &request(), &key).await.accepted();
    let again = api.post("/v1/clusters", &request(), &key).await;
    assert_eq!(again.accepted(), id);
    env.settle(&env.worker("w"), id).await;
    // Without the key, the managed cluster is reported, not its name in AWS.
    api.post("/v1/clusters", &request(), &[])
        .await
        .rejected(409, "cluster_exists");
}
