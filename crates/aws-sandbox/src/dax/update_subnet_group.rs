//! UpdateSubnetGroup.

use serde::Deserialize;

use crate::authorization::AccessRequest;
use crate::dax::messages::fault;
use crate::dax::names::{reject_reserved, required, subnet_group_name};
use crate::dax::subnet_groups::respond_with;
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
    turn.authorize(&AccessRequest::anywhere("dax:UpdateSubnetGroup"))?;
    reject_reserved(&name)?;
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
    respond_with(turn, group, "Subnet group updated.")
}

/// The subnets must still support the group's clusters: their network types and their nodes' zones.
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
