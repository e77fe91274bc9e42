//! New nodes: how many there may be, and what they are called.

use chrono::{DateTime, Utc};

use crate::dax::messages::fault;
use crate::state::cluster::{Node, Parameters};
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;

/// Whether a cluster may have so many nodes, and the account so many more.
pub(super) fn check_node_quotas(
    turn: &Turn<'_>,
    of_cluster: usize,
    more: usize,
) -> Result<(), ServiceFault> {
    let quotas = &turn.settings.quotas;
    if of_cluster > quotas.nodes_per_cluster as usize {
        return Err(fault("NodeQuotaForClusterExceededFault"));
    }
    let nodes: usize = turn
        .state
        .clusters
        .values()
        .map(|cluster| cluster.nodes.len())
        .sum();
    if nodes + more > quotas.nodes as usize {
        return Err(fault("NodeQuotaForCustomerExceededFault"));
    }
    Ok(())
}

/// Nodes in these zones, named by the letters that are free.
pub(super) fn new_nodes(
    cluster: &str,
    existing: &[Node],
    zones: Vec<String>,
    ready_at: DateTime<Utc>,
) -> Vec<Node> {
    let ids = (0_u32..).map(|number| format!("{cluster}-{}", letters(number)));
    let free = ids.filter(|id| !existing.iter().any(|node| node.id == *id));
    let node = |(id, availability_zone)| Node {
        id,
        availability_zone,
        created_at: ready_at,
        rebooting_until: None,
        parameters: Parameters::InSync,
    };
    free.zip(zones).map(node).collect()
}

/// `a` to `z`, then `aa`, `ab`, …: no cluster of AWS's has so many nodes, but quotas can be raised here.
fn letters(number: u32) -> String {
    let last = char::from(b'a' + u8::try_from(number % 26).unwrap_or(0));
    match number / 26 {
        0 => last.to_string(),
        rest => letters(rest - 1) + &last.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::letters;

    #[test]
    fn node_letters_go_on_after_z() {
        let named: Vec<String> = [0, 25, 26, 27, 51, 52].into_iter().map(letters).collect();
        assert_eq!(named, ["a", "z", "aa", "ab", "az", "ba"]);
    }
}
