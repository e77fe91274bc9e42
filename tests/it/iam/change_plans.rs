//! Plans of changes: their steps, calls and permissions are exactly those of the operation, and
//! making a plan changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use dax_provisioner::domain::iam::policies::PolicyDocument;
use dax_provisioner::domain::operation::Status;
use dax_provisioner::domain::waiting::WaitingFor;
use dax_provisioner::operations::plan;
use serde_json::{Value, json};

use super::change_scenarios::changes;
use crate::support::api::strings;
use crate::support::cluster_fixture::ClusterFixture;

/// The calls of a plan, step by step.
fn calls(plan: &Value) -> Vec<&str> {
    let steps = plan["steps"].as_array().unwrap().iter();
    let calls = steps.flat_map(|step| step["calls"].as_array().unwrap());
    calls.map(|call| call.as_str().unwrap()).collect()
}

/// Whether a call changes something.
fn is_mutation(call: &str) -> bool {
    let name = call.split(':').next_back().unwrap();
    !["Get", "List", "Describe"]
        .iter()
        .any(|verb| name.starts_with(verb))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_of_a_change_has_the_steps_and_calls_of_the_operation() {
    for change in changes() {
        let fixture = change.fixture().await;
        let env = &fixture.env;
        env.grant_all_except_any(&[]);
        let planned = change.plan(&fixture).await;
        let before = env.service_calls().len();
        let id = change.send(&fixture).await.accepted();
        let done = env.settle(&fixture.worker, id).await;
        assert_eq!(done.status, Status::Succeeded, "{}: {done:#?}", change.name);

        let steps = strings(&planned["steps"], "name");
        assert_eq!(steps, plan(done.kind).step_names(), "{}", change.name);
        let sent = &env.service_calls()[before..];
        let planned_calls = calls(&planned);
        let changed: Vec<&str> = sent
            .iter()
            .filter(|call| call.effect)
            .map(|call| call.operation.as_ref())
            .collect();
        let mutations = planned_calls
            .iter()
            .copied()
            .filter(|call| is_mutation(call));
        assert_eq!(changed, mutations.collect::<Vec<_>>(), "{}", change.name);
        let sent: BTreeSet<&str> = sent.iter().map(|call| call.operation.as_ref()).collect();
        let planned_set: BTreeSet<&str> = planned_calls.into_iter().collect();
        assert_eq!(sent, planned_set, "{}", change.name);
        for (step, record) in planned["steps"].as_array().unwrap().iter().zip(&done.steps) {
            let is_skipped = record.status.as_str() == "skipped";
            let calls = step["calls"].as_array().unwrap();
            let changes = calls.iter().any(|call| is_mutation(call.as_str().unwrap()));
            assert!(!(is_skipped && changes), "{}: {step}", change.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_of_a_change_changes_nothing_and_asks_aws_nothing() {
    for change in changes() {
        let fixture = change.fixture().await;
        let (calls, cluster) = (fixture.env.service_calls().len(), fixture.cluster().await);
        let resources = fixture.env.created_in_aws();
        change.plan(&fixture).await;
        assert_eq!(fixture.env.service_calls().len(), calls, "{}", change.name);
        assert_eq!(fixture.env.created_in_aws(), resources, "{}", change.name);
        assert_eq!(fixture.cluster().await, cluster, "{}", change.name);
    }
}

/// The permissions of a plan, each as a policy of its own.
fn permissions(plan: &Value) -> Vec<(String, PolicyDocument)> {
    let permissions = plan["permissions"].as_array().unwrap().iter();
    let one = |permission: &Value| {
        let mut statement = json!({"Effect": "Allow", "Action": permission["action"],
            "Resource": permission["resource"]});
        if permission["conditions"] != json!({}) {
            statement["Condition"] = permission["conditions"].clone();
        }
        let policy = json!({"Version": "2012-10-17", "Statement": [statement]});
        let action = permission["action"].as_str().unwrap().to_owned();
        (action, serde_json::from_value(policy).unwrap())
    };
    permissions.map(one).collect()
}

/// Runs the operation without any permission, and grants those of the plan that AWS asks for. Returns
/// the actions that were not needed.
async fn grant_until_done(
    fixture: &ClusterFixture,
    id: uuid::Uuid,
    mut missing: Vec<(String, PolicyDocument)>,
) -> Vec<String> {
    let (env, mut granted) = (&fixture.env, Vec::<PolicyDocument>::new());
    for _ in 0..1_000 {
        let operation = env.settle(&fixture.worker, id).await;
        if operation.status == Status::Succeeded {
            return missing.into_iter().map(|(action, _)| action).collect();
        }
        let by_permission = (Status::Blocked, Some(WaitingFor::Permission));
        let blocked = (operation.status, operation.waiting_for);
        assert_eq!(blocked, by_permission, "{operation:#?}");
        let message = operation.fault.unwrap().aws.unwrap().message;
        let needed = |(action, _): &(String, PolicyDocument)| {
            message.contains(&format!("perform: {action} "))
        };
        let at: Vec<usize> = (0..missing.len())
            .filter(|at| needed(&missing[*at]))
            .collect();
        assert!(!at.is_empty(), "no permission of the plan helps: {message}");
        // An action can have a permission for each of several resources.
        for at in at.into_iter().rev() {
            granted.push(missing.remove(at).1);
        }
        env.put_policies(&granted);
        env.one_turn(&fixture.worker).await;
    }
    panic!("the operation does not end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_permissions_of_a_plan_of_a_change_are_sufficient_and_each_is_necessary() {
    for change in changes() {
        let fixture = change.fixture().await;
        let needed = permissions(&change.plan(&fixture).await);
        fixture.env.put_policies(&[]);
        let id = change.send(&fixture).await.accepted();
        let unused = grant_until_done(&fixture, id, needed).await;
        assert_eq!(unused, Vec::<String>::new(), "{}", change.name);
    }
}

/// The resources of a plan by what happens to them: their kinds.
fn effects(plan: &Value) -> BTreeMap<&str, Vec<&str>> {
    let mut effects = BTreeMap::<&str, Vec<&str>>::new();
    for resource in plan["resources"].as_array().unwrap() {
        let text = |name: &str| resource[name].as_str().unwrap();
        effects
            .entry(text("effect"))
            .or_default()
            .push(text("kind"));
    }
    effects
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_says_what_goes_what_stays_and_what_reboots() {
    let groups = json!({"parameters": {"record_ttl_millis": 60000}, "replication_factor": 2});
    let fixture = ClusterFixture::with_cluster(&groups).await;
    fixture.poll().await;
    let plan = async |body: Value| {
        let answer = fixture.post("plans", &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    };
    let update = plan(json!({"update": {"parameters": {"query_ttl_millis": 1},
        "service_role": {"access": "read_only", "tables": ["Customers"]}, "reboot_nodes_if_needed": true}}))
    .await;
    let by_effect = effects(&update);
    assert_eq!(by_effect["create"], ["policy", "parameter_group"]);
    assert_eq!(by_effect["change"], ["cluster"]);
    assert_eq!(by_effect["delete"], ["policy", "parameter_group"]);
    assert_eq!(update["nodes_to_reboot"], json!(["orders-a", "orders-b"]));
    let codes = ["nodes_reboot", "access_reduced", "tables_removed"];
    assert_eq!(strings(&update["warnings"], "code"), codes);

    let delete = plan(json!({"delete": {"retain": ["service_role"]}})).await;
    let by_effect = effects(&delete);
    assert_eq!(by_effect["delete"], ["parameter_group", "cluster"]);
    assert!(by_effect["keep"].contains(&"role"), "{by_effect:?}");
    let codes = [
        "cache_content_lost",
        "endpoint_removed",
        "resources_retained",
    ];
    assert_eq!(strings(&delete["warnings"], "code"), codes);

    let scale = plan(json!({"scale": {"replication_factor": 1}})).await;
    let codes = ["nodes_removed", "one_node"];
    assert_eq!(strings(&scale["warnings"], "code"), codes);
    let reboot = plan(json!({"reboot": {"node_ids": ["orders-b"]}})).await;
    assert_eq!(reboot["nodes_to_reboot"], json!(["orders-b"]));
    assert_eq!(
        effects(&reboot)["keep"].len(),
        reboot["resources"].as_array().unwrap().len()
    );
}

#[expect(clippy::too_many_lines, reason = "a table of requests")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_request_would_reject_its_plan_rejects() {
    let fixture = ClusterFixture::with_cluster(&json!({"deletion_protection": true})).await;
    let plan = async |body: Value| fixture.post("plans", &body).await;
    for (body, pointer, code) in [
        (json!({}), "", "exclusive"),
        (json!({"scale": {}, "delete": {}}), "", "exclusive"),
        (json!({"resize": {}}), "/resize", "unknown_field"),
        (json!([]), "", "wrong_type"),
        (
            json!({"scale": {}}),
            "/scale/replication_factor",
            "required",
        ),
        (json!({"scale": null}), "/scale", "wrong_type"),
        (
            json!({"reboot": {"node_ids": ["orders-x"]}}),
            "/reboot/node_ids/0",
            "unknown_node",
        ),
        (
            json!({"update": {"tags": {"": "x"}}}),
            "/update/tags/",
            "out_of_range",
        ),
        (
            json!({"delete": {"retain": ["cluster"]}}),
            "/delete/retain/0",
            "unknown_value",
        ),
    ] {
        let answer = plan(body).await;
        answer.rejected(422, "invalid_request");
        assert_eq!(answer.violations(), [(pointer, code)]);
    }
    let immutable = plan(json!({"update": {"node_type": "dax.r5.large"}})).await;
    immutable.rejected(409, "immutable_field");
    assert_eq!(
        immutable.violations(),
        [("/update/node_type", "immutable_field")]
    );
    plan(json!({"delete": {}}))
        .await
        .rejected(409, "deletion_protected");
    let other = fixture
        .api
        .post("/v1/clusters/others/plans", &json!({"delete": {}}), &[])
        .await;
    other.rejected(404, "not_found");
    let patched = fixture
        .patch(&json!({"deletion_protection": false, "description": "busy"}))
        .await;
    let live = plan(json!({"reboot": {}})).await;
    let problem = live.rejected(409, "operation_in_progress");
    assert_eq!(
        problem["instance"],
        format!("/v1/operations/{}", patched.accepted())
    );
    let delete = plan(json!({"delete": {}})).await;
    assert_eq!(
        strings(&delete.body["warnings"], "code")[0],
        "operation_superseded"
    );
}
