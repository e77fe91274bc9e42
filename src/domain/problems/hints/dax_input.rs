//! Hints: DAX calls a value or a combination invalid. One code means many things; the message tells them apart.

use super::pages::{CLI, ENDPOINTS, GUIDE, MANAGING, ROLE_TROUBLE};
use super::{Hint, ROW};

const INPUT: Hint = Hint {
    service: "dax",
    code: "InvalidParameterValueException",
    ..ROW
};

/// A row for each known message, and for the rest.
pub(super) const ROWS: &[Hint] = &[
    Hint {
        id: "dax_role_not_assumable",
        message: Some("no permission to assume role"),
        title: "DAX cannot assume the service role: wait for IAM, then check the role's trust policy.",
        explanation: "A role made or changed minutes ago is not known everywhere in IAM yet; the call is repeated for that long. After that the trust policy is wrong: it must allow `sts:AssumeRole` to `Principal` `{\"Service\": \"dax.amazonaws.com\"}`, without conditions DAX does not send, such as `aws:SourceAccount`.",
        documentation: GUIDE,
        ..INPUT
    },
    Hint {
        id: "dax_region_unsupported",
        message: Some("access denied to api version: dax_v3"),
        title: "DAX is not offered in this Region: no permission will change that.",
        explanation: "The words `Access Denied to API Version: DAX_V3` look like a missing permission but come from Regions with an endpoint and no service. Choose another Region (`AWS_REGION`); tables are reached only from a cluster in their own.",
        documentation: ENDPOINTS,
        ..INPUT
    },
    Hint {
        id: "dax_reserved_group",
        message: Some("is reserved and cannot be modified"),
        title: "The groups named default belong to AWS.",
        explanation: "`default` and `default.dax1.0` can be used but neither changed nor deleted. Make a group of your own with `subnet_group.subnet_ids` or `parameters`.",
        documentation: MANAGING,
        ..INPUT
    },
    Hint {
        id: "dax_cluster_name",
        message: Some("is not a valid identifier"),
        title: "DAX does not accept the cluster's name.",
        explanation: "`name` has 1 to 20 letters, digits and hyphens, begins with a letter, does not end in a hyphen, holds no two hyphens in a row, and neither `sudo` nor `grep`.",
        documentation: CLI,
        ..INPUT
    },
    Hint {
        id: "dax_role_arn",
        message: Some("arns must start with"),
        title: "DAX does not accept the ARN of the service role.",
        explanation: "`service_role.arn` must be whole: `arn:aws:iam::ACCOUNT:role/PATH/NAME`, without blanks, with the 12 digits of this account.",
        documentation: ROLE_TROUBLE,
        ..INPUT
    },
    Hint {
        id: "dax_role_arn_parts",
        message: Some("partition not found"),
        title: "The ARN of the service role is cut short.",
        explanation: "An ARN has six parts divided by colons; in `service_role.arn` at least one is missing. `aws iam get-role --role-name …` prints the whole.",
        documentation: "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html",
        ..INPUT
    },
    Hint {
        id: "dax_value",
        title: "DAX does not accept a value: its message says which.",
        explanation: "Repeating does not help. Compare the field named in the message with the API page; `PreferredMaintenanceWindow` is `ddd:hh:mm-ddd:hh:mm` of 60 minutes or more, `MaxResults` lies between 20 and 100.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations.html",
        ..INPUT
    },
    Hint {
        id: "dax_cluster_value",
        operations: &["CreateCluster"],
        title: "DAX does not accept a setting of the cluster: its message says which.",
        explanation: "Usual ones: a `node_type` this Region does not offer, encryption at rest on `dax.r3.*`, a `notification_topic_arn` of another account, a security group outside the subnet group's VPC. Change it and send the request again.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_CreateCluster.html",
        ..INPUT
    },
    Hint {
        id: "dax_cluster_combination",
        code: "InvalidParameterCombinationException",
        operations: &["CreateCluster"],
        title: "Two settings of the cluster exclude each other.",
        explanation: "`availability_zones` must have exactly `replication_factor` entries, all in zones of the subnet group, and `network_type` must be one the subnets support; `security_group_ids` must be groups of their VPC.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_CreateCluster.html#API_dax_CreateCluster_RequestParameters",
        ..INPUT
    },
    Hint {
        id: "dax_scale_combination",
        code: "InvalidParameterCombinationException",
        operations: &["IncreaseReplicationFactor", "DecreaseReplicationFactor"],
        title: "The number of nodes and the zones or nodes named do not agree.",
        explanation: "`availability_zones` has one entry for each node added or removed, not for each node of the cluster, and `node_ids_to_remove` as many as the difference. Leave both out to let DAX choose.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_IncreaseReplicationFactor.html",
        ..INPUT
    },
    Hint {
        id: "dax_combination",
        code: "InvalidParameterCombinationException",
        title: "Two parameters of the call exclude each other.",
        explanation: "Repeating does not help: the message names the parameters. For DescribeEvents, for instance, it is `Duration` together with `StartTime` and `EndTime`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DescribeEvents.html",
        ..INPUT
    },
];
