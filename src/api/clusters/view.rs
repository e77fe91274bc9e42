//! Cluster view: a managed cluster as a reader sees it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::cluster;
use crate::domain::installation::AwsAccount;
use crate::domain::inventory::{Owner, ResourceKind};
use crate::domain::observed;
use crate::domain::operation::ClusterStatus;

use super::drift::Drift;
use super::observed_view::ObservedCluster;
use crate::api::clusters::settings::ClusterSettings;
use crate::api::http::enum_schemas::{ClusterStatusSchema, OwnerSchema};
use crate::api::http::problem::Problem;

/// A managed cluster.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Cluster {
    /// Its name.
    #[schema(example = "orders-cache")]
    name: String,
    /// The AWS account it is in.
    #[schema(example = "123456789012")]
    account_id: String,
    /// The Region it is in.
    #[schema(example = "us-east-1")]
    region: String,
    /// Where it stands.
    #[schema(value_type = ClusterStatusSchema)]
    status: ClusterStatus,
    /// Raised by every change a reader can see; the `ETag`.
    version: i64,
    /// What was asked for.
    desired: ClusterSettings,
    /// What AWS said when it was last asked; null before there was a cluster.
    observed: Option<ObservedCluster>,
    /// Where the two differ.
    drift: Drift,
    /// Where clients connect; null until AWS has an address.
    endpoint: Option<Endpoint>,
    /// The role DAX uses; null until it is known.
    service_role: Option<RolePart>,
    /// The subnet group; null until it is known.
    subnet_group: Option<GroupPart>,
    /// The parameter group; null until it is known.
    parameter_group: Option<GroupPart>,
    /// The last operation on it.
    operation_id: Uuid,
    /// Why its last operation is blocked or failed.
    problem: Option<Problem>,
    /// When it was asked for.
    created_at: DateTime<Utc>,
}

/// Where clients connect.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Endpoint {
    /// `daxs://…`, or `dax://…` without encryption in transit.
    #[schema(example = "daxs://orders-cache.l6fzcv.dax-clusters.us-east-1.amazonaws.com")]
    url: String,
    /// Host name.
    address: String,
    /// 9111, or 8111 without encryption in transit.
    port: i32,
    /// Whether connections are encrypted.
    tls: bool,
}

/// The role of a cluster.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RolePart {
    /// Its ARN.
    arn: Option<String>,
    /// Who made it.
    #[schema(value_type = OwnerSchema)]
    owner: Owner,
}

/// A group of a cluster.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupPart {
    /// Its name.
    name: String,
    /// Who made it.
    #[schema(value_type = OwnerSchema)]
    owner: Owner,
}

impl Cluster {
    /// The view of a cluster in its account and Region.
    pub(crate) fn of(
        cluster: cluster::Cluster,
        place: &AwsAccount,
        problem: Option<Problem>,
    ) -> Self {
        let observed = |name: Option<String>| {
            name.map(|name| GroupPart {
                name,
                owner: Owner::External,
            })
        };
        let group = |kind| {
            cluster.part(kind).map(|item| GroupPart {
                name: item.name.clone(),
                owner: item.owner,
            })
        };
        // AWS's default groups are in no inventory; AWS says which ones it took.
        let seen = cluster.observed.as_ref();
        let subnet_group = group(ResourceKind::SubnetGroup)
            .or_else(|| observed(seen.and_then(|seen| seen.subnet_group.clone())));
        let parameter_group = group(ResourceKind::ParameterGroup)
            .or_else(|| observed(seen.and_then(|seen| seen.parameter_group.clone())));
        let role = cluster.part(ResourceKind::Role);
        let service_role = role.map(|item| RolePart {
            arn: item.arn.clone(),
            owner: item.owner,
        });
        let drift = Drift::of(&cluster);
        let endpoint = cluster
            .observed
            .as_ref()
            .and_then(|observed| observed.endpoint.clone());
        Self {
            name: cluster.name.into(),
            account_id: place.account_id.clone(),
            region: place.region.clone(),
            status: cluster.status,
            version: cluster.version,
            desired: cluster.desired.into(),
            observed: cluster
                .observed
                .map(|observed| ObservedCluster::of(observed, cluster.observed_at)),
            drift,
            endpoint: endpoint.map(Endpoint::from),
            service_role,
            subnet_group,
            parameter_group,
            operation_id: cluster.operation_id,
            problem,
            created_at: cluster.created_at,
        }
    }
}

impl From<observed::Endpoint> for Endpoint {
    fn from(endpoint: observed::Endpoint) -> Self {
        Self {
            url: endpoint.url,
            address: endpoint.address,
            port: endpoint.port,
            tls: endpoint.tls,
        }
    }
}
