//! Floor 3, the door: HTTP in and out, one file per noun. It sees operations, inspections, the store and the words; never
//! AWS and never the worker.
//!
//! A request is read, believed or refused, and handed down; what comes back is written in the words of the contract.
//! Every refusal is a [`Problem`](problem::Problem); advice is looked up while it is written.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::iam::policies::Access;
use crate::domain::installation::AwsAccount;
use crate::domain::problems::fault::Fault;
use crate::domain::problems::problem_code::ProblemCode;
use crate::inspections::Inspector;
use crate::store::Store;

mod clusters;
pub mod http;
mod inventory;
mod operations;
mod permissions;
mod service;

use http::api_error::ApiError;
use permissions::problem_renderer::ProblemRenderer;

/// Largest body that is read, unless set otherwise.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// How long a request waits to learn which account this is.
const ACCOUNT_TIMEOUT: Duration = Duration::from_millis(1_500);

/// Everything the door needs.
#[derive(Clone)]
pub struct Api {
    /// The database.
    pub store: Store,
    /// Asks AWS without changing it.
    pub inspector: Arc<Inspector>,
    /// The account and Region; `None` until they are known, from the database or from AWS.
    pub place: watch::Receiver<Option<AwsAccount>>,
    /// What the operator has set.
    pub settings: Arc<ApiSettings>,
    /// Renders the figures of this process.
    pub metrics: PrometheusHandle,
    /// Cancelled when the service begins to shut down: waiting requests are answered then.
    pub shutdown: CancellationToken,
    waiters: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    asking: Arc<Semaphore>,
}

/// What the operator has set for the door.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// Whether callers must show a token.
    pub authentication: Authentication,
    /// What a new service role may do on all tables, where a request names no role and none is found.
    pub default_access: Option<Access>,
    /// ARN of the permissions boundary that roles of ours carry; policies in hints ask for it.
    pub permissions_boundary: Option<String>,
    /// Largest body that is read.
    pub max_body_bytes: usize,
    /// Whether a database that may lose commits counts as not ready.
    pub durability_required: bool,
}

/// Whether callers must show a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// They must.
    On,
    /// Everybody may do everything; for loopback only.
    Off,
}

impl Default for ApiSettings {
    fn default() -> Self {
        Self {
            authentication: Authentication::On,
            default_access: None,
            permissions_boundary: None,
            max_body_bytes: BODY_BYTES_MAX,
            durability_required: true,
        }
    }
}

impl Api {
    /// A door to these rooms.
    pub fn new(
        store: Store,
        inspector: Arc<Inspector>,
        place: watch::Receiver<Option<AwsAccount>>,
        settings: ApiSettings,
        metrics: PrometheusHandle,
        shutdown: CancellationToken,
    ) -> Self {
        let waiters = Arc::new(Semaphore::new(http::prefer::WAITERS_MAX));
        let streams = Arc::new(Semaphore::new(operations::event_stream::STREAMS_MAX));
        let asking = Arc::new(Semaphore::new(http::aws_permits::ASKING_MAX));
        Self {
            store,
            inspector,
            place,
            settings: Arc::new(settings),
            metrics,
            shutdown,
            waiters,
            streams,
            asking,
        }
    }

    /// The account and Region, or a refusal that passes.
    fn place(&self) -> Result<AwsAccount, ApiError> {
        let unknown = || {
            ApiError::new(
                ProblemCode::Unavailable,
                "AWS has not yet told which account this is",
            )
        };
        self.place.borrow().clone().ok_or_else(unknown)
    }

    /// The same, waited for a moment: a service that has just started asks AWS in the first instants of its life.
    async fn account_soon(&self) -> Result<AwsAccount, ApiError> {
        let mut place = self.place.clone();
        // Too late or never: both are told by what is known then.
        let _ = tokio::time::timeout(ACCOUNT_TIMEOUT, place.wait_for(Option::is_some)).await;
        self.place()
    }

    /// What AWS refused or did not answer, as the answer to a request that asked for it.
    fn error_of(&self, fault: &Fault) -> ApiError {
        let place = self.place.borrow().clone();
        self.advice(place.as_ref()).problem_of(fault).into()
    }

    fn advice<'a>(&'a self, place: Option<&'a AwsAccount>) -> ProblemRenderer<'a> {
        ProblemRenderer {
            place,
            permissions_boundary: self.settings.permissions_boundary.as_deref(),
        }
    }
}

