//! A cluster in API responses.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::cluster;
use crate::domain::installation::AwsAccount;
use crate::domain::inventory::{Owner, ResourceKind};
use crate::domain::observed;
use crate::domain::operation::{Attention, ClusterStatus};
use crate::domain::prices::Cost;

use super::drift::Drift;
use super::observed_view::ObservedCluster;
use crate::api::clusters::settings::ClusterSettings;
use crate::api::enum_schemas::{AttentionSchema, ClusterStatusSchema, OwnerSchema};
use crate::api::http::problem::Problem;

/// A cluster managed by this service.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Cluster {
    /// Name of the cluster.
    #[schema(example = "orders-cache")]
    name: String,
    /// Target of the cluster: the account and Region, by the name in this installation.
    #[schema(example = "default")]
    target: String,
    /// Project of the cluster; null if it belongs to none.
    #[schema(example = "payments")]
    project: Option<String>,
    /// The caller that created or adopted the cluster; null if it was an earlier version of the
    /// service.
    #[schema(example = "token:portal")]
    created_by: Option<String>,
    /// AWS account of the cluster.
    #[schema(example = "123456789012")]
    account_id: String,
    /// AWS Region of the cluster.
    #[schema(example = "us-east-1")]
    region: String,
    /// Status of the cluster.
    #[schema(value_type = ClusterStatusSchema)]
    status: ClusterStatus,
    /// What makes the cluster stand out in a list; null if nothing does.
    #[schema(value_type = Option<AttentionSchema>)]
    attention: Option<Attention>,
    /// Version of the cluster, incremented with every visible change. It is the `ETag`.
    version: i64,
    /// Requested settings, with defaults filled in.
    desired: ClusterSettings,
    /// Last observed state in AWS; null while AWS has no such cluster.
    observed: Option<ObservedCluster>,
    /// Differences between `desired` and `observed`.
    drift: Drift,
    /// Endpoint for clients; null until AWS reports it.
    endpoint: Option<Endpoint>,
    /// Role that DAX uses; null until it is known.
    service_role: Option<RolePart>,
    /// Subnet group of the nodes; null until it is known.
    subnet_group: Option<GroupPart>,
    /// Parameter group of the nodes; null until it is known.
    parameter_group: Option<GroupPart>,
    /// ID of the last operation on the cluster.
    operation_id: Uuid,
    /// Why the last operation is blocked or failed, or that the creation was cancelled; null
    /// otherwise. It remains until the next operation on the cluster.
    problem: Option<Problem>,
    /// Price of an hour of the desired nodes, in US dollars on demand, by the price list of the
    /// installation; null if that has no price of them.
    #[schema(example = 0.807)]
    hourly_cost_usd: Option<f64>,
    /// The same for a month of 730 hours, rounded up to a cent.
    #[schema(example = 589.11)]
    monthly_cost_usd: Option<f64>,
    /// When the cluster is deleted; null: never by itself.
    expires_at: Option<DateTime<Utc>>,
    /// Time of the request that created or adopted the cluster.
    created_at: DateTime<Utc>,
}

/// The endpoint of a cluster.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Endpoint {
    /// URL for DAX clients: `daxs://…`, or `dax://…` without encryption in transit.
    #[schema(example = "daxs://orders-cache.l6fzcv.dax-clusters.us-east-1.amazonaws.com")]
    url: String,
    /// Host name of the endpoint.
    address: String,
    /// TCP port: 9111, or 8111 without encryption in transit.
    port: i32,
    /// Whether connections are encrypted.
    tls: bool,
}

/// The service role of a cluster.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RolePart {
    /// ARN of the role.
    arn: Option<String>,
    /// Whether this service created it.
    #[schema(value_type = OwnerSchema)]
    owner: Owner,
}

/// A subnet group or parameter group of a cluster.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupPart {
    /// Name of the group.
    name: String,
    /// Whether this service created it.
    #[schema(value_type = OwnerSchema)]
    owner: Owner,
}

impl Cluster {
    pub(crate) fn of(
        cluster: cluster::Cluster,
        account: &AwsAccount,
        problem: Option<Problem>,
        cost: Cost,
    ) -> Self {
        let external = |name: Option<String>| {
            name.map(|name| GroupPart {
                name,
                owner: Owner::External,
            })
        };
        let group = |kind| {
            cluster.resource(kind).map(|item| GroupPart {
                name: item.name.clone(),
                owner: item.owner,
            })
        };
        // AWS's default groups are in no inventory, so take the names that AWS reports.
        let last = cluster.observed.as_ref();
        let subnet_group = group(ResourceKind::SubnetGroup)
            .or_else(|| external(last.and_then(|last| last.subnet_group.clone())));
        let parameter_group = group(ResourceKind::ParameterGroup)
            .or_else(|| external(last.and_then(|last| last.parameter_group.clone())));
        let role = cluster.resource(ResourceKind::Role);
        let service_role = role.map(|item| RolePart {
            arn: item.arn.clone(),
            owner: item.owner,
        });
        let drift = Drift::of(&cluster);
        let attention = cluster.attention(drift.is_drifted());
        let endpoint = cluster
            .observed
            .as_ref()
            .and_then(|observed| observed.endpoint.clone());
        Self {
            name: cluster.name.into(),
            target: cluster.target.to_string(),
            project: cluster.project.map(|project| project.to_string()),
            created_by: cluster.created_by,
            account_id: account.account_id.clone(),
            region: account.region.clone(),
            status: cluster.status,
            attention,
            version: cluster.version,
            hourly_cost_usd: cost.hourly_usd,
            monthly_cost_usd: cost.monthly_usd,
            expires_at: cluster.desired.local.expires_at,
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
