//! Scaling: more nodes, or fewer.

use std::sync::LazyLock;

use axum::extract::State;
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

use crate::api::Api;
use crate::api::clusters::reboot::{NODE_ID_PATTERN, known_nodes};
use crate::api::clusters::request::list;
use crate::api::clusters::submit::{
    AcceptedOperation, IdempotencyHeader, MutationHeaders, Submission,
};
use crate::api::http::api_error::ApiError;
use crate::api::http::body::JsonBody;
use crate::api::http::body_schema::BodySchema;
use crate::api::http::idempotency::SentKey;
use crate::api::http::path::PathSegment;
use crate::api::http::problem::{FieldError, Problem};
use crate::api::http::query::{Parameters, cluster_in_path};
use crate::api::http::violations::Violations;

/// The wanted number of nodes.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScaleRequest {
    /// Number of nodes from now on. The number there is already is no fault: the operation finds nothing to do.
    #[schema(value_type = i32, minimum = 1, maximum = 11, example = 5)]
    replication_factor: Option<i64>,
    /// Where nodes are added or removed.
    #[schema(schema_with = zone_list, required = false)]
    availability_zones: Option<Vec<String>>,
    /// Which nodes are removed.
    #[schema(schema_with = node_list, required = false)]
    node_ids_to_remove: Option<Vec<String>>,
}

fn zone_list() -> Array {
    let about = "One zone of the Region for each node that is added or removed; a zone may be named twice. Absent: AWS \
        chooses.";
    list(
        about,
        "^[a-z0-9-]+$",
        64,
        fields::REPLICATION_FACTOR_MAX.into(),
    )
}

fn node_list() -> Array {
    let about = "The nodes to remove, as many as go; not together with `availability_zones`. Absent: AWS chooses.";
    list(
        about,
        NODE_ID_PATTERN,
        fields::NODE_ID_MAX,
        fields::REPLICATION_FACTOR_MAX.into(),
    )
}

/// Changes the number of nodes of a cluster.
///
/// Zones and nodes to remove are counted from the nodes AWS has reported.
#[utoipa::path(
    post, path = "/v1/clusters/{name}/scale", tag = "clusters", operation_id = "scale_cluster",
    params(("name" = String, Path, description = "Its name."), IdempotencyHeader, MutationHeaders),
    request_body(content = ScaleRequest, description = "The wanted number of nodes."),
    responses(AcceptedOperation)
)]
pub(crate) async fn scale_cluster(
    State(api): State<Api>,
    PathSegment(name): PathSegment,
    submission: Submission,
    key: SentKey,
    parameters: Parameters,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    parameters.finish()?;
    let name = cluster_in_path(&name)?;
    let key = key.of_request(&submission.caller, &body);
    let place = api.account_soon().await?;
    let read = |cluster: &Cluster| {
        let change = believe(body.clone(), cluster, &place).map_err(Problem::invalid)?;
        Ok(Spec::ScaleCluster(Box::new(change)))
    };
    api.change(&name, Kind::ScaleCluster, &submission, key, read)
        .await
}

/// Reads a body against the cluster it is about.
fn believe(
    body: Value,
    cluster: &Cluster,
    place: &AwsAccount,
) -> Result<ChangeSpec, Vec<FieldError>> {
    static SCHEMA: LazyLock<BodySchema> = LazyLock::new(|| BodySchema::of("ScaleRequest"));
    let (request, faults) = SCHEMA.read::<ScaleRequest>(body);
    let mut broken = Violations::default();
    let change = request.and_then(|request| request.accept(&mut broken, cluster, place));
    let errors = faults.merged_with(broken.0);
    change.filter(|_| errors.is_empty()).ok_or(errors)
}

impl ScaleRequest {
    fn accept(
        self,
        broken: &mut Violations,
        cluster: &Cluster,
        place: &AwsAccount,
    ) -> Option<ChangeSpec> {
        let count = broken.require("/replication_factor", self.replication_factor);
        let count = count.and_then(|count| {
            broken.check("/replication_factor", fields::replication_factor(count))
        });
        let has = nodes_at_hand(cluster);
        let by_zone = self.availability_zones.is_some();
        let availability_zones = zones(
            broken,
            self.availability_zones,
            count.map(|count| has.abs_diff(count)),
            place,
        );
        let node_ids_to_remove = match self.node_ids_to_remove {
            None => Vec::new(),
            Some(_) if by_zone => {
                broken.add(
                    "/node_ids_to_remove",
                    "exclusive",
                    "must not stand beside availability_zones",
                );
                Vec::new()
            }
            Some(ids) => {
                count_removed(broken, ids.len(), has, count);
                known_nodes(broken, "/node_ids_to_remove", ids, cluster)
            }
        };
        let placement = Placement {
            availability_zones,
            node_ids_to_remove,
        };
        let before = cluster.desired.clone();
        let after = scaled(&before, count?, has, &placement);
        Some(ChangeSpec {
            before,
            after,
            reboot_nodes_if_needed: false,
            placement,
        })
    }
}

/// How many nodes there are: as AWS reported, or, before it has, as desired.
fn nodes_at_hand(cluster: &Cluster) -> u8 {
    let seen = cluster
        .observed
        .as_ref()
        .and_then(|seen| u8::try_from(seen.node_count()).ok());
    seen.filter(|count| *count > 0)
        .unwrap_or(cluster.desired.replication_factor)
}

fn zones(
    broken: &mut Violations,
    zones: Option<Vec<String>>,
    moved: Option<u8>,
    place: &AwsAccount,
) -> Vec<String> {
    let Some(zones) = zones else {
        return Vec::new();
    };
    if let Some(moved) = moved.filter(|moved| zones.len() != usize::from(*moved)) {
        let detail = format!("must name one zone for each node that is added or removed: {moved}");
        broken.add("/availability_zones", "out_of_range", &detail);
    }
    let read = |(index, zone): (usize, &String)| {
        broken.check(
            format!("/availability_zones/{index}"),
            fields::availability_zone(zone, place),
        )
    };
    zones.iter().enumerate().filter_map(read).collect()
}

fn count_removed(broken: &mut Violations, named: usize, has: u8, count: Option<u8>) {
    match count.map(|count| has.saturating_sub(count)) {
        None => {}
        Some(0) => {
            let detail = format!("is only for fewer nodes than there are: the cluster has {has}");
            broken.add("/node_ids_to_remove", "not_applicable", &detail);
        }
        Some(fewer) if usize::from(fewer) != named => {
            broken.add(
                "/node_ids_to_remove",
                "out_of_range",
                &format!("must name as many nodes as go: {fewer}"),
            );
        }
        Some(_) => {}
    }
}

/// The settings with another number of nodes. Zones are one for each node, or all are left to AWS.
fn scaled(before: &ClusterSpec, count: u8, has: u8, placement: &Placement) -> ClusterSpec {
    let mut zones = before.availability_zones.clone();
    if count >= has {
        zones.extend(placement.availability_zones.iter().cloned());
    } else {
        for zone in &placement.availability_zones {
            if let Some(at) = zones.iter().rposition(|one| one == zone) {
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
