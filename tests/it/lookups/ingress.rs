//! Ingress rules: opened and closed on request, and closed with their cluster.

use std::collections::BTreeMap;

use aws_sandbox::{FaultKind, FaultRule, NewSecurityGroup};
use dax_provisioner::domain::ingress::{Ingress, Peer};
use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::operation::Status;
use dax_provisioner::domain::validation::typed::SecurityGroupId;
use serde_json::{Value, json};

use crate::support::api::{ApiResponse, cluster_request};
use crate::support::cluster_fixture::ClusterFixture;

/// The default security group of the sandbox's VPC.
pub const GROUP: &str = "sg-0a1b2c3d4e5f60718";
/// A security group of clients.
pub const CLIENTS: &str = "sg-4d3c2b1a";

/// The ingress rules of a security group for TCP.
pub fn rules(fixture: &ClusterFixture, group: &str) -> Vec<String> {
    let groups = fixture.env.sandbox.inventory().security_groups;
    let group = groups.into_iter().find(|one| one.id == group).unwrap();
    let mut rules = group.ingress;
    rules.retain(|rule| rule.starts_with("tcp "));
    rules
}

/// A managed cluster, and a security group of clients.
pub async fn with_clients(more: &Value) -> ClusterFixture {
    let fixture = ClusterFixture::with_cluster(more).await;
    put_group(&fixture, CLIENTS, "clients");
    fixture
}

pub fn put_group(fixture: &ClusterFixture, id: &str, name: &str) {
    let vpc_id = fixture.env.sandbox.inventory().security_groups[0]
        .vpc_id
        .clone();
    let group = NewSecurityGroup {
        vpc_id,
        name: name.to_owned(),
    };
    fixture.env.sandbox.put_security_group(id, &group).unwrap();
}

/// Opens a port to 10.0.0.0/16. Returns the ID of the operation.
async fn open(fixture: &ClusterFixture) -> uuid::Uuid {
    let cidr = json!({"cidr": "10.0.0.0/16"});
    let opened = fixture.post("ingress", &cidr).await;
    fixture.succeeds(&opened).await;
    opened.accepted()
}

/// Opens a port to 10.0.0.0/16 as the account's administrator.
async fn open_as_admin(fixture: &ClusterFixture) {
    let ingress = Ingress {
        security_group_id: SecurityGroupId::parse(GROUP).unwrap(),
        port: 9111,
        peer: Peer::cidr("10.0.0.0/16"),
    };
    let authorize = Mutation::AuthorizeIngress {
        name: ingress.name(),
        ingress,
        tags: BTreeMap::new(),
    };
    fixture.admin(&authorize).await;
}

/// Owner, state and reason of a rule in the receipt of an operation.
async fn receipt(fixture: &ClusterFixture, id: uuid::Uuid, name: &str) -> Value {
    let shown = fixture.api.get(&format!("/v1/operations/{id}")).await.body;
    let mut items = shown["receipt"].as_array().unwrap().iter();
    let item = items
        .find(|item| item["name"] == name)
        .unwrap_or_else(|| panic!("no {name}: {shown:#}"));
    assert_eq!(item["kind"], "security_group_rule");
    json!([item["owner"], item["state"], item["reason"]])
}

async fn close(fixture: &ClusterFixture, query: &str) -> ApiResponse {
    fixture
        .api
        .delete(&format!("/v1/clusters/orders/ingress?{query}"))
        .await
}

/// Opens and closes a port twice. Each must send one call.
async fn open_and_close(body: Value, peer: &str, query: &str) {
    let fixture = with_clients(&json!({})).await;
    let name = format!("{GROUP}:9111:{peer}");
    for _ in 0..2 {
        let opened = fixture.post("ingress", &body).await;
        assert_eq!(opened.body["kind"], "change_ingress");
        fixture.succeeds(&opened).await;
        assert_eq!(
            rules(&fixture, GROUP),
            [format!("tcp 9111-9111 from {peer}")]
        );
        assert_eq!(
            receipt(&fixture, opened.accepted(), &name).await,
            json!(["managed", "present", null])
        );
    }
    assert_eq!(fixture.env.sent("ec2:AuthorizeSecurityGroupIngress"), 1);
    let closed = close(&fixture, query).await;
    fixture.succeeds(&closed).await;
    assert_eq!(rules(&fixture, GROUP), Vec::<String>::new());
    assert_eq!(
        receipt(&fixture, closed.accepted(), &name).await,
        json!(["managed", "gone", null])
    );
    fixture.succeeds(&close(&fixture, query).await).await;
    assert_eq!(fixture.env.sent("ec2:RevokeSecurityGroupIngress"), 1);
}

