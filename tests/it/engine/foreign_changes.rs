//! Changes outside this service: an operation changes the managed cluster and the requested
//! settings, and nothing else.

use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::mutation::bodies::ClusterUpdate;
use dax_provisioner::domain::names::managed_name;
use dax_provisioner::domain::operation::Status;
use dax_provisioner::domain::spec::SubnetGroup;
use serde_json::json;

use crate::properties::scenario_setup::by_admin;
use crate::support::api::cluster_request;
use crate::support::cluster_fixture::ClusterFixture;
use crate::support::requests::{spec_with_groups, window};
use crate::support::test_env::TestEnv;

fn delete(name: &str) -> Mutation {
    Mutation::DeleteCluster {
        name: name.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_was_replaced_by_an_unmanaged_one_is_not_changed() {
    let fixture = ClusterFixture::with_cluster(
        &json!({"description": "desired", "tags": {"team": "orders"}}),
    )
    .await;
    fixture.admin(&delete("orders")).await;
    // The sandbox completes a deletion when the cluster is read.
    fixture.env.admin.cluster("orders").await.unwrap();
    fixture
        .create_foreign_cluster("orders", &[("team", "unmanaged")])
        .await;
    let before = fixture.env.admin.cluster("orders").await.unwrap();
    for (verb, body) in [
        ("scale", json!({"replication_factor": 5})),
        ("reboot", json!({})),
        ("repair", json!({})),
    ] {
        let accepted = fixture.post(verb, &body).await;
        let operation = fixture.settle(accepted.accepted()).await;
        assert_eq!(operation.status, Status::Failed, "{verb}: {operation:#?}");
        assert!(
            operation
                .fault
                .unwrap()
                .detail
                .contains("deleted and created again outside this service"),
            "{verb}"
        );
    }
    let patched = fixture
        .settle(fixture.patch(&json!({"description": "x"})).await.accepted())
        .await;
    assert_eq!(patched.status, Status::Failed);
    assert_eq!(
        fixture.env.admin.cluster("orders").await.unwrap(),
        before,
        "the unmanaged cluster has not changed"
    );
    let view = fixture.cluster().await;
    assert_eq!(
        (
            &view["desired"]["description"],
            &view["desired"]["replication_factor"]
        ),
        (&json!("desired"), &json!(1))
    );
    fixture.poll().await;
    let fields = fixture.cluster().await["drift"]["fields"].to_string();
    assert!(
        fields.contains("tags.dax-provisioner:operation"),
        "{fields}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_reverts_no_setting_that_it_does_not_name() {
    let fixture = ClusterFixture::with_cluster(
        &json!({"description": "desired", "maintenance_window": "sun:05:00-sun:06:00"}),
    )
    .await;
    let foreign_update = ClusterUpdate {
        name: "orders".to_owned(),
        description: Some("drifted".to_owned()),
        maintenance_window: window("mon:05:00-mon:06:00"),
        ..ClusterUpdate::default()
    };
    fixture
        .admin(&Mutation::UpdateCluster(Box::new(foreign_update)))
        .await;
    fixture
        .succeeds(&fixture.patch(&json!({"tags": {"team": "orders"}})).await)
        .await;
    fixture
        .succeeds(
            &fixture
                .patch(&json!({"maintenance_window": "tue:05:00-tue:06:00"}))
                .await,
        )
        .await;
    let observed = fixture.env.admin.cluster("orders").await.unwrap().unwrap();
    assert_eq!(observed.description.as_deref(), Some("drifted"));
    assert_eq!(
        observed.maintenance_window.as_deref(),
        Some("tue:05:00-tue:06:00")
    );
    fixture
        .succeeds(&fixture.post("repair", &json!({})).await)
        .await;
    let observed = fixture.env.admin.cluster("orders").await.unwrap().unwrap();
    assert_eq!(observed.description.as_deref(), Some("desired"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_protected_cluster_that_is_gone_from_aws_can_be_deleted() {
    let fixture = ClusterFixture::with_cluster(&json!({"deletion_protection": true})).await;
    fixture.admin(&delete("orders")).await;
    fixture.env.admin.cluster("orders").await.unwrap();
    fixture.poll().await;
    fixture
        .api
        .delete("/v1/clusters/orders")
        .await
        .rejected(409, "deletion_protected");
    let rejected = fixture.api.get("/v1/clusters/orders/connection").await;
    let problem = rejected.rejected(409, "endpoint_not_ready");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("no longer exists in AWS"),
        "{problem:#}"
    );
    assert!(!rejected.headers.contains_key("retry-after"));
    let patched = fixture
        .settle(
            fixture
                .patch(&json!({"deletion_protection": false}))
                .await
                .accepted(),
        )
        .await;
    assert_eq!(patched.status, Status::Failed, "AWS has no such cluster");
    assert_eq!(
        fixture.cluster().await["desired"]["deletion_protection"],
        false
    );
    fixture
        .succeeds(&fixture.api.delete("/v1/clusters/orders").await)
        .await;
    assert_eq!(fixture.env.created_in_aws(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_managed_group_cannot_be_used_by_another_request() {
    let fixture =
        ClusterFixture::with_cluster(&json!({"parameters": {"record_ttl_millis": 60000}})).await;
    let group = fixture.cluster().await["parameter_group"]["name"].clone();
    let mut other = cluster_request("other");
    other["parameter_group"] = json!({"name": group});
    let rejected = fixture.api.post("/v1/clusters", &other, &[]).await;
    rejected.rejected(422, "invalid_request");
    assert_eq!(
        rejected.violations(),
        [("/parameter_group/name", "managed_group")]
    );
    let rejected = fixture
        .patch(&json!({"parameters": null, "parameter_group": {"name": group}}))
        .await;
    assert_eq!(
        rejected.violations(),
        [("/parameter_group/name", "managed_group")]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delete_that_retains_more_is_not_the_running_delete() {
    let fixture = ClusterFixture::with_cluster(&json!({})).await;
    let first = fixture.api.delete("/v1/clusters/orders").await.accepted();
    fixture
        .api
        .delete("/v1/clusters/orders?retain=service_role")
        .await
        .rejected(409, "operation_in_progress");
    assert_eq!(
        fixture.api.delete("/v1/clusters/orders").await.accepted(),
        first
    );
}

/// Groups have no tags: their descriptions say whose they are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_that_were_replaced_by_unmanaged_ones_stay() {
    let env = TestEnv::new().await;
    let worker = env.worker("w");
    let spec = spec_with_groups(&env, "orders");
    let create = env.create(&spec).await;
    env.finish(&worker, create).await;
    by_admin(&env, delete("orders")).await;
    // The sandbox completes a deletion when the cluster is read.
    env.admin.cluster("orders").await.unwrap();
    let name = || managed_name(&spec.name, create);
    let description = || "created by hand".to_owned();
    let SubnetGroup::New { subnet_ids } = &spec.subnet_group else {
        panic!("{spec:?}")
    };
    by_admin(&env, Mutation::DeleteParameterGroup { name: name() }).await;
    by_admin(&env, Mutation::DeleteSubnetGroup { name: name() }).await;
    let parameters = Mutation::CreateParameterGroup {
        name: name(),
        description: description(),
    };
    by_admin(&env, parameters).await;
    let subnets = Mutation::CreateSubnetGroup {
        name: name(),
        description: description(),
        subnet_ids: subnet_ids.clone(),
    };
    by_admin(&env, subnets).await;
    let operation = env.delete("orders").await;
    let ended = env.finish(&worker, operation).await;
    assert_eq!(ended.status, Status::Succeeded);
    let inventory = env.sandbox.inventory();
    assert!(
        inventory
            .parameter_groups
            .iter()
            .any(|one| one.name == name())
    );
    assert!(inventory.subnet_groups.iter().any(|one| one.name == name()));
}
