//! Validates the subnet group and the parameter group of a create.

use std::collections::BTreeMap;

use crate::domain::spec::{ParameterGroup, SubnetGroup};
use crate::domain::validation::fields;
use crate::domain::validation::typed::{SubnetId, VpcId};

use super::Violations;
use crate::api::clusters::request::{ParameterGroupRequest, ParametersRequest, SubnetGroupRequest};

/// The subnet group: an existing one, or a new one with the given subnets or those of a VPC.
pub(crate) fn subnet_group(
    violations: &mut Violations,
    group: Option<SubnetGroupRequest>,
    lookups: bool,
) -> SubnetGroup {
    let Some(group) = group else {
        return SubnetGroup::Default;
    };
    if group.vpc_id.is_some() && !lookups {
        let detail = "is not available: this server was built without the `lookups` feature; \
            give `name` or `subnet_ids`";
        violations.add("/subnet_group/vpc_id", "not_offered", detail);
        return SubnetGroup::Default;
    }
    match (group.name, group.subnet_ids, group.vpc_id) {
        (Some(name), None, None) => {
            let name = violations.check("/subnet_group/name", fields::subnet_group_name(&name));
            name.map_or(SubnetGroup::Default, |name| SubnetGroup::Existing { name })
        }
        (None, Some(ids), None) => {
            let ids = violations.list(
                "/subnet_group/subnet_ids",
                ids,
                fields::SUBNETS_MAX,
                SubnetId::parse,
            );
            SubnetGroup::New {
                subnet_ids: ids.into_iter().collect(),
            }
        }
        (None, None, Some(vpc_id)) => {
            let vpc_id = violations.check("/subnet_group/vpc_id", VpcId::parse(&vpc_id));
            vpc_id.map_or(SubnetGroup::Default, |vpc_id| SubnetGroup::OfVpc { vpc_id })
        }
        (None, None, None) => {
            violations.add(
                "/subnet_group",
                "required",
                "give one of `name`, `subnet_ids` and `vpc_id`",
            );
            SubnetGroup::Default
        }
        _ => {
            violations.add(
                "/subnet_group",
                "exclusive",
                "give only one of `name`, `subnet_ids` and `vpc_id`",
            );
            SubnetGroup::Default
        }
    }
}

/// The parameter group: an existing one, or a new one with the given values.
pub(crate) fn parameter_group(
    violations: &mut Violations,
    parameters: Option<ParametersRequest>,
    group: Option<ParameterGroupRequest>,
) -> ParameterGroup {
    match (parameters, group) {
        (None, None) => ParameterGroup::Default,
        (Some(_), Some(_)) => {
            violations.add(
                "/parameter_group",
                "exclusive",
                "cannot be combined with `parameters`",
            );
            ParameterGroup::Default
        }
        (None, Some(group)) => {
            let name = group.name.as_deref();
            let rule = fields::parameter_group_name;
            let name = violations.required("/parameter_group/name", name, rule);
            name.map_or(ParameterGroup::Default, |name| ParameterGroup::Existing {
                name,
            })
        }
        (Some(parameters), None) => ParameterGroup::New {
            values: parameter_values(violations, &parameters),
        },
    }
}

fn parameter_values(
    violations: &mut Violations,
    parameters: &ParametersRequest,
) -> BTreeMap<String, String> {
    let ParametersRequest {
        record_ttl_millis,
        query_ttl_millis,
    } = *parameters;
    if record_ttl_millis.is_none() && query_ttl_millis.is_none() {
        violations.add(
            "/parameters",
            "required",
            "give at least one of `record_ttl_millis` and `query_ttl_millis`",
        );
    }
    let ttls = [
        (
            "record-ttl-millis",
            "/parameters/record_ttl_millis",
            record_ttl_millis,
        ),
        (
            "query-ttl-millis",
            "/parameters/query_ttl_millis",
            query_ttl_millis,
        ),
    ];
    let valid = ttls.into_iter().filter_map(|(name, pointer, millis)| {
        let millis = violations.optional(pointer, millis, fields::ttl_millis)?;
        Some((name.to_owned(), millis))
    });
    valid.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The group of a request, and the pointer and code of each error.
    fn read(request: SubnetGroupRequest, lookups: bool) -> (SubnetGroup, Vec<(String, String)>) {
        let mut violations = Violations::default();
        let group = subnet_group(&mut violations, Some(request), lookups);
        let errors = violations
            .0
            .into_iter()
            .map(|error| (error.pointer.unwrap_or_default(), error.code));
        (group, errors.collect())
    }

    fn of_vpc(vpc_id: &str) -> SubnetGroupRequest {
        SubnetGroupRequest {
            vpc_id: Some(vpc_id.to_owned()),
            ..SubnetGroupRequest::default()
        }
    }

    #[test]
    fn a_vpc_needs_the_lookups_feature() {
        for vpc_id in ["vpc-0a1b2c3d", "vpc-0a1b2c3d4e5f60718"] {
            let expected = SubnetGroup::OfVpc {
                vpc_id: VpcId::parse(vpc_id).unwrap(),
            };
            assert_eq!(read(of_vpc(vpc_id), true), (expected, Vec::new()));
            let (_, errors) = read(of_vpc(vpc_id), false);
            assert_eq!(
                errors,
                [("/subnet_group/vpc_id".to_owned(), "not_offered".to_owned())]
            );
        }
        let with_vpc = |request: SubnetGroupRequest| SubnetGroupRequest {
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
            (with_vpc(named), "/subnet_group", "exclusive"),
            (with_vpc(listed), "/subnet_group", "exclusive"),
        ] {
            assert_eq!(read(bad, true).1, [(pointer.to_owned(), code.to_owned())]);
        }
    }
}
