//! UpdateSubnetGroup.

use serde::Deserialize;

use crate::authority::Ask;
use crate::dax::messages::fault;
use crate::dax::names::{refuse_reserved, required, subnet_group_name};
use crate::dax::subnet_groups::answer_with;
use crate::dax::subnets::{find_subnets, network_type};
use crate::state::group::SubnetGroup;
use crate::state::network::Subnet;
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::json::read;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateSubnetGroupRequest {
    subnet_group_name: Option<String>,
    description: Option<String>,
    subnet_ids: Option<Vec<String>>,
}

pub(super) fn update_subnet_group(
    turn: &mut Turn<'_>,
    body: &[u8],
) -> Result<Vec<u8>, ServiceFault> {
    let request: UpdateSubnetGroupRequest = read(body)?;
    let name = subnet_group_name(&required("SubnetGroupName", request.subnet_group_name)?)?;
    turn.authorize(&Ask::anywhere("dax:UpdateSubnetGroup"))?;
    refuse_reserved(&name)?;
    let mut group = turn
        .state
        .subnet_groups
        .get(&name)
        .ok_or_else(|| fault("SubnetGroupNotFoundFault"))?
        .clone();
    if let Some(ids) = &request.subnet_ids {
        let subnets = find_subnets(turn, ids)?;
        if subnets[0].vpc_id != group.vpc_id {
            let message = format!(
                "All subnets must be in {}, the VPC of the subnet group.",
                group.vpc_id
            );
            return Err(ServiceFault::new("InvalidSubnet", message));
        }
        check_clusters(turn, &group, &subnets)?;
        group.subnet_ids = subnets.iter().map(|subnet| subnet.id.clone()).collect();
    }
    group.description = request.description.or(group.description);
    answer_with(turn, group, "Subnet group updated.")
}

/// The clusters in the group must still fit: their network type, and their nodes' zones.
fn check_clusters(
    turn: &Turn<'_>,
    group: &SubnetGroup,
    subnets: &[&Subnet],
) -> Result<(), ServiceFault> {
    let has_zone = |zone: &String| {
        subnets
            .iter()
            .any(|subnet| subnet.availability_zone == *zone)
    };
    for cluster in turn
        .state
        .clusters
        .values()
        .filter(|cluster| cluster.subnet_group == group.name)
    {
        network_type(subnets, Some(&cluster.network_type))?;
        if cluster
            .nodes
            .iter()
            .any(|node| !has_zone(&node.availability_zone))
        {
            return Err(fault("SubnetInUse"));
        }
    }
    Ok(())
}
