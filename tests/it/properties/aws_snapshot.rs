//! A snapshot of everything in the sandbox's account, which tests compare.

use std::time::Duration;

use dax_provisioner::domain::names::operation_suffix;
use dax_provisioner::domain::observed::{Observed, ObservedNode};
use uuid::Uuid;

use crate::support::test_env::TestEnv;

/// One line for each resource, sorted, without the IDs of these operations. The service-linked role
/// is left out: the service never deletes it. So is the access role of a target, with its policies.
pub async fn snapshot(env: &TestEnv, operations: &[Uuid]) -> Vec<String> {
    let inventory = env.sandbox.inventory();
    let mut lines = Vec::new();
    for mut role in inventory.roles {
        if !role.service_linked {
            role.attached_policies.sort();
            lines.push(format!("{role:?}"));
        }
    }
    let policies = inventory.policies.iter().filter(|policy| !policy.builtin);
    lines.extend(policies.map(|policy| format!("{policy:?}")));
    lines.retain(|line| !line.contains("\"dax-provisioner-main"));
    lines.extend(debug_lines(&inventory.clusters));
    lines.extend(debug_lines(&inventory.subnet_groups));
    lines.extend(debug_lines(&inventory.parameter_groups));
    for mut group in inventory.security_groups {
        for rule in std::mem::take(&mut group.ingress) {
            lines.push(format!("{} allows {rule}", group.id));
        }
        lines.push(format!("{group:?}"));
    }
    for (name, mut cluster) in settled_clusters(env).await {
        cluster.endpoint = None;
        lines.push(format!("{name}: {cluster:?}"));
    }
    without_ids(lines, operations)
}

/// The clusters when no node reboots any more: a cancel does not stop a reboot, and does not wait for
/// it.
async fn settled_clusters(env: &TestEnv) -> Vec<(String, Observed)> {
    let is_rebooting = |node: &ObservedNode| node.status.as_deref() == Some("REBOOTING");
    for _ in 0..500 {
        let clusters = env.admin.clusters().await.unwrap();
        let mut nodes = clusters.iter().flat_map(|(_, cluster)| &cluster.nodes);
        if !nodes.any(is_rebooting) {
            return clusters;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("a node reboots for ever");
}

fn debug_lines<T: std::fmt::Debug>(resources: &[T]) -> impl Iterator<Item = String> {
    resources.iter().map(|resource| format!("{resource:?}"))
}

/// Replaces the IDs of operations, and the name suffixes made of them. Sorts the lines.
pub fn without_ids(mut lines: Vec<String>, operations: &[Uuid]) -> Vec<String> {
    for line in &mut lines {
        for id in operations {
            *line = line
                .replace(&id.to_string(), "OPERATION")
                .replace(&operation_suffix(*id), "SUFFIX");
        }
    }
    lines.sort();
    lines
}
