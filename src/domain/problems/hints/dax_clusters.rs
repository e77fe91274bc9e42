//! Hints: errors of DAX calls about clusters, nodes and tags.

use super::pages::{COMPONENTS, IN_TRANSIT, LINKED_ROLES, MANAGING, QUOTAS};
use super::{Hint, ROW};

const CLUSTER: Hint = Hint {
    service: "dax",
    ..ROW
};

/// A row for each modelled error of these calls.
pub(super) const ROWS: &[Hint] = &[
    Hint {
        id: "dax_cluster_exists",
        code: "ClusterAlreadyExistsFault",
        operations: &["CreateCluster"],
        title: "A cluster with this name already exists in the account and Region.",
        explanation: "Names are compared in lower case. A cluster with this operation's tag is \
            adopted automatically. For any other, choose another `name`, or adopt the cluster with \
            `POST /v1/clusters/{name}/adopt`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_CreateCluster.html",
        ..CLUSTER
    },
    Hint {
        id: "dax_cluster_missing",
        code: "ClusterNotFoundFault",
        title: "No cluster with this name exists in this Region.",
        explanation: "The cluster was deleted outside this service, or it is not in the Region \
            this service works in (`AWS_REGION`). Drift reports it as missing; `DELETE \
            /v1/clusters/{name}` removes its remaining resources.",
        documentation: MANAGING,
        ..CLUSTER
    },
    Hint {
        id: "dax_cluster_not_described",
        code: "ClusterNotFoundFault",
        operations: &["DescribeClusters"],
        title: "DAX does not show the cluster: not yet, or no longer.",
        explanation: "After CreateCluster this can last up to a minute. After DeleteCluster it \
            means that the deletion is complete. One unknown name in `ClusterNames` fails the \
            whole call.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DescribeClusters.html",
        ..CLUSTER
    },
    Hint {
        id: "dax_cluster_already_deleted",
        code: "ClusterNotFoundFault",
        operations: &["DeleteCluster"],
        title: "The cluster is already deleted: nothing to do.",
        explanation: "For `DeleteCluster` that is the desired state. The groups, policies and role \
            created for the cluster are deleted next.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DeleteCluster.html",
        ..CLUSTER
    },
    Hint {
        id: "dax_cluster_state",
        code: "InvalidClusterStateFault",
        title: "The cluster is busy: it must be available first.",
        explanation: "While `Status` is `creating`, `modifying` or `deleting`, DAX accepts no \
            other change. The step waits and tries again. If the state never changes, read `GET \
            /v1/clusters/{name}/events`.",
        documentation: COMPONENTS,
        ..CLUSTER
    },
    Hint {
        id: "dax_create_state",
        code: "InvalidClusterStateFault",
        operations: &["CreateCluster"],
        title: "A cluster with this name is still being deleted.",
        explanation: "The name is free once DescribeClusters returns `ClusterNotFoundFault`, some \
            minutes after the deletion started. The step waits for that. Another `name` works at \
            once.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_CreateCluster.html#API_dax_CreateCluster_Errors",
        ..CLUSTER
    },
    Hint {
        id: "dax_delete_state",
        code: "InvalidClusterStateFault",
        operations: &["DeleteCluster"],
        title: "The cluster cannot be deleted in its current state.",
        explanation: "DAX deletes a cluster only if its `Status` is `available`. The deletion is \
            repeated until the current creation or change has finished, which can take as long as \
            a creation.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DeleteCluster.html#API_dax_DeleteCluster_Errors",
        ..CLUSTER
    },
    Hint {
        id: "dax_tag_state",
        code: "InvalidClusterStateFault",
        operations: &["ListTags", "TagResource", "UntagResource"],
        title: "Tags cannot be read or changed in the cluster's current state.",
        explanation: "The tag calls need a cluster that is `available`; tags sent with \
            CreateCluster exist from the start. TagResource and UntagResource are limited to 5 \
            calls a second per account, ListTags to 10.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_TagResource.html",
        ..CLUSTER
    },
    Hint {
        id: "dax_capacity",
        code: "InsufficientClusterCapacityFault",
        title: "AWS has no capacity for these nodes at the moment.",
        explanation: "The call is repeated every 10 minutes. To proceed sooner, request another \
            `node_type`, other or no `availability_zones`, or fewer nodes now and scale later.",
        documentation: COMPONENTS,
        ..CLUSTER
    },
    Hint {
        id: "dax_cluster_quota",
        code: "ClusterQuotaForCustomerExceededFault",
        title: "The account's DAX cluster quota in this Region is used up.",
        explanation: "AWS does not publish this quota, and Service Quotas does not list it. Delete \
            unused clusters (`aws dax describe-clusters` lists them all), or ask AWS Support to \
            raise the DAX cluster quota of the account and Region.",
        documentation: QUOTAS,
        ..CLUSTER
    },
    Hint {
        id: "dax_nodes_per_cluster_quota",
        code: "NodeQuotaForClusterExceededFault",
        title: "A cluster can have at most 11 nodes.",
        explanation: "`replication_factor` counts the primary node and up to 10 read replicas: \
            request 1 to 11. For more throughput, use a larger `node_type` or a second cluster.",
        documentation: QUOTAS,
        ..CLUSTER
    },
    Hint {
        id: "dax_nodes_per_account_quota",
        code: "NodeQuotaForCustomerExceededFault",
        title: "The account's DAX node quota in this Region is used up.",
        explanation: "By default all clusters in a Region together can have 50 nodes. Lower \
            `replication_factor`, scale down or delete other clusters, or ask AWS Support to raise \
            the quota.",
        documentation: QUOTAS,
        ..CLUSTER
    },
    Hint {
        id: "dax_certificate_quota",
        code: "ServiceQuotaExceededException",
        title: "The certificate quota for encrypted clusters is used up: wait, or ask AWS Support.",
        explanation: "Each cluster with `encryption_in_transit` uses x509 certificates from a \
            30-day quota, which creating and deleting clusters in a loop uses up. Repeating the \
            call does not help. A cluster without encryption in transit uses none.",
        documentation: IN_TRANSIT,
        ..CLUSTER
    },
    Hint {
        id: "dax_vpc_state",
        code: "InvalidVPCNetworkStateFault",
        title: "The VPC's network cannot host the nodes.",
        explanation: "A subnet of the group has no free addresses, its zone does not offer DAX, or \
            the VPC is being changed. Free addresses, or give other `subnet_ids`. Zones in \
            `availability_zones` must be zones of the group.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/DAX.create-cluster.cli.create-subnet-group.html",
        ..CLUSTER
    },
    Hint {
        id: "dax_tag_quota",
        code: "TagQuotaPerResourceExceeded",
        title: "A cluster can have at most 50 tags, and this service uses two of them.",
        explanation: "Send at most 48 in `tags`. Keys are case-sensitive: `Team` and `team` count \
            as two.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_TagResource.html#API_dax_TagResource_Errors",
        ..CLUSTER
    },
    Hint {
        id: "dax_tag_missing",
        code: "TagNotFoundFault",
        operations: &["UntagResource"],
        title: "The cluster has no such tag: nothing to remove.",
        explanation: "Keys in `TagKeys` are case-sensitive. If the tag was already removed, the \
            desired state is reached.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_UntagResource.html",
        ..CLUSTER
    },
    Hint {
        id: "dax_arn",
        code: "InvalidARNFault",
        title: "DAX rejected the cluster's ARN.",
        explanation: "`ResourceName` must be `arn:PARTITION:dax:REGION:ACCOUNT:cache/NAME` with \
            the name in lower case. Subnet groups and parameter groups cannot be tagged.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_ListTags.html",
        ..CLUSTER
    },
    Hint {
        id: "dax_node_missing",
        code: "NodeNotFoundFault",
        title: "The cluster has no node with this ID.",
        explanation: "Node IDs have the form `NAME-a` and change when nodes are replaced. Use the \
            IDs in `observed.nodes` of `GET /v1/clusters/{name}`.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_RebootNode.html",
        ..CLUSTER
    },
    Hint {
        id: "dax_node_already_removed",
        code: "NodeNotFoundFault",
        operations: &["DecreaseReplicationFactor"],
        title: "A node to be removed is not in the cluster.",
        explanation: "`node_ids_to_remove` names a node that no longer exists. Omit the field to \
            let DAX choose, or name nodes of `observed.nodes`. The last node cannot be removed.",
        documentation: "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_dax_DecreaseReplicationFactor.html",
        ..CLUSTER
    },
    Hint {
        id: "dax_linked_role_missing",
        code: "ServiceLinkedRoleNotFoundFault",
        title: "The service-linked role of DAX does not exist in this account.",
        explanation: "DAX creates `AWSServiceRoleForDAX` automatically if the caller has \
            `iam:CreateServiceLinkedRole` for `dax.amazonaws.com`. Grant that, or let an \
            administrator run `aws iam create-service-linked-role --aws-service-name \
            dax.amazonaws.com`. It is not the service role of the cluster.",
        documentation: LINKED_ROLES,
        ..CLUSTER
    },
];
