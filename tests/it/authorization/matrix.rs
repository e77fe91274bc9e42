//! Every operation of the API for every kind of caller.

use dax_provisioner::authorization::{Action, Right, right_of};
use serde_json::{Value, json};

use super::built_in;
use crate::support::api::{DOCUMENT, cluster_request};
use crate::support::cluster_fixture::ClusterFixture;

/// The callers: name, groups, projects. The first has no token.
const CALLERS: [(&str, &[&str], &[&str]); 6] = [
    ("no token", &[], &[]),
    ("stranger", &[], &[]),
    ("other", &["operators"], &["search"]),
    ("viewer", &["viewers"], &["payments"]),
    ("operator", &["operators"], &["payments"]),
    ("admin", &["admins"], &[]),
];

/// Method, path and ID of every operation of the document.
fn operations() -> Vec<(String, String, String)> {
    let mut operations = Vec::new();
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if let Some(id) = operation["operationId"].as_str() {
                operations.push((method.to_uppercase(), path.clone(), id.to_owned()));
            }
        }
    }
    operations
}

#[test]
fn every_operation_has_a_right() {
    let operations = operations();
    assert!(operations.len() > 40);
    for (method, path, id) in &operations {
        let right = right_of(id);
        assert!(right.is_some(), "{id} has no right");
        let is_guarded = DOCUMENT["paths"][path][method.to_lowercase()]
            .get("security")
            .is_some();
        assert_eq!(right == Some(Right::Public), !is_guarded, "{id}");
    }
    for action in <Action as strum::VariantArray>::VARIANTS {
        let name = action.as_str();
        let is_known = operations.iter().any(|(_, _, id)| id == name);
        let has_none = ["read", "use_table", "assign_project"];
        assert!(is_known || has_none.contains(&name), "{name}");
    }
}

/// The operations after which the cluster is gone.
const ENDS: [&str; 2] = ["delete_cluster", "release_cluster"];

fn new_cluster(name: &str) -> Value {
    let mut body = cluster_request(name);
    body["project"] = json!("payments");
    body
}

/// The request of an operation for the cluster `pay` and its last operation.
fn request(id: &str, path: &str, operation: &str) -> (String, Option<Value>) {
    let name = match id {
        "adopt_cluster" => "foreign",
        "get_target" | "check_target" => "default",
        _ => "pay",
    };
    let mut path = path
        .replace("{name}", name)
        .replace("{id}", operation)
        .replace("{delivery_id}", operation);
    if id == "close_ingress" {
        path += "?cidr=10.0.0.0/16";
    }
    let body = match id {
        "create_cluster" | "plan_cluster" | "preflight_cluster" => Some(new_cluster("fresh")),
        "update_cluster" => Some(json!({"description": "changed"})),
        "plan_change" => Some(json!({"delete": {}})),
        "scale_cluster" => Some(json!({"replication_factor": 2})),
        "adopt_cluster" => Some(json!({"project": "payments"})),
        "open_ingress" => Some(json!({"cidr": "10.0.0.0/16"})),
        "explain_refusal" => Some(json!({"message": "Access Denied to API Version: DAX_V3"})),
        "create_webhook" => Some(json!({"url": "https://a.example/", "events": ["*"]})),
        "update_webhook" => Some(json!({"enabled": false})),
        "authorize_request" => Some(json!({"action": "read", "project": "payments"})),
        _ => None,
    };
    (path, body)
}

/// The statuses that a caller may get.
fn is_expected(caller: &str, id: &str, right: Right, path: &str, status: u16) -> bool {
    let administers = [
        "adopt_cluster",
        "release_cluster",
        "list_orphans",
        "check_target",
        "list_audit",
    ];
    let is_allowed = ![401, 403, 404, 422].contains(&status);
    // A build without lookups has no ingress.
    let is_not_built_in = id.ends_with("_ingress") && status == 422;
    let is_hidden = path.contains("/clusters/") || path.contains("/operations/");
    match (caller, right) {
        ("no token", _) => status == 401,
        _ if is_not_built_in => true,
        // No webhook has this ID, and the service has no key for another one. Operators manage those of
        // their projects.
        ("admin" | "operator" | "other", Right::Action(_)) if id.contains("webhook") => {
            [200, 404, 409].contains(&status)
        }
        (_, Right::Action(_)) if id.contains("webhook") => status == 403,
        // They may read nothing, so no target exists for them.
        ("stranger", Right::EveryCaller) => status == 200 || status == 403,
        ("stranger", _) => status == 403 || status == 404,
        (_, Right::EveryCaller) => status == 200,
        ("other", Right::Read) if id == "plan_cluster" || id == "preflight_cluster" => {
            status == 403
        }
        ("other", Right::Read) if is_hidden => status == 404,
        ("other", Right::Action(_)) if is_hidden && id != "adopt_cluster" => status == 404,
        ("other" | "viewer", Right::Action(_)) => status == 403,
        ("operator", Right::Action(_)) if administers.contains(&id) => status == 403,
        (_, _) => is_allowed,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_is_decided_for_every_kind_of_caller() {
    let fixture = ClusterFixture::new().await;
    fixture.create_foreign_cluster("foreign", &[]).await;
    let (mut api, _rules) = fixture.env.governed_api(built_in(&[]));
    fixture
        .env
        .act_as(&mut api, "maker", &["admins"], &[])
        .await;
    let maker = api.token.clone().unwrap();
    let created = api.post("/v1/clusters", &new_cluster("pay"), &[]).await;
    fixture.succeeds(&created).await;
    let operation = created.accepted().to_string();
    // What ends the cluster comes last.
    let mut operations = operations();
    operations.sort_by_key(|(_, _, id)| ENDS.contains(&id.as_str()));
    let (mut decided, mut wrong) = (0, Vec::new());
    for (method, path, id) in &operations {
        let right = right_of(id).unwrap();
        if right == Right::Public {
            continue;
        }
        for (caller, groups, projects) in CALLERS {
            api.token = None;
            if caller != "no token" {
                fixture.env.act_as(&mut api, caller, groups, projects).await;
            }
            let is_gone = fixture.env.store.cluster("pay").await.unwrap().is_none();
            if ENDS.contains(&id.as_str()) && is_gone {
                let token = api.token.replace(maker.clone());
                let created = api.post("/v1/clusters", &new_cluster("pay"), &[]).await;
                fixture.succeeds(&created).await;
                api.token = token;
            }
            let (path, body) = request(id, path, &operation);
            let status = api.status_of(method, &path, body.as_ref()).await;
            if !is_expected(caller, id, right, &path, status) {
                wrong.push(format!("{caller} {id}: {status}"));
            }
            decided += 1;
            fixture.settle_all().await;
        }
    }
    assert!(decided >= 6 * 38, "{decided}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
