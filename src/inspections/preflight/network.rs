//! Checks of the network: the subnets of a new subnet group, and the security groups.

use std::collections::BTreeSet;

use crate::domain::network::{SecurityGroup, Subnet, choose_subnets, no_suitable_subnet};
use crate::domain::preflight::{Check, PredictedError};
use crate::domain::spec::{ClusterSpec, NetworkType, SubnetGroup};
use crate::domain::validation::typed::{AvailabilityZone, SecurityGroupId, SubnetId, VpcId};

use super::groups::NETWORK_TYPE;
use super::reason;
use crate::inspections::Inspector;
use crate::inspections::plan::Draft;

const SUBNETS: &str = "subnets";
const SECURITY_GROUPS: &str = "security_groups";
/// Why the address family could not be checked.
const NO_SUBNET: &str = "there are no subnets to check";

fn dax_error(operation: &'static str, code: &'static str) -> Option<PredictedError> {
    Some(PredictedError::Error {
        service: "dax",
        operation,
        code,
        message: "",
    })
}

fn ec2_error(operation: &'static str, code: &'static str) -> Option<PredictedError> {
    Some(PredictedError::Error {
        service: "ec2",
        operation,
        code,
        message: "",
    })
}

impl Inspector {
    /// Checks the subnets of a new subnet group, their address families and the security groups.
    pub(super) async fn network_checks(
        &self,
        draft: &Draft<'_>,
        existing_vpc: Option<&str>,
    ) -> Vec<Check> {
        let spec = draft.spec;
        let checked = match &spec.subnet_group {
            SubnetGroup::New { subnet_ids } => self
                .aws
                .subnets(subnet_ids)
                .await
                .map(|subnets| (check_named(spec, subnet_ids, &subnets), vpc_of(&subnets))),
            SubnetGroup::OfVpc { vpc_id } => {
                let subnets = self.aws.subnets_of_vpc(vpc_id).await;
                let region = &draft.context.account.region;
                subnets.map(|subnets| {
                    (
                        check_of_vpc(spec, vpc_id, &subnets, region),
                        Some(vpc_id.to_string()),
                    )
                })
            }
            SubnetGroup::Existing { .. } | SubnetGroup::Default => {
                Ok((Vec::new(), existing_vpc.map(str::to_owned)))
            }
        };
        let (mut checks, vpc_id) = checked.unwrap_or_else(|fault| {
            let reason = reason("could not read the subnets", &fault);
            (
                [SUBNETS, NETWORK_TYPE]
                    .map(|name| Check::unread(name, reason.clone(), &fault))
                    .to_vec(),
                None,
            )
        });
        checks.push(self.check_security_groups(spec, vpc_id.as_deref()).await);
        checks
    }

    async fn check_security_groups(&self, spec: &ClusterSpec, vpc_id: Option<&str>) -> Check {
        if spec.security_group_ids.is_empty() {
            return Check::pass(SECURITY_GROUPS, "the VPC's default group is used");
        }
        match self.aws.security_groups(&spec.security_group_ids).await {
            Ok(groups) => check_groups_and_vpc(&spec.security_group_ids, &groups, vpc_id),
            Err(fault) => Check::unread(
                SECURITY_GROUPS,
                reason("could not read the security groups", &fault),
                &fault,
            ),
        }
    }
}

/// The VPC of the subnets, if all are in the same one.
fn vpc_of(subnets: &[Subnet]) -> Option<String> {
    let first = subnets.first()?;
    subnets
        .iter()
        .all(|one| one.vpc_id == first.vpc_id)
        .then(|| first.vpc_id.clone())
}

/// Joins the distinct items in alphabetical order.
fn joined<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    items
        .into_iter()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect::<Vec<_>>()
        .join(", ")
}

/// Checks the subnets that the request names. `subnets` are those of them that exist.
fn check_named(spec: &ClusterSpec, ids: &BTreeSet<SubnetId>, subnets: &[Subnet]) -> Vec<Check> {
    let missing = ids
        .iter()
        .map(SubnetId::as_str)
        .filter(|id| subnets.iter().all(|subnet| subnet.id != *id));
    let missing = joined(missing);
    let predicted = dax_error("CreateSubnetGroup", "InvalidSubnet");
    let check = if !missing.is_empty() {
        Check::fail(
            SUBNETS,
            format!("no such subnet in this account and Region: {missing}"),
            predicted,
        )
    } else if vpc_of(subnets).is_none() {
        let vpcs = joined(subnets.iter().map(|subnet| subnet.vpc_id.as_str()));
        Check::fail(
            SUBNETS,
            format!("the subnets are in several VPCs: {vpcs}"),
            predicted,
        )
    } else {
        check_zones_and_addresses(spec, subnets)
    };
    vec![check, check_address_family(spec.network_type, subnets)]
}

