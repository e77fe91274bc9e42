//! Whether the groups are there, can be made, and suit the cluster.

use crate::aws::{ParameterGroup as FoundParameters, SubnetGroup as FoundSubnets};
use crate::domain::preflight::{Check, PredictedError};
use crate::domain::problems::fault::Fault;
use crate::domain::spec::{ClusterSpec, ParameterGroup, SubnetGroup};

use super::unanswered;

/// Subnet groups of an account in a Region (developer guide, "Quotas in Amazon DynamoDB").
const SUBNET_GROUPS_MAX: usize = 50;
/// Parameter groups of an account in a Region (the same page).
const PARAMETER_GROUPS_MAX: usize = 20;
/// Names of groups that AWS made itself begin so, and do not count.
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

/// The subnet group, and the address families of one that exists.
pub(super) fn check_subnets(
    spec: &ClusterSpec,
    found: &Result<Vec<FoundSubnets>, Fault>,
) -> Vec<Check> {
    let groups = match found {
        Ok(groups) => groups,
        Err(fault) => {
            let reason = unanswered("subnet groups cannot be described", fault);
            let names: &[&str] = if existing(spec).is_none() {
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
    let Some(name) = existing(spec) else {
        return vec![new_subnet_group(groups)];
    };
    match groups.iter().find(|group| group.name == name) {
        Some(group) => {
            vec![
                Check::pass(SUBNET_GROUP, format!("the subnet group {name} exists")),
                network_type(spec, group),
            ]
        }
        None => {
            let detail = format!("there is no subnet group named {name}");
            let missing = predicted("CreateCluster", "SubnetGroupNotFoundFault");
            let unknown = "there is no subnet group to ask";
            vec![
                Check::fail(SUBNET_GROUP, detail, missing),
                Check::not_checked(NETWORK_TYPE, unknown),
            ]
        }
    }
}

/// The name of the subnet group, unless a new one is made.
fn existing(spec: &ClusterSpec) -> Option<&str> {
    match &spec.subnet_group {
        SubnetGroup::New { .. } | SubnetGroup::OfVpc { .. } => None,
        SubnetGroup::Existing { name } => Some(name),
        SubnetGroup::Default => Some(BUILT_IN),
    }
}

/// The VPC of the subnet group, if it exists.
pub(super) fn vpc_of_existing<'a>(
    spec: &ClusterSpec,
    found: &'a Result<Vec<FoundSubnets>, Fault>,
) -> Option<&'a str> {
    let (name, groups) = (existing(spec)?, found.as_ref().ok()?);
    groups
        .iter()
        .find(|group| group.name == name)?
        .vpc_id
        .as_deref()
}

fn new_subnet_group(groups: &[FoundSubnets]) -> Check {
    let count = groups.iter().filter(|group| group.name != BUILT_IN).count();
    let of = format!("{count} of {SUBNET_GROUPS_MAX} subnet groups are in use");
    if count < SUBNET_GROUPS_MAX {
        return Check::pass(SUBNET_GROUP, of);
    }
    let detail = format!("{of}, AWS's quota unless yours was raised");
    Check::fail(
        SUBNET_GROUP,
        detail,
        predicted("CreateSubnetGroup", "SubnetGroupQuotaExceededFault"),
    )
}

fn network_type(spec: &ClusterSpec, group: &FoundSubnets) -> Check {
    let carried: Vec<&str> = group.network_types.iter().map(String::as_str).collect();
    let Some(wanted) = spec.network_type.map(|kind| kind.as_str()) else {
        return Check::pass(NETWORK_TYPE, "it is derived from the subnet group");
    };
    if carried.is_empty() {
        return Check::not_checked(
            NETWORK_TYPE,
            "AWS does not say which address families the subnet group carries",
        );
    }
    let detail = format!(
        "the subnet group {} carries {}",
        group.name,
        carried.join(", ")
    );
    if carried.contains(&wanted) {
        return Check::pass(NETWORK_TYPE, detail);
    }
    let detail = format!("{detail}, and not {wanted}");
    Check::fail(
        NETWORK_TYPE,
        detail,
        predicted("CreateSubnetGroup", "SubnetNotAllowedFault"),
    )
}

/// The parameter group.
pub(super) fn check_parameters(
    spec: &ClusterSpec,
    found: Result<Vec<FoundParameters>, Fault>,
) -> Check {
    if spec.parameter_group == ParameterGroup::Default {
        return Check::pass(PARAMETER_GROUP, "AWS's default group is used");
    }
    let groups = match found {
        Ok(groups) => groups,
        Err(fault) => {
            return Check::not_checked(
                PARAMETER_GROUP,
                unanswered("parameter groups cannot be described", &fault),
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
        let detail = format!("there is no parameter group named {name}");
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
    let of = format!("{count} of {PARAMETER_GROUPS_MAX} parameter groups are in use");
    if count < PARAMETER_GROUPS_MAX {
        return Check::pass(PARAMETER_GROUP, of);
    }
    let detail = format!("{of}, AWS's quota unless yours was raised");
    Check::fail(
        PARAMETER_GROUP,
        detail,
        predicted("CreateParameterGroup", "ParameterGroupQuotaExceededFault"),
    )
}