/// Every route.
pub fn router(api: Api) -> Router {
    let (guarded, _) = guarded().split_for_parts();
    let (open, _) = open().split_for_parts();
    let guarded = guarded.method_not_allowed_fallback(refuse_method);
    let guarded = guarded.route_layer(from_fn_with_state(
        api.clone(),
        http::authentication::authenticate,
    ));
    open.route("/docs", get(http::openapi::go_to_page))
        .route("/docs/", get(http::openapi::serve_page))
        .route("/docs/{*name}", get(http::openapi::serve_file))
        .method_not_allowed_fallback(refuse_method)
        .merge(guarded)
        .fallback(refuse_path)
        .layer(CatchPanicLayer::custom(answer_panic))
        .layer(from_fn(http::request_context::observe))
        .with_state(api)
}

/// The routes of a process that only works: is it alive, is it ready, what are its figures.
pub fn probes(api: Api) -> Router {
    let probes = OpenApiRouter::new()
        .routes(routes!(service::health::check_liveness))
        .routes(routes!(service::health::check_readiness))
        .routes(routes!(service::health::read_metrics));
    let (probes, _) = probes.split_for_parts();
    probes
        .method_not_allowed_fallback(refuse_method)
        .fallback(refuse_path)
        .layer(CatchPanicLayer::custom(answer_panic))
        .layer(from_fn(http::request_context::observe))
        .with_state(api)
}

/// The API document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let (_, document) = OpenApiRouter::<Api>::with_openapi(http::openapi::Skeleton::openapi())
        .merge(guarded())
        .merge(open())
        .split_for_parts();
    http::openapi::finish(document)
}

/// Routes for callers with a token.
fn guarded() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(
            clusters::crud::create_cluster,
            clusters::crud::list_clusters
        ))
        .routes(routes!(
            clusters::crud::get_cluster,
            clusters::update::update_cluster,
            clusters::crud::delete_cluster
        ))
        .routes(routes!(clusters::scale::scale_cluster))
        .routes(routes!(clusters::reboot::reboot_nodes))
        .routes(routes!(clusters::repair::repair_cluster))
        .routes(routes!(clusters::adopt::adopt_cluster))
        .routes(routes!(clusters::repair::release_cluster))
        .routes(routes!(clusters::drift::get_drift))
        .routes(routes!(
            clusters::ingress::open_ingress,
            clusters::ingress::close_ingress
        ))
        .routes(routes!(clusters::connection::get_connection))
        .routes(routes!(clusters::events::list_cluster_events))
        .routes(routes!(operations::read::list_operations))
        .routes(routes!(operations::read::get_operation))
        .routes(routes!(operations::events::list_operation_events))
        .routes(routes!(operations::event_stream::stream_operation_events))
        .routes(routes!(operations::read::retry_operation))
        .routes(routes!(inventory::service_roles::list_service_roles))
        .routes(routes!(inventory::subnet_groups::list_subnet_groups))
        .routes(routes!(inventory::parameter_groups::list_parameter_groups))
        .routes(routes!(operations::cancel::cancel_operation))
        .routes(routes!(operations::cancel::roll_back_operation))
        .routes(routes!(inventory::orphans::list_orphans))
        .routes(routes!(permissions::plans::plan_cluster))
        .routes(routes!(permissions::preflights::preflight_cluster))
        .routes(routes!(permissions::hints::list_hints))
        .routes(routes!(permissions::hints::explain_refusal))
}

/// Routes for everybody who reaches the port.
fn open() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(service::problem_pages::list_problem_types))
        .routes(routes!(service::problem_pages::get_problem_type))
        .routes(routes!(service::health::check_liveness))
        .routes(routes!(service::health::check_readiness))
        .routes(routes!(service::health::read_metrics))
        .routes(routes!(http::openapi::get_openapi))
}

async fn refuse_path() -> ApiError {
    ApiError::new(ProblemCode::NotFound, "there is nothing at this path")
}

async fn refuse_method() -> ApiError {
    ApiError::new(
        ProblemCode::MethodNotAllowed,
        "the Allow header lists the methods of this path",
    )
}

/// Answers for a handler that panicked; the panic itself is in the log.
fn answer_panic(_: Box<dyn Any + Send>) -> Response {
    ApiError::new(
        ProblemCode::Internal,
        "the service failed; the request id of this answer finds the reason in its log",
    )
    .into_response()
}

#[cfg(test)]
mod tests;
