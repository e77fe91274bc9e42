//! Hints: errors of DAX calls about subnet groups and parameter groups.

use super::pages::{CLI, IPV6, MANAGING, QUOTAS};
use super::{Hint, ROW};

const GROUP: Hint = Hint {
    service: "dax",
    ..ROW
};

/// A row for each modelled error of these calls.
pub(super) const ROWS: &[Hint] = &[
    Hint {
        id: "dax_subnet_group_missing",
        code: "SubnetGroupNotFoundFault",
        title: "No subnet group with this name exists: nothing to read or delete.",
        explanation: "Names are stored in lower case and belong to one Region. During a delete, \
            `SubnetGroupNotFoundFault` is the desired state. Otherwise, list the groups with `GET \
            /v1/subnet_groups`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DescribeSubnetGroups.html",
        ..GROUP
    },
    Hint {
        id: "dax_cluster_subnet_group_missing",
        code: "SubnetGroupNotFoundFault",
        operations: &["CreateCluster"],
        title: "The subnet group for the cluster does not exist.",
        explanation: "Give an existing group in `subnet_group.name`, or have one created from \
            `subnet_group.subnet_ids`. A group named `default` exists only if the account has a \
            default VPC.",
        documentation: CLI,
        ..GROUP
    },
    Hint {
        id: "dax_subnet_group_exists",
        code: "SubnetGroupAlreadyExistsFault",
        title: "A subnet group with this name already exists.",
        explanation: "A group whose description names this operation is adopted; any other is not \
            changed. Use it with `subnet_group.name`, or delete it and `retry`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_CreateSubnetGroup.html",
        ..GROUP
    },
    Hint {
        id: "dax_subnet_group_quota",
        code: "SubnetGroupQuotaExceededFault",
        title: "The account's quota of 50 subnet groups in this Region is used up.",
        explanation: "Give an existing group in `subnet_group.name`, or delete unused groups with \
            `aws dax delete-subnet-group`. AWS Support can raise the quota.",
        documentation: QUOTAS,
        ..GROUP
    },
    Hint {
        id: "dax_subnet_quota",
        code: "SubnetQuotaExceededFault",
        title: "A subnet group can have at most 20 subnets.",
        explanation: "Shorten `subnet_group.subnet_ids`: one subnet in each Availability Zone that \
            needs nodes is enough.",
        documentation: QUOTAS,
        ..GROUP
    },
    Hint {
        id: "dax_subnet_unknown",
        code: "InvalidSubnet",
        title: "A subnet does not exist, or the subnets are in different VPCs.",
        explanation: "All of `subnet_group.subnet_ids` must be in one VPC of this account and \
            Region. Compare them with `aws ec2 describe-subnets --subnet-ids …`. A recently \
            created subnet may not be visible yet.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_CreateSubnetGroup.html#API_dax_CreateSubnetGroup_Errors",
        ..GROUP
    },
    Hint {
        id: "dax_subnet_not_allowed",
        code: "SubnetNotAllowedFault",
        title: "The subnets do not support the requested address family.",
        explanation: "`network_type` `ipv6` needs IPv6-only subnets; `ipv4` and `dual_stack` need \
            IPv4 or dual-stack subnets. A group cannot mix the two kinds. Add an IPv6 CIDR to a \
            subnet, choose other subnets, or change `network_type`.",
        documentation: IPV6,
        ..GROUP
    },
    Hint {
        id: "dax_subnet_in_use",
        code: "SubnetInUse",
        operations: &["UpdateSubnetGroup"],
        title: "A subnet to be removed from the group still has nodes.",
        explanation: "Keep it in `SubnetIds`, or first remove the nodes in its zone by scaling \
            down with `node_ids_to_remove`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_UpdateSubnetGroup.html",
        ..GROUP
    },
    Hint {
        id: "dax_subnet_group_in_use",
        code: "SubnetGroupInUseFault",
        operations: &["DeleteSubnetGroup"],
        title: "The subnet group is in use by a cluster, or by one that is being deleted.",
        explanation: "DAX releases the group up to 10 minutes after the cluster is deleted. \
            `DeleteSubnetGroup` is repeated until then. If another cluster uses the group, the \
            group is kept.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DeleteSubnetGroup.html",
        ..GROUP
    },
    Hint {
        id: "dax_parameter_group_missing",
        code: "ParameterGroupNotFoundFault",
        title: "No parameter group with this name exists: nothing to read or delete.",
        explanation: "During a delete, `ParameterGroupNotFoundFault` is the desired state. \
            Otherwise, list the groups with `GET /v1/parameter_groups`. They belong to one Region.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DescribeParameterGroups.html",
        ..GROUP
    },
    Hint {
        id: "dax_cluster_parameter_group_missing",
        code: "ParameterGroupNotFoundFault",
        operations: &["CreateCluster", "UpdateCluster"],
        title: "The parameter group for the cluster does not exist.",
        explanation: "Give an existing group in `parameter_group.name`, have one created from \
            `parameters`, or omit both to use `default.dax1.0`.",
        documentation: MANAGING,
        ..GROUP
    },
    Hint {
        id: "dax_parameter_group_exists",
        code: "ParameterGroupAlreadyExistsFault",
        title: "A parameter group with this name already exists.",
        explanation: "A group whose description names this operation is adopted; any other is not \
            changed. Use it with `parameter_group.name`, or delete it and `retry`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_CreateParameterGroup.html",
        ..GROUP
    },
    Hint {
        id: "dax_parameter_group_quota",
        code: "ParameterGroupQuotaExceededFault",
        title: "The account's quota of 20 parameter groups in this Region is used up.",
        explanation: "Each cluster with `parameters` gets its own group. Share one with \
            `parameter_group.name`, delete unused ones with `aws dax delete-parameter-group`, or \
            ask AWS Support to raise the quota.",
        documentation: QUOTAS,
        ..GROUP
    },
    Hint {
        id: "dax_parameter_group_state",
        code: "InvalidParameterGroupStateFault",
        title: "The parameter group is being changed: try again.",
        explanation: "A recently created or changed group cannot be used as `ParameterGroupName` \
            at once, so the step waits. If the error persists, use another group or AWS's default.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_CreateCluster.html#API_dax_CreateCluster_Errors",
        ..GROUP
    },
    Hint {
        id: "dax_parameter_group_in_use",
        code: "InvalidParameterGroupStateFault",
        operations: &["UpdateParameterGroup"],
        title: "A parameter group in use by a running cluster cannot be changed.",
        explanation: "Create a new group with the desired `record-ttl-millis` and \
            `query-ttl-millis` and assign it to the cluster. `PATCH /v1/clusters/{name}` with \
            `parameters` does both.",
        documentation: MANAGING,
        ..GROUP
    },
    Hint {
        id: "dax_parameter_group_locked",
        code: "InvalidParameterGroupStateFault",
        operations: &["DeleteParameterGroup"],
        title: "The parameter group is in use by a cluster, or by one that is being deleted.",
        explanation: "`DeleteParameterGroup` is repeated until DAX releases the group. If another \
            cluster uses the group, the group is kept; find the cluster with `aws dax \
            describe-clusters`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DeleteParameterGroup.html",
        ..GROUP
    },
];
