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
    let read = |cluster: &Cluster| {
        let (before, after) = (cluster.desired.clone(), cluster.desired.clone());
        let change = ChangeSpec {
            before,
            after,
            reboot_nodes_if_needed: false,
            placement: Placement::default(),
            project: None,
        };
        Ok(Spec::RepairCluster(Box::new(change)))
    };
    api.change(&name, Kind::RepairCluster, &submission, &json!({}), read)
        .await
}
