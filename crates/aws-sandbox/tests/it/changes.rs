//! Changes of an existing cluster: the states that allow them, and the events that they cause.

use aws_sandbox::NewSecurityGroup;
use aws_sdk_dax::types::Tag;

use crate::test_env::{TestEnv, code};

const ARN: &str = "arn:aws:dax:us-east-1:123456789012:cache/c1";

/// An available cluster of two nodes, the parameter group `fast`, the security group `sg-0000000b`.
async fn setup() -> TestEnv {
    let env = TestEnv::new().await;
    env.cluster("c1", 2).await;
    env.dax()
        .create_parameter_group()
        .parameter_group_name("fast")
        .send()
        .await
        .unwrap();
    let vpc_id = env.sandbox.inventory().security_groups[0].vpc_id.clone();
    let group = NewSecurityGroup {
        vpc_id,
        name: "clients".to_owned(),
    };
    env.sandbox
        .put_security_group("sg-0000000b", &group)
        .unwrap();
    env
}

/// The error codes of all calls that require an available cluster.
async fn codes_of_changes(env: &TestEnv, cluster: &str) -> Vec<String> {
    let dax = env.dax();
    vec![
        code(
            dax.update_cluster()
                .cluster_name(cluster)
                .description("new")
                .send()
                .await,
        ),
        code(
            dax.increase_replication_factor()
                .cluster_name(cluster)
                .new_replication_factor(5)
                .send()
                .await,
        ),
        code(
            dax.decrease_replication_factor()
                .cluster_name(cluster)
                .new_replication_factor(1)
                .send()
                .await,
        ),
        code(
            dax.reboot_node()
                .cluster_name(cluster)
                .node_id("c1-a")
                .send()
                .await,
        ),
        code(dax.delete_cluster().cluster_name(cluster).send().await),
    ]
}

async fn tag(env: &TestEnv, key: &str) -> Result<(), String> {
    let tag = Tag::builder().key(key).value("x").build();
    let tagged = env
        .dax()
        .tag_resource()
        .resource_name(ARN)
        .tags(tag)
        .send()
        .await;
    tagged.map(drop).map_err(|error| code::<(), _>(Err(error)))
}

#[tokio::test]
async fn changes_require_an_available_cluster_and_tags_one_that_is_not_being_deleted() {
    let env = setup().await;
    let rejected = vec!["InvalidClusterStateFault".to_owned(); 5];
    assert_eq!(
        codes_of_changes(&env, "c2").await,
        vec!["ClusterNotFoundFault".to_owned(); 5]
    );
    let grow = env
        .dax()
        .increase_replication_factor()
        .cluster_name("c1")
        .new_replication_factor(3);
    grow.send().await.unwrap();
    assert_eq!(env.describe("c1").await.status(), Some("modifying"));
    assert_eq!(codes_of_changes(&env, "c1").await, rejected);
    tag(&env, "grown").await.unwrap();
    env.advance(20);
    env.dax()
        .delete_cluster()
        .cluster_name("c1")
        .send()
        .await
        .unwrap();
    assert_eq!(codes_of_changes(&env, "c1").await, rejected);
    assert_eq!(
        tag(&env, "late").await,
        Err("InvalidClusterStateFault".to_owned())
    );
    let untag = env
        .dax()
        .untag_resource()
        .resource_name(ARN)
        .tag_keys("grown");
    assert_eq!(code(untag.send().await), "InvalidClusterStateFault");
    let listed = env
        .dax()
        .list_tags()
        .resource_name(ARN)
        .send()
        .await
        .unwrap();
    assert_eq!(listed.tags().len(), 1);

    let role = env.service_role("Other").await;
    env.advance(30);
    env.create("c1", 2, &role).send().await.unwrap();
    assert_eq!(
        codes_of_changes(&env, "c1").await,
        rejected,
        "while it is being created"
    );
    tag(&env, "early").await.unwrap();
}