#[tokio::test]
async fn a_port_is_opened_to_a_security_group_and_closed() {
    let body = json!({"source_security_group_id": CLIENTS});
    let query = format!("source_security_group_id={CLIENTS}");
    open_and_close(body, CLIENTS, &query).await;
}

#[tokio::test]
async fn a_port_is_opened_within_the_cluster_s_security_group_and_closed() {
    let body = json!({"source_security_group_id": GROUP, "security_group_id": GROUP});
    let query = format!("source_security_group_id={GROUP}&security_group_id={GROUP}");
    open_and_close(body, GROUP, &query).await;
}

#[tokio::test]
async fn a_port_is_opened_to_a_network_and_closed() {
    let body = json!({"cidr": "10.0.0.0/16"});
    open_and_close(body, "10.0.0.0/16", "cidr=10.0.0.0/16").await;
    let body = json!({"cidr": "2001:DB8::/32"});
    open_and_close(body, "2001:db8::/32", "cidr=2001:db8::%2F32").await;
}

#[tokio::test]
async fn a_port_that_is_opened_again_is_closed_with_the_cluster() {
    let fixture = with_clients(&json!({})).await;
    open(&fixture).await;
    fixture
        .succeeds(&close(&fixture, "cidr=10.0.0.0/16").await)
        .await;
    open(&fixture).await;
    fixture
        .succeeds(&fixture.api.delete("/v1/clusters/orders").await)
        .await;
    assert_eq!(rules(&fixture, GROUP), Vec::<String>::new());
    assert_eq!(fixture.env.created_in_aws(), Vec::<String>::new());
}

#[tokio::test]
async fn without_encryption_in_transit_the_port_is_8111() {
    let fixture = with_clients(&json!({"encryption_in_transit": false})).await;
    let body = json!({"source_security_group_id": CLIENTS});
    fixture
        .succeeds(&fixture.post("ingress", &body).await)
        .await;
    let rule = format!("tcp 8111-8111 from {CLIENTS}");
    assert_eq!(rules(&fixture, GROUP), [rule]);
}

#[tokio::test]
async fn an_external_rule_is_used_and_never_removed() {
    let fixture = with_clients(&json!({})).await;
    open_as_admin(&fixture).await;
    let name = format!("{GROUP}:9111:10.0.0.0/16");
    let opened = open(&fixture).await;
    assert_eq!(
        receipt(&fixture, opened, &name).await,
        json!(["external", "present", null])
    );
    let closed = close(&fixture, "cidr=10.0.0.0/16").await;
    fixture.succeeds(&closed).await;
    let reason = "not created by this service, so never removed by it";
    assert_eq!(
        receipt(&fixture, closed.accepted(), &name).await,
        json!(["external", "left", reason])
    );
    fixture
        .succeeds(&fixture.api.delete("/v1/clusters/orders").await)
        .await;
    assert_eq!(rules(&fixture, GROUP), ["tcp 9111-9111 from 10.0.0.0/16"]);
    assert_eq!(fixture.env.sent("ec2:AuthorizeSecurityGroupIngress"), 0);
    assert_eq!(fixture.env.sent("ec2:RevokeSecurityGroupIngress"), 0);
}

