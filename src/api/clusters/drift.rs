//! Drift in API responses, and `GET /v1/clusters/{name}/drift`.

use axum::Json;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::cluster;
use crate::domain::drift;

use crate::api::access::CallerApi;
use crate::api::http::api_error::ApiError;
use crate::api::http::path::ClusterPath;
use crate::api::http::query::Query;
use crate::api::targets::InTarget;

/// Differences between AWS and the desired settings. Reported only while the cluster is
/// `available`: an operation in progress causes differences that are not drift.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Drift {
    /// Whether any field differs.
    drifted: bool,
    /// The fields that differ.
    fields: Vec<DriftField>,
    /// Time of the last read from AWS; null if AWS has not shown the cluster.
    observed_at: Option<DateTime<Utc>>,
}

/// A field that differs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DriftField {
    /// Name of the field as in requests, with nested fields after a dot. `cluster` stands for the
    /// whole cluster.
    #[schema(example = "parameters.record_ttl_millis")]
    field: String,
    /// Desired value; null if the field should be unset.
    desired: Option<String>,
    /// Value in AWS; null if it is unset.
    observed: Option<String>,
    /// Whether a repair can restore the desired value.
    repairable: bool,
}

impl Drift {
    pub(crate) fn of(cluster: &cluster::Cluster) -> Self {
        let fields: Vec<DriftField> = drift::drift(cluster)
            .into_iter()
            .map(DriftField::from)
            .collect();
        Self {
            drifted: !fields.is_empty(),
            fields,
            // A cluster that does not exist was not observed, even if AWS was asked.
            observed_at: cluster.observed_at.filter(|_| cluster.has_been_observed()),
        }
    }

    pub(crate) fn is_drifted(&self) -> bool {
        self.drifted
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

/// Returns the differences between AWS and the desired settings of a cluster, as last observed.
///
/// Settings chosen by AWS cannot drift. `POST …/repair` restores the fields that are `repairable`.
#[utoipa::path(
    get, path = "/v1/clusters/{name}/drift", tag = "clusters", operation_id = "get_drift",
    params(ClusterPath, InTarget),
    responses((status = 200, description = "The drift of the cluster.", body = Drift))
)]
pub(crate) async fn get_drift(
    api: CallerApi,
    ClusterPath(name): ClusterPath,
    Query(query): Query<InTarget>,
) -> Result<Json<Drift>, ApiError> {
    let api = api.to_read(query.target.as_ref())?;
    let cluster = api.cluster(&name).await?;
    Ok(Json(Drift::of(&cluster)))
}
