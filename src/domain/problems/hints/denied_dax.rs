//! Hints: DAX denied an action of its control plane. All of them support only Resource `*`.

use super::pages::{ACCESS_CONTROL, MANAGING};
use super::{Hint, ROW};

const DENIED: Hint = Hint {
    service: "dax",
    code: "AccessDeniedException",
    ..ROW
};

/// A row for each of the 21 actions.
pub(super) const ROWS: &[Hint] = &[
    Hint {
        id: "dax_create_cluster",
        action: Some("dax:CreateCluster"),
        title: "Add dax:CreateCluster to your user policy.",
        explanation: "The caller is not allowed to create a cluster. Allow `dax:CreateCluster` \
            with Resource `*`. The guide's sample policy for administrators omits this action.",
        documentation: ACCESS_CONTROL,
        ..DENIED
    },
    Hint {
        id: "dax_describe_clusters",
        action: Some("dax:DescribeClusters"),
        title: "Add dax:DescribeClusters to your user policy.",
        explanation: "The cluster's state is read before every change and while waiting for \
            `available`. Allow `dax:DescribeClusters` with Resource `*`. Limited to one cluster's \
            ARN, it fails for calls that name no cluster.",
        documentation: MANAGING,
        ..DENIED
    },
    Hint {
        id: "dax_update_cluster",
        action: Some("dax:UpdateCluster"),
        title: "Add dax:UpdateCluster to your user policy.",
        explanation: "Changing the description, maintenance window, notification topic, parameter \
            group or security groups of a cluster needs `dax:UpdateCluster` with Resource `*`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_UpdateCluster.html",
        ..DENIED
    },
    Hint {
        id: "dax_delete_cluster",
        action: Some("dax:DeleteCluster"),
        title: "Add dax:DeleteCluster to your user policy.",
        explanation: "The cluster could not be deleted, and AWS still charges for its nodes. Allow \
            `dax:DeleteCluster` with Resource `*`. Rolling back a failed create needs it too.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DeleteCluster.html",
        ..DENIED
    },
    Hint {
        id: "dax_increase_replication_factor",
        action: Some("dax:IncreaseReplicationFactor"),
        title: "Add dax:IncreaseReplicationFactor to your user policy.",
        explanation: "Adding nodes needs a separate permission: allow \
            `dax:IncreaseReplicationFactor` with Resource `*`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_IncreaseReplicationFactor.html",
        ..DENIED
    },
    Hint {
        id: "dax_decrease_replication_factor",
        action: Some("dax:DecreaseReplicationFactor"),
        title: "Add dax:DecreaseReplicationFactor to your user policy.",
        explanation: "Removing nodes needs a separate permission: allow \
            `dax:DecreaseReplicationFactor` with Resource `*`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DecreaseReplicationFactor.html",
        ..DENIED
    },
    Hint {
        id: "dax_reboot_node",
        action: Some("dax:RebootNode"),
        title: "Add dax:RebootNode to your user policy.",
        explanation: "Nodes are rebooted one at a time. Each of these calls needs `dax:RebootNode` \
            with Resource `*`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_RebootNode.html",
        ..DENIED
    },
    Hint {
        id: "dax_create_subnet_group",
        action: Some("dax:CreateSubnetGroup"),
        title: "Add dax:CreateSubnetGroup to your user policy.",
        explanation: "A subnet group is created when the request lists `subnet_group.subnet_ids`. \
            Allow `dax:CreateSubnetGroup` with Resource `*`, or give an existing group in \
            `subnet_group.name`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_CreateSubnetGroup.html",
        ..DENIED
    },
    Hint {
        id: "dax_describe_subnet_groups",
        action: Some("dax:DescribeSubnetGroups"),
        title: "Add dax:DescribeSubnetGroups to your user policy.",
        explanation: "The cluster's subnet group is read before it is used, whether existing, new \
            or `default`. Allow `dax:DescribeSubnetGroups` with Resource `*`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DescribeSubnetGroups.html",
        ..DENIED
    },
    Hint {
        id: "dax_update_subnet_group",
        action: Some("dax:UpdateSubnetGroup"),
        title: "Add dax:UpdateSubnetGroup to your user policy.",
        explanation: "A cluster cannot change its subnet group, but the subnets of the group can \
            change. Changing them needs `dax:UpdateSubnetGroup` with Resource `*`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_UpdateSubnetGroup.html",
        ..DENIED
    },
    Hint {
        id: "dax_delete_subnet_group",
        action: Some("dax:DeleteSubnetGroup"),
        title: "Add dax:DeleteSubnetGroup to your user policy.",
        explanation: "The subnet group created for this cluster could not be deleted. It costs \
            nothing but counts against the quota of 50 per Region. Allow `dax:DeleteSubnetGroup` \
            with Resource `*`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DeleteSubnetGroup.html",
        ..DENIED
    },
    Hint {
        id: "dax_create_parameter_group",
        action: Some("dax:CreateParameterGroup"),
        title: "Add dax:CreateParameterGroup to your user policy.",
        explanation: "A request with `parameters` gets its own parameter group. Allow \
            `dax:CreateParameterGroup` with Resource `*`, or omit `parameters` to use AWS's \
            default TTLs.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_CreateParameterGroup.html",
        ..DENIED
    },
    Hint {
        id: "dax_update_parameter_group",
        action: Some("dax:UpdateParameterGroup"),
        title: "Add dax:UpdateParameterGroup to your user policy.",
        explanation: "A new parameter group is empty. `record-ttl-millis` and `query-ttl-millis` \
            are set by a second call, which needs `dax:UpdateParameterGroup` with Resource `*`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_UpdateParameterGroup.html",
        ..DENIED
    },
    Hint {
        id: "dax_describe_parameter_groups",
        action: Some("dax:DescribeParameterGroups"),
        title: "Add dax:DescribeParameterGroups to your user policy.",
        explanation: "Whether the parameter group exists and is managed by this service is read \
            with `dax:DescribeParameterGroups`. The action needs Resource `*`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DescribeParameterGroups.html",
        ..DENIED
    },
    Hint {
        id: "dax_describe_parameters",
        action: Some("dax:DescribeParameters"),
        title: "Add dax:DescribeParameters to your user policy.",
        explanation: "The values in a parameter group are compared with the requested ones. \
            Reading them needs `dax:DescribeParameters` with Resource `*`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DescribeParameters.html",
        ..DENIED
    },
    Hint {
        id: "dax_describe_default_parameters",
        action: Some("dax:DescribeDefaultParameters"),
        title: "Add dax:DescribeDefaultParameters to your user policy.",
        explanation: "AWS's default values are read with `dax:DescribeDefaultParameters`, Resource \
            `*`. Only comparisons with the defaults need them.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DescribeDefaultParameters.html",
        ..DENIED
    },
    Hint {
        id: "dax_delete_parameter_group",
        action: Some("dax:DeleteParameterGroup"),
        title: "Add dax:DeleteParameterGroup to your user policy.",
        explanation: "The parameter group created for this cluster could not be deleted. It costs \
            nothing but counts against the quota of 20 per Region. Allow \
            `dax:DeleteParameterGroup` with Resource `*`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DeleteParameterGroup.html",
        ..DENIED
    },
    Hint {
        id: "dax_describe_events",
        action: Some("dax:DescribeEvents"),
        title: "Add dax:DescribeEvents to your user policy.",
        explanation: "DAX reports only in its events why a node could not be added. Allow \
            `dax:DescribeEvents` with Resource `*` to find out why a creation is stuck.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DescribeEvents.html",
        ..DENIED
    },
    Hint {
        id: "dax_list_tags",
        action: Some("dax:ListTags"),
        title: "Add dax:ListTags to your user policy.",
        explanation: "A cluster's tags show whether this service manages it. Without \
            `dax:ListTags` (Resource `*`), a cluster cannot be adopted after a lost response.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_ListTags.html",
        ..DENIED
    },
    Hint {
        id: "dax_tag_resource",
        action: Some("dax:TagResource"),
        title: "Add dax:TagResource to your user policy.",
        explanation: "CreateCluster with tags also needs `dax:TagResource`, and every managed \
            cluster carries ownership tags. Allow it with Resource `*`, together with \
            `dax:CreateCluster`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_TagResource.html",
        ..DENIED
    },
    Hint {
        id: "dax_untag_resource",
        action: Some("dax:UntagResource"),
        title: "Add dax:UntagResource to your user policy.",
        explanation: "Removing a tag from a cluster needs `dax:UntagResource` with Resource `*`. \
            Adding and changing tags does not.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_UntagResource.html",
        ..DENIED
    },
];
