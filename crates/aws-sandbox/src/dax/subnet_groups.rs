//! Subnet groups: create, describe, delete.

use serde::{Deserialize, Serialize};

use crate::authorization::AccessRequest;
use crate::dax::messages::fault;
use crate::dax::names::{reject_reserved, required, subnet_group_name};
use crate::dax::paging::page;
use crate::dax::subnets::{find_subnets, shared_network_types, subnets_of};
use crate::iam::ensure_service_linked_role;
use crate::state::group::{Event, EventSource, SubnetGroup};
use crate::state::{Change, State};
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::json::{read, write};

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SubnetGroupView<'a> {
    subnet_group_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    vpc_id: &'a str,
    subnets: Vec<SubnetView<'a>>,
    supported_network_types: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct SubnetView<'a> {
    subnet_identifier: &'a str,
    subnet_availability_zone: &'a str,
    supported_network_types: Vec<&'static str>,
}

impl<'a> SubnetGroupView<'a> {
    fn of(state: &'a State, group: &'a SubnetGroup) -> SubnetGroupView<'a> {
        let subnets = subnets_of(state, &group.subnet_ids);
        SubnetGroupView {
            subnet_group_name: &group.name,
            description: group.description.as_deref(),
            vpc_id: &group.vpc_id,
            supported_network_types: shared_network_types(&subnets),
            subnets: subnets
                .into_iter()
                .map(|subnet| SubnetView {
                    subnet_identifier: &subnet.id,
                    subnet_availability_zone: &subnet.availability_zone,
                    supported_network_types: subnet.network_types(),
                })
                .collect(),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct SubnetGroupResult<'a> {
    subnet_group: SubnetGroupView<'a>,
}

/// Collects the new or changed group and returns it as the response.
pub(super) fn respond_with(
    turn: &mut Turn<'_>,
    group: SubnetGroup,
    message: &str,
) -> Result<Vec<u8>, ServiceFault> {
    let response = write(&SubnetGroupResult {
        subnet_group: SubnetGroupView::of(turn.state, &group),
    });
    turn.change(group_event(turn, &group.name, message));
    turn.change(Change::SubnetGroup(group));
    response
}

fn group_event(turn: &Turn<'_>, name: &str, message: &str) -> Change {
    Change::Event(Event {
        source_name: name.to_owned(),
        source: EventSource::SubnetGroup,
        message: message.to_owned(),
        date: turn.now,
    })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateSubnetGroupRequest {
    subnet_group_name: Option<String>,
    description: Option<String>,
    subnet_ids: Option<Vec<String>>,
}

pub(super) fn create_subnet_group(
    turn: &mut Turn<'_>,
    body: &[u8],
) -> Result<Vec<u8>, ServiceFault> {
    let request: CreateSubnetGroupRequest = read(body)?;
    let name = subnet_group_name(&required("SubnetGroupName", request.subnet_group_name)?)?;
    let subnet_ids = required("SubnetIds", request.subnet_ids)?;
    turn.authorize(&AccessRequest::anywhere("dax:CreateSubnetGroup"))?;
    ensure_service_linked_role(turn)?;
    if turn.state.subnet_groups.contains_key(&name) {
        return Err(fault("SubnetGroupAlreadyExistsFault"));
    }
    reject_reserved(&name)?;
    let custom = turn
        .state
        .subnet_groups
        .values()
        .filter(|group| !group.builtin)
        .count();
    if custom >= turn.settings.quotas.subnet_groups as usize {
        return Err(fault("SubnetGroupQuotaExceededFault"));
    }
    let subnets = find_subnets(turn, &subnet_ids)?;
    let group = SubnetGroup {
        name,
        description: request
            .description
            .filter(|description| !description.is_empty()),
        vpc_id: subnets[0].vpc_id.clone(),
        subnet_ids: subnets.iter().map(|subnet| subnet.id.clone()).collect(),
        builtin: false,
    };
    respond_with(turn, group, "Subnet group created.")
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeSubnetGroupsRequest {
    subnet_group_names: Option<Vec<String>>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeSubnetGroupsResult<'a> {
    subnet_groups: Vec<SubnetGroupView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub(super) fn describe_subnet_groups(
    turn: &mut Turn<'_>,
    body: &[u8],
) -> Result<Vec<u8>, ServiceFault> {
    let request: DescribeSubnetGroupsRequest = read(body)?;
    turn.authorize(&AccessRequest::anywhere("dax:DescribeSubnetGroups"))?;
    let mut names: Vec<String> = request.subnet_group_names.unwrap_or_default();
    names
        .iter_mut()
        .for_each(|name| name.make_ascii_lowercase());
    if names
        .iter()
        .any(|name| !turn.state.subnet_groups.contains_key(name))
    {
        return Err(fault("SubnetGroupNotFoundFault"));
    }
    let groups = turn.state.subnet_groups.values();
    let requested = groups.filter(|group| names.is_empty() || names.contains(&group.name));
    let (groups, next_token) = page(
        request.max_results,
        request.next_token.as_deref(),
        requested,
        |group| group.name.clone(),
    )?;
    let subnet_groups = groups
        .into_iter()
        .map(|group| SubnetGroupView::of(turn.state, group))
        .collect();
    write(&DescribeSubnetGroupsResult {
        subnet_groups,
        next_token,
    })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteSubnetGroupRequest {
    subnet_group_name: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeletionResult {
    pub(super) deletion_message: String,
}

pub(super) fn delete_subnet_group(
    turn: &mut Turn<'_>,
    body: &[u8],
) -> Result<Vec<u8>, ServiceFault> {
    let request: DeleteSubnetGroupRequest = read(body)?;
    let name = subnet_group_name(&required("SubnetGroupName", request.subnet_group_name)?)?;
    turn.authorize(&AccessRequest::anywhere("dax:DeleteSubnetGroup"))?;
    reject_reserved(&name)?;
    if !turn.state.subnet_groups.contains_key(&name) {
        return Err(fault("SubnetGroupNotFoundFault"));
    }
    if turn
        .state
        .clusters
        .values()
        .any(|cluster| cluster.subnet_group == name)
    {
        return Err(fault("SubnetGroupInUseFault"));
    }
    turn.change(group_event(turn, &name, "Subnet group deleted."));
    let deletion_message = format!("Subnet group {name} has been deleted.");
    turn.change(Change::SubnetGroupGone(name));
    write(&DeletionResult { deletion_message })
}
