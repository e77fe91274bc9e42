//! Changes touch the cluster that is managed, what they were asked for, and nothing else.

use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::mutation::bodies::ClusterUpdate;
use dax_provisioner::domain::operation::Status;
use serde_json::json;

use crate::support::api::wanted;
use crate::support::cluster_fixture::ClusterFixture;

fn delete(name: &str) -> Mutation {
    Mutation::DeleteCluster {
        name: name.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_somebody_made_anew_is_not_changed() {
    let house =
        ClusterFixture::with_cluster(&json!({"description": "ours", "tags": {"team": "orders"}}))
            .await;
    house.admin(&delete("orders")).await;
    // A describe lets the deletion end in the sandbox.
    house.world.admin.cluster("orders").await.unwrap();
    house.foreign_cluster("orders", &[("team", "theirs")]).await;
    let before = house.world.admin.cluster("orders").await.unwrap();
    for (verb, body) in [
        ("scale", json!({"replication_factor": 5})),
        ("reboot", json!({})),
        ("repair", json!({})),
    ] {
        let accepted = house.post(verb, &body).await;
        let operation = house.settle(accepted.accepted()).await;
        assert_eq!(operation.status, Status::Failed, "{verb}: {operation:#?}");
        assert!(
            operation
                .fault
                .unwrap()
                .detail
                .contains("somebody made it anew"),
            "{verb}"
        );
    }
    let patched = house
        .settle(house.patch(&json!({"description": "x"})).await.accepted())
        .await;
    assert_eq!(patched.status, Status::Failed);
    assert_eq!(
        house.world.admin.cluster("orders").await.unwrap(),
        before,
        "nothing of it has changed"
    );
    let view = house.cluster().await;
    assert_eq!(
        (
            &view["desired"]["description"],
            &view["desired"]["replication_factor"]
        ),
        (&json!("ours"), &json!(1))
    );
    house.poll().await;
    let fields = house.cluster().await["drift"]["fields"].to_string();
    assert!(
        fields.contains("tags.dax-provisioner:operation"),
        "{fields}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_reverts_nothing_that_it_was_not_asked_for() {
    let house = ClusterFixture::with_cluster(
        &json!({"description": "ours", "maintenance_window": "sun:05:00-sun:06:00"}),
    )
    .await;
    let theirs = ClusterUpdate {
        name: "orders".to_owned(),
        description: Some("theirs".to_owned()),
        maintenance_window: Some("mon:05:00-mon:06:00".to_owned()),
        ..ClusterUpdate::default()
    };
    house
        .admin(&Mutation::UpdateCluster(Box::new(theirs)))
        .await;
    house
        .succeeds(&house.patch(&json!({"tags": {"team": "orders"}})).await)
        .await;
    house
        .succeeds(
            &house
                .patch(&json!({"maintenance_window": "tue:05:00-tue:06:00"}))
                .await,
        )
        .await;
    let found = house.world.admin.cluster("orders").await.unwrap().unwrap();
    assert_eq!(found.description.as_deref(), Some("theirs"));
    assert_eq!(
        found.maintenance_window.as_deref(),
        Some("tue:05:00-tue:06:00")
    );
    house
        .succeeds(&house.post("repair", &json!({})).await)
        .await;
    let found = house.world.admin.cluster("orders").await.unwrap().unwrap();
    assert_eq!(found.description.as_deref(), Some("ours"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_protected_cluster_that_vanished_can_be_let_go() {
    let house = ClusterFixture::with_cluster(&json!({"deletion_protection": true})).await;
    house.admin(&delete("orders")).await;
    house.world.admin.cluster("orders").await.unwrap();
    house.poll().await;
    house
        .door
        .delete("/v1/clusters/orders")
        .await
        .refused(409, "deletion_protected");
    let refused = house.door.get("/v1/clusters/orders/connection").await;
    let problem = refused.refused(409, "endpoint_not_ready");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("not in AWS any more"),
        "{problem:#}"
    );
    assert!(!refused.headers.contains_key("retry-after"));
    let patched = house
        .settle(
            house
                .patch(&json!({"deletion_protection": false}))
                .await
                .accepted(),
        )
        .await;
    assert_eq!(patched.status, Status::Failed, "AWS has no such cluster");
    assert_eq!(
        house.cluster().await["desired"]["deletion_protection"],
        false
    );
    house
        .succeeds(&house.door.delete("/v1/clusters/orders").await)
        .await;
    assert_eq!(house.world.made_in_aws(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_was_made_for_a_cluster_serves_it_alone() {
    let house =
        ClusterFixture::with_cluster(&json!({"parameters": {"record_ttl_millis": 60000}})).await;
    let group = house.cluster().await["parameter_group"]["name"].clone();
    let mut other = wanted("other");
    other["parameter_group"] = json!({"name": group});
    let refused = house.door.post("/v1/clusters", &other, &[]).await;
    refused.refused(422, "invalid_request");
    assert_eq!(
        refused.faults(),
        [("/parameter_group/name", "managed_group")]
    );
    let refused = house
        .patch(&json!({"parameters": null, "parameter_group": {"name": group}}))
        .await;
    assert_eq!(
        refused.faults(),
        [("/parameter_group/name", "managed_group")]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delete_that_leaves_more_is_not_the_one_that_is_at_work() {
    let house = ClusterFixture::with_cluster(&json!({})).await;
    let first = house.door.delete("/v1/clusters/orders").await.accepted();
    house
        .door
        .delete("/v1/clusters/orders?retain=service_role")
        .await
        .refused(409, "operation_in_progress");
    assert_eq!(
        house.door.delete("/v1/clusters/orders").await.accepted(),
        first
    );
}
