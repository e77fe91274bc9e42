//! Parameter groups: create, describe, delete.

use serde::{Deserialize, Serialize};

use crate::authorization::AccessRequest;
use crate::dax::messages::fault;
use crate::dax::names::{parameter_group_name, reject_reserved, required};
use crate::dax::paging::page;
use crate::dax::subnet_groups::DeletionResult;
use crate::state::Change;
use crate::state::group::{Event, EventSource, ParameterGroup};
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::json::{read, write};

/// AWS's default of both parameters, in milliseconds.
const DEFAULT_TTL_MILLIS: &str = "300000";

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ParameterGroupView<'a> {
    parameter_group_name: &'a str,
    description: &'a str,
}

impl<'a> ParameterGroupView<'a> {
    fn of(group: &'a ParameterGroup) -> ParameterGroupView<'a> {
        ParameterGroupView {
            parameter_group_name: &group.name,
            description: &group.description,
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ParameterGroupResult<'a> {
    parameter_group: ParameterGroupView<'a>,
}

/// Collects the new or changed group and returns it as the response.
pub(super) fn respond_with(
    turn: &mut Turn<'_>,
    group: ParameterGroup,
    message: &str,
) -> Result<Vec<u8>, ServiceFault> {
    let response = write(&ParameterGroupResult {
        parameter_group: ParameterGroupView::of(&group),
    });
    turn.change(group_event(turn, &group.name, message));
    turn.change(Change::ParameterGroup(group));
    response
}

fn group_event(turn: &Turn<'_>, name: &str, message: &str) -> Change {
    Change::Event(Event {
        source_name: name.to_owned(),
        source: EventSource::ParameterGroup,
        message: message.to_owned(),
        date: turn.now,
    })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateParameterGroupRequest {
    parameter_group_name: Option<String>,
    description: Option<String>,
}

pub(super) fn create_parameter_group(
    turn: &mut Turn<'_>,
    body: &[u8],
) -> Result<Vec<u8>, ServiceFault> {
    let request: CreateParameterGroupRequest = read(body)?;
    let sent = required("ParameterGroupName", request.parameter_group_name)?;
    turn.authorize(&AccessRequest::anywhere("dax:CreateParameterGroup"))?;
    if turn.state.parameter_groups.contains_key(&sent) {
        return Err(fault("ParameterGroupAlreadyExistsFault"));
    }
    reject_reserved(&sent)?;
    let name = parameter_group_name(&sent)?;
    let custom = turn
        .state
        .parameter_groups
        .values()
        .filter(|group| !group.builtin)
        .count();
    if custom >= turn.settings.quotas.parameter_groups as usize {
        return Err(fault("ParameterGroupQuotaExceededFault"));
    }
    let group = ParameterGroup {
        name,
        // DAX returns one space for an absent description.
        description: request
            .description
            .filter(|text| !text.is_empty())
            .unwrap_or_else(|| " ".to_owned()),
        record_ttl_millis: DEFAULT_TTL_MILLIS.to_owned(),
        query_ttl_millis: DEFAULT_TTL_MILLIS.to_owned(),
        builtin: false,
    };
    respond_with(turn, group, "Parameter group created.")
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeParameterGroupsRequest {
    parameter_group_names: Option<Vec<String>>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeParameterGroupsResult<'a> {
    parameter_groups: Vec<ParameterGroupView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub(super) fn describe_parameter_groups(
    turn: &mut Turn<'_>,
    body: &[u8],
) -> Result<Vec<u8>, ServiceFault> {
    let request: DescribeParameterGroupsRequest = read(body)?;
    turn.authorize(&AccessRequest::anywhere("dax:DescribeParameterGroups"))?;
    let names = request.parameter_group_names.unwrap_or_default();
    if names
        .iter()
        .any(|name| !turn.state.parameter_groups.contains_key(name))
    {
        return Err(fault("ParameterGroupNotFoundFault"));
    }
    let groups = turn.state.parameter_groups.values();
    let requested = groups.filter(|group| names.is_empty() || names.contains(&group.name));
    let (groups, next_token) = page(
        request.max_results,
        request.next_token.as_deref(),
        requested,
        |group| group.name.clone(),
    )?;
    let parameter_groups = groups.into_iter().map(ParameterGroupView::of).collect();
    write(&DescribeParameterGroupsResult {
        parameter_groups,
        next_token,
    })
}

/// Finds a group that can be changed: not built in, and not used by any cluster, even if that is
/// being deleted.
pub(super) fn find_unused_group<'a>(
    turn: &Turn<'a>,
    name: &str,
) -> Result<&'a ParameterGroup, ServiceFault> {
    reject_reserved(name)?;
    let group = turn
        .state
        .parameter_groups
        .get(name)
        .ok_or_else(|| fault("ParameterGroupNotFoundFault"))?;
    if turn
        .state
        .clusters
        .values()
        .any(|cluster| cluster.parameter_group == name)
    {
        return Err(fault("InvalidParameterGroupStateFault"));
    }
    Ok(group)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteParameterGroupRequest {
    parameter_group_name: Option<String>,
}

pub(super) fn delete_parameter_group(
    turn: &mut Turn<'_>,
    body: &[u8],
) -> Result<Vec<u8>, ServiceFault> {
    let request: DeleteParameterGroupRequest = read(body)?;
    let name = required("ParameterGroupName", request.parameter_group_name)?;
    turn.authorize(&AccessRequest::anywhere("dax:DeleteParameterGroup"))?;
    find_unused_group(turn, &name)?;
    turn.change(group_event(turn, &name, "Parameter group deleted."));
    let deletion_message = format!("Parameter group {name} has been deleted.");
    turn.change(Change::ParameterGroupGone(name));
    write(&DeletionResult { deletion_message })
}
