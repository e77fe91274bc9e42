//! Reboots: nodes, one after another.

use std::sync::LazyLock;

use axum::extract::State;
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

use crate::api::Api;
use crate::api::clusters::request::list;
use crate::api::clusters::submit::{
    AcceptedOperation, IdempotencyHeader, MutationHeaders, Submission,
};
use crate::api::http::api_error::ApiError;
use crate::api::http::body::OptionalBody;
use crate::api::http::body_schema::BodySchema;
use crate::api::http::idempotency::SentKey;
use crate::api::http::path::PathSegment;
use crate::api::http::problem::{FieldError, Problem};
use crate::api::http::query::{Parameters, cluster_in_path};
use crate::api::http::violations::Violations;

/// What an id of a node looks like in the API document.
pub(crate) const NODE_ID_PATTERN: &str = "^[A-Za-z0-9._-]+$";

/// Which nodes to reboot.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RebootRequest {
    /// The nodes.
    #[schema(schema_with = node_list, required = false)]
    node_ids: Option<Vec<String>>,
}

fn node_list() -> Array {
    let about = "The nodes, in the order of their reboots. Absent: all of them.";
    list(
        about,
        NODE_ID_PATTERN,
        fields::NODE_ID_MAX,
        fields::REPLICATION_FACTOR_MAX.into(),
    )
}

/// Reboots nodes one after another, each back to `available` before the next.
///
/// Without a body, all of them. Their caches are empty afterwards; requests go to other nodes meanwhile, if there are any.
#[utoipa::path(
    post, path = "/v1/clusters/{name}/reboot", tag = "clusters", operation_id = "reboot_nodes",
    params(("name" = String, Path, description = "The cluster's name."), IdempotencyHeader, MutationHeaders),
    request_body(content = RebootRequest, description = "Which nodes; may be left out."),
    responses(AcceptedOperation)
)]
pub(crate) async fn reboot_nodes(
    State(api): State<Api>,
    PathSegment(name): PathSegment,
    submission: Submission,
    key: SentKey,
    parameters: Parameters,
    OptionalBody(body): OptionalBody,
) -> Result<Response, ApiError> {
    parameters.finish()?;
    let name = cluster_in_path(&name)?;
    let key = key.of_request(&submission.caller, &body);
    let read = |cluster: &Cluster| {
        let node_ids = believe(body.clone(), cluster).map_err(Problem::invalid)?;
        Ok(Spec::RebootNodes(RebootSpec { node_ids }))
    };
    api.change(&name, Kind::RebootNodes, &submission, key, read)
        .await
}

/// Reads a body against the cluster it is about.
fn believe(body: Value, cluster: &Cluster) -> Result<Vec<String>, Vec<FieldError>> {
    static SCHEMA: LazyLock<BodySchema> = LazyLock::new(|| BodySchema::of("RebootRequest"));
    let (request, faults) = SCHEMA.read::<RebootRequest>(body);
    let mut broken = Violations::default();
    let ids = request.and_then(|request| request.node_ids);
    let nodes = ids.map(|ids| known_nodes(&mut broken, "/node_ids", ids, cluster));
    let errors = faults.merged_with(broken.0);
    if errors.is_empty() {
        Ok(nodes.unwrap_or_default())
    } else {
        Err(errors)
    }
}

/// Ids of nodes as AWS writes them, none twice; each must be there, as far as AWS has told which are.
pub(crate) fn known_nodes(
    broken: &mut Violations,
    pointer: &str,
    ids: Vec<String>,
    cluster: &Cluster,
) -> Vec<String> {
    let nodes = cluster.observed.as_ref().map(|seen| &seen.nodes);
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
        let found = known.iter().find(|one| one.eq_ignore_ascii_case(&id));
        let unknown = || {
            RuleViolation::new(
                "unknown_node",
                format!("must be a node of the cluster: {}", known.join(", ")),
            )
        };
        found.map(|one| (*one).to_owned()).ok_or_else(unknown)
    };
    broken.list(pointer, ids, fields::REPLICATION_FACTOR_MAX.into(), read)
}
