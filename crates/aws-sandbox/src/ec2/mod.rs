//! The part of EC2 that DAX needs: networks and ingress rules. Depends on `turn`, not on HTTP.

mod filters;
mod ingress;
mod permissions;
mod requests;
mod rule_views;
mod security_group_rules;
mod security_groups;
mod subnets;
mod tags;
mod vpc_attributes;
mod vpcs;
mod zones;

use crate::turn::Operation;

pub(crate) static OPERATIONS: [Operation; 9] = [
    Operation::form_read("DescribeVpcs", "ec2:DescribeVpcs", vpcs::describe_vpcs),
    Operation::form_read(
        "DescribeVpcAttribute",
        "ec2:DescribeVpcAttribute",
        vpc_attributes::describe_vpc_attribute,
    ),
    Operation::form_read(
        "DescribeRouteTables",
        "ec2:DescribeRouteTables",
        vpc_attributes::describe_route_tables,
    ),
    Operation::form_read(
        "DescribeSubnets",
        "ec2:DescribeSubnets",
        subnets::describe_subnets,
    ),
    Operation::form_read(
        "DescribeSecurityGroups",
        "ec2:DescribeSecurityGroups",
        security_groups::describe_security_groups,
    ),
    Operation::form_read(
        "DescribeSecurityGroupRules",
        "ec2:DescribeSecurityGroupRules",
        security_group_rules::describe_security_group_rules,
    ),
    Operation::form_read(
        "DescribeAvailabilityZones",
        "ec2:DescribeAvailabilityZones",
        zones::describe_availability_zones,
    ),
    Operation::form_write(
        "AuthorizeSecurityGroupIngress",
        "ec2:AuthorizeSecurityGroupIngress",
        ingress::authorize_security_group_ingress,
    ),
    Operation::form_write(
        "RevokeSecurityGroupIngress",
        "ec2:RevokeSecurityGroupIngress",
        ingress::revoke_security_group_ingress,
    ),
];
