//! Health: whether the process lives, whether it can take requests, and its figures.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::problems::problem_code::ProblemCode;
use crate::store::{SchemaState, StoreError};

use crate::api::Api;
use crate::api::http::api_error::ApiError;
use crate::api::http::query::Parameters;

/// How long the database may take to answer.
const DATABASE_PATIENCE: Duration = Duration::from_millis(500);
/// Media type of Prometheus's text format.
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How the service is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// `alive` or `ready`.
    #[schema(example = "ready")]
    status: &'static str,
}

/// Tells that the process lives. It asks nobody, so that a database that is away gets nobody restarted.
#[utoipa::path(
    get, path = "/healthz", tag = "service", operation_id = "check_liveness",
    responses((status = 200, description = "It lives.", body = Health))
)]
pub(crate) async fn check_liveness(parameters: Parameters) -> Result<Json<Health>, ApiError> {
    parameters.finish()?;
    Ok(Json(Health { status: "alive" }))
}

/// Tells whether the service can take requests: the database answers, is migrated and keeps what it commits, and it is
/// known which AWS account this is.
#[utoipa::path(
    get, path = "/readyz", tag = "service", operation_id = "check_readiness",
    responses((status = 200, description = "It is ready.", body = Health))
)]
pub(crate) async fn check_readiness(
    State(api): State<Api>,
    parameters: Parameters,
) -> Result<Json<Health>, ApiError> {
    parameters.finish()?;
    if api.shutdown.is_cancelled() {
        return Err(not_ready("the service is shutting down"));
    }
    match tokio::time::timeout(DATABASE_PATIENCE, unready(&api)).await {
        // The database remembers the account, so this holds only until AWS has answered for the very first time.
        Ok(Ok(None)) => api.place().map(|_| Json(Health { status: "ready" })),
        Ok(Ok(Some(reason))) => Err(not_ready(reason)),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(not_ready("the database does not answer")),
    }
}

/// Why requests cannot be taken, if so.
async fn unready(api: &Api) -> Result<Option<&'static str>, StoreError> {
    match api.store.schema_state().await? {
        SchemaState::Current => {}
        SchemaState::Behind { .. } => {
            return Ok(Some(
                "the database is not migrated; run `dax-provisioner migrate`",
            ));
        }
    }
    let safe = !api.settings.durability_required || api.store.durability().await?.is_safe();
    Ok((!safe)
        .then_some("the database may lose what it commits; set fsync and synchronous_commit to on"))
}

fn not_ready(reason: &str) -> ApiError {
    ApiError::new(ProblemCode::Unavailable, reason)
}

/// The service's figures, in Prometheus's text format. Open to all who reach the port.
#[utoipa::path(
    get, path = "/metrics", tag = "service", operation_id = "read_metrics",
    responses((status = 200, description = "The figures.", body = String, content_type = "text/plain"))
)]
pub(crate) async fn read_metrics(
    State(api): State<Api>,
    parameters: Parameters,
) -> Result<impl IntoResponse, ApiError> {
    parameters.finish()?;
    Ok((
        [(header::CONTENT_TYPE, PROMETHEUS_TEXT)],
        api.metrics.render(),
    ))
}
