//! Checks of the subnet group and the parameter group.

use crate::aws::{ParameterGroup as AwsParameterGroup, SubnetGroup as AwsSubnetGroup};
use crate::domain::preflight::{Check, PredictedError};
use crate::domain::problems::fault::Fault;
use crate::domain::spec::{ClusterSpec, ParameterGroup, SubnetGroup};

use super::account::check_quota;
use super::reason;

/// AWS's default quota of subnet groups (developer guide, "Quotas in Amazon DynamoDB").
const SUBNET_GROUPS_MAX: i64 = 50;
/// AWS's default quota of parameter groups (the same page).
const PARAMETER_GROUPS_MAX: i64 = 20;
/// Name prefix of the groups that AWS provides. They do not count against the quotas.
const BUILT_IN: &str = "default";

const SUBNET_GROUP: &str = "subnet_group";
pub(super) const NETWORK_TYPE: &str = "network_type";
const PARAMETER_GROUP: &str = "parameter_group";

fn predicted(operation: &'static str, code: &'static str) -> Option<PredictedError> {
    Some(PredictedError::Error {
        service: "dax",
        operation,
        code,
        message: "",
    })
}

/// Checks the subnet group and, if it exists already, its address families.
pub(super) fn check_subnets(
    spec: &ClusterSpec,
    groups: &Result<Vec<AwsSubnetGroup>, Fault>,
) -> Vec<Check> {
    let groups = match groups {
        Ok(groups) => groups,
        Err(fault) => {
            let reason = reason("could not read the subnet groups", fault);
            let names: &[&str] = if existing_name(spec).is_none() {
                &[SUBNET_GROUP]
            } else {
                &[SUBNET_GROUP, NETWORK_TYPE]
            };
            return names
                .iter()
                .map(|name| Check::not_checked(*name, reason.clone()))
                .collect();
        }
    };
    let Some(name) = existing_name(spec) else {
        return vec![check_subnet_group_quota(groups)];
    };
    match groups.iter().find(|group| group.name == name) {
        Some(group) => {
            vec![
                Check::pass(SUBNET_GROUP, format!("the subnet group {name} exists")),
                check_network_type(spec, group),
            ]
        }
        None => {
            let detail = format!("no subnet group named {name} exists");
            let missing = predicted("CreateCluster", "SubnetGroupNotFoundFault");
            vec![
                Check::fail(SUBNET_GROUP, detail, missing),
                Check::not_checked(NETWORK_TYPE, "the subnet group does not exist"),
            ]
        }
    }
}

/// The name of the existing subnet group; `None` if the operation creates one.
fn existing_name(spec: &ClusterSpec) -> Option<&str> {
    match &spec.subnet_group {
        SubnetGroup::New { .. } | SubnetGroup::OfVpc { .. } => None,
        SubnetGroup::Existing { name } => Some(name),
        SubnetGroup::Default => Some(BUILT_IN),
    }
}

/// The ID of the VPC of the existing subnet group, if known.
pub(super) fn vpc_of_existing<'a>(
    spec: &ClusterSpec,
    groups: &'a Result<Vec<AwsSubnetGroup>, Fault>,
) -> Option<&'a str> {
    let (name, groups) = (existing_name(spec)?, groups.as_ref().ok()?);
    groups
        .iter()
        .find(|group| group.name == name)?
        .vpc_id
        .as_deref()
}

fn check_subnet_group_quota(groups: &[AwsSubnetGroup]) -> Check {
    let count = groups.iter().filter(|group| group.name != BUILT_IN).count();
    let numbers = (
        i64::try_from(count).unwrap_or(i64::MAX),
        1,
        SUBNET_GROUPS_MAX,
    );
    let predicted = predicted("CreateSubnetGroup", "SubnetGroupQuotaExceededFault");
    check_quota(SUBNET_GROUP, "subnet groups", numbers, predicted)
}

fn check_network_type(spec: &ClusterSpec, group: &AwsSubnetGroup) -> Check {
    let supported: Vec<&str> = group.network_types.iter().map(String::as_str).collect();
    let Some(requested) = spec.network_type.map(|kind| kind.as_str()) else {
        return Check::pass(NETWORK_TYPE, "derived from the subnet group");
    };
    if supported.is_empty() {
        return Check::not_checked(
            NETWORK_TYPE,
            "AWS does not report the address families of the subnet group",
        );
    }
    let detail = format!(
        "the subnet group {} supports {}",
        group.name,
        supported.join(", ")
    );
    if supported.contains(&requested) {
        return Check::pass(NETWORK_TYPE, detail);
    }
    let detail = format!("{detail} but not {requested}");
    Check::fail(
        NETWORK_TYPE,
        detail,
        predicted("CreateSubnetGroup", "SubnetNotAllowedFault"),
    )
}

/// Checks the parameter group, or the quota for a new one.
pub(super) fn check_parameters(
    spec: &ClusterSpec,
    groups: Result<Vec<AwsParameterGroup>, Fault>,
) -> Check {
    if spec.parameter_group == ParameterGroup::Default {
        return Check::pass(PARAMETER_GROUP, "AWS's default group is used");
    }
    let groups = match groups {
        Ok(groups) => groups,
        Err(fault) => {
            return Check::not_checked(
                PARAMETER_GROUP,
                reason("could not read the parameter groups", &fault),
            );
        }
    };
    if let ParameterGroup::Existing { name } = &spec.parameter_group {
        if groups.iter().any(|group| &group.name == name) {
            return Check::pass(
                PARAMETER_GROUP,
                format!("the parameter group {name} exists"),
            );
        }
        let detail = format!("no parameter group named {name} exists");
        return Check::fail(
            PARAMETER_GROUP,
            detail,
            predicted("CreateCluster", "ParameterGroupNotFoundFault"),
        );
    }
    let count = groups
        .iter()
        .filter(|group| !group.name.starts_with(BUILT_IN))
        .count();
    let numbers = (
        i64::try_from(count).unwrap_or(i64::MAX),
        1,
        PARAMETER_GROUPS_MAX,
    );
    let predicted = predicted("CreateParameterGroup", "ParameterGroupQuotaExceededFault");
    check_quota(PARAMETER_GROUP, "parameter groups", numbers, predicted)
}