#[tokio::test]
async fn a_managed_rule_replaced_by_a_foreign_one_is_left() {
    let fixture = with_clients(&json!({})).await;
    open(&fixture).await;
    let rules_in_aws = fixture.env.aws.ingress_rules(GROUP).await.unwrap();
    let rule = rules_in_aws
        .into_iter()
        .find(|rule| rule.ingress.is_some())
        .unwrap();
    let revoke = Mutation::RevokeIngress {
        security_group_id: SecurityGroupId::parse(GROUP).unwrap(),
        rule_arn: rule.arn.unwrap(),
    };
    fixture.admin(&revoke).await;
    open_as_admin(&fixture).await;
    let delete = fixture.api.delete("/v1/clusters/orders").await;
    fixture.succeeds(&delete).await;
    let reason = "the rule for this port and peer does not have the ownership tags";
    let name = format!("{GROUP}:9111:10.0.0.0/16");
    assert_eq!(
        receipt(&fixture, delete.accepted(), &name).await,
        json!(["managed", "left", reason])
    );
    assert_eq!(rules(&fixture, GROUP), ["tcp 9111-9111 from 10.0.0.0/16"]);
}

#[tokio::test]
async fn a_rule_that_two_clusters_use_is_removed_with_the_last_one() {
    let fixture = with_clients(&json!({})).await;
    let users = cluster_request("users");
    fixture
        .succeeds(&fixture.api.post("/v1/clusters", &users, &[]).await)
        .await;
    open(&fixture).await;
    let path = "/v1/clusters/users/ingress";
    let cidr = json!({"cidr": "10.0.0.0/16"});
    fixture
        .succeeds(&fixture.api.post(path, &cidr, &[]).await)
        .await;
    assert_eq!(fixture.env.sent("ec2:AuthorizeSecurityGroupIngress"), 1);
    let delete = fixture.api.delete("/v1/clusters/orders").await;
    fixture.succeeds(&delete).await;
    let name = format!("{GROUP}:9111:10.0.0.0/16");
    let reason = "the cluster users relies on it; it is removed with that cluster";
    assert_eq!(
        receipt(&fixture, delete.accepted(), &name).await,
        json!(["managed", "left", reason])
    );
    assert_eq!(rules(&fixture, GROUP).len(), 1);
    fixture.worker.sweep().await.unwrap();
    let orphans = fixture.api.get("/v1/orphans").await.body;
    assert_eq!(orphans["items"], json!([]));
    fixture
        .succeeds(&fixture.api.delete("/v1/clusters/users").await)
        .await;
    assert_eq!(rules(&fixture, GROUP), Vec::<String>::new());
}

#[tokio::test]
async fn a_rule_created_after_the_cancel_is_an_orphan_and_is_swept() {
    let fixture = with_clients(&json!({})).await;
    let late = FaultRule::new("ec2:AuthorizeSecurityGroupIngress", FaultKind::Late)
        .count(1)
        .seconds(1.0);
    fixture.env.sandbox.add_fault(late);
    let open = fixture
        .post("ingress", &json!({"cidr": "10.0.0.0/16"}))
        .await
        .accepted();
    let is_sent = || {
        let faults = fixture.env.sandbox.faults();
        faults.iter().all(|fault| fault.left == Some(0))
    };
    while !is_sent() {
        fixture.env.one_turn(&fixture.worker).await;
    }
    let path = format!("/v1/operations/{open}/cancel");
    let cancelled = fixture.api.send_empty("POST", &path).await;
    assert_eq!(cancelled.accepted(), open);
    assert_eq!(fixture.settle(open).await.status, Status::Cancelled);
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
    while rules(&fixture, GROUP).is_empty() {
        assert!(
            tokio::time::Instant::now() < deadline,
            "no rule was created"
        );
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let orphans = fixture.api.get("/v1/orphans").await.body;
    let orphan = &orphans["items"][0];
    let name = format!("{GROUP}:9111:10.0.0.0/16");
    assert_eq!(orphan["name"], name, "{orphans:#}");
    assert_eq!(orphan["kind"], "security_group_rule");
    assert_eq!(orphan["ours"], true);
    assert_eq!(fixture.worker.sweep().await.unwrap(), Some(1));
    assert_eq!(rules(&fixture, GROUP), Vec::<String>::new());
    // The cluster, its role and its policy stay.
    assert_eq!(fixture.env.created_in_aws().len(), 3);
}
