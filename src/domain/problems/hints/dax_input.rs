//! Hints: DAX rejected a value or a combination of values. One code covers many cases, which only
//! the message distinguishes.

use super::pages::{CLI, ENDPOINTS, GUIDE, MANAGING, ROLE_TROUBLE};
use super::{Hint, ROW};

const INPUT: Hint = Hint {
    service: "dax",
    code: "InvalidParameterValueException",
    ..ROW
};

/// A row for each known message, and one for every other message.
pub(super) const ROWS: &[Hint] = &[
    Hint {
        id: "dax_role_not_assumable",
        message: Some("no permission to assume role"),
        title: "DAX cannot assume the service role: wait for IAM, then check the role's trust \
            policy.",
        explanation: "A recently created or changed role may not be visible everywhere in IAM, so \
            the call is repeated. If the error persists, the trust policy is wrong. It must allow \
            `sts:AssumeRole` to `Principal` `{\"Service\": \"dax.amazonaws.com\"}`, without \
            conditions that DAX does not meet, such as `aws:SourceAccount`.",
        documentation: GUIDE,
        ..INPUT
    },
    Hint {
        id: "dax_region_unsupported",
        message: Some("access denied to api version: dax_v3"),
        title: "DAX is not offered in this Region: no permission will change that.",
        explanation: "The message `Access Denied to API Version: DAX_V3` resembles a missing \
            permission, but comes from Regions with a DAX endpoint and no DAX service. Choose \
            another Region (`AWS_REGION`). A cluster can reach only tables in its own Region.",
        documentation: ENDPOINTS,
        ..INPUT
    },
    Hint {
        id: "dax_reserved_group",
        message: Some("is reserved and cannot be modified"),
        title: "The groups named default belong to AWS.",
        explanation: "`default` and `default.dax1.0` can be used, but neither changed nor deleted. \
            Create your own group with `subnet_group.subnet_ids` or `parameters`.",
        documentation: MANAGING,
        ..INPUT
    },
    Hint {
        id: "dax_cluster_name",
        message: Some("is not a valid identifier"),
        title: "DAX rejected the cluster's name.",
        explanation: "`name` has 1 to 20 letters, digits and hyphens. It starts with a letter, \
            does not end with a hyphen, has no two hyphens in a row, and contains neither `sudo` \
            nor `grep`.",
        documentation: CLI,
        ..INPUT
    },
    Hint {
        id: "dax_role_arn",
        message: Some("arns must start with"),
        title: "DAX rejected the ARN of the service role.",
        explanation: "`service_role.arn` must be complete: `arn:aws:iam::ACCOUNT:role/PATH/NAME`, \
            without spaces, with the 12 digits of this account.",
        documentation: ROLE_TROUBLE,
        ..INPUT
    },
    Hint {
        id: "dax_role_arn_parts",
        message: Some("partition not found"),
        title: "The ARN of the service role is incomplete.",
        explanation: "An ARN has six parts separated by colons, and at least one is missing in \
            `service_role.arn`. `aws iam get-role --role-name …` prints the full ARN.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html",
        ..INPUT
    },
    Hint {
        id: "dax_role_other_account",
        code: "AccessDeniedException",
        message: Some("cross-account pass role is not allowed"),
        title: "The service role belongs to another account: use a role of the cluster's account.",
        explanation: "A role can be passed only to a service of its own account, and no permission \
            changes that. Give a role of the cluster's account in `service_role.arn`, or give \
            `service_role.tables` to have one created.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html#id_roles_use_passrole-examples",
        ..INPUT
    },
    Hint {
        id: "dax_value",
        title: "DAX rejected a value: its message names the field.",
        explanation: "Repeating the call does not help. Compare the field named in the message \
            with the API page. `PreferredMaintenanceWindow` has the form `ddd:hh:mm-ddd:hh:mm` and \
            lasts at least 60 minutes.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations.html",
        ..INPUT
    },
    Hint {
        id: "dax_cluster_value",
        operations: &["CreateCluster"],
        title: "DAX rejected a setting of the cluster: its message names the field.",
        explanation: "Common causes: a `node_type` that this Region does not offer, encryption at \
            rest on `dax.r3.*`, a `notification_topic_arn` of another account, a security group \
            of another VPC. Correct the value and send the request again.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_CreateCluster.html",
        ..INPUT
    },
    Hint {
        id: "dax_cluster_combination",
        code: "InvalidParameterCombinationException",
        operations: &["CreateCluster"],
        title: "Two settings of the cluster cannot be combined.",
        explanation: "`availability_zones` must have exactly `replication_factor` entries, all of \
            them zones of the subnet group. The subnets must support the `network_type`. \
            `security_group_ids` must be groups of the subnets' VPC.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_CreateCluster.html#API_dax_CreateCluster_RequestParameters",
        ..INPUT
    },
    Hint {
        id: "dax_scale_combination",
        code: "InvalidParameterCombinationException",
        operations: &["IncreaseReplicationFactor", "DecreaseReplicationFactor"],
        title: "The number of nodes does not match the listed zones or nodes.",
        explanation: "`availability_zones` has one entry for each node added or removed, not for \
            each node of the cluster. `node_ids_to_remove` has one entry for each node removed. \
            Omit both to let DAX choose.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_IncreaseReplicationFactor.html",
        ..INPUT
    },
    Hint {
        id: "dax_combination",
        code: "InvalidParameterCombinationException",
        title: "Two parameters of the call cannot be combined.",
        explanation: "Repeating the call does not help; the message names the parameters. In \
            DescribeEvents, for example, `Duration` cannot be combined with `StartTime` and \
            `EndTime`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DescribeEvents.html",
        ..INPUT
    },
];
