//! Drift: where AWS differs from the desired settings, as a reader sees it.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::cluster;
use crate::domain::drift;

use crate::api::Api;
use crate::api::http::api_error::ApiError;
use crate::api::http::path::PathSegment;
use crate::api::http::query::{Parameters, cluster_in_path, no_such_cluster};

/// Where AWS differs from the desired settings. Only a cluster that is `available` can have drifted: while an operation
/// works on it, the two differ because they must.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Drift {
    /// Whether anything differs.
    drifted: bool,
    /// What differs.
    fields: Vec<DriftField>,
    /// When AWS was asked; null before it was.
    observed_at: Option<DateTime<Utc>>,
}

/// One field that differs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DriftField {
    /// The field, as the request calls it; a part of a field after a dot. `cluster` is the cluster itself.
    #[schema(example = "parameters.record_ttl_millis")]
    field: String,
    /// What is desired; null where there should be nothing.
    desired: Option<String>,
    /// What AWS reports; null where there is nothing.
    observed: Option<String>,
    /// Whether a repair can bring it back.
    repairable: bool,
}

impl Drift {
    /// The drift of a cluster as it was last seen.
    pub(crate) fn of(cluster: &cluster::Cluster) -> Self {
        let fields: Vec<DriftField> = drift::drift(cluster)
            .into_iter()
            .map(DriftField::from)
            .collect();
        Self {
            drifted: !fields.is_empty(),
            fields,
            observed_at: cluster.observed_at,
        }
    }
}

impl From<drift::DriftField> for DriftField {
    fn from(field: drift::DriftField) -> Self {
        let drift::DriftField {
            field,
            desired,
            observed,
            repairable,
        } = field;
        Self {
            field,
            desired,
            observed,
            repairable,
        }
    }
}

/// Reads where AWS differs from the desired settings of a cluster, as it was last seen.
///
/// Settings that were left to AWS cannot drift. `POST …/repair` brings back what is `repairable`.
#[utoipa::path(
    get, path = "/v1/clusters/{name}/drift", tag = "clusters", operation_id = "get_drift",
    params(("name" = String, Path, description = "Its name.")),
    responses((status = 200, description = "The drift.", body = Drift))
)]
pub(crate) async fn get_drift(
    State(api): State<Api>,
    PathSegment(name): PathSegment,
    parameters: Parameters,
) -> Result<Json<Drift>, ApiError> {
    parameters.finish()?;
    let name = cluster_in_path(&name)?;
    let cluster = api
        .store
        .cluster(name.as_str())
        .await?
        .ok_or_else(|| no_such_cluster(name.as_str()))?;
    Ok(Json(Drift::of(&cluster)))
}