/// Checks that a new subnet group can be created from the subnets of a VPC.
fn check_of_vpc(
    spec: &ClusterSpec,
    vpc_id: &VpcId,
    subnets: &[Subnet],
    region: &str,
) -> Vec<Check> {
    let ids = choose_subnets(subnets, spec.network_type, region);
    if ids.is_empty() {
        let predicted = if subnets.is_empty() {
            ec2_error("DescribeSubnets", "InvalidVpcID.NotFound")
        } else {
            dax_error("CreateSubnetGroup", "SubnetNotAllowedFault")
        };
        let detail = no_suitable_subnet(vpc_id, subnets, spec.network_type);
        return vec![
            Check::fail(SUBNETS, detail, predicted),
            Check::not_checked(NETWORK_TYPE, NO_SUBNET),
        ];
    }
    let chosen: Vec<Subnet> = subnets
        .iter()
        .filter(|subnet| ids.contains(subnet.id.as_str()))
        .cloned()
        .collect();
    vec![
        check_zones_and_addresses(spec, &chosen),
        check_address_family(spec.network_type, &chosen),
    ]
}

/// Checks that every requested Availability Zone has a subnet and every node an IP address.
fn check_zones_and_addresses(spec: &ClusterSpec, subnets: &[Subnet]) -> Check {
    let zones: BTreeSet<&str> = subnets
        .iter()
        .map(|subnet| subnet.availability_zone.as_str())
        .collect();
    let without = spec
        .availability_zones
        .iter()
        .map(AvailabilityZone::as_str)
        .filter(|zone| !zones.contains(zone));
    let without = joined(without);
    let predicted = dax_error("CreateCluster", "InvalidVPCNetworkStateFault");
    if !without.is_empty() {
        return Check::fail(
            SUBNETS,
            format!("none of the subnets is in {without}"),
            predicted,
        );
    }
    // A subnet without IPv4 has practically unlimited addresses, so `None` skips the comparison.
    let free = subnets
        .iter()
        .map(|subnet| subnet.free_addresses.filter(|_| subnet.ipv4))
        .sum::<Option<u32>>();
    if let Some(free) = free.filter(|free| *free < u32::from(spec.replication_factor)) {
        let detail = format!(
            "this needs {} IP addresses, but only {free} are free in the subnets",
            spec.replication_factor
        );
        return Check::fail(SUBNETS, detail, predicted);
    }
    let vpc = joined(subnets.iter().map(|subnet| subnet.vpc_id.as_str()));
    Check::pass(
        SUBNETS,
        format!("{} subnets of {vpc} in {}", subnets.len(), joined(zones)),
    )
}

fn check_address_family(requested: Option<NetworkType>, subnets: &[Subnet]) -> Check {
    if subnets.is_empty() {
        return Check::not_checked(NETWORK_TYPE, NO_SUBNET);
    }
    let predicted = dax_error("CreateSubnetGroup", "SubnetNotAllowedFault");
    let unsuitable = |network_type: NetworkType| {
        joined(
            subnets
                .iter()
                .filter(|one| !one.supports(network_type))
                .map(|one| one.id.as_str()),
        )
    };
    match requested {
        Some(network_type) if unsuitable(network_type).is_empty() => Check::pass(
            NETWORK_TYPE,
            format!("all subnets support {}", network_type.as_str()),
        ),
        Some(network_type) => Check::fail(
            NETWORK_TYPE,
            format!(
                "these subnets do not support {}: {}",
                network_type.as_str(),
                unsuitable(network_type)
            ),
            predicted,
        ),
        None if unsuitable(NetworkType::Ipv4).is_empty()
            || unsuitable(NetworkType::Ipv6).is_empty() =>
        {
            Check::pass(NETWORK_TYPE, "derived from the subnets")
        }
        None => {
            let detail = format!(
                "the subnets have no common address family; these support only IPv6: {}",
                unsuitable(NetworkType::Ipv4)
            );
            Check::fail(NETWORK_TYPE, detail, predicted)
        }
    }
}

/// Checks that the security groups exist and belong to the cluster's VPC. `groups` are those of
/// `ids` that exist.
fn check_groups_and_vpc(
    ids: &[SecurityGroupId],
    groups: &[SecurityGroup],
    vpc_id: Option<&str>,
) -> Check {
    let missing = joined(
        ids.iter()
            .map(SecurityGroupId::as_str)
            .filter(|id| groups.iter().all(|group| group.id != *id)),
    );
    if !missing.is_empty() {
        let detail = format!("no such security group in this account and Region: {missing}");
        return Check::fail(
            SECURITY_GROUPS,
            detail,
            ec2_error("DescribeSecurityGroups", "InvalidGroup.NotFound"),
        );
    }
    let Some(vpc_id) = vpc_id else {
        return Check::not_checked(
            SECURITY_GROUPS,
            "the security groups exist, but the VPC of the cluster is unknown",
        );
    };
    let outside = joined(
        groups
            .iter()
            .filter(|group| group.vpc_id != vpc_id)
            .map(|group| group.id.as_str()),
    );
    if outside.is_empty() {
        return Check::pass(
            SECURITY_GROUPS,
            format!("all security groups belong to {vpc_id}"),
        );
    }
    let detail = format!("not in {vpc_id}, the VPC of the cluster: {outside}");
    Check::fail(
        SECURITY_GROUPS,
        detail,
        dax_error("CreateCluster", "InvalidParameterCombinationException"),
    )
}

#[cfg(test)]
mod tests;
