//! `POST /v1/clusters/{name}/release`.

use axum::response::Response;
use serde_json::json;

use crate::domain::cluster::Cluster;
use crate::domain::operation::Kind;
use crate::domain::spec::Spec;

use crate::api::access::CallerApi;
use crate::api::clusters::empty_request::EmptyRequest;
use crate::api::clusters::submit::{AcceptedOperation, Submission};
use crate::api::http::api_error::ApiError;
use crate::api::http::path::ClusterPath;
use crate::api::http::query::Query;
use crate::api::targets::InTarget;

/// Stops managing a cluster without changing anything in AWS. Ignores deletion protection.
///
/// The cluster and its resources keep their ownership tags. This service no longer deletes any of
/// them. The cluster can be adopted again.
#[utoipa::path(
    post, path = "/v1/clusters/{name}/release", tag = "clusters", operation_id = "release_cluster",
    params(ClusterPath, InTarget, Submission),
    request_body(content = EmptyRequest, description = "Empty; can be omitted."),
    responses(AcceptedOperation)
)]
pub(crate) async fn release_cluster(
    api: CallerApi,
    ClusterPath(name): ClusterPath,
    Query(query): Query<InTarget>,
    submission: Submission,
    _: EmptyRequest,
) -> Result<Response, ApiError> {
    let api = api.to_change(query.target.as_ref())?;
    let read = |_: &Cluster| Ok(Spec::ReleaseCluster);
    api.change(&name, Kind::ReleaseCluster, &submission, &json!({}), read)
        .await
}
