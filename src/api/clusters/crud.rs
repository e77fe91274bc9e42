//! Clusters: create, list, read and delete.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::domain::inventory::ResourceKind;
use crate::domain::operation::{ClusterStatus, Kind};
use crate::domain::spec::{ClusterSpec, DeleteSpec, ParameterGroup, SubnetGroup};
use crate::domain::validation::violation::RuleViolation;
use crate::store::ClusterFilter;

use crate::api::Api;
use crate::api::clusters::request::ClusterRequest;
use crate::api::clusters::rules::{believe, requires_preflight};
use crate::api::clusters::submit::{IdempotencyHeader, MutationHeaders, Submission};
use crate::api::clusters::view::Cluster;
use crate::api::http::api_error::ApiError;
use crate::api::http::body::JsonBody;
use crate::api::http::enum_schemas::ClusterStatusSchema;
use crate::api::http::idempotency::SentKey;
use crate::api::http::paging::{ByAge, Page, PageParameters};
use crate::api::http::path::PathSegment;
use crate::api::http::problem::Problem;
use crate::api::http::query::{Parameters, cluster_in_path, no_such_cluster, word};
use crate::api::http::responses;
use crate::api::http::responses::IfNoneMatch;
use crate::api::operations::read::ReadHeaders;
use crate::api::operations::view::Operation;

/// Parts of a cluster that a delete can be asked to leave, in the words of the API.
const RETAINABLE: [(&str, ResourceKind); 3] = [
    ("service_role", ResourceKind::Role),
    ("subnet_group", ResourceKind::SubnetGroup),
    ("parameter_group", ResourceKind::ParameterGroup),
];

/// Clusters, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClusterList {
    /// The clusters of this page.
    items: Vec<Cluster>,
    /// Where the next page begins; null on the last.
    next_cursor: Option<String>,
}

/// Filters of the list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "it stands for the parameters in the API document; the handler reads them"
)]
pub(crate) struct ListClusters {
    /// Only clusters of this status.
    #[param(value_type = ClusterStatusSchema, required = false)]
    status: (),
}

/// What a delete leaves.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "it stands for the parameters in the API document; the handler reads them"
)]
pub(crate) struct DeleteCluster {
    /// Parts to leave although we made them, separated by commas: `service_role`, `subnet_group`, `parameter_group`.
    #[param(value_type = String, required = false, example = "service_role,subnet_group",
            pattern = "^(service_role|subnet_group|parameter_group)(,(service_role|subnet_group|parameter_group))*$")]
    retain: (),
}

/// Asks for a cluster.
///
/// The cluster is visible at once as `creating`. The answer is the operation that makes it: read it again until its
/// status is `succeeded`, or `blocked` or `failed` with the problem that says why and what to do.
#[utoipa::path(
    post, path = "/v1/clusters", tag = "clusters", operation_id = "create_cluster",
    params(IdempotencyHeader, MutationHeaders), request_body(content = ClusterRequest, description = "The wanted cluster."),
    responses((status = 202, description = "Accepted, durably.", body = Operation, headers(
        ("Location" = String, description = "Where to read the operation."),
        ("Retry-After" = i32, description = "In how many seconds to read it again."),
        ("Preference-Applied" = String, description = "`wait=N` if the answer was delayed by preference."),
    )))
)]
pub(crate) async fn create_cluster(
    State(api): State<Api>,
    submission: Submission,
    key: SentKey,
    parameters: Parameters,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    parameters.finish()?;
    let key = key.of_request(&submission.caller, &body);
    let preflight = requires_preflight(&body);
    let place = api.account_soon().await?;
    let spec = believe(body, &api.ground(&place)).map_err(Problem::invalid)?;
    let groups = groups_named(&spec);
    let looks = preflight || groups.iter().any(|(_, _, name)| name.is_some());
    if looks && !api.is_answered_already(key.as_ref(), &spec).await? {
        api.refuse_groups_of_others(&groups).await?;
        if preflight {
            api.refuse_unfit(&spec, &place).await?;
        }
    }
    let new = submission.new_operation(Kind::CreateCluster, key);
    let accepted = api.store.accept_create(&new, &spec).await?;
    api.answer_accepted(accepted, spec.name.as_str(), submission.preference)
        .await
}

