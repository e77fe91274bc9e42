//! Care: requests that say nothing but which cluster they mean: its repair, and its release.

use std::sync::LazyLock;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::change::{ChangeSpec, Placement};
use crate::domain::operation::Kind;
use crate::domain::spec::Spec;

use crate::api::Api;
use crate::api::clusters::submit::{
    AcceptedOperation, IdempotencyHeader, MutationHeaders, Submission,
};
use crate::api::http::api_error::ApiError;
use crate::api::http::body::OptionalBody;
use crate::api::http::body_schema::BodySchema;
use crate::api::http::idempotency::SentKey;
use crate::api::http::path::PathSegment;
use crate::api::http::problem::Problem;
use crate::api::http::query::{Parameters, cluster_in_path};

/// Nothing: an object without members.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmptyRequest {}

/// Brings what drifted back to the desired settings.
///
/// What cannot change after creation is not touched. A cluster that has not drifted is left as it is.
#[utoipa::path(
    post, path = "/v1/clusters/{name}/repair", tag = "clusters", operation_id = "repair_cluster",
    params(("name" = String, Path, description = "Its name."), IdempotencyHeader, MutationHeaders),
    request_body(content = EmptyRequest, description = "Nothing; may be left out."),
    responses(AcceptedOperation)
)]
pub(crate) async fn repair_cluster(
    State(api): State<Api>,
    PathSegment(name): PathSegment,
    submission: Submission,
    key: SentKey,
    parameters: Parameters,
    OptionalBody(body): OptionalBody,
) -> Result<Response, ApiError> {
    parameters.finish()?;
    refuse_members(&body)?;
    let name = cluster_in_path(&name)?;
    let key = key.of_request(&submission.caller, &body);
    let read = |cluster: &crate::domain::cluster::Cluster| {
        let (before, after) = (cluster.desired.clone(), cluster.desired.clone());
        let change = ChangeSpec {
            before,
            after,
            reboot_nodes_if_needed: false,
            placement: Placement::default(),
        };
        Ok(Spec::RepairCluster(Box::new(change)))
    };
    api.change(&name, Kind::RepairCluster, &submission, key, read)
        .await
}

/// Forgets a cluster without touching AWS, its `deletion_protection` notwithstanding.
///
/// Everything it uses stays, our two tags included, and nothing of it is ours to delete any more. It can be adopted again.
#[utoipa::path(
    post, path = "/v1/clusters/{name}/release", tag = "clusters", operation_id = "release_cluster",
    params(("name" = String, Path, description = "Its name."), IdempotencyHeader, MutationHeaders),
    request_body(content = EmptyRequest, description = "Nothing; may be left out."),
    responses(AcceptedOperation)
)]
pub(crate) async fn release_cluster(
    State(api): State<Api>,
    PathSegment(name): PathSegment,
    submission: Submission,
    key: SentKey,
    parameters: Parameters,
    OptionalBody(body): OptionalBody,
) -> Result<Response, ApiError> {
    parameters.finish()?;
    refuse_members(&body)?;
    let name = cluster_in_path(&name)?;
    let key = key.of_request(&submission.caller, &body);
    api.change(&name, Kind::ReleaseCluster, &submission, key, |_| {
        Ok(Spec::ReleaseCluster)
    })
    .await
}

fn refuse_members(body: &Value) -> Result<(), ApiError> {
    static SCHEMA: LazyLock<BodySchema> = LazyLock::new(|| BodySchema::of("EmptyRequest"));
    let (_, faults) = SCHEMA.read::<EmptyRequest>(body.clone());
    let errors = faults.merged_with(Vec::new());
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Problem::invalid(errors).into())
    }
}
