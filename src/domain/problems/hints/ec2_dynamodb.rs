//! Hints: errors of EC2 and DynamoDB during lookups and while a port is opened or closed.

use super::{Hint, ROW};

/// "Error codes for the Amazon EC2 API". The API model of EC2 lists no errors.
const EC2_ERRORS: &str = "https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-errors.html";

const EC2: Hint = Hint {
    service: "ec2",
    documentation: EC2_ERRORS,
    ..ROW
};

/// A row for each error of these calls.
pub(super) const ROWS: &[Hint] = &[
    Hint {
        id: "ec2_subnet_missing",
        code: "InvalidSubnetID.NotFound",
        title: "One of the subnets does not exist in this account and Region.",
        explanation: "Every ID in `subnet_group.subnet_ids` must be a subnet of the service's \
            account and Region; `aws ec2 describe-subnets` lists them. A recently created subnet \
            may take a few seconds to become visible.",
        ..EC2
    },
    Hint {
        id: "ec2_vpc_missing",
        code: "InvalidVpcID.NotFound",
        title: "The VPC does not exist in this account and Region, or has no subnets.",
        explanation: "`subnet_group.vpc_id` must be a VPC of the service's account and Region that \
            has subnets; `aws ec2 describe-vpcs` lists them. A subnet shared by another account \
            counts only if it can be described.",
        ..EC2
    },
    Hint {
        id: "ec2_security_group_missing",
        code: "InvalidGroup.NotFound",
        title: "One of the security groups does not exist in this account and Region.",
        explanation: "Every ID in `security_group_ids` must be a group of the cluster's VPC. \
            `source_security_group_id` must be a group of this or a peered VPC, given by ID and \
            not by name. `aws ec2 describe-security-groups --filters Name=vpc-id,Values=…` lists \
            them.",
        ..EC2
    },
    Hint {
        id: "ec2_rule_exists",
        code: "InvalidPermission.Duplicate",
        title: "The security group already allows this traffic.",
        explanation: "A rule with the same protocol, port and source exists. EC2 returns \
            `InvalidPermission.Duplicate` whether or not this service manages the rule. A rule \
            that this service does not manage stays when the ingress is closed.",
        documentation: "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html",
        ..EC2
    },
    Hint {
        id: "ec2_rule_missing",
        code: "InvalidPermission.NotFound",
        title: "The security group has no such rule: nothing to remove.",
        explanation: "While the ingress is closed, `InvalidPermission.NotFound` is the desired \
            state. The rule was removed manually, or replaced by one of another shape.",
        documentation: "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupIngress.html#API_RevokeSecurityGroupIngress_Errors",
        ..EC2
    },
    Hint {
        id: "ec2_rule_id_missing",
        code: "InvalidSecurityGroupRuleId.NotFound",
        title: "The security group has no rule with this ID any more.",
        explanation: "Rules are closed by their ID (`sgr-…`). A rule that is removed and created \
            again gets a new ID. `aws ec2 describe-security-group-rules` lists the current rules \
            of the group.",
        documentation: "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroupRules.html",
        ..EC2
    },
    Hint {
        id: "ec2_rule_quota",
        code: "RulesPerSecurityGroupLimitExceeded",
        title: "The security group's rule quota is used up.",
        explanation: "By default a group can have 60 inbound rules. Open the port for one \
            `source_security_group_id` instead of many `cidr` ranges, remove unused rules, or \
            raise the quota.",
        documentation: "https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-security-groups",
        ..EC2
    },
    Hint {
        id: "ec2_cidr",
        code: "InvalidParameterValue",
        message: Some("cidr block"),
        title: "EC2 rejected the address range.",
        explanation: "A `cidr` is a network address and a prefix length, such as `10.0.0.0/16` or \
            `2001:db8::/32`, with no bits set after the prefix. Repeating the call does not help: \
            correct the value and send the request again.",
        ..EC2
    },
    Hint {
        id: "ec2_dry_run",
        code: "DryRunOperation",
        title: "The call would have succeeded: it was only a dry run.",
        explanation: "EC2 returns `DryRunOperation` if the caller has the permission and used \
            `--dry-run`. This service sends no dry runs. A pasted message of this kind shows that \
            no permission is missing.",
        ..EC2
    },
    Hint {
        id: "dynamodb_table_missing",
        service: "dynamodb",
        code: "ResourceNotFoundException",
        title: "A table does not exist in this account and Region.",
        explanation: "Names in `service_role.tables` are case-sensitive and refer to tables of the \
            service's account and Region; `aws dynamodb list-tables` lists them. A cluster can be \
            created before its table, but cannot serve the table until it exists.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeTable.html#API_DescribeTable_Errors",
        ..ROW
    },
    Hint {
        id: "dynamodb_internal_failure",
        service: "dynamodb",
        code: "InternalServerError",
        operations: &["DescribeTable"],
        title: "DynamoDB failed to describe the table: the call is repeated.",
        explanation: "`InternalServerError` is a failure inside DynamoDB and not about the table. \
            A preflight reports the check as `not_checked`: run it again.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html",
        ..ROW
    },
];
