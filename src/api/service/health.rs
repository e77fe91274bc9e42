//! Health: liveness, readiness and metrics.

use std::error::Error;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;

use crate::domain::problems::problem_code::ProblemCode;
use crate::store::{SchemaState, StoreError};

use crate::api::Api;
use crate::api::http::api_error::ApiError;
use crate::api::http::query::NoQuery;

/// Timeout of the database checks of `/readyz`.
const DATABASE_TIMEOUT: Duration = Duration::from_millis(500);
/// How long a result of the database checks answers requests, so that probes without a token cannot
/// occupy the database.
const READINESS_AGE: Duration = Duration::from_secs(1);
/// Media type of Prometheus's text format.
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Result of a health check.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// `alive` or `ready`.
    #[schema(example = "ready")]
    status: &'static str,
    /// What an operator should look at although requests can be served. Empty if nothing.
    #[schema(example = json!(["the sweep last completed 4000 s ago, so leftovers may remain in AWS"]))]
    warnings: Vec<String>,
}

/// The last result of the database checks: why the service is not ready, if so.
#[derive(Debug, Default)]
pub(crate) struct LastReadiness(Mutex<Option<(Instant, Option<&'static str>)>>);

/// Liveness probe.
///
/// Checks no dependency, so a database outage does not restart the process.
#[utoipa::path(
    get, path = "/healthz", tag = "service", operation_id = "check_liveness",
    responses((status = 200, description = "The process is alive.", body = Health))
)]
pub(crate) async fn check_liveness(_: NoQuery) -> Result<Json<Health>, ApiError> {
    Ok(Json(Health {
        status: "alive",
        warnings: Vec::new(),
    }))
}

/// Readiness probe.
///
/// Succeeds if the database responds, is migrated and keeps committed data, and the AWS account is
/// known. States of the workers that need an operator are warnings: they do not keep requests from
/// being served.
#[utoipa::path(
    get, path = "/readyz", tag = "service", operation_id = "check_readiness",
    responses((status = 200, description = "The service is ready for requests.", body = Health))
)]
pub(crate) async fn check_readiness(
    State(api): State<Api>,
    _: NoQuery,
) -> Result<Json<Health>, ApiError> {
    if api.shutdown.is_cancelled() {
        return Err(not_ready("the service is shutting down"));
    }
    match unready_reason(&api).await {
        // The database stores the account, so it is unknown only before the first response of AWS.
        None => {
            api.check_targets()?;
            Ok(Json(ready(&api)))
        }
        Some(reason) => Err(not_ready(reason)),
    }
}

fn ready(api: &Api) -> Health {
    let warnings = api.condition.borrow().warnings(api.settings.sweep_interval);
    Health {
        status: "ready",
        warnings: warnings
            .into_iter()
            .map(|warning| warning.problem)
            .collect(),
    }
}

/// The result of the database checks, which one request at a time makes for all.
async fn unready_reason(api: &Api) -> Option<&'static str> {
    let mut last = api.readiness.0.lock().await;
    if let Some((at, reason)) = *last
        && at.elapsed() < READINESS_AGE
    {
        return reason;
    }
    // In its own task: a client that disconnects would otherwise break a connection that opens.
    let checking = tokio::spawn(check_database(api.clone()));
    let reason = match tokio::time::timeout(DATABASE_TIMEOUT, checking).await {
        Ok(Ok(Ok(reason))) => reason,
        Ok(Ok(Err(error))) => {
            tracing::warn!(error = &error as &dyn Error, "the database is unavailable");
            Some("the database is unavailable")
        }
        Ok(Err(_)) | Err(_) => Some("the database does not respond"),
    };
    *last = Some((Instant::now(), reason));
    reason
}

/// Why the service cannot accept requests, if so.
async fn check_database(api: Api) -> Result<Option<&'static str>, StoreError> {
    match api.store.schema_state().await? {
        SchemaState::Current => {}
        SchemaState::Behind { .. } => {
            return Ok(Some(
                "the database is not migrated; run `dax-provisioner migrate`",
            ));
        }
    }
    let is_safe = !api.settings.durability_required || api.store.durability().await?.is_safe();
    Ok((!is_safe)
        .then_some("the database can lose committed data; set fsync and synchronous_commit to on"))
}

fn not_ready(reason: &str) -> ApiError {
    ApiError::new(ProblemCode::Unavailable, reason)
}

/// Returns the metrics in Prometheus's text format. Needs no authentication.
#[utoipa::path(
    get, path = "/metrics", tag = "service", operation_id = "read_metrics",
    responses((
        status = 200,
        description = "The metrics.",
        body = String,
        content_type = "text/plain",
    ))
)]
pub(crate) async fn read_metrics(State(api): State<Api>, _: NoQuery) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, PROMETHEUS_TEXT)],
        api.metrics.render(),
    )
}
