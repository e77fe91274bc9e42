//! `POST /v1/clusters/{name}/repair`.

use axum::response::Response;
use serde_json::json;

use crate::domain::change::{ChangeSpec, Placement};
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

/// Restores the desired settings of a cluster where AWS has drifted from them.
///
/// Settings that are fixed at creation stay as they are. Without drift the operation changes
/// nothing.
#[utoipa::path(
    post, path = "/v1/clusters/{name}/repair", tag = "clusters", operation_id = "repair_cluster",
    params(ClusterPath, InTarget, Submission),
    request_body(content = EmptyRequest, description = "Empty; can be omitted."),
    responses(AcceptedOperation)
)]
pub(crate) async fn repair_cluster(
    api: CallerApi,
    ClusterPath(name): ClusterPath,
    Query(query): Query<InTarget>,
    submission: Submission,
    _: EmptyRequest,
) -> Result<Response, ApiError> {
    let api = api.to_change(query.target.as_ref())?;
    let read = |cluster: &Cluster| Ok(repair_of(cluster));
    api.change(&name, Kind::RepairCluster, &submission, &json!({}), read)
        .await
}

/// The repair of a cluster.
pub(crate) fn repair_of(cluster: &Cluster) -> Spec {
    Spec::RepairCluster(Box::new(ChangeSpec {
        before: cluster.desired.clone(),
        after: cluster.desired.clone(),
        reboot_nodes_if_needed: false,
        placement: Placement::default(),
        project: None,
    }))
}