#[tokio::test]
async fn a_rejected_change_does_not_change_the_cluster() {
    let env = setup().await;
    let before = env.describe("c1").await;
    let dax = env.dax();
    let reboot = dax.reboot_node().cluster_name("c1").node_id("c1-z");
    assert_eq!(code(reboot.send().await), "NodeNotFoundFault");
    let shrink = || dax.decrease_replication_factor().cluster_name("c1");
    let unknown = shrink()
        .new_replication_factor(1)
        .node_ids_to_remove("c1-z");
    assert_eq!(code(unknown.send().await), "NodeNotFoundFault");
    assert_eq!(
        code(shrink().new_replication_factor(0).send().await),
        "InvalidParameterValueException"
    );
    assert_eq!(
        code(shrink().new_replication_factor(2).send().await),
        "InvalidParameterValueException"
    );
    let grow = || dax.increase_replication_factor().cluster_name("c1");
    assert_eq!(
        code(grow().new_replication_factor(2).send().await),
        "InvalidParameterValueException"
    );
    assert_eq!(
        code(grow().new_replication_factor(12).send().await),
        "NodeQuotaForClusterExceededFault"
    );
    let update = || dax.update_cluster().cluster_name("c1").description("new");
    assert_eq!(
        code(update().parameter_group_name("slow").send().await),
        "ParameterGroupNotFoundFault"
    );
    assert_eq!(
        code(update().security_group_ids("sg-0000000c").send().await),
        "InvalidParameterValueException"
    );
    let elsewhere = update().notification_topic_arn("arn:aws:sns:eu-west-1:123456789012:events");
    assert_eq!(
        code(elsewhere.send().await),
        "InvalidParameterValueException"
    );
    assert_eq!(env.describe("c1").await, before);
}

/// The messages of the cluster's events, oldest first.
async fn event_messages(env: &TestEnv) -> Vec<String> {
    let events = env
        .dax()
        .describe_events()
        .source_name("c1")
        .source_type("CLUSTER".into())
        .send()
        .await
        .unwrap();
    events
        .events()
        .iter()
        .rev()
        .map(|event| event.message().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn events_report_finished_changes_of_nodes_reboots_and_groups() {
    let env = setup().await;
    let dax = env.dax();
    dax.increase_replication_factor()
        .cluster_name("c1")
        .new_replication_factor(4)
        .send()
        .await
        .unwrap();
    assert_eq!(event_messages(&env).await, ["Cluster created."]);
    env.advance(20);
    dax.decrease_replication_factor()
        .cluster_name("c1")
        .new_replication_factor(3)
        .send()
        .await
        .unwrap();
    env.advance(20);
    dax.reboot_node()
        .cluster_name("c1")
        .node_id("c1-a")
        .send()
        .await
        .unwrap();
    env.advance(10);
    dax.update_cluster()
        .cluster_name("c1")
        .parameter_group_name("fast")
        .send()
        .await
        .unwrap();
    env.advance(20);
    let update = || {
        dax.update_cluster()
            .cluster_name("c1")
            .parameter_group_name("fast")
    };
    update()
        .security_group_ids("sg-0000000b")
        .send()
        .await
        .unwrap();
    env.advance(20);
    update()
        .security_group_ids("sg-0000000b")
        .description("a change without an event")
        .send()
        .await
        .unwrap();
    env.advance(20);
    let expected = [
        "Cluster created.",
        "Added node c1-c.",
        "Added node c1-d.",
        "Removed node c1-d.",
        "Node c1-a rebooted.",
        "Parameter group changed from default.dax1.0 to fast.",
        "Security groups changed to sg-0000000b.",
    ];
    assert_eq!(event_messages(&env).await, expected);
    let cluster = env.describe("c1").await;
    let groups = cluster
        .security_groups()
        .iter()
        .map(|group| group.security_group_identifier().unwrap());
    assert_eq!(groups.collect::<Vec<_>>(), ["sg-0000000b"]);
}

#[tokio::test]
async fn a_security_group_keeps_its_vpc_and_has_a_unique_name() {
    let env = setup().await;
    let vpc_id = env.sandbox.inventory().security_groups[0].vpc_id.clone();
    let put = |id: &str, vpc_id: &str, name: &str| {
        let group = NewSecurityGroup {
            vpc_id: vpc_id.to_owned(),
            name: name.to_owned(),
        };
        env.sandbox
            .put_security_group(id, &group)
            .map_err(|error| error.to_string())
    };
    put("sg-0000000b", &vpc_id, "renamed").unwrap();
    for (id, vpc, name, expected) in [
        ("sg-b", vpc_id.as_str(), "new", "security group id"),
        ("sg-0000000c", "vpc-0000000f", "new", "vpc_id"),
        ("sg-0000000c", &vpc_id, "renamed", "already"),
        ("sg-0000000c", &vpc_id, "default", "name"),
        ("sg-0a1b2c3d4e5f60718", &vpc_id, "new", "default group"),
    ] {
        let error = put(id, vpc, name).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}
