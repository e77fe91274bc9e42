//! Ports are opened for clients, closed again, and closed with their cluster.

use std::collections::BTreeMap;

use aws_sandbox::{FaultKind, FaultRule, NewSecurityGroup};
use dax_provisioner::domain::ingress::{Ingress, Peer};
use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::operation::Status;
use serde_json::{Value, json};

use crate::support::api::cluster_request;
use crate::support::cluster_fixture::ClusterFixture;

/// The default security group of the sandbox's VPC.
pub const GROUP: &str = "sg-0a1b2c3d4e5f60718";
/// A group that clients carry.
pub const CLIENTS: &str = "sg-4d3c2b1a";

/// The rules of a security group that let TCP in.
pub fn rules(house: &ClusterFixture, group: &str) -> Vec<String> {
    let groups = house.env.sandbox.inventory().security_groups;
    let found = groups.into_iter().find(|one| one.id == group).unwrap();
    found
        .ingress
        .into_iter()
        .filter(|rule| rule.starts_with("tcp "))
        .collect()
}

/// A cluster of ours, and a group that clients carry.
pub async fn house(more: &Value) -> ClusterFixture {
    let house = ClusterFixture::with_cluster(more).await;
    put_group(&house, CLIENTS, "clients");
    house
}

pub fn put_group(house: &ClusterFixture, id: &str, name: &str) {
    let vpc_id = house.env.sandbox.inventory().security_groups[0]
        .vpc_id
        .clone();
    house
        .env
        .sandbox
        .put_security_group(
            id,
            &NewSecurityGroup {
                vpc_id,
                name: name.to_owned(),
            },
        )
        .unwrap();
}

/// Somebody else opens the port.
async fn open_by_hand(house: &ClusterFixture, cidr: &str) {
    let ingress = Ingress {
        security_group_id: GROUP.to_owned(),
        port: 9111,
        peer: Peer::cidr(cidr),
    };
    let by_hand = Mutation::AuthorizeIngress {
        name: ingress.name(),
        ingress,
        tags: BTreeMap::new(),
    };
    house.admin(&by_hand).await;
}

/// What the receipt of an operation says of a rule: owner, state, reason.
async fn receipt(house: &ClusterFixture, id: uuid::Uuid, name: &str) -> Value {
    let shown = house.api.get(&format!("/v1/operations/{id}")).await.body;
    let mut items = shown["receipt"].as_array().unwrap().iter();
    let item = items
        .find(|item| item["name"] == name)
        .unwrap_or_else(|| panic!("no {name}: {shown:#}"));
    assert_eq!(item["kind"], "security_group_rule");
    json!([item["owner"], item["state"], item["reason"]])
}

async fn close(house: &ClusterFixture, query: &str) -> crate::support::api::ApiResponse {
    house
        .api
        .delete(&format!("/v1/clusters/orders/ingress?{query}"))
        .await
}

#[tokio::test]
async fn a_port_is_opened_once_for_a_group_or_a_network_and_closed_again() {
    let house = house(&json!({})).await;
    for (body, peer, query) in [
        (
            json!({"source_security_group_id": CLIENTS}),
            CLIENTS,
            format!("source_security_group_id={CLIENTS}"),
        ),
        (
            json!({"cidr": "10.0.0.0/16"}),
            "10.0.0.0/16",
            "cidr=10.0.0.0/16".to_owned(),
        ),
        (
            json!({"cidr": "2001:DB8::/32"}),
            "2001:db8::/32",
            "cidr=2001:db8::%2F32".to_owned(),
        ),
        (
            json!({"source_security_group_id": GROUP, "security_group_id": GROUP}),
            GROUP,
            format!("source_security_group_id={GROUP}&security_group_id={GROUP}"),
        ),
    ] {
        let name = format!("{GROUP}:9111:{peer}");
        let (sent, revoked) = (
            house.env.sent("ec2:AuthorizeSecurityGroupIngress"),
            house.env.sent("ec2:RevokeSecurityGroupIngress"),
        );
        for _ in 0..2 {
            let opened = house.post("ingress", &body).await;
            assert_eq!(opened.body["kind"], "change_ingress");
            house.succeeds(&opened).await;
            assert_eq!(rules(&house, GROUP), [format!("tcp 9111-9111 from {peer}")]);
            assert_eq!(
                receipt(&house, opened.accepted(), &name).await,
                json!(["managed", "present", null])
            );
        }
        assert_eq!(
            house.env.sent("ec2:AuthorizeSecurityGroupIngress"),
            sent + 1,
            "twice is once"
        );
        let closed = close(&house, &query).await;
        house.succeeds(&closed).await;
        assert_eq!(rules(&house, GROUP), Vec::<String>::new());
        assert_eq!(
            receipt(&house, closed.accepted(), &name).await,
            json!(["managed", "gone", null])
        );
        house.succeeds(&close(&house, &query).await).await;
        assert_eq!(
            house.env.sent("ec2:RevokeSecurityGroupIngress"),
            revoked + 1,
            "twice is once"
        );
    }
    // Opened again after it was closed, and closed with the cluster.
    house
        .succeeds(&house.post("ingress", &json!({"cidr": "10.0.0.0/16"})).await)
        .await;
    house
        .succeeds(&house.api.delete("/v1/clusters/orders").await)
        .await;
    assert_eq!(rules(&house, GROUP), Vec::<String>::new());
    assert_eq!(house.env.created_in_aws(), Vec::<String>::new());
}

#[tokio::test]
async fn without_encryption_in_transit_the_port_is_8111() {
    let house = house(&json!({"encryption_in_transit": false})).await;
    house
        .succeeds(
            &house
                .post("ingress", &json!({"source_security_group_id": CLIENTS}))
                .await,
        )
        .await;
    assert_eq!(
        rules(&house, GROUP),
        [format!("tcp 8111-8111 from {CLIENTS}")]
    );
}

