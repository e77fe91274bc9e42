//! Whether the network suits the cluster: the subnets of a new group, and the security groups.

use std::collections::BTreeSet;

use crate::domain::network::{SecurityGroup, Subnet, choose_subnets, why_none};
use crate::domain::preflight::{Check, PredictedError};
use crate::domain::spec::{ClusterSpec, NetworkType, SubnetGroup};

use super::groups::NETWORK_TYPE;
use super::unanswered;
use crate::inspections::Inspector;
use crate::inspections::plan::Draft;

const SUBNETS: &str = "subnets";
const SECURITY_GROUPS: &str = "security_groups";

fn by_dax(operation: &'static str, code: &'static str) -> Option<PredictedError> {
    Some(PredictedError::Error {
        service: "dax",
        operation,
        code,
        message: "",
    })
}

fn by_ec2(operation: &'static str, code: &'static str) -> Option<PredictedError> {
    Some(PredictedError::Error {
        service: "ec2",
        operation,
        code,
        message: "",
    })
}

impl Inspector {
    /// The subnets of a new group with their address families, and the security groups.
    pub(super) async fn network_checks(
        &self,
        draft: &Draft<'_>,
        existing_vpc: Option<&str>,
    ) -> Vec<Check> {
        let spec = draft.spec;
        let looked_for = match &spec.subnet_group {
            SubnetGroup::New { subnet_ids } => {
                let ids: Vec<String> = subnet_ids.iter().cloned().collect();
                self.aws
                    .subnets(&ids)
                    .await
                    .map(|found| (check_given(spec, subnet_ids, &found), vpc_of(&found)))
            }
            SubnetGroup::OfVpc { vpc_id } => {
                let found = self.aws.subnets_of_vpc(vpc_id).await;
                let region = &draft.ground.place.region;
                found.map(|found| {
                    (
                        check_of_vpc(spec, vpc_id, &found, region),
                        Some(vpc_id.clone()),
                    )
                })
            }
            SubnetGroup::Existing { .. } | SubnetGroup::Default => {
                Ok((Vec::new(), existing_vpc.map(str::to_owned)))
            }
        };
        let (mut checks, vpc_id) = looked_for.unwrap_or_else(|fault| {
            let reason = unanswered("subnets cannot be described", &fault);
            (
                [SUBNETS, NETWORK_TYPE]
                    .map(|name| Check::not_checked(name, reason.clone()))
                    .to_vec(),
                None,
            )
        });
        checks.push(self.check_security_groups(spec, vpc_id.as_deref()).await);
        checks
    }

    async fn check_security_groups(&self, spec: &ClusterSpec, vpc_id: Option<&str>) -> Check {
        if spec.security_group_ids.is_empty() {
            return Check::pass(SECURITY_GROUPS, "the default group of the VPC is used");
        }
        match self.aws.security_groups(&spec.security_group_ids).await {
            Ok(found) => judge_security_groups(&spec.security_group_ids, &found, vpc_id),
            Err(fault) => Check::not_checked(
                SECURITY_GROUPS,
                unanswered("security groups cannot be described", &fault),
            ),
        }
    }
}

/// The one VPC of these subnets.
fn vpc_of(subnets: &[Subnet]) -> Option<String> {
    let first = subnets.first()?;
    subnets
        .iter()
        .all(|one| one.vpc_id == first.vpc_id)
        .then(|| first.vpc_id.clone())
}

fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words
        .into_iter()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect::<Vec<_>>()
        .join(", ")
}

fn check_given(spec: &ClusterSpec, ids: &BTreeSet<String>, found: &[Subnet]) -> Vec<Check> {
    let missing = ids
        .iter()
        .filter(|id| found.iter().all(|subnet| subnet.id != **id));
    let missing = listed(missing.map(String::as_str));
    let refused = by_dax("CreateSubnetGroup", "InvalidSubnet");
    let subnets = if !missing.is_empty() {
        Check::fail(
            SUBNETS,
            format!("there is no such subnet in this account and Region: {missing}"),
            refused,
        )
    } else if vpc_of(found).is_none() {
        let vpcs = listed(found.iter().map(|subnet| subnet.vpc_id.as_str()));
        Check::fail(
            SUBNETS,
            format!("the subnets lie in several VPCs: {vpcs}"),
            refused,
        )
    } else {
        check_room(spec, found)
    };
    vec![subnets, check_families(spec.network_type, found)]
}

