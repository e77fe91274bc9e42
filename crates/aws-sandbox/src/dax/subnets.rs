//! Subnets of a subnet group: existence, consistency and network types.

use crate::dax::messages::{fault, invalid_value};
use crate::state::State;
use crate::state::network::Subnet;
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;

/// The distinct subnets of a request, all in one VPC, and either all IPv6-only or none.
pub(super) fn find_subnets<'a>(
    turn: &Turn<'a>,
    ids: &[String],
) -> Result<Vec<&'a Subnet>, ServiceFault> {
    if ids.is_empty() {
        return Err(invalid_value("SubnetIds must name at least one subnet."));
    }
    let mut unique: Vec<&String> = Vec::with_capacity(ids.len());
    for id in ids {
        if !unique.contains(&id) {
            unique.push(id);
        }
    }
    if unique.len() > turn.settings.quotas.subnets_per_group as usize {
        return Err(fault("SubnetQuotaExceededFault"));
    }
    let find = |id: &String| {
        let unknown = || {
            ServiceFault::new(
                "InvalidSubnet",
                format!("The subnet ID '{id}' does not exist."),
            )
        };
        turn.state.subnets.get(id).ok_or_else(unknown)
    };
    let subnets = unique
        .into_iter()
        .map(find)
        .collect::<Result<Vec<&Subnet>, ServiceFault>>()?;
    if subnets
        .iter()
        .any(|subnet| subnet.vpc_id != subnets[0].vpc_id)
    {
        return Err(ServiceFault::new(
            "InvalidSubnet",
            "All subnets of a subnet group must be in the same VPC.",
        ));
    }
    let is_ipv6_only = |subnet: &&&Subnet| subnet.cidr.is_none();
    let ipv6_only = subnets.iter().filter(is_ipv6_only).count();
    if ipv6_only != 0 && ipv6_only != subnets.len() {
        return Err(fault("SubnetNotAllowedFault"));
    }
    Ok(subnets)
}

/// The subnets of a stored subnet group.
pub(super) fn subnets_of<'a>(state: &'a State, ids: &[String]) -> Vec<&'a Subnet> {
    ids.iter().filter_map(|id| state.subnets.get(id)).collect()
}

/// The network types that all subnets support.
pub(super) fn shared_network_types(subnets: &[&Subnet]) -> Vec<&'static str> {
    let supported_by_all = |kind: &&str| {
        subnets
            .iter()
            .all(|subnet| subnet.network_types().contains(kind))
    };
    ["ipv4", "ipv6"]
        .into_iter()
        .filter(supported_by_all)
        .collect()
}

/// The network type of a cluster in these subnets: as requested, or derived from the subnets.
///
/// IPv4 needs IPv4 in all subnets, dual stack needs both types in all, and IPv6 needs subnets that
/// support nothing else.
pub(super) fn network_type(
    subnets: &[&Subnet],
    requested: Option<&str>,
) -> Result<&'static str, ServiceFault> {
    let shared = shared_network_types(subnets);
    let ipv6_only = subnets.iter().all(|subnet| subnet.cidr.is_none());
    let derived = if ipv6_only {
        "ipv6"
    } else if shared.len() == 2 {
        "dual_stack"
    } else {
        "ipv4"
    };
    let possible = match requested {
        None => return Ok(derived),
        Some("ipv4") => shared.contains(&"ipv4").then_some("ipv4"),
        Some("ipv6") => ipv6_only.then_some("ipv6"),
        Some("dual_stack") => (shared.len() == 2).then_some("dual_stack"),
        Some(other) => return Err(invalid_value(format!("Invalid NetworkType: {other}"))),
    };
    possible.ok_or_else(|| fault("SubnetNotAllowedFault"))
}
