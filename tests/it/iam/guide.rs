//! The permission errors of AWS's guide: predicted by a preflight, reported, explained, and fixed
//! by the policy of the hint.

use dax_provisioner::domain::iam::policies::PolicyDocument;
use dax_provisioner::domain::iam::policies::service::simulation_policy;
use dax_provisioner::domain::operation::Status;
use serde_json::{Value, json};

use crate::iam::without;
use crate::support::api::{cluster_request, strings};
use crate::support::identity::SERVICE_ARN;
use crate::support::test_env::TestEnv;

/// Permissions, and the titles of their hints. The first three are the guide's literal remedies.
/// The guide has no remedy for the fourth, and does not mention the fifth.
const GUIDE: [(&str, &str); 5] = [
    ("iam:CreateRole", "Add iam:CreateRole to your user policy."),
    (
        "iam:CreatePolicy",
        "Add iam:CreatePolicy to your user policy.",
    ),
    (
        "iam:AttachRolePolicy",
        "Add iam:AttachRolePolicy to your user policy.",
    ),
    ("iam:PassRole", "Add iam:PassRole to your user policy."),
    (
        "iam:CreateServiceLinkedRole",
        "Add iam:CreateServiceLinkedRole for dax.amazonaws.com to your user policy.",
    ),
];

fn parse(policy: &Value) -> PolicyDocument {
    serde_json::from_value(policy.clone()).unwrap()
}

