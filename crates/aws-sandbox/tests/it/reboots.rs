//! Changes of the parameter group that require reboots, if the settings enable it.

use aws_sandbox::Settings;
use aws_sdk_dax::types::Cluster;

use crate::test_env::{TestEnv, code, folder, settings};

const DEFAULT_GROUP: &str = "default.dax1.0";

fn with_reboots() -> Settings {
    Settings {
        parameter_changes_need_reboot: true,
        ..settings()
    }
}

/// An available cluster of two nodes, and the parameter group `fast`.
async fn setup(settings: Settings) -> TestEnv {
    let env = TestEnv::with(settings).await;
    env.cluster("c1", 2).await;
    env.dax()
        .create_parameter_group()
        .parameter_group_name("fast")
        .send()
        .await
        .unwrap();
    env
}

async fn change_group(env: &TestEnv, group: &str) -> Cluster {
    let update = env
        .dax()
        .update_cluster()
        .cluster_name("c1")
        .parameter_group_name(group);
    update.send().await.unwrap().cluster().unwrap().clone()
}

async fn reboot(env: &TestEnv, node: &str) -> Cluster {
    let reboot = env.dax().reboot_node().cluster_name("c1").node_id(node);
    reboot.send().await.unwrap().cluster().unwrap().clone()
}

/// The group's apply status and nodes to reboot, and the nodes with the status `pending-reboot`.
fn reboot_status(cluster: &Cluster) -> (String, Vec<String>, Vec<String>) {
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

/// The expected [`reboot_status`] when these nodes await a reboot.
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
async fn a_change_of_the_parameter_group_needs_no_reboot_by_default() {
    let env = setup(settings()).await;
    let changed = reboot_status(&change_group(&env, "fast").await);
    assert_eq!(changed, ("applying".to_owned(), Vec::new(), Vec::new()));
    env.advance(20);
    let cluster = env.describe("c1").await;
    assert_eq!(reboot_status(&cluster), pending(&[]));
    assert!(
        cluster
            .nodes()
            .iter()
            .all(|node| node.parameter_group_status() == Some("in-sync"))
    );
}

#[tokio::test]
async fn each_node_is_pending_until_its_own_reboot_ends() {
    let env = setup(with_reboots()).await;
    assert_eq!(reboot_status(&env.describe("c1").await), pending(&[]));
    change_group(&env, "fast").await;
    env.advance(20);
    assert_eq!(
        reboot_status(&env.describe("c1").await),
        pending(&["c1-a", "c1-b"])
    );
    assert_eq!(
        reboot_status(&reboot(&env, "c1-a").await),
        pending(&["c1-a", "c1-b"])
    );
    env.advance(10);
    assert_eq!(reboot_status(&env.describe("c1").await), pending(&["c1-b"]));
    reboot(&env, "c1-a").await;
    env.advance(10);
    assert_eq!(reboot_status(&env.describe("c1").await), pending(&["c1-b"]));
    reboot(&env, "c1-b").await;
    env.advance(10);
    assert_eq!(reboot_status(&env.describe("c1").await), pending(&[]));
    assert_eq!(
        reboot_status(&change_group(&env, "fast").await),
        pending(&[]),
        "the cluster already has that group"
    );
}

#[tokio::test]
async fn new_nodes_are_in_sync_and_a_second_change_requires_a_second_reboot() {
    let env = setup(with_reboots()).await;
    change_group(&env, "fast").await;
    env.advance(20);
    env.dax()
        .increase_replication_factor()
        .cluster_name("c1")
        .new_replication_factor(3)
        .send()
        .await
        .unwrap();
    env.advance(20);
    assert_eq!(
        reboot_status(&env.describe("c1").await),
        pending(&["c1-a", "c1-b"])
    );
    reboot(&env, "c1-a").await;
    change_group(&env, DEFAULT_GROUP).await;
    env.advance(20);
    assert_eq!(
        reboot_status(&env.describe("c1").await),
        pending(&["c1-a", "c1-b", "c1-c"]),
        "a reboot in progress does not apply a later change"
    );
    let deleted = env
        .dax()
        .delete_cluster()
        .cluster_name("c1")
        .send()
        .await
        .unwrap();
    assert_eq!(
        reboot_status(deleted.cluster().unwrap()),
        pending(&[]),
        "a cluster being deleted has no visible nodes"
    );
}

#[tokio::test]
async fn a_rejected_change_requires_no_reboot() {
    let env = setup(with_reboots()).await;
    let update = env
        .dax()
        .update_cluster()
        .cluster_name("c1")
        .parameter_group_name("fast");
    let update = update.security_group_ids("sg-00000000");
    assert_eq!(code(update.send().await), "InvalidParameterValueException");
    assert_eq!(reboot_status(&env.describe("c1").await), pending(&[]));
}

#[tokio::test]
async fn a_restart_restores_pending_reboots() {
    let settings = Settings {
        journal: Some(folder("reboots")),
        ..with_reboots()
    };
    let first = setup(settings.clone()).await;
    change_group(&first, "fast").await;
    first.advance(20);
    reboot(&first, "c1-a").await;
    drop(first);
    for _ in 0..2 {
        let env = TestEnv::serve(crate::journal::reopen(&settings).await).await;
        assert_eq!(
            reboot_status(&env.describe("c1").await),
            pending(&["c1-a", "c1-b"])
        );
    }
    let env = TestEnv::serve(crate::journal::reopen(&settings).await).await;
    env.advance(10);
    assert_eq!(reboot_status(&env.describe("c1").await), pending(&["c1-b"]));
}

#[tokio::test]
async fn a_journal_of_an_older_version_without_reboots_and_rule_tags_opens() {
    let settings = Settings {
        journal: Some(folder("older")),
        ..settings()
    };
    let first = setup(settings.clone()).await;
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
    let env = TestEnv::serve(crate::journal::reopen(&settings).await).await;
    assert_eq!(env.sandbox.inventory(), before);
    assert_eq!(reboot_status(&env.describe("c1").await), pending(&[]));
}
