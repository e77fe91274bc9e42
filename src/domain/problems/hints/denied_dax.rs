//! Hints: DAX refused an action of its control plane. All of these work only with Resource `*`.

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
        explanation: "The role and its policies may be there, but the caller may not create a cluster. Allow `dax:CreateCluster` with Resource `*`; the guide's own sample policy for administrators leaves it out.",
        documentation: ACCESS_CONTROL,
        ..DENIED
    },
    Hint {
        id: "dax_describe_clusters",
        action: Some("dax:DescribeClusters"),
        title: "Add dax:DescribeClusters to your user policy.",
        explanation: "Every step looks before it acts, and waiting for `available` is nothing but looking. Allow `dax:DescribeClusters` with Resource `*`: limited to one cluster's ARN it fails as soon as no name is given.",
        documentation: MANAGING,
        ..DENIED
    },
    Hint {
        id: "dax_update_cluster",
        action: Some("dax:UpdateCluster"),
        title: "Add dax:UpdateCluster to your user policy.",
        explanation: "Changing description, maintenance window, notification topic, parameter group or security groups of a cluster needs `dax:UpdateCluster` with Resource `*`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_UpdateCluster.html",
        ..DENIED
    },
    Hint {
        id: "dax_delete_cluster",
        action: Some("dax:DeleteCluster"),
        title: "Add dax:DeleteCluster to your user policy.",
        explanation: "The cluster could not be deleted and goes on costing node hours. Allow `dax:DeleteCluster` with Resource `*`; rolling back a failed create needs it too.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DeleteCluster.html",
        ..DENIED
    },
    Hint {
        id: "dax_increase_replication_factor",
        action: Some("dax:IncreaseReplicationFactor"),
        title: "Add dax:IncreaseReplicationFactor to your user policy.",
        explanation: "Adding nodes is an action of its own: allow `dax:IncreaseReplicationFactor` with Resource `*`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_IncreaseReplicationFactor.html",
        ..DENIED
    },
    Hint {
        id: "dax_decrease_replication_factor",
        action: Some("dax:DecreaseReplicationFactor"),
        title: "Add dax:DecreaseReplicationFactor to your user policy.",
        explanation: "Removing nodes is an action of its own: allow `dax:DecreaseReplicationFactor` with Resource `*`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DecreaseReplicationFactor.html",
        ..DENIED
    },
    Hint {
        id: "dax_reboot_node",
        action: Some("dax:RebootNode"),
        title: "Add dax:RebootNode to your user policy.",
        explanation: "Nodes are rebooted one after another, each by one call that needs `dax:RebootNode` with Resource `*`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_RebootNode.html",
        ..DENIED
    },
    Hint {
        id: "dax_create_subnet_group",
        action: Some("dax:CreateSubnetGroup"),
        title: "Add dax:CreateSubnetGroup to your user policy.",
        explanation: "A subnet group is made when the request lists `subnet_group.subnet_ids`. Allow `dax:CreateSubnetGroup` with Resource `*`, or name an existing group in `subnet_group.name`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_CreateSubnetGroup.html",
        ..DENIED
    },
    Hint {
        id: "dax_describe_subnet_groups",
        action: Some("dax:DescribeSubnetGroups"),
        title: "Add dax:DescribeSubnetGroups to your user policy.",
        explanation: "The subnet group of a cluster, given, made or `default`, is read before it is used. Allow `dax:DescribeSubnetGroups` with Resource `*`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DescribeSubnetGroups.html",
        ..DENIED
    },
    Hint {
        id: "dax_update_subnet_group",
        action: Some("dax:UpdateSubnetGroup"),
        title: "Add dax:UpdateSubnetGroup to your user policy.",
        explanation: "A cluster keeps its subnet group, but the group's subnets can change: that needs `dax:UpdateSubnetGroup` with Resource `*`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_UpdateSubnetGroup.html",
        ..DENIED
    },
    Hint {
        id: "dax_delete_subnet_group",
        action: Some("dax:DeleteSubnetGroup"),
        title: "Add dax:DeleteSubnetGroup to your user policy.",
        explanation: "The subnet group made for this cluster could not be removed; it costs nothing but counts against 50 per Region. Allow `dax:DeleteSubnetGroup` with Resource `*`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DeleteSubnetGroup.html",
        ..DENIED
    },
    Hint {
        id: "dax_create_parameter_group",
        action: Some("dax:CreateParameterGroup"),
        title: "Add dax:CreateParameterGroup to your user policy.",
        explanation: "A request with `parameters` gets a parameter group of its own. Allow `dax:CreateParameterGroup` with Resource `*`, or leave `parameters` out to use AWS's default times.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_CreateParameterGroup.html",
        ..DENIED
    },
    Hint {
        id: "dax_update_parameter_group",
        action: Some("dax:UpdateParameterGroup"),
        title: "Add dax:UpdateParameterGroup to your user policy.",
        explanation: "A new parameter group is empty; `record-ttl-millis` and `query-ttl-millis` are set by a second call, which needs `dax:UpdateParameterGroup` with Resource `*`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_UpdateParameterGroup.html",
        ..DENIED
    },
    Hint {
        id: "dax_describe_parameter_groups",
        action: Some("dax:DescribeParameterGroups"),
        title: "Add dax:DescribeParameterGroups to your user policy.",
        explanation: "Whether the parameter group exists, and whose it is by its description, is read with `dax:DescribeParameterGroups`, which wants Resource `*`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DescribeParameterGroups.html",
        ..DENIED
    },
    Hint {
        id: "dax_describe_parameters",
        action: Some("dax:DescribeParameters"),
        title: "Add dax:DescribeParameters to your user policy.",
        explanation: "The values in a parameter group are compared with the wanted ones; reading them needs `dax:DescribeParameters` with Resource `*`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DescribeParameters.html",
        ..DENIED
    },
    Hint {
        id: "dax_describe_default_parameters",
        action: Some("dax:DescribeDefaultParameters"),
        title: "Add dax:DescribeDefaultParameters to your user policy.",
        explanation: "AWS's default values are read with `dax:DescribeDefaultParameters`, Resource `*`; only comparisons with the defaults need them.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DescribeDefaultParameters.html",
        ..DENIED
    },
    Hint {
        id: "dax_delete_parameter_group",
        action: Some("dax:DeleteParameterGroup"),
        title: "Add dax:DeleteParameterGroup to your user policy.",
        explanation: "The parameter group made for this cluster could not be removed; it costs nothing but counts against 20 per Region. Allow `dax:DeleteParameterGroup` with Resource `*`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DeleteParameterGroup.html",
        ..DENIED
    },
    Hint {
        id: "dax_describe_events",
        action: Some("dax:DescribeEvents"),
        title: "Add dax:DescribeEvents to your user policy.",
        explanation: "DAX tells only in its events why a node could not be added. Allow `dax:DescribeEvents` with Resource `*` so that a stuck creation can be explained.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DescribeEvents.html",
        ..DENIED
    },
    Hint {
        id: "dax_list_tags",
        action: Some("dax:ListTags"),
        title: "Add dax:ListTags to your user policy.",
        explanation: "The tags of a cluster are the evidence whose it is; without `dax:ListTags` (Resource `*`) a cluster of the wanted name cannot be adopted after a lost answer.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_ListTags.html",
        ..DENIED
    },
    Hint {
        id: "dax_tag_resource",
        action: Some("dax:TagResource"),
        title: "Add dax:TagResource to your user policy.",
        explanation: "CreateCluster with tags is authorised as `dax:TagResource` too, and every cluster of ours carries ownership tags. Allow it with Resource `*` beside `dax:CreateCluster`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_TagResource.html",
        ..DENIED
    },
    Hint {
        id: "dax_untag_resource",
        action: Some("dax:UntagResource"),
        title: "Add dax:UntagResource to your user policy.",
        explanation: "Taking a tag off a cluster needs `dax:UntagResource` with Resource `*`; adding and changing tags does not.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_UntagResource.html",
        ..DENIED
    },
];
