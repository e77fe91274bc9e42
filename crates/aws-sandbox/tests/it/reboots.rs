//! A change of the parameter group that waits for reboots, where the settings say that it does.

use aws_sandbox::Settings;
use aws_sdk_dax::types::Cluster;

use crate::world::{World, code, folder, settings};

const DEFAULT_GROUP: &str = "default.dax1.0";

fn with_reboots() -> Settings {
    Settings {
        parameter_changes_need_reboot: true,
        ..settings()
    }
}

/// An available cluster of two nodes, and the parameter group `fast` beside the default one.
async fn world(settings: Settings) -> World {
    let world = World::with(settings).await;
    world.cluster("c1", 2).await;
    world
        .dax()
        .create_parameter_group()
        .parameter_group_name("fast")
        .send()
        .await
        .unwrap();
    world
}

async fn change_group(world: &World, group: &str) -> Cluster {
    let update = world
        .dax()
        .update_cluster()
        .cluster_name("c1")
        .parameter_group_name(group);
    update.send().await.unwrap().cluster().unwrap().clone()
}

async fn reboot(world: &World, node: &str) -> Cluster {
    let reboot = world.dax().reboot_node().cluster_name("c1").node_id(node);
    reboot.send().await.unwrap().cluster().unwrap().clone()
}

/// The apply status, the nodes to reboot, and the nodes that say the same of themselves.
fn waiting(cluster: &Cluster) -> (String, Vec<String>, Vec<String>) {
    let group = cluster.parameter_group().unwrap();
    let nodes = cluster
        .nodes()
        .iter()
        .filter(|node| node.parameter_group_status() == Some("pending-reboot"));
    let nodes = nodes
        .map(|node| node.node_id().unwrap().to_owned())
        .collect();
    (
        group.parameter_apply_status().unwrap().to_owned(),
        group.node_ids_to_reboot().to_vec(),
        nodes,
    )
}

fn pending(nodes: &[&str]) -> (String, Vec<String>, Vec<String>) {
    let status = if nodes.is_empty() {
        "in-sync"
    } else {
        "pending-reboot"
    };
    let nodes: Vec<String> = nodes.iter().map(|node| (*node).to_owned()).collect();
    (status.to_owned(), nodes.clone(), nodes)
}

#[tokio::test]
async fn a_change_of_the_parameter_group_is_in_sync_at_once_unless_told_otherwise() {
    let world = world(settings()).await;
    assert_eq!(waiting(&change_group(&world, "fast").await), pending(&[]));
    world.advance(20);
    let cluster = world.describe("c1").await;
    assert_eq!(waiting(&cluster), pending(&[]));
    assert!(
        cluster
            .nodes()
            .iter()
            .all(|node| node.parameter_group_status() == Some("in-sync"))
    );
}

#[tokio::test]
async fn each_node_waits_until_its_own_reboot_has_ended() {
    let world = world(with_reboots()).await;
    assert_eq!(waiting(&world.describe("c1").await), pending(&[]));
    assert_eq!(
        waiting(&change_group(&world, "fast").await),
        pending(&["c1-a", "c1-b"])
    );
    world.advance(20);
    assert_eq!(
        waiting(&world.describe("c1").await),
        pending(&["c1-a", "c1-b"])
    );
    assert_eq!(
        waiting(&reboot(&world, "c1-a").await),
        pending(&["c1-a", "c1-b"])
    );
    world.advance(10);
    assert_eq!(waiting(&world.describe("c1").await), pending(&["c1-b"]));
    reboot(&world, "c1-a").await;
    world.advance(10);
    assert_eq!(waiting(&world.describe("c1").await), pending(&["c1-b"]));
    reboot(&world, "c1-b").await;
    world.advance(10);
    assert_eq!(waiting(&world.describe("c1").await), pending(&[]));
    assert_eq!(
        waiting(&change_group(&world, "fast").await),
        pending(&[]),
        "it has that group already"
    );
}

#[tokio::test]
async fn new_nodes_are_in_sync_and_a_second_change_asks_for_a_second_reboot() {
    let world = world(with_reboots()).await;
    change_group(&world, "fast").await;
    world.advance(20);
    world
        .dax()
        .increase_replication_factor()
        .cluster_name("c1")
        .new_replication_factor(3)
        .send()
        .await
        .unwrap();
    world.advance(20);
    assert_eq!(
        waiting(&world.describe("c1").await),
        pending(&["c1-a", "c1-b"])
    );
    reboot(&world, "c1-a").await;
    let changed = change_group(&world, DEFAULT_GROUP).await;
    assert_eq!(
        waiting(&changed),
        pending(&["c1-a", "c1-b", "c1-c"]),
        "a reboot under way came too early"
    );
    world.advance(20);
    assert_eq!(
        waiting(&world.describe("c1").await),
        pending(&["c1-a", "c1-b", "c1-c"])
    );
    let deleted = world
        .dax()
        .delete_cluster()
        .cluster_name("c1")
        .send()
        .await
        .unwrap();
    assert_eq!(
        waiting(deleted.cluster().unwrap()),
        pending(&[]),
        "a cluster being deleted shows no nodes"
    );
}

#[tokio::test]
async fn a_refused_change_makes_no_node_wait() {
    let world = world(with_reboots()).await;
    let update = world
        .dax()
        .update_cluster()
        .cluster_name("c1")
        .parameter_group_name("fast");
    let update = update.security_group_ids("sg-00000000");
    assert_eq!(code(update.send().await), "InvalidParameterValueException");
    assert_eq!(waiting(&world.describe("c1").await), pending(&[]));
}

#[tokio::test]
async fn a_restart_remembers_which_nodes_wait() {
    let settings = Settings {
        journal: Some(folder("reboots")),
        ..with_reboots()
    };
    let first = world(settings.clone()).await;
    change_group(&first, "fast").await;
    first.advance(20);
    reboot(&first, "c1-a").await;
    drop(first);
    for _ in 0..2 {
        let world = World::serve(crate::journal::reopen(&settings).await).await;
        assert_eq!(
            waiting(&world.describe("c1").await),
            pending(&["c1-a", "c1-b"])
        );
    }
    let world = World::serve(crate::journal::reopen(&settings).await).await;
    world.advance(10);
    assert_eq!(waiting(&world.describe("c1").await), pending(&["c1-b"]));
}

#[tokio::test]
async fn the_journal_of_a_version_that_knew_neither_reboots_nor_tags_of_rules_still_opens() {
    let settings = Settings {
        journal: Some(folder("older")),
        ..settings()
    };
    let first = world(settings.clone()).await;
    let before = first.sandbox.inventory();
    drop(first);
    drop(crate::journal::reopen(&settings).await);
    let path = settings
        .journal
        .clone()
        .unwrap()
        .join("aws-sandbox.journal");
    let journal = std::fs::read_to_string(&path).unwrap();
    let rule = r#""id":"sgr-0a1b2c3d4e5f60718""#;
    let older = journal
        .replace(r#","parameters":"in_sync""#, "")
        .replace(&format!(r#"{rule},"tags":[]"#), rule);
    assert!(
        older.len() < journal.len()
            && !older.contains("in_sync")
            && older.contains(&format!("{rule}}}"))
    );
    std::fs::write(&path, older).unwrap();
    let world = World::serve(crate::journal::reopen(&settings).await).await;
    assert_eq!(world.sandbox.inventory(), before);
    assert_eq!(waiting(&world.describe("c1").await), pending(&[]));
}
