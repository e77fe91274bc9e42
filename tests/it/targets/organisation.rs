//! A process with an organisation: accounts that are entered, lost and found again, over HTTP.

use std::time::Duration;

use serde_json::json;

use crate::support::signed_calls::query_at;
use crate::targets::service::{NAMES, Service, id_of, organisation, table};
use crate::targets::setup::{EXTERNAL_ID, MAIN, OTHER, PRINCIPAL_ARN, trust_of};

/// Every kind of operation on the cluster `orders` of a target, one after another.
async fn live(service: &Service, target: &str) {
    let path = |action: &str| format!("/v1/clusters/orders{action}?target={target}");
    service
        .succeeded(&service.create("orders", target).await)
        .await;
    let body = json!({"replication_factor": 3});
    let scale = service.send("POST", &path("/scale"), Some(body)).await;
    service.succeeded(&id_of(&scale)).await;
    let body = json!({"description": target});
    let update = service.send("PATCH", &path(""), Some(body)).await;
    service.succeeded(&id_of(&update)).await;
    let cluster = service.get(&path("")).await;
    assert_eq!(cluster["desired"]["description"], target, "{cluster:#}");
    for action in ["/reboot", "/repair", "/release", "/adopt"] {
        let accepted = service.send("POST", &path(action), None).await;
        service.succeeded(&id_of(&accepted)).await;
    }
    let delete = service.send("DELETE", &path(""), None).await;
    service.succeeded(&id_of(&delete)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_operation_runs_in_each_target_at_once() {
    let service = Service::start("dax-provisioner-targets").await;
    let lives = NAMES.map(|target| live(&service, target));
    futures_util::future::join_all(lives).await;
    let left = |account: &str, region: &str| {
        let inventory = service.sandbox.inventory_of(account, region);
        inventory.clusters.len()
    };
    assert_eq!(
        [
            left(MAIN, "us-east-1"),
            left(OTHER, "us-east-1"),
            left(OTHER, "eu-west-1")
        ],
        [0, 0, 0]
    );
}

/// The administrator of the account changes whom the access role trusts.
pub async fn set_trust(service: &Service, external_id: &str) {
    let trust = trust_of(PRINCIPAL_ARN, external_id);
    let input = [
        ("RoleName", "dax-provisioner-payments"),
        ("PolicyDocument", trust.as_str()),
    ];
    let call = "UpdateAssumeRolePolicy";
    let updated = query_at(&service.endpoint, (OTHER, OTHER), "iam", call, &input).await;
    assert_eq!(updated.status, 200, "{}", updated.text);
}

/// An invalid version is not taken.
async fn keeps_the_version_before_an_invalid_one(service: &Service) {
    service.rewrite("[targets.payments]\nregion = 1\n");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let metrics = service
        .client
        .get(format!("{}/metrics", service.url))
        .send()
        .await
        .unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(
        metrics.contains("dax_provisioner_organisation_valid 0"),
        "{metrics}"
    );
    assert_eq!(
        service.get("/v1/targets").await["items"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    // Both the versions that were taken and the one that was not are in the audit.
    let recorded = service.get("/v1/audit?action=take_organisation").await;
    let recorded = recorded["items"].as_array().unwrap();
    let (newest, oldest) = (&recorded[0], &recorded[recorded.len() - 1]);
    assert_eq!(
        (&newest["decision"], &newest["caller"]),
        (&json!("refused"), &json!("service"))
    );
    assert_eq!(oldest["decision"], "accepted");
    assert_eq!(oldest["organisation"].as_str().unwrap().len(), 64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_cannot_be_used_waits_and_recovers_by_itself() {
    let service = Service::start("dax-provisioner-states").await;
    service
        .succeeded(&service.create("before", "payments").await)
        .await;
    // The role loses its trust.
    set_trust(&service, "another").await;
    let reason = service.await_status("payments", "unreachable").await;
    assert!(
        reason.contains("AssumeRole failed (AccessDenied)"),
        "{reason}"
    );
    let held = service.create("held", "payments").await;
    service.waits_for(&held, "credentials").await;
    service
        .succeeded(&service.create("held", "main").await)
        .await;
    set_trust(&service, EXTERNAL_ID).await;
    service.await_status("payments", "ready").await;
    service.succeeded(&held).await;
    // An account number that is not what the file says: the role of another account.
    let wrong = organisation(&service.roles).replace(
        &table("payments", &service.roles[1], OTHER, EXTERNAL_ID),
        &table("payments", &service.roles[1], "333333333333", EXTERNAL_ID),
    );
    service.rewrite(&wrong);
    service.await_status("payments", "unreachable").await;
    keeps_the_version_before_an_invalid_one(&service).await;
    // A target that left the file keeps its clusters readable, and its operations wait.
    let mut tables: Vec<String> = Vec::new();
    for (name, role) in NAMES.iter().zip(&service.roles) {
        if *name != "payments" {
            tables.push(table(name, role, &role.account.account_id, EXTERNAL_ID));
        }
    }
    service.rewrite(&tables.concat());
    service.await_status("payments", "removed").await;
    let cluster = service.get("/v1/clusters/before?target=payments").await;
    assert_eq!(
        (&cluster["status"], &cluster["account_id"]),
        (&json!("available"), &json!(OTHER))
    );
    let delete = service
        .send("DELETE", "/v1/clusters/before?target=payments", None)
        .await;
    service.waits_for(&id_of(&delete), "operator").await;
    let account = service.sandbox.inventory_of(OTHER, "us-east-1");
    assert!(
        account
            .clusters
            .iter()
            .any(|cluster| cluster.name == "before")
    );
    service.rewrite(&organisation(&service.roles));
    service.await_status("payments", "ready").await;
    service.succeeded(&id_of(&delete)).await;
}
