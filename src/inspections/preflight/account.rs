//! Checks of the account: the cluster name and the node quota.

use crate::domain::observed::Observed;
use crate::domain::preflight::{Check, PredictedError};
use crate::domain::problems::fault::Fault;
use crate::domain::spec::ClusterSpec;

use super::{groups, reason};
use crate::inspections::Inspector;
use crate::inspections::plan::Draft;

/// AWS's default quota of nodes of an account in a Region (developer guide, "Quotas in Amazon
/// DynamoDB").
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
    /// All checks except those of permissions.
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

/// Checks that the name is unused and that the node quota suffices.
fn check_clusters(
    spec: &ClusterSpec,
    clusters: Result<Vec<(String, Observed)>, Fault>,
) -> [Check; 2] {
    let clusters = match clusters {
        Ok(clusters) => clusters,
        Err(fault) => {
            let reason = reason("could not read the clusters", &fault);
            return [CLUSTER_NAME, NODE_QUOTA].map(|name| Check::not_checked(name, reason.clone()));
        }
    };
    let name = spec.name.as_str();
    let name_check = if clusters
        .iter()
        .any(|(one, cluster)| one == name && !cluster.is_deleting())
    {
        let detail = format!("a cluster named {name} already exists in AWS");
        Check::fail(CLUSTER_NAME, detail, predicted("ClusterAlreadyExistsFault"))
    } else {
        Check::pass(CLUSTER_NAME, format!("no cluster named {name} exists"))
    };
    let used: i64 = clusters
        .iter()
        .map(|(_, cluster)| i64::from(cluster.total_nodes.unwrap_or_default()))
        .sum();
    let needed = i64::from(spec.replication_factor);
    let predicted = predicted("NodeQuotaForCustomerExceededFault");
    let quota_check = check_quota(NODE_QUOTA, "nodes", (used, needed, NODES_MAX), predicted);
    [name_check, quota_check]
}

/// Checks how many are in use, how many more are needed, and AWS's default quota. DAX has no call
/// that returns the quota of an account, which AWS can have raised.
pub(super) fn check_quota(
    name: &str,
    things: &str,
    (used, needed, quota): (i64, i64, i64),
    predicted: Option<PredictedError>,
) -> Check {
    let detail = format!(
        "{used} of AWS's default quota of {quota} {things} are in use; this needs {needed} more"
    );
    if used + needed <= quota {
        return Check::pass(name, detail);
    }
    let detail = format!("{detail}; AWS may have raised the quota of this account");
    Check::uncertain(name, detail, predicted)
}

#[cfg(test)]
mod tests {
    use crate::domain::problems::hints;

    /// Every DAX error that a check predicts.
    const PREDICTED: [(&str, &str, &str); 11] = [
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
    fn every_predicted_error_has_one_hint() {
        for (operation, code, message) in PREDICTED {
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
