//! `GET /v1/clusters` and `GET /v1/clusters/{name}`.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::domain::cluster;
use crate::domain::operation::ClusterStatus;
use crate::store::ClusterFilter;

use crate::api::Api;
use crate::api::clusters::view::Cluster;
use crate::api::http::api_error::ApiError;
use crate::api::http::enum_schemas::ClusterStatusSchema;
use crate::api::http::paging::{ByAge, Page, PageParameters};
use crate::api::http::path::PathSegment;
use crate::api::http::query::{Parameters, cluster_in_path, no_such_cluster, one_of};
use crate::api::http::responses;
use crate::api::http::responses::IfNoneMatch;
use crate::api::operations::read::ReadHeaders;

/// A page of clusters, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClusterList {
    /// The clusters of this page.
    items: Vec<Cluster>,
    /// Cursor of the next page; null on the last page.
    next_cursor: Option<String>,
}

/// Filters of the list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "documents the parameters in the API document; the handler parses them"
)]
pub(crate) struct ListClusters {
    /// Only clusters with this status.
    #[param(value_type = ClusterStatusSchema, required = false)]
    status: (),
}

/// Lists the managed clusters, newest first.
#[utoipa::path(
    get, path = "/v1/clusters", tag = "clusters", operation_id = "list_clusters",
    params(ListClusters, PageParameters),
    responses((status = 200, description = "A page of clusters.", body = ClusterList, headers(
        ("Link" = String, description = "The next page, `rel=\"next\"`, if there is one."),
    )))
)]
pub(crate) async fn list_clusters(
    State(api): State<Api>,
    mut parameters: Parameters,
) -> Result<Response, ApiError> {
    let status = parameters.take("status", one_of::<ClusterStatus>);
    let page = Page::<ByAge>::read(&mut parameters);
    parameters.finish()?;
    let filter = ClusterFilter {
        status,
        before: page.after.map(|ByAge(at, id)| (at, id)),
    };
    let mut clusters = api.store.clusters(&filter, page.rows()).await?;
    let next_cursor = page.cut(&mut clusters, |cluster| {
        ByAge(cluster.created_at, cluster.id)
    });
    let filters = [("status", status.map(ClusterStatus::as_str))];
    let link = next_cursor
        .as_deref()
        .map(|next| page.link("/v1/clusters", &filters, next));
    let items: Result<Vec<Cluster>, ApiError> = clusters
        .into_iter()
        .map(|cluster| api.cluster_view(cluster))
        .collect();
    Ok(responses::list(
        &ClusterList {
            items: items?,
            next_cursor,
        },
        link.as_deref(),
    ))
}

/// Returns a cluster: its desired settings, its observed state in AWS and its endpoint.
#[utoipa::path(
    get, path = "/v1/clusters/{name}", tag = "clusters", operation_id = "get_cluster",
    params(("name" = String, Path, description = "Name of the cluster."), ReadHeaders),
    responses((
        status = 200, body = Cluster,
        description = "The cluster. If `If-None-Match` has its version: 304 without a body.",
        headers(("ETag" = String, description = "Version of the cluster.")),
    ))
)]
pub(crate) async fn get_cluster(
    State(api): State<Api>,
    PathSegment(name): PathSegment,
    parameters: Parameters,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    parameters.finish()?;
    let name = cluster_in_path(&name)?;
    let cluster = api
        .store
        .cluster(name.as_str())
        .await?
        .ok_or_else(|| no_such_cluster(name.as_str()))?;
    Ok(responses::single(
        cluster.version,
        &api.cluster_view(cluster)?,
        &known,
    ))
}

impl Api {
    fn cluster_view(&self, cluster: cluster::Cluster) -> Result<Cluster, ApiError> {
        let account = self.account()?;
        let (renderer, operation) = (self.problem_renderer(Some(&account)), cluster.operation_id);
        let explain = |fault| {
            renderer
                .problem_of(fault)
                .about_operation(operation)
                .about_cluster(cluster.name.as_str())
        };
        let problem = cluster.fault.as_ref().map(explain);
        Ok(Cluster::of(cluster, &account, problem))
    }
}
