//! `PATCH /v1/clusters/{name}`, a JSON merge patch (RFC 7396).

use axum::response::Response;
use serde_json::Value;

use crate::domain::cluster::Cluster;
use crate::domain::inventory::ResourceKind;
use crate::domain::operation::Kind;
use crate::domain::problems::problem_code::ProblemCode;
use crate::domain::spec::Spec;

use crate::api::access::CallerApi;
use crate::api::clusters::patch::ClusterPatch;
use crate::api::clusters::patch_rules::validate;
use crate::api::clusters::submit::{AcceptedOperation, Submission};
use crate::api::http::api_error::ApiError;
use crate::api::http::body::PatchBody;
use crate::api::http::path::ClusterPath;
use crate::api::http::query::Query;
use crate::api::http::responses::{IfMatch, RequiredIfMatch};
use crate::api::targets::InTarget;

/// Changes settings of a cluster.
///
/// The body is a JSON merge patch (RFC 7396) of the settings that can be changed. Any other field
/// is rejected with an explanation of how to change it instead. A patch without changes is
/// accepted as an operation that does nothing.
#[utoipa::path(
    patch, path = "/v1/clusters/{name}", tag = "clusters", operation_id = "update_cluster",
    params(ClusterPath, InTarget, RequiredIfMatch, Submission),
    request_body(
        description = "The new settings.",
        content(
            (ClusterPatch = "application/merge-patch+json"),
            (ClusterPatch = "application/json"),
        ),
    ),
    responses(AcceptedOperation)
)]
pub(crate) async fn update_cluster(
    api: CallerApi,
    ClusterPath(name): ClusterPath,
    Query(query): Query<InTarget>,
    if_match: IfMatch,
    submission: Submission,
    PatchBody(body): PatchBody,
) -> Result<Response, ApiError> {
    let api = api.to_change(query.target.as_ref())?;
    let account = api.account_soon().await?;
    let group = body
        .pointer("/parameter_group/name")
        .and_then(Value::as_str);
    api.reject_managed_groups(&[("/parameter_group/name", ResourceKind::ParameterGroup, group)])
        .await?;
    let read = |cluster: &Cluster| {
        if if_match == IfMatch::Absent {
            let detail = "send `If-Match` with the `ETag` of the cluster as last read";
            return Err(ApiError::new(ProblemCode::PreconditionRequired, detail));
        }
        if_match.check(cluster.version)?;
        let change = validate(body.clone(), cluster, &account)?;
        if change.project.is_some() {
            api.check_readable(change.project.as_ref())?;
        }
        Ok(Spec::UpdateCluster(Box::new(change)))
    };
    api.change(&name, Kind::UpdateCluster, &submission, &body, read)
        .await
}
