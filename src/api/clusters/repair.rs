//! `POST /v1/clusters/{name}/repair`.

use axum::extract::State;
use axum::response::Response;

use crate::domain::change::{ChangeSpec, Placement};
use crate::domain::cluster::Cluster;
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

/// Restores the desired settings of a cluster where AWS has drifted from them.
///
/// Settings that are fixed at creation stay as they are. Without drift the operation changes
/// nothing.
#[utoipa::path(
    post, path = "/v1/clusters/{name}/repair", tag = "clusters", operation_id = "repair_cluster",
    params(
        ("name" = String, Path, description = "Name of the cluster."),
        IdempotencyHeader, MutationHeaders,
    ),
    request_body(content = EmptyRequest, description = "Empty; can be omitted."),
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
    reject_fields(&body)?;
    let name = cluster_in_path(&name)?;
    let key = key.of_request(&submission.caller, &body);
    let read = |cluster: &Cluster| {
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
