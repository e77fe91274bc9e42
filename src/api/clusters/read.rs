//! `GET /v1/clusters` and `GET /v1/clusters/{name}`.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::cluster;
use crate::domain::operation::ClusterStatus;
use crate::store::ClusterFilter;

use crate::api::Api;
use crate::api::clusters::view::Cluster;
use crate::api::enum_schemas::ClusterStatusSchema;
use crate::api::http::api_error::ApiError;
use crate::api::http::paging::{ByAge, Page, PageParameters};
use crate::api::http::path::ClusterPath;
use crate::api::http::query::{NoQuery, one_of};
use crate::api::http::responses;
use crate::api::http::responses::IfNoneMatch;

/// A page of clusters, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClusterList {
    /// The clusters of this page.
    items: Vec<Cluster>,
    /// Cursor of the next page; null on the last page.
    next_cursor: Option<String>,
}

/// Filters of the list.
#[derive(Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListClusters {
    /// Only clusters with this status.
    #[param(value_type = ClusterStatusSchema, required = false)]
    #[serde(default, deserialize_with = "one_of")]
    status: Option<ClusterStatus>,
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
    page: Page<ByAge, ListClusters>,
) -> Result<Response, ApiError> {
    let filter = ClusterFilter {
        status: page.filter.status,
        before: page.after.map(|ByAge(at, id)| (at, id)),
    };
    let mut clusters = api.store.clusters(&filter, page.rows()).await?;
    let next_cursor = page.cut(&mut clusters, |cluster| {
        ByAge(cluster.created_at, cluster.id)
    });
    let views = clusters
        .into_iter()
        .map(|cluster| api.cluster_view(cluster));
    let items = views.collect::<Result<Vec<Cluster>, ApiError>>()?;
    Ok(page.respond(next_cursor, |next_cursor| ClusterList {
        items,
        next_cursor,
    }))
}

/// Returns a cluster: its desired settings, its observed state in AWS and its endpoint.
#[utoipa::path(
    get, path = "/v1/clusters/{name}", tag = "clusters", operation_id = "get_cluster",
    params(ClusterPath, IfNoneMatch),
    responses((
        status = 200, body = Cluster,
        description = "The cluster. If `If-None-Match` has its version: 304 without a body.",
        headers(("ETag" = String, description = "Version of the cluster.")),
    ))
)]
pub(crate) async fn get_cluster(
    State(api): State<Api>,
    ClusterPath(name): ClusterPath,
    _: NoQuery,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    if known.is_present()
        && let Some(version) = api.store.cluster_version(name.as_str()).await?
        && let Some(response) = responses::not_modified(version, &known)
    {
        return Ok(response);
    }
    let cluster = api.cluster(&name).await?;
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