/// The groups that a wanted cluster names.
fn groups_named(spec: &ClusterSpec) -> [(&'static str, ResourceKind, Option<&str>); 2] {
    let subnets = match &spec.subnet_group {
        SubnetGroup::Existing { name } => Some(name.as_str()),
        SubnetGroup::New { .. } | SubnetGroup::OfVpc { .. } | SubnetGroup::Default => None,
    };
    let parameters = match &spec.parameter_group {
        ParameterGroup::Existing { name } => Some(name.as_str()),
        ParameterGroup::New { .. } | ParameterGroup::Default => None,
    };
    [
        ("/subnet_group/name", ResourceKind::SubnetGroup, subnets),
        (
            "/parameter_group/name",
            ResourceKind::ParameterGroup,
            parameters,
        ),
    ]
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
    let status = parameters.take("status", word(ClusterStatus::parse));
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

/// Reads a cluster: what was asked for, what AWS says, and where to connect.
#[utoipa::path(
    get, path = "/v1/clusters/{name}", tag = "clusters", operation_id = "get_cluster",
    params(("name" = String, Path, description = "Its name."), ReadHeaders),
    responses((status = 200, description = "The cluster. A caller that has this version gets 304 and no body.",
               body = Cluster, headers(("ETag" = String, description = "Its version."))))
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

/// Deletes a cluster and what was made for it, in whatever state it is.
///
/// It takes over a live operation. What was found or given stays. Asked again, it answers with the same operation.
#[utoipa::path(
    delete, path = "/v1/clusters/{name}", tag = "clusters", operation_id = "delete_cluster",
    params(("name" = String, Path, description = "Its name."), DeleteCluster, MutationHeaders),
    responses((status = 202, description = "Accepted, durably.", body = Operation, headers(
        ("Location" = String, description = "Where to read the operation."),
        ("Retry-After" = i32, description = "In how many seconds to read it again."),
        ("Preference-Applied" = String, description = "`wait=N` if the answer was delayed by preference."),
    )))
)]
pub(crate) async fn delete_cluster(
    State(api): State<Api>,
    PathSegment(name): PathSegment,
    submission: Submission,
    mut parameters: Parameters,
) -> Result<Response, ApiError> {
    let spec = DeleteSpec {
        retain: parameters.take("retain", retained).unwrap_or_default(),
    };
    parameters.finish()?;
    let name = cluster_in_path(&name)?;
    let new = submission.new_operation(Kind::DeleteCluster, None);
    let accepted = api.store.accept_delete(&new, name.as_str(), &spec).await?;
    api.answer_accepted(accepted, name.as_str(), submission.preference)
        .await
}

fn retained(text: &str) -> Result<Vec<ResourceKind>, RuleViolation> {
    let mut kinds = Vec::new();
    for part in text.split(',') {
        let known = RETAINABLE.iter().find(|(name, _)| *name == part.trim());
        let Some((_, kind)) = known else {
            let words = RETAINABLE.map(|(name, _)| name).join(", ");
            return Err(RuleViolation::new(
                "unknown_value",
                format!("must be a list of {words}"),
            ));
        };
        if !kinds.contains(kind) {
            kinds.push(*kind);
        }
    }
    Ok(kinds)
}

impl Api {
    fn cluster_view(&self, cluster: crate::domain::cluster::Cluster) -> Result<Cluster, ApiError> {
        let place = self.place()?;
        let (advice, operation) = (self.advice(Some(&place)), cluster.operation_id);
        let explain = |fault| {
            advice
                .problem_of(fault)
                .about_operation(operation)
                .about_cluster(cluster.name.as_str())
        };
        let problem = cluster.fault.as_ref().map(explain);
        Ok(Cluster::of(cluster, &place, problem))
    }
}
