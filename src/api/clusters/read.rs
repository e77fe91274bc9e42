//! `GET /v1/clusters` and `GET /v1/clusters/{name}`.

use axum::response::Response;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::cluster;
use crate::domain::installation::AwsAccount;
use crate::domain::operation::{Attention, ClusterStatus};
use crate::domain::prices::Cost;
use crate::domain::problems::problem_code::ProblemCode;
use crate::domain::project::ProjectName;
use crate::domain::spec::ClusterSpec;
use crate::domain::target::TargetName;
use crate::domain::validation::fields;
use crate::domain::validation::violation::RuleViolation;
use crate::store::ClusterFilter;

use crate::api::access::CallerApi;
use crate::api::clusters::view::Cluster;
use crate::api::enum_schemas::{AttentionSchema, ClusterStatusSchema};
use crate::api::http::api_error::ApiError;
use crate::api::http::paging::{ByAge, Page, PageParameters};
use crate::api::http::path::ClusterPath;
use crate::api::http::problem::Problem;
use crate::api::http::query::{Query, any_of, by_rule, each_by_rule};
use crate::api::http::responses;
use crate::api::http::responses::IfNoneMatch;
use crate::api::targets::{InTarget, TargetApi, project_name, target_name};

/// Number of colons of a `tag` that can end its key.
const TAG_COLONS_MAX: usize = 8;

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
    /// Only clusters of this target.
    #[param(value_type = String, required = false, min_length = 1, max_length = 40,
            pattern = "^[a-z][a-z0-9-]*$")]
    #[serde(default, deserialize_with = "target_name")]
    target: Option<TargetName>,
    /// Only clusters of this project.
    #[param(value_type = String, required = false, min_length = 1, max_length = 40,
            pattern = "^[a-z][a-z0-9-]*$")]
    #[serde(default, deserialize_with = "project_name")]
    project: Option<ProjectName>,
    /// Only clusters with this status. Repeat the parameter for several.
    #[param(value_type = Vec<ClusterStatusSchema>, required = false)]
    #[serde(default, deserialize_with = "any_of")]
    status: Vec<ClusterStatus>,
    /// Only clusters that need attention for this reason. Repeat the parameter for several.
    #[param(value_type = Vec<AttentionSchema>, required = false)]
    #[serde(default, deserialize_with = "any_of")]
    attention: Vec<Attention>,
    /// Only clusters whose name begins with this.
    #[param(value_type = String, required = false, example = "orders",
            min_length = 1, max_length = 20, pattern = "^[A-Za-z][A-Za-z0-9-]*$")]
    #[serde(default, deserialize_with = "name_prefix")]
    name_prefix: Option<String>,
    /// Only clusters with this desired tag, `key:value`. Repeat the parameter for several, which
    /// must all be present.
    #[param(value_type = Vec<String>, required = false, example = json!(["team:orders"]))]
    #[serde(default, deserialize_with = "tags")]
    tag: Vec<String>,
}

fn name_prefix<'de, D: Deserializer<'de>>(text: D) -> Result<Option<String>, D::Error> {
    by_rule(text, fields::name_prefix)
}

fn tags<'de, D: Deserializer<'de>>(texts: D) -> Result<Vec<String>, D::Error> {
    each_by_rule(texts, |text| {
        let rule = || RuleViolation::new("invalid_format", "must be `key:value`");
        text.contains(':').then(|| text.to_owned()).ok_or_else(rule)
    })
}

/// The tags that a text stands for: a colon can also be in the key or in the value.
fn tag_alternatives(text: &str) -> Vec<(String, String)> {
    let colons = text.match_indices(':').take(TAG_COLONS_MAX);
    let split = |(at, _)| (text[..at].to_owned(), text[at + 1..].to_owned());
    colons.map(split).collect()
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
    api: CallerApi,
    page: Page<ByAge, ListClusters>,
) -> Result<Response, ApiError> {
    let filter = ClusterFilter {
        target: page.filter.target.clone(),
        project: page.filter.project.clone(),
        scopes: api.scopes().await?,
        statuses: page.filter.status.clone(),
        attention: page.filter.attention.clone(),
        name_prefix: page.filter.name_prefix.clone(),
        tags: page
            .filter
            .tag
            .iter()
            .map(|tag| tag_alternatives(tag))
            .collect(),
        before: page.after.map(|ByAge(at, id)| (at, id)),
    };
    let mut clusters = api.store.clusters(&filter, page.rows()).await?;
    let next_cursor = page.cut(&mut clusters, |cluster| {
        ByAge(cluster.created_at, cluster.id)
    });
    let views = clusters
        .into_iter()
        .map(|cluster| api.of_row(&cluster.target)?.cluster_view(cluster));
    let items = views.collect::<Result<Vec<Cluster>, ApiError>>()?;
    Ok(page.respond(next_cursor, |next_cursor| ClusterList {
        items,
        next_cursor,
    }))
}

/// Returns a cluster: its desired settings, its observed state in AWS and its endpoint.
#[utoipa::path(
    get, path = "/v1/clusters/{name}", tag = "clusters", operation_id = "get_cluster",
    params(ClusterPath, InTarget, IfNoneMatch),
    responses((
        status = 200, body = Cluster,
        description = "The cluster.",
        headers(("ETag" = String, description = "Version of the cluster.")),
    ))
)]
pub(crate) async fn get_cluster(
    api: CallerApi,
    ClusterPath(name): ClusterPath,
    Query(query): Query<InTarget>,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    let api = api.to_read(query.target.as_ref())?;
    if known.is_present()
        && let Some((version, scope)) = api.store.cluster_version(name.as_str()).await?
        && api.may_read(&scope)
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

impl TargetApi {
    fn cluster_view(&self, cluster: cluster::Cluster) -> Result<Cluster, ApiError> {
        let account = self.account()?;
        let (renderer, operation) = (self.problem_renderer(Some(&account)), cluster.operation_id);
        let explain = |fault| {
            renderer
                .problem_of(fault)
                .about_operation(operation)
                .about_cluster(cluster.name.as_str(), &cluster.target)
        };
        let cancelled = || {
            let detail = "its creation was cancelled; create it again, or delete this entry";
            Problem::new(ProblemCode::ClusterFailed, detail).about_operation(operation)
        };
        let is_failed = cluster.status == ClusterStatus::Failed;
        let problem = cluster.fault.as_ref().map(explain);
        let problem = problem.or_else(|| is_failed.then(cancelled));
        let cost = self.cost(&cluster.desired, &account);
        Ok(Cluster::of(cluster, &account, problem, cost))
    }

    /// What the nodes of these settings cost.
    pub(crate) fn cost(&self, spec: &ClusterSpec, account: &AwsAccount) -> Cost {
        let nodes = spec.replication_factor.into();
        let prices = &self.rules.prices;
        prices.cost(&account.region, spec.node_type.as_str(), nodes)
    }
}
