//! `POST /v1/clusters/{name}/scale`.

use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::Array;

use crate::domain::change::{ChangeSpec, Placement};
use crate::domain::cluster::Cluster;
use crate::domain::installation::AwsAccount;
use crate::domain::operation::Kind;
use crate::domain::spec::{ClusterSpec, Spec};
use crate::domain::validation::fields;
use crate::domain::validation::typed::AvailabilityZone;

use crate::api::access::CallerApi;
use crate::api::clusters::reboot::{NODE_ID_PATTERN, known_nodes};
use crate::api::clusters::request::list;
use crate::api::clusters::submit::{AcceptedOperation, Submission};
use crate::api::http::api_error::ApiError;
use crate::api::http::body::JsonBody;
use crate::api::http::body_schema;
use crate::api::http::path::ClusterPath;
use crate::api::http::problem::{FieldError, Problem};
use crate::api::http::query::Query;
use crate::api::http::violations::Violations;
use crate::api::targets::InTarget;

/// The new number of nodes.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScaleRequest {
    /// New number of nodes. If it is the current number, the operation changes nothing.
    #[schema(value_type = i32, minimum = 1, maximum = 11, example = 5)]
    replication_factor: Option<i64>,
    /// Availability zones in which nodes are added or removed.
    #[schema(schema_with = zone_list, required = false)]
    availability_zones: Option<Vec<String>>,
    /// IDs of the nodes to remove.
    #[schema(schema_with = node_list, required = false)]
    node_ids_to_remove: Option<Vec<String>>,
}

fn zone_list() -> Array {
    let about = "Availability zone of each node that is added or removed. Zones may repeat. \
        Default: chosen by AWS.";
    list(
        about,
        "^[a-z0-9-]+$",
        64,
        fields::REPLICATION_FACTOR_MAX.into(),
    )
}

fn node_list() -> Array {
    let about = "IDs of the nodes to remove, one for each removed node. Cannot be combined with \
        `availability_zones`. Default: chosen by AWS.";
    list(
        about,
        NODE_ID_PATTERN,
        fields::NODE_ID_MAX,
        fields::REPLICATION_FACTOR_MAX.into(),
    )
}

/// Changes the number of nodes of a cluster.
///
/// How many zones and node IDs are needed depends on the number of nodes that AWS last reported.
#[utoipa::path(
    post, path = "/v1/clusters/{name}/scale", tag = "clusters", operation_id = "scale_cluster",
    params(ClusterPath, InTarget, Submission),
    request_body(content = ScaleRequest, description = "The new number of nodes."),
    responses(AcceptedOperation)
)]
pub(crate) async fn scale_cluster(
    api: CallerApi,
    ClusterPath(name): ClusterPath,
    Query(query): Query<InTarget>,
    submission: Submission,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let api = api.to_change(query.target.as_ref())?;
    let account = api.account_soon().await?;
    let read = |cluster: &Cluster| {
        let change = validate(body.clone(), cluster, &account).map_err(Problem::invalid)?;
        Ok(Spec::ScaleCluster(Box::new(change)))
    };
    api.change(&name, Kind::ScaleCluster, &submission, &body, read)
        .await
}

/// Validates a body against its cluster.
pub(crate) fn validate(
    body: Value,
    cluster: &Cluster,
    account: &AwsAccount,
) -> Result<ChangeSpec, Vec<FieldError>> {
    body_schema::validate(body, |request: ScaleRequest, violations| {
        request.accept(violations, cluster, account)
    })
}

impl ScaleRequest {
    fn accept(
        self,
        violations: &mut Violations,
        cluster: &Cluster,
        account: &AwsAccount,
    ) -> Option<ChangeSpec> {
        let count = self.replication_factor;
        let count = violations.required("/replication_factor", count, fields::replication_factor);
        let current = current_node_count(cluster);
        let has_zones = self.availability_zones.is_some();
        let availability_zones = zones(
            violations,
            self.availability_zones,
            count.map(|count| current.abs_diff(count)),
            account,
        );
        let node_ids_to_remove = match self.node_ids_to_remove {
            None => Vec::new(),
            Some(_) if has_zones => {
                violations.add(
                    "/node_ids_to_remove",
                    "exclusive",
                    "cannot be combined with `availability_zones`",
                );
                Vec::new()
            }
            Some(ids) => {
                check_removed_count(violations, ids.len(), current, count);
                known_nodes(violations, "/node_ids_to_remove", ids, cluster)
            }
        };
        let placement = Placement {
            availability_zones,
            node_ids_to_remove,
        };
        let before = cluster.desired.clone();
        let after = scaled(&before, count?, current, &placement);
        Some(ChangeSpec {
            before,
            after,
            reboot_nodes_if_needed: false,
            placement,
            project: None,
        })
    }
}

/// The number of nodes that AWS last reported, or the desired number before the first report.
fn current_node_count(cluster: &Cluster) -> u8 {
    let observed = cluster
        .observed
        .as_ref()
        .and_then(|observed| u8::try_from(observed.node_count()).ok());
    observed
        .filter(|count| *count > 0)
        .unwrap_or(cluster.desired.replication_factor)
}

fn zones(
    violations: &mut Violations,
    zones: Option<Vec<String>>,
    changed: Option<u8>,
    account: &AwsAccount,
) -> Vec<AvailabilityZone> {
    let Some(zones) = zones else {
        return Vec::new();
    };
    if let Some(changed) = changed.filter(|changed| zones.len() != usize::from(*changed)) {
        let detail = format!("must list {changed} zones, one for each added or removed node");
        violations.add("/availability_zones", "out_of_range", &detail);
    } else {
        let most = fields::REPLICATION_FACTOR_MAX.into();
        violations.length("/availability_zones", zones.len(), most);
    }
    let read = |zone: &str| AvailabilityZone::parse(zone, account);
    violations.items("/availability_zones", &zones, read)
}

fn check_removed_count(violations: &mut Violations, listed: usize, current: u8, count: Option<u8>) {
    match count.map(|count| current.saturating_sub(count)) {
        None => {}
        Some(0) => {
            let detail = format!("can only be used to remove nodes; the cluster has {current}");
            violations.add("/node_ids_to_remove", "not_applicable", &detail);
        }
        Some(removed) if usize::from(removed) != listed => {
            violations.add(
                "/node_ids_to_remove",
                "out_of_range",
                &format!("must list exactly {removed} node IDs"),
            );
        }
        Some(_) => {}
    }
}

/// The settings with a new number of nodes. Clears the zones unless there is one for each node.
fn scaled(before: &ClusterSpec, count: u8, current: u8, placement: &Placement) -> ClusterSpec {
    let mut zones = before.availability_zones.clone();
    if count >= current {
        zones.extend(placement.availability_zones.iter().cloned());
    } else {
        for zone in &placement.availability_zones {
            if let Some(at) = zones.iter().rposition(|other| other == zone) {
                zones.remove(at);
            }
        }
    }
    if zones.len() != usize::from(count) {
        zones.clear();
    }
    ClusterSpec {
        replication_factor: count,
        availability_zones: zones,
        ..before.clone()
    }
}
