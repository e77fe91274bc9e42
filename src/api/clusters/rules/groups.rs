//! Cluster rules: the subnet group and the parameter group.

use std::collections::BTreeMap;

use crate::domain::spec::{ParameterGroup, SubnetGroup};
use crate::domain::validation::fields;

use super::Violations;
use crate::api::clusters::request::{ParameterGroupRequest, ParametersRequest, SubnetGroupRequest};

/// The subnet group: one that is named, or a new one of subnets that are, or of those of a VPC.
pub(super) fn subnet_group(
    broken: &mut Violations,
    group: Option<SubnetGroupRequest>,
    lookups: bool,
) -> SubnetGroup {
    let Some(group) = group else {
        return SubnetGroup::Default;
    };
    if group.vpc_id.is_some() && !lookups {
        let detail = "is not offered: this build has no lookups; give name or subnet_ids";
        broken.add("/subnet_group/vpc_id", "not_offered", detail);
        return SubnetGroup::Default;
    }
    match (group.name, group.subnet_ids, group.vpc_id) {
        (Some(name), None, None) => {
            let name = broken.check("/subnet_group/name", fields::subnet_group_name(&name));
            name.map_or(SubnetGroup::Default, |name| SubnetGroup::Existing { name })
        }
        (None, Some(ids), None) => {
            let ids = broken.list(
                "/subnet_group/subnet_ids",
                ids,
                fields::SUBNETS_MAX,
                fields::subnet_id,
            );
            SubnetGroup::New {
                subnet_ids: ids.into_iter().collect(),
            }
        }
        (None, None, Some(vpc_id)) => {
            let vpc_id = broken.check("/subnet_group/vpc_id", fields::vpc_id(&vpc_id));
            vpc_id.map_or(SubnetGroup::Default, |vpc_id| SubnetGroup::OfVpc { vpc_id })
        }
        (None, None, None) => {
            broken.add(
                "/subnet_group",
                "required",
                "must hold name, subnet_ids or vpc_id",
            );
            SubnetGroup::Default
        }
        _ => {
            broken.add(
                "/subnet_group",
                "exclusive",
                "must hold only one of name, subnet_ids and vpc_id",
            );
            SubnetGroup::Default
        }
    }
}

/// The parameter group: one that is named, or a new one with these values.
pub(super) fn parameter_group(
    broken: &mut Violations,
    parameters: Option<ParametersRequest>,
    group: Option<ParameterGroupRequest>,
) -> ParameterGroup {
    match (parameters, group) {
        (None, None) => ParameterGroup::Default,
        (Some(_), Some(_)) => {
            broken.add(
                "/parameter_group",
                "exclusive",
                "must not stand beside parameters",
            );
            ParameterGroup::Default
        }
        (None, Some(group)) => {
            let name = broken.require("/parameter_group/name", group.name);
            let name = name.map(|name| fields::parameter_group_name(&name));
            let name = name.and_then(|name| broken.check("/parameter_group/name", name));
            name.map_or(ParameterGroup::Default, |name| ParameterGroup::Existing {
                name,
            })
        }
        (Some(parameters), None) => {
            let given = [
                (
                    "record-ttl-millis",
                    "/parameters/record_ttl_millis",
                    parameters.record_ttl_millis,
                ),
                (
                    "query-ttl-millis",
                    "/parameters/query_ttl_millis",
                    parameters.query_ttl_millis,
                ),
            ];
            let values: BTreeMap<String, String> = given
                .into_iter()
                .filter_map(|(name, pointer, millis)| {
                    Some((
                        name.to_owned(),
                        broken.check(pointer, fields::ttl_millis(millis?))?,
                    ))
                })
                .collect();
            if values.is_empty() {
                broken.add(
                    "/parameters",
                    "required",
                    "must hold record_ttl_millis or query_ttl_millis",
                );
            }
            ParameterGroup::New { values }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The group that a request gets, and each pointer and code it is told.
    fn read(request: SubnetGroupRequest, lookups: bool) -> (SubnetGroup, Vec<(String, String)>) {
        let mut broken = Violations::default();
        let group = subnet_group(&mut broken, Some(request), lookups);
        let told = broken
            .0
            .into_iter()
            .map(|error| (error.pointer.unwrap_or_default(), error.code));
        (group, told.collect())
    }

    fn of_vpc(vpc_id: &str) -> SubnetGroupRequest {
        SubnetGroupRequest {
            vpc_id: Some(vpc_id.to_owned()),
            ..SubnetGroupRequest::default()
        }
    }

    #[test]
    fn a_vpc_is_taken_where_lookups_are_built_in() {
        for vpc_id in ["vpc-0a1b2c3d", "vpc-0a1b2c3d4e5f60718"] {
            let wanted = SubnetGroup::OfVpc {
                vpc_id: vpc_id.to_owned(),
            };
            assert_eq!(read(of_vpc(vpc_id), true), (wanted, Vec::new()));
            let (_, told) = read(of_vpc(vpc_id), false);
            assert_eq!(
                told,
                [("/subnet_group/vpc_id".to_owned(), "not_offered".to_owned())]
            );
        }
        let beside = |request: SubnetGroupRequest| SubnetGroupRequest {
            vpc_id: Some("vpc-0a1b2c3d".into()),
            ..request
        };
        let named = SubnetGroupRequest {
            name: Some("a".to_owned()),
            ..SubnetGroupRequest::default()
        };
        let listed = SubnetGroupRequest {
            subnet_ids: Some(Vec::new()),
            ..SubnetGroupRequest::default()
        };
        for (bad, pointer, code) in [
            (
                of_vpc("vpc-0A1B2C3D"),
                "/subnet_group/vpc_id",
                "invalid_format",
            ),
            (
                of_vpc("vpc-0a1b2c3"),
                "/subnet_group/vpc_id",
                "invalid_format",
            ),
            (
                of_vpc("subnet-0a1b2c3d"),
                "/subnet_group/vpc_id",
                "invalid_format",
            ),
            (beside(named), "/subnet_group", "exclusive"),
            (beside(listed), "/subnet_group", "exclusive"),
        ] {
            assert_eq!(read(bad, true).1, [(pointer.to_owned(), code.to_owned())]);
        }
    }
}
