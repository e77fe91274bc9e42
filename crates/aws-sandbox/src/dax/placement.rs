//! Placement of nodes: Availability Zones and security groups.

use crate::dax::messages::{fault, invalid_combination, invalid_value};
use crate::state::network::Subnet;
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;

/// The zone of each new node: as requested, or spread over the zones with the fewest nodes.
pub(super) fn zones_for(
    turn: &Turn<'_>,
    subnets: &[&Subnet],
    requested: Option<&[String]>,
    existing: &[String],
    count: usize,
) -> Result<Vec<String>, ServiceFault> {
    let Some(requested) = requested.filter(|requested| !requested.is_empty()) else {
        return Ok(spread(subnets, existing, count));
    };
    if requested.len() != count {
        let message =
            format!("AvailabilityZones must have {count} entries, one for each new node.");
        return Err(invalid_combination(message));
    }
    for zone in requested {
        if !turn
            .state
            .subnets
            .values()
            .any(|subnet| subnet.availability_zone == *zone)
        {
            return Err(invalid_value(format!(
                "{zone} is not a valid Availability Zone."
            )));
        }
        if !subnets
            .iter()
            .any(|subnet| subnet.availability_zone == *zone)
        {
            return Err(fault("InvalidVPCNetworkStateFault"));
        }
    }
    Ok(requested.to_vec())
}

fn spread(subnets: &[&Subnet], existing: &[String], count: usize) -> Vec<String> {
    let mut zones: Vec<(usize, &str)> = Vec::new();
    for subnet in subnets {
        let zone = subnet.availability_zone.as_str();
        if !zones.iter().any(|(_, known)| *known == zone) {
            zones.push((
                existing.iter().filter(|existing| *existing == zone).count(),
                zone,
            ));
        }
    }
    let mut spread = Vec::with_capacity(count);
    for _ in 0..count {
        if let Some(emptiest) = zones.iter_mut().min_by_key(|(nodes, _)| *nodes) {
            emptiest.0 += 1;
            spread.push(emptiest.1.to_owned());
        }
    }
    spread
}

/// The security groups of a cluster: those requested, which must be in its VPC, or the VPC's
/// default group.
pub(super) fn security_groups(
    turn: &Turn<'_>,
    vpc_id: &str,
    requested: Option<&[String]>,
) -> Result<Vec<String>, ServiceFault> {
    let Some(requested) = requested.filter(|requested| !requested.is_empty()) else {
        let groups = turn.state.security_groups.values();
        return Ok(groups
            .filter(|group| group.vpc_id == vpc_id && group.name == "default")
            .map(|group| group.id.clone())
            .collect());
    };
    for id in requested {
        match turn.state.security_groups.get(id) {
            None => {
                return Err(invalid_value(format!(
                    "The security group '{id}' does not exist."
                )));
            }
            Some(group) if group.vpc_id != vpc_id => {
                return Err(invalid_combination(format!(
                    "The security group '{id}' is not in the VPC {vpc_id}."
                )));
            }
            Some(_) => {}
        }
    }
    Ok(requested.to_vec())
}
