//! What makes a create fail is found before anything is created.

use dax_provisioner::domain::iam::policies::PolicyDocument;
use dax_provisioner::domain::iam::policies::service::simulation_policy;
use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::operation::Status;
use serde_json::{Value, json};

use crate::iam::without;
use crate::support::api::cluster_request;
use crate::support::identity::SERVICE_ARN;
use crate::support::requests::{unmanaged_cluster, unmanaged_role};
use crate::support::test_env::TestEnv;

fn with_role(name: &str, arn: &str) -> Value {
    let mut body = cluster_request(name);
    body["service_role"] = json!({"arn": arn});
    body
}

/// The resources that a new account does not have.
fn created(env: &TestEnv) -> usize {
    env.sandbox.inventory().created().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_does_not_exist_ends_the_create_with_candidates() {
    let env = TestEnv::new().await;
    let (api, worker) = (env.api(), env.worker("w"));
    env.admin
        .send(&unmanaged_role("Other", "/team/"), &env.account)
        .await
        .unwrap();
    let before = created(&env);
    let missing = "arn:aws:iam::123456789012:role/missing";
    let id = api
        .post("/v1/clusters", &with_role("orders", missing), &[])
        .await
        .accepted();
    assert_eq!(env.settle(&worker, id).await.status, Status::Failed);
    let problem = api.get(&format!("/v1/operations/{id}")).await.body["problem"].clone();
    assert_eq!(problem["code"], "service_role_not_found");
    assert_eq!(problem["retryable"], false);
    let other = "arn:aws:iam::123456789012:role/team/Other";
    assert_eq!(problem["candidates"], json!([other]));
    assert_eq!(created(&env), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_under_another_path_is_named() {
    let env = TestEnv::new().await;
    let (api, worker) = (env.api(), env.worker("w"));
    env.admin
        .send(&unmanaged_role("R", "/service-role/"), &env.account)
        .await
        .unwrap();
    let body = with_role("orders", "arn:aws:iam::123456789012:role/R");
    let there = "arn:aws:iam::123456789012:role/service-role/R";
    let preflight = api.post("/v1/preflights", &body, &[]).await.body;
    let checks = preflight["checks"].as_array().unwrap();
    let check = checks
        .iter()
        .find(|check| check["name"] == "service_role")
        .unwrap();
    assert_eq!(check["result"], "fail");
    assert!(check["detail"].as_str().unwrap().contains(there), "{check}");
    let id = api.post("/v1/clusters", &body, &[]).await.accepted();
    assert_eq!(env.settle(&worker, id).await.status, Status::Failed);
    let problem = api.get(&format!("/v1/operations/{id}")).await.body["problem"].clone();
    assert_eq!(problem["code"], "service_role_not_found");
    assert_eq!(problem["candidates"], json!([there]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_without_trust_has_the_hint_of_the_preflight() {
    let env = TestEnv::new().await;
    let (api, worker) = (env.api(), env.worker("w"));
    let mut role = unmanaged_role("R", "/");
    if let Mutation::CreateRole { trust_policy, .. } = &mut role {
        *trust_policy = trust_policy.replace("dax.amazonaws.com", "ec2.amazonaws.com");
    }
    env.admin.send(&role, &env.account).await.unwrap();
    env.grant(&["arn:aws:iam::123456789012:role/R".to_owned()], Vec::new());
    let body = with_role("orders", "arn:aws:iam::123456789012:role/R");
    let preflight = api.post("/v1/preflights", &body, &[]).await.body;
    let checks = preflight["checks"].as_array().unwrap();
    let check = checks
        .iter()
        .find(|check| check["name"] == "service_role")
        .unwrap();
    let id = api.post("/v1/clusters", &body, &[]).await.accepted();
    assert_eq!(env.settle(&worker, id).await.status, Status::Blocked);
    let problem = api.get(&format!("/v1/operations/{id}")).await.body["problem"].clone();
    assert_eq!(problem["code"], "role_not_assumable");
    assert_eq!(problem["hints"], check["hints"]);
    assert_eq!(problem["hints"][0]["id"], "dax_role_not_assumable");
}

/// A role that the service can read but not pass, and the policies of the service.
async fn role_that_cannot_be_passed(env: &TestEnv) -> (String, Vec<PolicyDocument>) {
    let role = unmanaged_role("R", "/");
    let arn = env
        .admin
        .send(&role, &env.account)
        .await
        .unwrap()
        .arn
        .unwrap();
    let shipped = env.shipped_policy(std::slice::from_ref(&arn));
    let policies = vec![
        without(&shipped, "iam:PassRole"),
        simulation_policy(SERVICE_ARN),
    ];
    env.put_policies(&policies);
    (arn, policies)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_cannot_be_passed_is_found_before_anything_is_created() {
    for is_named in [true, false] {
        let env = TestEnv::new().await;
        let (api, worker) = (env.api(), env.worker("w"));
        let (arn, mut policies) = role_that_cannot_be_passed(&env).await;
        let before = created(&env);
        let mut body = with_role("orders", &arn);
        if !is_named {
            body["service_role"] = Value::Null;
        }
        let preflight = api.post("/v1/preflights", &body, &[]).await.body;
        let checks = preflight["checks"].as_array().unwrap();
        let is_passing = |check: &&Value| check["name"] == "iam:PassRole";
        let check = checks.iter().find(is_passing).unwrap();
        assert_eq!(check["result"], "fail");
        let id = api.post("/v1/clusters", &body, &[]).await.accepted();
        assert_eq!(env.settle(&worker, id).await.status, Status::Blocked);
        assert_eq!(created(&env), before);
        let operation = api.get(&format!("/v1/operations/{id}")).await.body;
        assert_eq!(operation["steps"][0]["status"], "blocked");
        assert_eq!(operation["waiting_for"], "permission");
        let problem = &operation["problem"];
        assert_eq!(problem["code"], "permission_missing");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(&arn) && detail.contains("iam:PassRole"));
        assert_eq!(problem["hints"], check["hints"]);

        // The policy of the hint is enough, and the operation resumes by itself.
        let policy = problem["hints"][0]["policy"].clone();
        policies.push(serde_json::from_value(policy).unwrap());
        env.put_policies(&policies);
        assert_eq!(env.finish(&worker, id).await.status, Status::Succeeded);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_simulation_that_is_not_certain_stops_no_create() {
    let env = TestEnv::new().await;
    let (api, worker) = (env.api(), env.worker("w"));
    let (arn, mut policies) = role_that_cannot_be_passed(&env).await;
    // The simulator does not know the source address of the call, so it denies.
    let under_condition = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "iam:PassRole", "Resource": arn,
        "Condition": {"IpAddress": {"aws:SourceIp": "127.0.0.1"}}}]});
    policies.push(serde_json::from_value(under_condition).unwrap());
    env.put_policies(&policies);
    let body = with_role("orders", &arn);
    let id = api.post("/v1/clusters", &body, &[]).await.accepted();
    assert_eq!(env.settle(&worker, id).await.status, Status::Succeeded);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_is_taken_in_aws_is_found_before_anything_is_created() {
    let env = TestEnv::new().await;
    let (api, worker) = (env.api(), env.worker("w"));
    env.admin
        .send(&unmanaged_role("Other", "/"), &env.account)
        .await
        .unwrap();
    let role = "arn:aws:iam::123456789012:role/Other";
    let cluster = Mutation::CreateCluster(Box::new(unmanaged_cluster("orders", role)));
    env.admin.send(&cluster, &env.account).await.unwrap();
    let before = created(&env);
    let id = api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    assert_eq!(env.settle(&worker, id).await.status, Status::Failed);
    let problem = api.get(&format!("/v1/operations/{id}")).await.body["problem"].clone();
    assert_eq!(problem["code"], "cluster_exists_in_aws");
    let fields = crate::support::api::strings(&problem["differences"], "field");
    assert_eq!(fields, ["node_type", "replication_factor", "service_role"]);
    assert_eq!(
        problem["resolution"]["path"],
        "/v1/clusters/orders/adopt?target=default"
    );
    assert_eq!(created(&env), before);
}
