//! Hints: DAX's own errors about subnet groups and parameter groups.

use super::pages::{CLI, IPV6, MANAGING, QUOTAS};
use super::{Hint, ROW};

const GROUP: Hint = Hint {
    service: "dax",
    ..ROW
};

/// A row for each error of the calls about groups.
pub(super) const ROWS: &[Hint] = &[
    Hint {
        id: "dax_subnet_group_missing",
        code: "SubnetGroupNotFoundFault",
        title: "There is no subnet group of this name: nothing to read or remove.",
        explanation: "Names are stored in lower case and belong to one Region. While deleting, `SubnetGroupNotFoundFault` is the state wanted; else list the groups with `GET /v1/subnet_groups`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DescribeSubnetGroups.html",
        ..GROUP
    },
    Hint {
        id: "dax_cluster_subnet_group_missing",
        code: "SubnetGroupNotFoundFault",
        operations: &["CreateCluster"],
        title: "The subnet group for the cluster does not exist.",
        explanation: "Name an existing group in `subnet_group.name`, or have one made from `subnet_group.subnet_ids`. A group named `default` exists only where the account has a default VPC.",
        documentation: CLI,
        ..GROUP
    },
    Hint {
        id: "dax_subnet_group_exists",
        code: "SubnetGroupAlreadyExistsFault",
        title: "A subnet group of this name exists already.",
        explanation: "One whose description carries our operation is adopted; any other stays untouched. Use it by `subnet_group.name`, or delete it and `retry`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_CreateSubnetGroup.html",
        ..GROUP
    },
    Hint {
        id: "dax_subnet_group_quota",
        code: "SubnetGroupQuotaExceededFault",
        title: "The account has 50 subnet groups in this Region, as many as it may.",
        explanation: "Name an existing group in `subnet_group.name`, or delete unused ones with `aws dax delete-subnet-group`; AWS Support can raise the quota.",
        documentation: QUOTAS,
        ..GROUP
    },
    Hint {
        id: "dax_subnet_quota",
        code: "SubnetQuotaExceededFault",
        title: "A subnet group takes at most 20 subnets.",
        explanation: "Shorten `subnet_group.subnet_ids`; one subnet in each Availability Zone that shall hold nodes is enough.",
        documentation: QUOTAS,
        ..GROUP
    },
    Hint {
        id: "dax_subnet_unknown",
        code: "InvalidSubnet",
        title: "A subnet does not exist, or the subnets are in different VPCs.",
        explanation: "All of `subnet_group.subnet_ids` must be in one VPC of this account and Region: compare them with `aws ec2 describe-subnets --subnet-ids …`. A subnet made seconds ago may not be known yet.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_CreateSubnetGroup.html#API_dax_CreateSubnetGroup_Errors",
        ..GROUP
    },
    Hint {
        id: "dax_subnet_not_allowed",
        code: "SubnetNotAllowedFault",
        title: "The subnets do not fit the address family.",
        explanation: "`network_type` `ipv6` needs IPv6-only subnets, `ipv4` and `dual_stack` need IPv4 or dual-stack ones, and a group cannot mix the two kinds. Give a subnet its IPv6 CIDR, choose others, or change `network_type`.",
        documentation: IPV6,
        ..GROUP
    },
    Hint {
        id: "dax_subnet_in_use",
        code: "SubnetInUse",
        operations: &["UpdateSubnetGroup"],
        title: "A subnet to be taken out of the group still holds nodes.",
        explanation: "Keep it in `SubnetIds`, or remove the nodes in its zone first by scaling down with `node_ids_to_remove`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_UpdateSubnetGroup.html",
        ..GROUP
    },
    Hint {
        id: "dax_subnet_group_in_use",
        code: "SubnetGroupInUseFault",
        operations: &["DeleteSubnetGroup"],
        title: "The subnet group is locked by a cluster, also one that is being deleted.",
        explanation: "DAX lets go of the group up to 10 minutes after the cluster is gone; `DeleteSubnetGroup` is repeated until then. If another cluster uses the group, it stays.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DeleteSubnetGroup.html",
        ..GROUP
    },
    Hint {
        id: "dax_parameter_group_missing",
        code: "ParameterGroupNotFoundFault",
        title: "There is no parameter group of this name: nothing to read or remove.",
        explanation: "While deleting, `ParameterGroupNotFoundFault` is the state wanted; else list the groups with `GET /v1/parameter_groups`. They belong to one Region.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DescribeParameterGroups.html",
        ..GROUP
    },
    Hint {
        id: "dax_cluster_parameter_group_missing",
        code: "ParameterGroupNotFoundFault",
        operations: &["CreateCluster", "UpdateCluster"],
        title: "The parameter group for the cluster does not exist.",
        explanation: "Name an existing group in `parameter_group.name`, have one made from `parameters`, or leave both out to use `default.dax1.0`.",
        documentation: MANAGING,
        ..GROUP
    },
    Hint {
        id: "dax_parameter_group_exists",
        code: "ParameterGroupAlreadyExistsFault",
        title: "A parameter group of this name exists already.",
        explanation: "One whose description carries our operation is adopted; any other stays untouched. Use it by `parameter_group.name`, or delete it and `retry`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_CreateParameterGroup.html",
        ..GROUP
    },
    Hint {
        id: "dax_parameter_group_quota",
        code: "ParameterGroupQuotaExceededFault",
        title: "The account has 20 parameter groups in this Region, as many as it may.",
        explanation: "`parameters` makes a group for each cluster. Share one by `parameter_group.name`, delete unused ones with `aws dax delete-parameter-group`, or ask AWS Support for more.",
        documentation: QUOTAS,
        ..GROUP
    },
    Hint {
        id: "dax_parameter_group_state",
        code: "InvalidParameterGroupStateFault",
        title: "The parameter group is being changed: try again.",
        explanation: "A group that was just made or updated takes a moment before `ParameterGroupName` can be used in a cluster; the step waits. If it lasts, use another group or AWS's default.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_CreateCluster.html#API_dax_CreateCluster_Errors",
        ..GROUP
    },
    Hint {
        id: "dax_parameter_group_in_use",
        code: "InvalidParameterGroupStateFault",
        operations: &["UpdateParameterGroup"],
        title: "A parameter group that a running cluster uses cannot be changed.",
        explanation: "Make a new group with the wanted `record-ttl-millis` and `query-ttl-millis` and give it to the cluster: `PATCH /v1/clusters/{name}` with `parameters` does both.",
        documentation: MANAGING,
        ..GROUP
    },
    Hint {
        id: "dax_parameter_group_locked",
        code: "InvalidParameterGroupStateFault",
        operations: &["DeleteParameterGroup"],
        title: "The parameter group is still used by a cluster, also one that is being deleted.",
        explanation: "`DeleteParameterGroup` is repeated until DAX has let go of the group. If another cluster uses it, it stays; find that with `aws dax describe-clusters`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DeleteParameterGroup.html",
        ..GROUP
    },
];
