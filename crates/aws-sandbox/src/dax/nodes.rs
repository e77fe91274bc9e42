//! New nodes: quotas and node IDs.

use chrono::{DateTime, Utc};

use crate::dax::messages::fault;
use crate::state::cluster::{Node, Parameters};
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;

/// Checks the quotas: `of_cluster` nodes in one cluster, `additional` nodes in the account.
pub(super) fn check_node_quotas(
    turn: &Turn<'_>,
    of_cluster: usize,
    additional: usize,
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
    if nodes + additional > quotas.nodes as usize {
        return Err(fault("NodeQuotaForCustomerExceededFault"));
    }
    Ok(())
}

/// New nodes, one in each of these zones, named by unused letters.
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

/// `a` to `z`, then `aa`, `ab`, …, which need a quota above AWS's.
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
    fn node_letters_continue_after_z() {
        let named: Vec<String> = [0, 25, 26, 27, 51, 52].into_iter().map(letters).collect();
        assert_eq!(named, ["a", "z", "aa", "ab", "az", "ba"]);
    }
}