/// An environment whose service lacks one action, and its policies. They allow the service to
/// simulate itself.
async fn lacking(action: &str) -> (TestEnv, Vec<PolicyDocument>) {
    let env = TestEnv::new().await;
    let policies = vec![
        without(&env.shipped_policy(&[]), action),
        simulation_policy(SERVICE_ARN),
    ];
    env.put_policies(&policies);
    (env, policies)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_missing_permission_is_predicted_by_a_preflight() {
    for (action, title) in GUIDE {
        let (env, _) = lacking(action).await;
        let response = env
            .api()
            .post("/v1/preflights", &cluster_request("orders"), &[])
            .await;
        let checks = response.body["checks"].as_array().unwrap();
        let failed: Vec<&Value> = checks
            .iter()
            .filter(|check| check["result"] == "fail")
            .collect();
        assert_eq!(failed.len(), 1, "{action}: {checks:#?}");
        assert_eq!(failed[0]["name"], action);
        assert_eq!(failed[0]["hints"][0]["title"], title);
        assert_eq!(env.created_in_aws(), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_missing_permission_is_fixed_by_the_policy_of_its_hint() {
    for (action, title) in GUIDE {
        let (env, mut policies) = lacking(action).await;
        let (api, worker) = (env.api(), env.worker("w"));
        let id = api
            .post("/v1/clusters", &cluster_request("orders"), &[])
            .await
            .accepted();
        let status = env.settle(&worker, id).await.status;
        assert_eq!(status, Status::Blocked, "{action}");
        let blocked = api.get(&format!("/v1/operations/{id}")).await.body;
        assert_eq!(blocked["waiting_for"], "permission");
        let problem = &blocked["problem"];
        assert_eq!(problem["code"], "permission_missing");
        assert_eq!(problem["aws"]["action"], action);
        assert_eq!(problem["hints"][0]["title"], title);

        // The pasted message has the same explanation.
        let pasted = json!({"message": problem["aws"]["message"]});
        let explained = api.post("/v1/hints/explain", &pasted, &[]).await.body;
        assert_eq!(explained["aws"]["action"], action);
        assert_eq!(explained["aws"]["principal"], SERVICE_ARN);
        assert_eq!(explained["hints"][0]["title"], title);

        // The statement of the hint is enough, and no retry is requested.
        let granted = parse(&problem["hints"][0]["policy"]);
        assert_eq!(granted.statement.len(), 1);
        policies.push(granted);
        env.put_policies(&policies);
        let done = env.finish(&worker, id).await;
        assert_eq!(done.status, Status::Succeeded, "{action}: {done:#?}");
        let path = format!("/v1/operations/{id}/events?limit=100");
        let events = api.get(&path).await.body;
        let types = strings(&events["items"], "type");
        let position = |event: &str| types.iter().position(|one| *one == event);
        assert!(position("blocked").is_some(), "{types:?}");
        assert!(position("blocked") < position("unblocked"), "{types:?}");
    }
}

#[tokio::test]
async fn one_policy_has_every_permission_of_the_blocked_request() {
    let env = TestEnv::new().await;
    env.put_policies(&[]);
    let (api, worker) = (env.api(), env.worker("w"));
    let id = api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    assert_eq!(env.settle(&worker, id).await.status, Status::Blocked);
    let operation = api.get(&format!("/v1/operations/{id}")).await.body;
    let message = &operation["problem"]["aws"]["message"];
    let pasted = json!({"message": message, "policy_scope": "request"});
    let explained = api.post("/v1/hints/explain", &pasted, &[]).await.body;
    let policy = parse(&explained["hints"][0]["policy"]);
    let text = policy.to_json();
    assert!(text.contains("dax-orders-??????????"), "{text}");
    env.put_policies(&[policy]);
    assert_eq!(env.finish(&worker, id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn for_a_message_of_another_caller_the_policy_is_the_shipped_one() {
    let env = TestEnv::new().await;
    let message = "User: arn:aws:iam::123456789012:user/x is not authorized to perform: \
        iam:CreateRole on resource: role r";
    let pasted = json!({"message": message, "policy_scope": "request"});
    let explained = env.api().post("/v1/hints/explain", &pasted, &[]).await.body;
    let policy = parse(&explained["hints"][0]["policy"]);
    assert_eq!(policy, env.shipped_policy(&[]));
}

#[tokio::test]
async fn pasted_error_texts_are_explained() {
    let env = TestEnv::new().await;
    let api = env.api();
    let explain = async |message: &str| {
        api.post("/v1/hints/explain", &json!({"message": message}), &[])
            .await
            .body
    };
    let expired = "An error occurred (ExpiredToken) when calling the GetCallerIdentity \
        operation: The security token is expired";
    let explained = explain(expired).await;
    assert_eq!(explained["aws"]["operation"], "GetCallerIdentity");
    assert_eq!(explained["aws"]["code"], "ExpiredToken");
    assert_eq!(explained["hints"][0]["id"], "credentials_expired");
    let policy_arn = "arn:aws:organizations::1:policy/o-1/p-1";
    let denied = format!(
        "User: arn:aws:iam::123456789012:user/x is not authorized to perform: iam:CreateRole on \
        resource: role r with an explicit deny in a service control policy: {policy_arn}"
    );
    let explained = explain(&denied).await;
    assert_eq!(explained["aws"]["cause"], "explicit_deny");
    assert_eq!(explained["aws"]["policy_arn"], policy_arn);
    assert_eq!(explained["hints"][0]["policy"], Value::Null);
    let unknown = explain("it does not work").await;
    assert_eq!(unknown["aws"]["action"], Value::Null);
    assert_eq!(unknown["hints"], json!([]));
    assert_eq!(unknown["recognized"], false);
    assert_eq!(explained["recognized"], true);
    api.post("/v1/hints/explain", &json!({"message": ""}), &[])
        .await
        .rejected(422, "invalid_request");
}

#[tokio::test]
async fn the_hints_are_listed() {
    let env = TestEnv::new().await;
    let hints = env.api().get("/v1/hints").await.body;
    let mut hints = hints["items"].as_array().unwrap().iter();
    let hint = hints
        .find(|hint| hint["id"] == "iam_create_policy")
        .unwrap();
    assert_eq!(hint["title"], "Add iam:CreatePolicy to your user policy.");
    assert_eq!(hint["cause"], "identity_policy");
    assert_eq!(hint["action"], "iam:CreatePolicy");
}
