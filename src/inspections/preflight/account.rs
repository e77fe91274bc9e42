//! What the account says of a wanted cluster: is the name free, is there room, are role and groups fit.

use crate::domain::observed::Observed;
use crate::domain::preflight::{Check, PredictedError};
use crate::domain::problems::fault::Fault;
use crate::domain::spec::ClusterSpec;

use super::{groups, unanswered};
use crate::inspections::Inspector;
use crate::inspections::plan::Draft;

/// Nodes of all clusters of an account in a Region (developer guide, "Quotas in Amazon DynamoDB").
const NODES_MAX: i64 = 50;

const CLUSTER_NAME: &str = "cluster_name";
const NODE_QUOTA: &str = "node_quota";

fn predicted(code: &'static str) -> Option<PredictedError> {
    Some(PredictedError::Error {
        service: "dax",
        operation: "CreateCluster",
        code,
        message: "",
    })
}

impl Inspector {
    /// Everything but the permissions.
    pub(super) async fn account_checks(&self, draft: &Draft<'_>) -> Vec<Check> {
        let spec = draft.spec;
        let (clusters, subnet_groups, parameter_groups, role, linked, tables) = tokio::join!(
            self.aws.clusters(),
            self.aws.subnet_groups(),
            self.aws.parameter_groups(),
            self.check_service_role(draft),
            self.check_linked_role(draft),
            self.check_tables(draft),
        );
        let mut checks = vec![role, linked];
        checks.extend(check_clusters(spec, clusters));
        checks.extend(groups::check_subnets(spec, &subnet_groups));
        checks.extend(
            self.network_checks(draft, groups::vpc_of_existing(spec, &subnet_groups))
                .await,
        );
        checks.push(groups::check_parameters(spec, parameter_groups));
        checks.push(tables);
        checks
    }
}

/// The name, and the nodes of the account.
fn check_clusters(spec: &ClusterSpec, found: Result<Vec<(String, Observed)>, Fault>) -> [Check; 2] {
    let clusters = match found {
        Ok(clusters) => clusters,
        Err(fault) => {
            let reason = unanswered("clusters cannot be described", &fault);
            return [CLUSTER_NAME, NODE_QUOTA].map(|name| Check::not_checked(name, reason.clone()));
        }
    };
    let name = spec.name.as_str();
    let free = if clusters
        .iter()
        .any(|(one, cluster)| one == name && !cluster.is_deleting())
    {
        let detail = format!("a cluster named {name} exists in AWS");
        Check::fail(CLUSTER_NAME, detail, predicted("ClusterAlreadyExistsFault"))
    } else {
        Check::pass(CLUSTER_NAME, format!("no cluster is named {name}"))
    };
    let used: i64 = clusters
        .iter()
        .map(|(_, cluster)| i64::from(cluster.total_nodes.unwrap_or_default()))
        .sum();
    let wanted = i64::from(spec.replication_factor);
    let of = format!("{used} of {NODES_MAX} nodes are in use, {wanted} more are wanted");
    let room = if used + wanted <= NODES_MAX {
        Check::pass(NODE_QUOTA, of)
    } else {
        let detail = format!("{of}; {NODES_MAX} is AWS's quota unless yours was raised");
        Check::fail(
            NODE_QUOTA,
            detail,
            predicted("NodeQuotaForCustomerExceededFault"),
        )
    };
    [free, room]
}

#[cfg(test)]
mod tests {
    use crate::domain::problems::hints;

    /// Every error of DAX that a check foretells.
    const FORETOLD: [(&str, &str, &str); 11] = [
        (
            "CreateCluster",
            "InvalidParameterValueException",
            "No permission to assume role",
        ),
        ("CreateCluster", "ClusterAlreadyExistsFault", ""),
        ("CreateCluster", "NodeQuotaForCustomerExceededFault", ""),
        ("CreateCluster", "SubnetGroupNotFoundFault", ""),
        ("CreateCluster", "ParameterGroupNotFoundFault", ""),
        ("CreateCluster", "InvalidParameterCombinationException", ""),
        ("CreateCluster", "InvalidVPCNetworkStateFault", ""),
        ("CreateSubnetGroup", "InvalidSubnet", ""),
        ("CreateSubnetGroup", "SubnetGroupQuotaExceededFault", ""),
        ("CreateSubnetGroup", "SubnetNotAllowedFault", ""),
        (
            "CreateParameterGroup",
            "ParameterGroupQuotaExceededFault",
            "",
        ),
    ];

    #[test]
    fn what_is_foretold_has_its_hint() {
        for (operation, code, message) in FORETOLD {
            assert_eq!(
                hints::lookup("dax", operation, code, message).len(),
                1,
                "{operation} {code}"
            );
        }
        for (service, operation, code) in [
            ("ec2", "DescribeSubnets", "InvalidVpcID.NotFound"),
            ("ec2", "DescribeSecurityGroups", "InvalidGroup.NotFound"),
            ("dynamodb", "DescribeTable", "ResourceNotFoundException"),
        ] {
            assert_eq!(
                hints::lookup(service, operation, code, "").len(),
                1,
                "{operation} {code}"
            );
        }
    }
}