fn check_of_vpc(spec: &ClusterSpec, vpc_id: &str, found: &[Subnet], region: &str) -> Vec<Check> {
    let ids = choose_subnets(found, spec.network_type, region);
    if ids.is_empty() {
        let code = if found.is_empty() {
            by_ec2("DescribeSubnets", "InvalidVpcID.NotFound")
        } else {
            by_dax("CreateSubnetGroup", "SubnetNotAllowedFault")
        };
        let unknown = Check::not_checked(NETWORK_TYPE, "there is no subnet to ask");
        return vec![
            Check::fail(SUBNETS, why_none(vpc_id, found, spec.network_type), code),
            unknown,
        ];
    }
    let chosen: Vec<Subnet> = found
        .iter()
        .filter(|subnet| ids.contains(&subnet.id))
        .cloned()
        .collect();
    vec![
        check_room(spec, &chosen),
        check_families(spec.network_type, &chosen),
    ]
}

/// Whether every zone that was asked for has a subnet, and every node an address.
fn check_room(spec: &ClusterSpec, subnets: &[Subnet]) -> Check {
    let zones: BTreeSet<&str> = subnets
        .iter()
        .map(|subnet| subnet.availability_zone.as_str())
        .collect();
    let without = spec
        .availability_zones
        .iter()
        .map(String::as_str)
        .filter(|zone| !zones.contains(zone));
    let without = listed(without);
    let refused = by_dax("CreateCluster", "InvalidVPCNetworkStateFault");
    if !without.is_empty() {
        return Check::fail(
            SUBNETS,
            format!("none of the subnets lies in {without}"),
            refused,
        );
    }
    // A subnet without IPv4 has more addresses than anybody counts.
    let free = subnets
        .iter()
        .map(|subnet| subnet.free_addresses.filter(|_| subnet.ipv4))
        .sum::<Option<u32>>();
    if let Some(free) = free.filter(|free| *free < u32::from(spec.replication_factor)) {
        let detail = format!(
            "{} nodes are wanted, and {free} addresses are free",
            spec.replication_factor
        );
        return Check::fail(SUBNETS, detail, refused);
    }
    let vpc = listed(subnets.iter().map(|subnet| subnet.vpc_id.as_str()));
    Check::pass(
        SUBNETS,
        format!("{} subnets of {vpc} in {}", subnets.len(), listed(zones)),
    )
}

fn check_families(wanted: Option<NetworkType>, subnets: &[Subnet]) -> Check {
    if subnets.is_empty() {
        return Check::not_checked(NETWORK_TYPE, "there is no subnet to ask");
    }
    let refused = by_dax("CreateSubnetGroup", "SubnetNotAllowedFault");
    let unfit = |kind: NetworkType| {
        listed(
            subnets
                .iter()
                .filter(|one| !one.carries(kind))
                .map(|one| one.id.as_str()),
        )
    };
    match wanted {
        Some(kind) if unfit(kind).is_empty() => Check::pass(
            NETWORK_TYPE,
            format!("all of the subnets carry {}", kind.as_str()),
        ),
        Some(kind) => Check::fail(
            NETWORK_TYPE,
            format!("{} cannot be carried by {}", kind.as_str(), unfit(kind)),
            refused,
        ),
        None if unfit(NetworkType::Ipv4).is_empty() || unfit(NetworkType::Ipv6).is_empty() => {
            Check::pass(NETWORK_TYPE, "it is derived from the subnets")
        }
        None => {
            let detail = format!(
                "only IPv6 is carried by {}, and IPv4 by the others",
                unfit(NetworkType::Ipv4)
            );
            Check::fail(NETWORK_TYPE, detail, refused)
        }
    }
}

fn judge_security_groups(ids: &[String], found: &[SecurityGroup], vpc_id: Option<&str>) -> Check {
    let missing = listed(
        ids.iter()
            .map(String::as_str)
            .filter(|id| found.iter().all(|group| group.id != *id)),
    );
    if !missing.is_empty() {
        let detail =
            format!("there is no such security group in this account and Region: {missing}");
        return Check::fail(
            SECURITY_GROUPS,
            detail,
            by_ec2("DescribeSecurityGroups", "InvalidGroup.NotFound"),
        );
    }
    let Some(vpc_id) = vpc_id else {
        return Check::not_checked(
            SECURITY_GROUPS,
            "they exist; which VPC the cluster will be in is not known",
        );
    };
    let outside = listed(
        found
            .iter()
            .filter(|group| group.vpc_id != vpc_id)
            .map(|group| group.id.as_str()),
    );
    if outside.is_empty() {
        return Check::pass(
            SECURITY_GROUPS,
            format!("all of them are groups of {vpc_id}"),
        );
    }
    let detail = format!("the cluster will be in {vpc_id}, and there is no {outside}");
    Check::fail(
        SECURITY_GROUPS,
        detail,
        by_dax("CreateCluster", "InvalidParameterCombinationException"),
    )
}

#[cfg(test)]
mod tests;
