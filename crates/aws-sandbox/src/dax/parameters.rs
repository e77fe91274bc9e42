//! DAX's two parameters: the values of a group and the defaults.

use serde::{Deserialize, Serialize};

use crate::authorization::AccessRequest;
use crate::dax::messages::{fault, invalid_value};
use crate::dax::names::required;
use crate::dax::paging::page;
use crate::dax::parameter_groups::{find_unused_group, respond_with};
use crate::state::group::ParameterGroup;
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::json::{read, write};

const QUERY_TTL: &str = "query-ttl-millis";
const RECORD_TTL: &str = "record-ttl-millis";
/// DAX's limit of parameters in one update, although only two parameters exist.
const MAX_PARAMETERS: usize = 20;

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ParameterView {
    parameter_name: &'static str,
    parameter_type: &'static str,
    parameter_value: String,
    node_type_specific_values: [&'static str; 0],
    description: &'static str,
    source: &'static str,
    data_type: &'static str,
    allowed_values: &'static str,
    is_modifiable: &'static str,
    change_type: &'static str,
}

fn view(parameter_name: &'static str, value: &str, description: &'static str) -> ParameterView {
    ParameterView {
        parameter_name,
        parameter_type: "DEFAULT",
        parameter_value: value.to_owned(),
        node_type_specific_values: [],
        description,
        source: "user",
        data_type: "integer",
        allowed_values: "0-",
        is_modifiable: "TRUE",
        change_type: "IMMEDIATE",
    }
}

/// Both parameters, ordered by name.
fn views(query_ttl_millis: &str, record_ttl_millis: &str) -> [ParameterView; 2] {
    let record =
        "Duration in milliseconds for records to remain valid in cache (Default: 0 = infinite)";
    [
        view(
            QUERY_TTL,
            query_ttl_millis,
            "Duration in milliseconds for queries to remain cached",
        ),
        view(RECORD_TTL, record_ttl_millis, record),
    ]
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeParametersRequest {
    parameter_group_name: Option<String>,
    source: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeParametersResult {
    parameters: Vec<ParameterView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

fn respond_with_page(
    request: &DescribeParametersRequest,
    parameters: [ParameterView; 2],
) -> Result<Vec<u8>, ServiceFault> {
    let requested = parameters.into_iter().filter(|view| {
        request
            .source
            .as_deref()
            .is_none_or(|source| source == view.source)
    });
    let name = |view: &ParameterView| view.parameter_name.to_owned();
    let (parameters, next_token) = page(
        request.max_results,
        request.next_token.as_deref(),
        requested,
        name,
    )?;
    write(&DescribeParametersResult {
        parameters,
        next_token,
    })
}

pub(super) fn describe_parameters(
    turn: &mut Turn<'_>,
    body: &[u8],
) -> Result<Vec<u8>, ServiceFault> {
    let request: DescribeParametersRequest = read(body)?;
    let name = required(
        "ParameterGroupName",
        request.parameter_group_name.as_deref(),
    )?;
    turn.authorize(&AccessRequest::anywhere("dax:DescribeParameters"))?;
    let group = turn
        .state
        .parameter_groups
        .get(name)
        .ok_or_else(|| fault("ParameterGroupNotFoundFault"))?;
    respond_with_page(
        &request,
        views(&group.query_ttl_millis, &group.record_ttl_millis),
    )
}

pub(super) fn describe_default_parameters(
    turn: &mut Turn<'_>,
    body: &[u8],
) -> Result<Vec<u8>, ServiceFault> {
    let request: DescribeParametersRequest = read(body)?;
    turn.authorize(&AccessRequest::anywhere("dax:DescribeDefaultParameters"))?;
    respond_with_page(&request, views("300000", "300000"))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateParameterGroupRequest {
    parameter_group_name: Option<String>,
    parameter_name_values: Option<Vec<ParameterNameValue>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ParameterNameValue {
    parameter_name: Option<String>,
    parameter_value: Option<String>,
}

pub(super) fn update_parameter_group(
    turn: &mut Turn<'_>,
    body: &[u8],
) -> Result<Vec<u8>, ServiceFault> {
    let request: UpdateParameterGroupRequest = read(body)?;
    let name = required("ParameterGroupName", request.parameter_group_name)?;
    let values = required("ParameterNameValues", request.parameter_name_values)?;
    turn.authorize(&AccessRequest::anywhere("dax:UpdateParameterGroup"))?;
    if values.is_empty() || values.len() > MAX_PARAMETERS {
        return Err(invalid_value(format!(
            "ParameterNameValues must have 1 to {MAX_PARAMETERS} entries."
        )));
    }
    let mut group = find_unused_group(turn, &name)?.clone();
    for value in values {
        set(&mut group, value)?;
    }
    respond_with(turn, group, "Parameter group updated.")
}

fn set(group: &mut ParameterGroup, parameter: ParameterNameValue) -> Result<(), ServiceFault> {
    let name = required("ParameterName", parameter.parameter_name)?;
    let value = required("ParameterValue", parameter.parameter_value)?;
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || value.parse::<i64>().is_err() {
        return Err(invalid_value(format!(
            "Invalid value {value:?} for parameter {name}: it must be an integer, 0 or more."
        )));
    }
    match name.as_str() {
        QUERY_TTL => group.query_ttl_millis = value,
        RECORD_TTL => group.record_ttl_millis = value,
        _ => return Err(invalid_value(format!("Unknown parameter: {name}"))),
    }
    Ok(())
}
