//! Hints: errors of EC2 and DynamoDB, met while the surroundings of a cluster are looked up or a port is opened.

use super::{Hint, ROW};

/// "Error codes for the Amazon EC2 API": EC2's API model names none.
const EC2_ERRORS: &str = "https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-errors.html";

const EC2: Hint = Hint {
    service: "ec2",
    documentation: EC2_ERRORS,
    ..ROW
};

/// A row for each error of the calls that lookups make.
pub(super) const ROWS: &[Hint] = &[
    Hint {
        id: "ec2_subnet_missing",
        code: "InvalidSubnetID.NotFound",
        title: "One of the subnets does not exist in this account and Region.",
        explanation: "Every id in `subnet_group.subnet_ids` must be a subnet of the service's own account and Region; `aws ec2 describe-subnets` lists them. One that was made moments ago may need a few seconds to be seen.",
        ..EC2
    },
    Hint {
        id: "ec2_vpc_missing",
        code: "InvalidVpcID.NotFound",
        title: "The VPC does not exist in this account and Region, or has no subnet.",
        explanation: "`subnet_group.vpc_id` must name a VPC of the service's own account and Region that has subnets; `aws ec2 describe-vpcs` lists them. A subnet shared from another account counts only where it can be described.",
        ..EC2
    },
    Hint {
        id: "ec2_security_group_missing",
        code: "InvalidGroup.NotFound",
        title: "One of the security groups does not exist in this account and Region.",
        explanation: "Every id in `security_group_ids` must be a group of the cluster's VPC, and `source_security_group_id` one of this or a peered VPC, by its id and not its name; `aws ec2 describe-security-groups --filters Name=vpc-id,Values=…` lists them.",
        ..EC2
    },
    Hint {
        id: "ec2_rule_exists",
        code: "InvalidPermission.Duplicate",
        title: "The security group lets this traffic in already.",
        explanation: "A rule with the same protocol, port and source is there; EC2 answers `InvalidPermission.Duplicate` whoever made it. If it is not ours it stays when the ingress is closed.",
        documentation: "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html",
        ..EC2
    },
    Hint {
        id: "ec2_rule_missing",
        code: "InvalidPermission.NotFound",
        title: "The security group has no such rule: nothing to take back.",
        explanation: "While the ingress is closed, `InvalidPermission.NotFound` is the state wanted: somebody has removed the rule by hand, or replaced it by one of another shape.",
        documentation: "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupIngress.html#API_RevokeSecurityGroupIngress_Errors",
        ..EC2
    },
    Hint {
        id: "ec2_rule_id_missing",
        code: "InvalidSecurityGroupRuleId.NotFound",
        title: "The rule of this id is gone from the security group.",
        explanation: "Rules are closed by their id (`sgr-…`), which a rule that was removed and made again does not keep. `aws ec2 describe-security-group-rules` shows what the group has now.",
        documentation: "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroupRules.html",
        ..EC2
    },
    Hint {
        id: "ec2_rule_quota",
        code: "RulesPerSecurityGroupLimitExceeded",
        title: "The security group has as many rules as it may.",
        explanation: "By default a group takes 60 inbound rules. Open the port for one `source_security_group_id` instead of many a `cidr`, remove rules nobody needs, or have the quota raised.",
        documentation: "https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-security-groups",
        ..EC2
    },
    Hint {
        id: "ec2_cidr",
        code: "InvalidParameterValue",
        message: Some("cidr block"),
        title: "EC2 does not accept the address range.",
        explanation: "A `cidr` is a network and its length, such as `10.0.0.0/16` or `2001:db8::/32`, with no bits set behind the length. Repeating does not help: correct it and ask again.",
        ..EC2
    },
    Hint {
        id: "ec2_dry_run",
        code: "DryRunOperation",
        title: "The call would have succeeded: it was only a dry run.",
        explanation: "EC2 answers `DryRunOperation` when the caller has the permission and asked with `--dry-run`. This service sends no dry runs; a pasted message of this kind proves that nothing is missing.",
        ..EC2
    },
    Hint {
        id: "dynamodb_table_missing",
        service: "dynamodb",
        code: "ResourceNotFoundException",
        title: "A table does not exist in this account and Region.",
        explanation: "Names in `service_role.tables` are case-sensitive and mean tables of the service's own account and Region; `aws dynamodb list-tables` shows them. A cluster can be made before its table, but answers nothing for it.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeTable.html#API_DescribeTable_Errors",
        ..ROW
    },
    Hint {
        id: "dynamodb_internal_failure",
        service: "dynamodb",
        code: "InternalServerError",
        operations: &["DescribeTable"],
        title: "DynamoDB failed to describe the table: it is asked again.",
        explanation: "`InternalServerError` is a failure of DynamoDB's own and says nothing about the table. A preflight reports the check as `not_checked`: run it once more.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html",
        ..ROW
    },
];
