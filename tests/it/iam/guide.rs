//! The guide's page, played: a permission is taken away, foreseen, met, explained, granted; and the work goes on by itself.

use dax_provisioner::domain::iam::policies::service::simulation_policy;
use dax_provisioner::domain::iam::policies::{PolicyDocument, Values};
use dax_provisioner::domain::operation::Status;
use serde_json::{Value, json};

use crate::support::api::cluster_request;
use crate::support::identity::SERVICE_ARN;
use crate::support::test_env::TestEnv;

/// The permissions of the guide page with its remedies, word for word; the fourth has none there, the fifth is not there.
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

/// A policy without one action.
fn without(policy: &PolicyDocument, action: &str) -> PolicyDocument {
    let mut statements = policy.statement.clone();
    for statement in &mut statements {
        let left = statement.action.texts().iter().filter(|one| *one != action);
        statement.action = Values::many(left.cloned());
    }
    statements.retain(|statement| !statement.action.texts().is_empty());
    PolicyDocument::new(statements)
}

fn read(policy: &Value) -> PolicyDocument {
    serde_json::from_value(policy.clone()).unwrap()
}

/// A world whose service lacks one action of its policy, and may simulate itself.
async fn lacking(action: &str) -> (TestEnv, Vec<PolicyDocument>) {
    let world = TestEnv::new().await;
    let policies = vec![
        without(&world.shipped_policy(&[]), action),
        simulation_policy(SERVICE_ARN),
    ];
    world.put_policies(&policies);
    (world, policies)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_permission_of_the_guide_is_foreseen_met_explained_and_cured() {
    for (action, title) in GUIDE {
        let (world, mut policies) = lacking(action).await;
        let (door, worker) = (world.api(), world.worker("w"));
        let foreseen = door
            .post("/v1/preflights", &cluster_request("orders"), &[])
            .await
            .body;
        let failed: Vec<&Value> = foreseen["checks"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|check| check["result"] == "fail")
            .collect();
        assert_eq!(failed.len(), 1, "{action}: {foreseen:#}");
        assert_eq!(
            (&failed[0]["name"], &failed[0]["hints"][0]["title"]),
            (&json!(action), &json!(title))
        );
        assert_eq!(world.created_in_aws(), Vec::<String>::new());

        let id = door
            .post("/v1/clusters", &cluster_request("orders"), &[])
            .await
            .accepted();
        assert_eq!(
            world.settle(&worker, id).await.status,
            Status::Blocked,
            "{action}"
        );
        let blocked = door.get(&format!("/v1/operations/{id}")).await.body;
        let problem = &blocked["problem"];
        assert_eq!(
            (&problem["code"], &blocked["waiting_for"]),
            (&json!("permission_missing"), &json!("permission"))
        );
        assert_eq!(problem["aws"]["action"], action);
        assert_eq!(problem["hints"][0]["title"], title);

        // Pasted, AWS's sentence is explained alike.
        let pasted = json!({"message": problem["aws"]["message"]});
        let explained = door.post("/v1/hints/explain", &pasted, &[]).await.body;
        assert_eq!(
            (&explained["aws"]["action"], &explained["hints"][0]["title"]),
            (&json!(action), &json!(title))
        );
        assert_eq!(explained["aws"]["principal"], SERVICE_ARN);

        // The statement of the hint, and nothing else, lets it go on: nobody asks for a retry.
        policies.push(read(&problem["hints"][0]["policy"]));
        assert_eq!(policies[2].statement.len(), 1);
        world.put_policies(&policies);
        let done = world.finish(&worker, id).await;
        assert_eq!(
            done.status,
            Status::Succeeded,
            "{action}: {:#?}",
            done.fault
        );
        let events = door
            .get(&format!("/v1/operations/{id}/events?limit=100"))
            .await
            .body;
        let types: Vec<&str> = events["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["type"].as_str().unwrap())
            .collect();
        let at = |kind: &str| types.iter().position(|one| *one == kind);
        assert!(
            at("blocked").is_some() && at("blocked") < at("unblocked"),
            "{types:?}"
        );
        println!(
            "guide: {action}: foreseen, met, explained, cured by its statement, finished by itself"
        );
    }
}

/// Somebody who lacks all of it is not sent round five times: the whole set is one answer.
#[tokio::test]
async fn the_whole_set_of_a_request_is_one_policy() {
    let world = TestEnv::new().await;
    world.put_policies(&[]);
    let (door, worker) = (world.api(), world.worker("w"));
    let id = door
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    assert_eq!(world.settle(&worker, id).await.status, Status::Blocked);
    let problem = door.get(&format!("/v1/operations/{id}")).await.body["problem"].clone();
    let pasted = json!({"message": problem["aws"]["message"], "policy_scope": "request"});
    let explained = door.post("/v1/hints/explain", &pasted, &[]).await.body;
    let whole = read(&explained["hints"][0]["policy"]);
    assert!(
        whole.to_json().contains("dax-orders-??????????"),
        "it is that of the cluster at hand: {}",
        whole.to_json()
    );
    world.put_policies(&[whole]);
    assert_eq!(world.finish(&worker, id).await.status, Status::Succeeded);
    // Of a stranger's text only the whole policy of the service can be told.
    let text = "User: arn:aws:iam::123456789012:user/x is not authorized to perform: iam:CreateRole on resource: role r";
    let strange = door
        .post(
            "/v1/hints/explain",
            &json!({"message": text, "policy_scope": "request"}),
            &[],
        )
        .await
        .body;
    assert_eq!(
        read(&strange["hints"][0]["policy"]),
        world.shipped_policy(&[])
    );
}

#[tokio::test]
async fn texts_of_every_kind_are_explained_and_others_left_alone() {
    let world = TestEnv::new().await;
    let door = world.api();
    let explain = async |message: &str| {
        door.post("/v1/hints/explain", &json!({"message": message}), &[])
            .await
            .body
    };
    let printed = "An error occurred (ExpiredToken) when calling the GetCallerIdentity operation: The security token is expired";
    let seen = explain(printed).await;
    assert_eq!(seen["aws"]["operation"], "GetCallerIdentity");
    assert_eq!(
        (&seen["aws"]["code"], &seen["hints"][0]["id"]),
        (&json!("ExpiredToken"), &json!("credentials_expired"))
    );
    let denied = "User: arn:aws:iam::123456789012:user/x is not authorized to perform: iam:CreateRole on resource: role r \
                  with an explicit deny in a service control policy: arn:aws:organizations::1:policy/o-1/p-1";
    let seen = explain(denied).await;
    assert_eq!(
        (&seen["aws"]["cause"], &seen["hints"][0]["policy"]),
        (&json!("explicit_deny"), &Value::Null)
    );
    assert_eq!(
        seen["aws"]["policy_arn"],
        "arn:aws:organizations::1:policy/o-1/p-1"
    );
    let nothing = explain("it does not work").await;
    assert_eq!(
        (&nothing["aws"]["action"], &nothing["hints"]),
        (&Value::Null, &json!([]))
    );
    door.post("/v1/hints/explain", &json!({"message": ""}), &[])
        .await
        .rejected(422, "invalid_request");
    let table = door.get("/v1/hints").await.body;
    let rows = table["items"].as_array().unwrap();
    let guide = rows
        .iter()
        .find(|row| row["id"] == "iam_create_policy")
        .unwrap();
    assert_eq!(guide["title"], "Add iam:CreatePolicy to your user policy.");
    assert_eq!(
        (&guide["cause"], &guide["action"]),
        (&json!("identity_policy"), &json!("iam:CreatePolicy"))
    );
    println!("hints: {} rows over HTTP", rows.len());
}
