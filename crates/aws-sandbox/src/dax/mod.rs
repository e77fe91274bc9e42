//! DAX's control plane: all 21 operations. Depends on `turn`, not on HTTP.

pub(crate) mod messages;

mod cluster_view;
mod clusters;
mod create_cluster;
mod create_input;
mod delete_cluster;
mod describe_clusters;
mod events;
mod maintenance;
mod names;
mod node_types;
mod nodes;
mod paging;
mod parameter_groups;
mod parameters;
mod placement;
mod reboot_node;
mod replication;
mod service_role;
mod subnet_groups;
mod subnets;
mod tags;
mod update_cluster;
mod update_subnet_group;

pub(crate) use self::clusters::release_stuck_clusters;
use crate::turn::Operation;

pub(crate) static OPERATIONS: [Operation; 21] = [
    Operation::json_write(
        "CreateCluster",
        "dax:CreateCluster",
        create_cluster::create_cluster,
    ),
    Operation::json_read(
        "DescribeClusters",
        "dax:DescribeClusters",
        describe_clusters::describe_clusters,
    ),
    Operation::json_write(
        "UpdateCluster",
        "dax:UpdateCluster",
        update_cluster::update_cluster,
    ),
    Operation::json_write(
        "DeleteCluster",
        "dax:DeleteCluster",
        delete_cluster::delete_cluster,
    ),
    Operation::json_write(
        "IncreaseReplicationFactor",
        "dax:IncreaseReplicationFactor",
        replication::increase_replication_factor,
    ),
    Operation::json_write(
        "DecreaseReplicationFactor",
        "dax:DecreaseReplicationFactor",
        replication::decrease_replication_factor,
    ),
    Operation::json_write("RebootNode", "dax:RebootNode", reboot_node::reboot_node),
    Operation::json_write(
        "CreateSubnetGroup",
        "dax:CreateSubnetGroup",
        subnet_groups::create_subnet_group,
    ),
    Operation::json_read(
        "DescribeSubnetGroups",
        "dax:DescribeSubnetGroups",
        subnet_groups::describe_subnet_groups,
    ),
    Operation::json_write(
        "UpdateSubnetGroup",
        "dax:UpdateSubnetGroup",
        update_subnet_group::update_subnet_group,
    ),
    Operation::json_write(
        "DeleteSubnetGroup",
        "dax:DeleteSubnetGroup",
        subnet_groups::delete_subnet_group,
    ),
    Operation::json_write(
        "CreateParameterGroup",
        "dax:CreateParameterGroup",
        parameter_groups::create_parameter_group,
    ),
    Operation::json_read(
        "DescribeParameterGroups",
        "dax:DescribeParameterGroups",
        parameter_groups::describe_parameter_groups,
    ),
    Operation::json_write(
        "UpdateParameterGroup",
        "dax:UpdateParameterGroup",
        parameters::update_parameter_group,
    ),
    Operation::json_write(
        "DeleteParameterGroup",
        "dax:DeleteParameterGroup",
        parameter_groups::delete_parameter_group,
    ),
    Operation::json_read(
        "DescribeParameters",
        "dax:DescribeParameters",
        parameters::describe_parameters,
    ),
    Operation::json_read(
        "DescribeDefaultParameters",
        "dax:DescribeDefaultParameters",
        parameters::describe_default_parameters,
    ),
    Operation::json_read(
        "DescribeEvents",
        "dax:DescribeEvents",
        events::describe_events,
    ),
    Operation::json_read("ListTags", "dax:ListTags", tags::list_tags),
    Operation::json_write("TagResource", "dax:TagResource", tags::tag_resource),
    Operation::json_write("UntagResource", "dax:UntagResource", tags::untag_resource),
];
