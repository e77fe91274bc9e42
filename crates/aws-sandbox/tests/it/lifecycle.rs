//! The lifecycle of a cluster, with the Rust SDK.

use aws_sdk_dax::types::{
    Cluster, ClusterEndpointEncryptionType, SseSpecification, SseStatus, Tag,
};

use crate::test_env::{TestEnv, code};

#[tokio::test]
async fn a_created_cluster_has_the_requested_settings() {
    let env = TestEnv::new().await;
    let role = env.service_role("Service").await;
    let create = env.create("My-Cache", 3, &role).description("read cache");
    let create = create.cluster_endpoint_encryption_type(ClusterEndpointEncryptionType::Tls);
    let create =
        create.sse_specification(SseSpecification::builder().enabled(true).build().unwrap());
    let create = create.preferred_maintenance_window("SUN:05:00-sun:06:00");
    let create = create.notification_topic_arn("arn:aws:sns:us-east-1:123456789012:events");
    let create = create.tags(Tag::builder().key("team").value("orders").build());
    let created = create.send().await.unwrap();
    let cluster = created.cluster().unwrap();
    assert_eq!(
        (cluster.cluster_name(), cluster.status()),
        (Some("my-cache"), Some("creating"))
    );
    assert_eq!(
        cluster.cluster_arn(),
        Some("arn:aws:dax:us-east-1:123456789012:cache/my-cache")
    );
    assert_eq!(
        (cluster.total_nodes(), cluster.active_nodes()),
        (Some(3), Some(0))
    );
    assert!(
        cluster.nodes.is_none(),
        "nodes are hidden while a cluster is being created"
    );
    let endpoint = cluster.cluster_discovery_endpoint().unwrap();
    assert_eq!(
        (endpoint.address(), endpoint.port(), endpoint.url()),
        (None, 9111, None)
    );

    env.advance(60);
    let cluster = env.describe("MY-cache").await;
    assert_eq!(
        (cluster.status(), cluster.active_nodes()),
        (Some("available"), Some(3))
    );
    assert_eq!(cluster.description(), Some("read cache"));
    assert_eq!(
        cluster.preferred_maintenance_window(),
        Some("sun:05:00-sun:06:00")
    );
    assert_eq!(
        cluster.sse_description().unwrap().status(),
        Some(&SseStatus::Enabled)
    );
    assert_eq!(cluster.iam_role_arn(), Some(role.as_str()));
    assert_eq!(
        cluster.network_type().map(|kind| kind.as_str()),
        Some("ipv4")
    );
    let notification = cluster.notification_configuration().unwrap();
    assert_eq!(notification.topic_status(), Some("active"));
    let endpoint = cluster.cluster_discovery_endpoint().unwrap();
    let url = endpoint.url().unwrap();
    assert!(
        url.starts_with("daxs://my-cache.")
            && url.ends_with(".dax-clusters.us-east-1.amazonaws.com"),
        "{url}"
    );
    let zones: Vec<_> = cluster
        .nodes()
        .iter()
        .map(|node| node.availability_zone().unwrap())
        .collect();
    assert_eq!(zones, ["us-east-1a", "us-east-1b", "us-east-1c"]);
    let tags = env
        .dax()
        .list_tags()
        .resource_name(cluster.cluster_arn().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(tags.tags()[0].value(), Some("orders"));
}

#[tokio::test]
async fn a_deletion_has_no_status_shortly_before_it_ends() {
    let env = TestEnv::new().await;
    env.cluster("c1", 2).await;
    let deleted = env
        .dax()
        .delete_cluster()
        .cluster_name("c1")
        .send()
        .await
        .unwrap();
    let cluster = deleted.cluster().unwrap();
    assert_eq!(
        (cluster.status(), cluster.active_nodes()),
        (Some("deleting"), Some(0))
    );
    assert!(cluster.nodes.is_none());
    assert!(
        cluster
            .cluster_discovery_endpoint()
            .unwrap()
            .address()
            .is_some(),
        "the address remains until the deletion ends"
    );
    assert_eq!(
        code(env.dax().delete_cluster().cluster_name("c1").send().await),
        "InvalidClusterStateFault"
    );
    env.advance(25);
    assert_eq!(env.describe("c1").await.status(), None);
    env.advance(5);
    let deleted = env
        .dax()
        .describe_clusters()
        .cluster_names("c1")
        .send()
        .await;
    assert!(
        deleted
            .unwrap_err()
            .into_service_error()
            .is_cluster_not_found_fault()
    );
    let events = env.dax().describe_events().send().await.unwrap();
    let messages: Vec<_> = events
        .events()
        .iter()
        .map(|event| event.message().unwrap())
        .collect();
    let expected = [
        "Cluster deleted.",
        "Removed node c1-b.",
        "Removed node c1-a.",
        "Cluster created.",
    ];
    assert_eq!(messages, expected);
}

#[tokio::test]
async fn scaling_shows_new_nodes_without_endpoints_and_removed_nodes_until_it_ends() {
    let env = TestEnv::new().await;
    env.cluster("c1", 1).await;
    let grown = env
        .dax()
        .increase_replication_factor()
        .cluster_name("c1")
        .new_replication_factor(3)
        .send()
        .await;
    let cluster = grown.unwrap().cluster().unwrap().clone();
    assert_eq!(
        (
            cluster.status(),
            cluster.total_nodes(),
            cluster.active_nodes()
        ),
        (Some("modifying"), Some(3), Some(1))
    );
    let new = &cluster.nodes()[2];
    assert_eq!(
        (new.node_id(), new.node_status()),
        (Some("c1-c"), Some("creating"))
    );
    assert!(
        new.endpoint().is_none()
            && new.node_create_time().is_none()
            && new.availability_zone().is_none()
    );
    let shrink = || {
        env.dax()
            .decrease_replication_factor()
            .cluster_name("c1")
            .new_replication_factor(1)
    };
    assert_eq!(code(shrink().send().await), "InvalidClusterStateFault");

    env.advance(20);
    assert_eq!(env.describe("c1").await.active_nodes(), Some(3));
    let shrunk = shrink()
        .node_ids_to_remove("c1-a")
        .node_ids_to_remove("c1-b")
        .send()
        .await
        .unwrap();
    let cluster = shrunk.cluster().unwrap();
    assert_eq!(
        (
            cluster.status(),
            cluster.total_nodes(),
            cluster.active_nodes(),
            cluster.nodes().len()
        ),
        (Some("modifying"), Some(3), Some(3), 3)
    );
    assert_eq!(cluster.node_ids_to_remove(), ["c1-a", "c1-b"]);
    env.advance(20);
    let cluster = env.describe("c1").await;
    let left: Vec<_> = cluster
        .nodes()
        .iter()
        .map(|node| node.node_id().unwrap())
        .collect();
    assert_eq!(
        (cluster.status(), cluster.total_nodes(), left),
        (Some("available"), Some(1), vec!["c1-c"])
    );
}

/// The apply status of the parameter group, and that of each node.
fn apply_statuses(cluster: &Cluster) -> Vec<&str> {
    let group = cluster.parameter_group().unwrap().parameter_apply_status();
    let nodes = cluster
        .nodes()
        .iter()
        .map(|node| node.parameter_group_status());
    let all: Option<Vec<&str>> = [group].into_iter().chain(nodes).collect();
    all.unwrap()
}

#[tokio::test]
async fn an_update_and_a_reboot_end_after_their_durations() {
    let env = TestEnv::new().await;
    env.cluster("c1", 2).await;
    env.dax()
        .create_parameter_group()
        .parameter_group_name("fast")
        .send()
        .await
        .unwrap();
    let update = env
        .dax()
        .update_cluster()
        .cluster_name("c1")
        .parameter_group_name("fast")
        .description("new");
    // As recorded from AWS: the cluster stays available, and its nodes apply the group.
    let updated = update.send().await.unwrap();
    let applying = updated.cluster().unwrap();
    assert_eq!(applying.status(), Some("available"));
    assert_eq!(applying.description(), Some("new"));
    assert_eq!(apply_statuses(applying), ["applying"; 3]);
    let group = applying.parameter_group().unwrap();
    assert_eq!(group.parameter_group_name(), Some("fast"));
    assert!(group.node_ids_to_reboot().is_empty());
    env.advance(20);
    assert_eq!(apply_statuses(&env.describe("c1").await), ["in-sync"; 3]);
    let reboot = || {
        env.dax()
            .reboot_node()
            .cluster_name("c1")
            .node_id("c1-b")
            .send()
    };
    let rebooting = reboot().await.unwrap();
    assert_eq!(
        rebooting.cluster().unwrap().nodes()[1].node_status(),
        Some("REBOOTING")
    );
    assert_eq!(rebooting.cluster().unwrap().active_nodes(), Some(1));
    assert_eq!(code(reboot().await), "InvalidClusterStateFault");
    env.advance(10);
    let cluster = env.describe("c1").await;
    assert_eq!(
        (cluster.nodes()[1].node_status(), cluster.active_nodes()),
        (Some("available"), Some(2))
    );
}

#[tokio::test]
async fn groups_in_use_cannot_be_deleted_before_their_cluster() {
    let env = TestEnv::new().await;
    let (dax, role) = (env.dax(), env.service_role("Service").await);
    let subnet = env.sandbox.inventory().subnets[0].id.clone();
    dax.create_subnet_group()
        .subnet_group_name("Net")
        .subnet_ids(subnet)
        .send()
        .await
        .unwrap();
    dax.create_parameter_group()
        .parameter_group_name("fast")
        .send()
        .await
        .unwrap();
    let create = env
        .create("c1", 1, &role)
        .subnet_group_name("net")
        .parameter_group_name("fast");
    create.send().await.unwrap();
    let delete_net = || dax.delete_subnet_group().subnet_group_name("net").send();
    let delete_group = || {
        dax.delete_parameter_group()
            .parameter_group_name("fast")
            .send()
    };
    assert_eq!(code(delete_net().await), "SubnetGroupInUseFault");
    env.advance(60);
    dax.delete_cluster()
        .cluster_name("c1")
        .send()
        .await
        .unwrap();
    env.advance(29);
    assert_eq!(code(delete_net().await), "SubnetGroupInUseFault");
    assert_eq!(
        code(delete_group().await),
        "InvalidParameterGroupStateFault"
    );
    env.advance(1);
    assert_eq!(
        delete_net().await.unwrap().deletion_message(),
        Some("Subnet group net has been deleted.")
    );
    delete_group().await.unwrap();
    env.iam()
        .delete_role()
        .role_name("Service")
        .send()
        .await
        .unwrap();
    assert_eq!(env.sandbox.inventory().created(), Vec::<String>::new());
}

#[tokio::test]
async fn a_role_can_be_assumed_only_after_its_last_change_has_propagated() {
    let env = TestEnv::new().await;
    let iam = env.iam();
    let role = env.service_role("Service").await;
    let policy = iam
        .create_policy()
        .policy_name("Access")
        .policy_document(crate::test_env::ACCESS)
        .send()
        .await
        .unwrap();
    let arn = policy.policy().unwrap().arn().unwrap();
    iam.attach_role_policy()
        .role_name("Service")
        .policy_arn(arn)
        .send()
        .await
        .unwrap();
    let (code, message) = crate::test_env::rejection(env.create("c1", 1, &role).send().await);
    assert_eq!(code, "InvalidParameterValueException");
    assert_eq!(message, format!("No permission to assume role: {role}"));
    env.advance(5);
    env.create("c1", 1, &role).send().await.unwrap();
}
