//! Hints: DAX's own errors about clusters, nodes and tags.

use super::pages::{COMPONENTS, IN_TRANSIT, LINKED_ROLES, MANAGING, QUOTAS};
use super::{Hint, ROW};

const CLUSTER: Hint = Hint {
    service: "dax",
    ..ROW
};

/// A row for each error of the calls about clusters.
pub(super) const ROWS: &[Hint] = &[
    Hint {
        id: "dax_cluster_exists",
        code: "ClusterAlreadyExistsFault",
        operations: &["CreateCluster"],
        title: "A cluster of this name exists already in the account and Region.",
        explanation: "Names are compared in lower case. A cluster that carries this operation's tag is ours and is adopted; for any other choose another `name`, or take it over with `POST /v1/clusters/{name}/adopt`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_CreateCluster.html",
        ..CLUSTER
    },
    Hint {
        id: "dax_cluster_missing",
        code: "ClusterNotFoundFault",
        title: "There is no cluster of this name in this Region.",
        explanation: "Somebody deleted it, or it is in another Region than the one this service works in (`AWS_REGION`). Drift shows it as gone; `DELETE /v1/clusters/{name}` removes what is left of it.",
        documentation: MANAGING,
        ..CLUSTER
    },
    Hint {
        id: "dax_cluster_not_described",
        code: "ClusterNotFoundFault",
        operations: &["DescribeClusters"],
        title: "DAX does not show the cluster: not yet, or no more.",
        explanation: "Right after CreateCluster that lasts up to a minute, and after DeleteCluster it is the sign that the deletion is complete. One unknown name in `ClusterNames` fails the whole call.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DescribeClusters.html",
        ..CLUSTER
    },
    Hint {
        id: "dax_cluster_already_deleted",
        code: "ClusterNotFoundFault",
        operations: &["DeleteCluster"],
        title: "The cluster is gone already: nothing to do.",
        explanation: "For `DeleteCluster` that is the state wanted; the groups, policies and role made for it are removed next.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DeleteCluster.html",
        ..CLUSTER
    },
    Hint {
        id: "dax_cluster_state",
        code: "InvalidClusterStateFault",
        title: "The cluster is busy: it has to be available first.",
        explanation: "While `Status` is `creating`, `modifying` or `deleting`, DAX accepts no other change. The step waits and tries again; if the state never changes, read `GET /v1/clusters/{name}/events`.",
        documentation: COMPONENTS,
        ..CLUSTER
    },
    Hint {
        id: "dax_create_state",
        code: "InvalidClusterStateFault",
        operations: &["CreateCluster"],
        title: "A cluster of this name is still being deleted.",
        explanation: "The name is free again when DescribeClusters answers `ClusterNotFoundFault`, some minutes after the deletion began. The step waits for that; another `name` works at once.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_CreateCluster.html#API_dax_CreateCluster_Errors",
        ..CLUSTER
    },
    Hint {
        id: "dax_delete_state",
        code: "InvalidClusterStateFault",
        operations: &["DeleteCluster"],
        title: "The cluster cannot be deleted in its present state.",
        explanation: "DAX deletes a cluster only when its `Status` is `available`. The deletion is repeated until the creation or change under way has ended, which can take as long as a creation.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DeleteCluster.html#API_dax_DeleteCluster_Errors",
        ..CLUSTER
    },
    Hint {
        id: "dax_tag_state",
        code: "InvalidClusterStateFault",
        operations: &["ListTags", "TagResource", "UntagResource"],
        title: "Tags cannot be read or changed in the cluster's present state.",
        explanation: "The tag calls want a cluster that is `available`; those sent with CreateCluster are there from the start. TagResource and UntagResource take 5 calls a second for each account, ListTags 10.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_TagResource.html",
        ..CLUSTER
    },
    Hint {
        id: "dax_capacity",
        code: "InsufficientClusterCapacityFault",
        title: "AWS has no capacity for these nodes at the moment.",
        explanation: "The call is repeated every 10 minutes. What helps sooner: another `node_type`, other or no `availability_zones`, or fewer nodes now and scaling later.",
        documentation: COMPONENTS,
        ..CLUSTER
    },
    Hint {
        id: "dax_cluster_quota",
        code: "ClusterQuotaForCustomerExceededFault",
        title: "The account has as many clusters in this Region as it may.",
        explanation: "AWS publishes no figure for this quota and keeps it out of Service Quotas: delete unused clusters (`aws dax describe-clusters` lists them all), or ask AWS Support to raise the number of DAX clusters for the account and Region.",
        documentation: QUOTAS,
        ..CLUSTER
    },
    Hint {
        id: "dax_nodes_per_cluster_quota",
        code: "NodeQuotaForClusterExceededFault",
        title: "A cluster takes at most 11 nodes.",
        explanation: "`replication_factor` counts the primary node and up to 10 read replicas: ask for 1 to 11. For more throughput take a larger `node_type` or a second cluster.",
        documentation: QUOTAS,
        ..CLUSTER
    },
    Hint {
        id: "dax_nodes_per_account_quota",
        code: "NodeQuotaForCustomerExceededFault",
        title: "The account has as many DAX nodes in this Region as it may.",
        explanation: "The sum over all clusters is at most 50 nodes in a Region. Lower `replication_factor`, scale down or delete other clusters, or ask AWS Support for more.",
        documentation: QUOTAS,
        ..CLUSTER
    },
    Hint {
        id: "dax_certificate_quota",
        code: "ServiceQuotaExceededException",
        title: "No certificates are left for encrypted clusters: wait, or ask AWS Support.",
        explanation: "Each cluster with `encryption_in_transit` takes x509 certificates from a quota of 30 days, which creating and deleting in a loop uses up. Repeating does not help; a cluster without encryption in transit takes none.",
        documentation: IN_TRANSIT,
        ..CLUSTER
    },
    Hint {
        id: "dax_vpc_state",
        code: "InvalidVPCNetworkStateFault",
        title: "The network cannot take the nodes.",
        explanation: "A subnet of the group has no free addresses, its zone does not offer DAX, or the VPC is being changed. Free addresses, or give other `subnet_ids`; zones in `availability_zones` must be among the group's.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/DAX.create-cluster.cli.create-subnet-group.html",
        ..CLUSTER
    },
    Hint {
        id: "dax_tag_quota",
        code: "TagQuotaPerResourceExceeded",
        title: "A cluster takes at most 50 tags, two of which are ours.",
        explanation: "Leave at most 48 in `tags`. Keys are case-sensitive, so `Team` and `team` count as two.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_TagResource.html#API_dax_TagResource_Errors",
        ..CLUSTER
    },
    Hint {
        id: "dax_tag_missing",
        code: "TagNotFoundFault",
        operations: &["UntagResource"],
        title: "The cluster has no such tag: nothing to remove.",
        explanation: "Keys in `TagKeys` are case-sensitive. A tag that is gone already is the state wanted.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_UntagResource.html",
        ..CLUSTER
    },
    Hint {
        id: "dax_arn",
        code: "InvalidARNFault",
        title: "DAX does not accept the cluster's ARN.",
        explanation: "`ResourceName` must be `arn:PARTITION:dax:REGION:ACCOUNT:cache/NAME` with the name in lower case; subnet and parameter groups cannot be tagged.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_ListTags.html",
        ..CLUSTER
    },
    Hint {
        id: "dax_node_missing",
        code: "NodeNotFoundFault",
        title: "The cluster has no node of this id.",
        explanation: "Node ids look like `NAME-a` and change when nodes are replaced. Take those in `observed.nodes` of `GET /v1/clusters/{name}`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_RebootNode.html",
        ..CLUSTER
    },
    Hint {
        id: "dax_node_already_removed",
        code: "NodeNotFoundFault",
        operations: &["DecreaseReplicationFactor"],
        title: "A node to be removed is not in the cluster.",
        explanation: "`node_ids_to_remove` names a node that is gone. Leave the field out to let DAX choose, or name nodes of `observed.nodes`; the last node cannot be removed.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DecreaseReplicationFactor.html",
        ..CLUSTER
    },
    Hint {
        id: "dax_linked_role_missing",
        code: "ServiceLinkedRoleNotFoundFault",
        title: "The service-linked role of DAX does not exist in this account.",
        explanation: "DAX makes `AWSServiceRoleForDAX` itself if the caller holds `iam:CreateServiceLinkedRole` for `dax.amazonaws.com`. Grant that, or let an administrator run `aws iam create-service-linked-role --aws-service-name dax.amazonaws.com`. It is not the service role of the cluster.",
        documentation: LINKED_ROLES,
        ..CLUSTER
    },
];
