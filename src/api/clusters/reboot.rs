//! `POST /v1/clusters/{name}/reboot`.

use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::Array;

use crate::domain::change::RebootSpec;
use crate::domain::cluster::Cluster;
use crate::domain::operation::Kind;
use crate::domain::spec::Spec;
use crate::domain::validation::fields;
use crate::domain::validation::violation::RuleViolation;

use crate::api::access::CallerApi;
use crate::api::clusters::request::list;
use crate::api::clusters::submit::{AcceptedOperation, Submission};
use crate::api::http::api_error::ApiError;
use crate::api::http::body::OptionalBody;
use crate::api::http::body_schema;
use crate::api::http::path::ClusterPath;
use crate::api::http::problem::{FieldError, Problem};
use crate::api::http::query::Query;
use crate::api::http::violations::Violations;
use crate::api::targets::InTarget;

/// Format of a node ID in the API document.
pub(crate) const NODE_ID_PATTERN: &str = "^[A-Za-z0-9._-]+$";

/// Which nodes to reboot.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RebootRequest {
    /// IDs of the nodes, in the order of their reboots.
    #[schema(schema_with = node_list, required = false)]
    node_ids: Option<Vec<String>>,
}

fn node_list() -> Array {
    let about = "IDs of the nodes, in the order of their reboots. Default: all nodes.";
    let most = fields::REPLICATION_FACTOR_MAX.into();
    // An empty list must not reboot all nodes.
    let mut nodes = list(about, NODE_ID_PATTERN, fields::NODE_ID_MAX, most);
    nodes.min_items = Some(1);
    nodes
}

/// Reboots nodes of a cluster one after another.
///
/// Each reboot starts when the previous node is `available` again. Without a body, all nodes are
/// rebooted. A reboot restarts the engine of its node; AWS states that it does not remove the content
/// of the cache. During a reboot the other nodes serve requests, if there are any.
#[utoipa::path(
    post, path = "/v1/clusters/{name}/reboot", tag = "clusters", operation_id = "reboot_nodes",
    params(ClusterPath, InTarget, Submission),
    request_body(content = RebootRequest, description = "The nodes to reboot; can be omitted."),
    responses(AcceptedOperation)
)]
pub(crate) async fn reboot_nodes(
    api: CallerApi,
    ClusterPath(name): ClusterPath,
    Query(query): Query<InTarget>,
    submission: Submission,
    OptionalBody(body): OptionalBody,
) -> Result<Response, ApiError> {
    let api = api.to_change(query.target.as_ref())?;
    let read = |cluster: &Cluster| {
        let node_ids = validate(body.clone(), cluster).map_err(Problem::invalid)?;
        Ok(Spec::RebootNodes(RebootSpec { node_ids }))
    };
    api.change(&name, Kind::RebootNodes, &submission, &body, read)
        .await
}

/// Validates a body against its cluster.
pub(crate) fn validate(body: Value, cluster: &Cluster) -> Result<Vec<String>, Vec<FieldError>> {
    body_schema::validate(body, |request: RebootRequest, violations| {
        let ids = request.node_ids;
        let nodes = ids.map(|ids| known_nodes(violations, "/node_ids", ids, cluster));
        Some(nodes.unwrap_or_default())
    })
}

/// Validates a list of node IDs and returns them as AWS spells them. Each must be a node of the
/// cluster, if the nodes are known.
pub(crate) fn known_nodes(
    violations: &mut Violations,
    pointer: &str,
    ids: Vec<String>,
    cluster: &Cluster,
) -> Vec<String> {
    let nodes = cluster.observed.as_ref().map(|observed| &observed.nodes);
    let known: Vec<&str> = nodes
        .into_iter()
        .flatten()
        .filter_map(|node| node.node_id.as_deref())
        .collect();
    let read = |id: &str| {
        let id = fields::node_id(id)?;
        if known.is_empty() {
            return Ok(id);
        }
        let node = known.iter().find(|node| node.eq_ignore_ascii_case(&id));
        let unknown = || {
            RuleViolation::new(
                "unknown_node",
                format!("must be a node of the cluster; it has {}", known.join(", ")),
            )
        };
        node.map(|node| (*node).to_owned()).ok_or_else(unknown)
    };
    violations.list(pointer, ids, fields::REPLICATION_FACTOR_MAX.into(), read)
}
