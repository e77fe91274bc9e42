//! `POST /v1/clusters/{name}/release`.

use axum::extract::State;
use axum::response::Response;

use crate::domain::operation::Kind;
use crate::domain::spec::Spec;

use crate::api::Api;
use crate::api::clusters::empty_request::{EmptyRequest, reject_fields};
use crate::api::clusters::submit::{
    AcceptedOperation, IdempotencyHeader, MutationHeaders, Submission,
};
use crate::api::http::api_error::ApiError;
use crate::api::http::body::OptionalBody;
use crate::api::http::idempotency::SentKey;
use crate::api::http::path::PathSegment;
use crate::api::http::query::{Parameters, cluster_in_path};

/// Stops managing a cluster without changing anything in AWS. Ignores deletion protection.
///
/// The cluster and its resources keep their ownership tags. This service no longer deletes any of
/// them. The cluster can be adopted again.
#[utoipa::path(
    post, path = "/v1/clusters/{name}/release", tag = "clusters", operation_id = "release_cluster",
    params(
        ("name" = String, Path, description = "Name of the cluster."),
        IdempotencyHeader, MutationHeaders,
    ),
    request_body(content = EmptyRequest, description = "Empty; can be omitted."),
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
    reject_fields(&body)?;
    let name = cluster_in_path(&name)?;
    let key = key.of_request(&submission.caller, &body);
    api.change(&name, Kind::ReleaseCluster, &submission, key, |_| {
        Ok(Spec::ReleaseCluster)
    })
    .await
}