#[tokio::test]
async fn what_somebody_else_has_opened_is_as_good_and_never_closed() {
    let house = house(&json!({})).await;
    open_by_hand(&house, "10.0.0.0/16").await;
    let name = format!("{GROUP}:9111:10.0.0.0/16");
    let opened = house.post("ingress", &json!({"cidr": "10.0.0.0/16"})).await;
    house.succeeds(&opened).await;
    assert_eq!(
        receipt(&house, opened.accepted(), &name).await,
        json!(["external", "present", null])
    );
    let closed = close(&house, "cidr=10.0.0.0/16").await;
    house.succeeds(&closed).await;
    let reason = "not created by this service, so never removed by it";
    assert_eq!(
        receipt(&house, closed.accepted(), &name).await,
        json!(["external", "left", reason])
    );
    house
        .succeeds(&house.api.delete("/v1/clusters/orders").await)
        .await;
    assert_eq!(rules(&house, GROUP), ["tcp 9111-9111 from 10.0.0.0/16"]);
    assert_eq!(house.env.sent("ec2:AuthorizeSecurityGroupIngress"), 0);
    assert_eq!(house.env.sent("ec2:RevokeSecurityGroupIngress"), 0);
}

#[tokio::test]
async fn a_rule_of_ours_that_somebody_has_replaced_is_not_ours_any_more() {
    let house = house(&json!({})).await;
    house
        .succeeds(&house.post("ingress", &json!({"cidr": "10.0.0.0/16"})).await)
        .await;
    let rule = house
        .env
        .aws
        .ingress_rules(GROUP)
        .await
        .unwrap()
        .into_iter()
        .find(|rule| rule.ingress.is_some())
        .unwrap();
    let revoke = Mutation::RevokeIngress {
        security_group_id: GROUP.to_owned(),
        rule_arn: rule.arn.unwrap(),
    };
    house.admin(&revoke).await;
    open_by_hand(&house, "10.0.0.0/16").await;
    let delete = house.api.delete("/v1/clusters/orders").await;
    house.succeeds(&delete).await;
    let reason = "the rule for this port and peer does not have the ownership tags";
    let name = format!("{GROUP}:9111:10.0.0.0/16");
    assert_eq!(
        receipt(&house, delete.accepted(), &name).await,
        json!(["managed", "left", reason])
    );
    assert_eq!(rules(&house, GROUP), ["tcp 9111-9111 from 10.0.0.0/16"]);
}

#[tokio::test]
async fn the_last_cluster_that_relies_on_a_rule_closes_it() {
    let house = house(&json!({})).await;
    house
        .succeeds(&house.api.post("/v1/clusters", &cluster_request("users"), &[]).await)
        .await;
    for cluster in ["orders", "users"] {
        let path = format!("/v1/clusters/{cluster}/ingress");
        house
            .succeeds(
                &house
                    .api
                    .post(&path, &json!({"cidr": "10.0.0.0/16"}), &[])
                    .await,
            )
            .await;
    }
    assert_eq!(house.env.sent("ec2:AuthorizeSecurityGroupIngress"), 1);
    let delete = house.api.delete("/v1/clusters/orders").await;
    house.succeeds(&delete).await;
    let name = format!("{GROUP}:9111:10.0.0.0/16");
    let reason = "the cluster users relies on it; it is removed with that cluster";
    assert_eq!(
        receipt(&house, delete.accepted(), &name).await,
        json!(["managed", "left", reason])
    );
    assert_eq!(rules(&house, GROUP).len(), 1);
    house.worker.sweep().await.unwrap();
    assert_eq!(house.api.get("/v1/orphans").await.body["items"], json!([]));
    house
        .succeeds(&house.api.delete("/v1/clusters/users").await)
        .await;
    assert_eq!(rules(&house, GROUP), Vec::<String>::new());
}

#[tokio::test]
async fn a_rule_that_comes_late_is_listed_and_swept() {
    let house = house(&json!({})).await;
    let late = FaultRule::new(
        "ec2:AuthorizeSecurityGroupIngress",
        FaultKind::DeadlineCause,
    )
    .count(1)
    .seconds(1.0);
    house.env.sandbox.add_fault(late);
    let open = house
        .post("ingress", &json!({"cidr": "10.0.0.0/16"}))
        .await
        .accepted();
    while house
        .env
        .sandbox
        .faults()
        .iter()
        .any(|fault| fault.left != Some(0))
    {
        house.env.one_turn(&house.worker).await;
    }
    let cancelled = house
        .api
        .send_empty("POST", &format!("/v1/operations/{open}/cancel"))
        .await;
    assert_eq!(cancelled.accepted(), open);
    assert_eq!(house.settle(open).await.status, Status::Cancelled);
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
    while rules(&house, GROUP).is_empty() {
        assert!(
            tokio::time::Instant::now() < deadline,
            "it never took effect"
        );
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let orphans = house.api.get("/v1/orphans").await.body;
    let orphan = &orphans["items"][0];
    assert_eq!(
        orphan["name"],
        format!("{GROUP}:9111:10.0.0.0/16"),
        "{orphans:#}"
    );
    assert_eq!(
        (&orphan["kind"], &orphan["ours"]),
        (&json!("security_group_rule"), &json!(true))
    );
    assert_eq!(house.worker.sweep().await.unwrap(), Some(1));
    assert_eq!(rules(&house, GROUP), Vec::<String>::new());
    assert_eq!(
        house.env.created_in_aws().len(),
        3,
        "the cluster, its role and its policy stay"
    );
}
