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

use crate::domain::fault::Fault;
use crate::domain::installation::AwsPlace;
use crate::domain::policies::Access;
use crate::domain::problem_code::ProblemCode;
use crate::inspections::Inspector;
use crate::store::Store;

mod accepting;
mod adoption;
mod advice;
mod answers;
mod asking;
mod body;
mod body_schema;
mod broken_rules;
mod callers;
mod canonical;
mod care;
mod changing;
mod cluster_events;
mod cluster_patch;
mod cluster_request;
mod cluster_rules;
mod cluster_settings;
mod cluster_view;
mod clusters;
mod connections;
mod document;
mod drift;
mod event_stream;
mod events;
mod giving_up;
mod health;
mod hints;
mod idempotency;
mod ingress;
mod observed_view;
mod operation_view;
mod operations;
mod orphans;
mod paging;
mod parameter_groups;
mod parameters;
mod patch_rules;
mod path_parts;
mod plans;
mod preflights;
pub mod problem;
mod problem_pages;
mod reboots;
mod refusal;
mod request_facts;
mod scaling;
mod service_roles;
mod strict_json;
mod subnet_groups;
pub mod tokens;
mod update;
mod waiting;
mod words;

use advice::Advice;
use refusal::Refusal;

/// Largest body that is read, unless set otherwise.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// How long a request waits to learn which account this is.
const PLACE_PATIENCE: Duration = Duration::from_millis(1_500);

/// Everything the door needs.
#[derive(Clone)]
pub struct Api {
    /// The database.
    pub store: Store,
    /// Asks AWS without changing it.
    pub inspector: Arc<Inspector>,
    /// The account and Region; `None` until they are known, from the database or from AWS.
    pub place: watch::Receiver<Option<AwsPlace>>,
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
        place: watch::Receiver<Option<AwsPlace>>,
        settings: ApiSettings,
        metrics: PrometheusHandle,
        shutdown: CancellationToken,
    ) -> Self {
        let waiters = Arc::new(Semaphore::new(waiting::WAITERS_MAX));
        let streams = Arc::new(Semaphore::new(event_stream::STREAMS_MAX));
        let asking = Arc::new(Semaphore::new(asking::ASKING_MAX));
        Self { store, inspector, place, settings: Arc::new(settings), metrics, shutdown, waiters, streams, asking }
    }

    /// The account and Region, or a refusal that passes.
    fn place(&self) -> Result<AwsPlace, Refusal> {
        let unknown = || Refusal::new(ProblemCode::Unavailable, "AWS has not yet told which account this is");
        self.place.borrow().clone().ok_or_else(unknown)
    }

    /// The same, waited for a moment: a service that has just started asks AWS in the first instants of its life.
    async fn place_soon(&self) -> Result<AwsPlace, Refusal> {
        let mut place = self.place.clone();
        // Too late or never: both are told by what is known then.
        let _ = tokio::time::timeout(PLACE_PATIENCE, place.wait_for(Option::is_some)).await;
        self.place()
    }

    /// What AWS refused or did not answer, as the answer to a request that asked for it.
    fn refusal_of(&self, fault: &Fault) -> Refusal {
        let place = self.place.borrow().clone();
        self.advice(place.as_ref()).problem_of(fault).into()
    }

    fn advice<'a>(&'a self, place: Option<&'a AwsPlace>) -> Advice<'a> {
        Advice { place, permissions_boundary: self.settings.permissions_boundary.as_deref() }
    }
}

/// Every route.
pub fn router(api: Api) -> Router {
    let (guarded, _) = guarded().split_for_parts();
    let (open, _) = open().split_for_parts();
    let guarded = guarded.method_not_allowed_fallback(refuse_method);
    let guarded = guarded.route_layer(from_fn_with_state(api.clone(), callers::authenticate));
    open.route("/docs", get(document::go_to_page))
        .route("/docs/", get(document::serve_page))
        .route("/docs/{*name}", get(document::serve_file))
        .method_not_allowed_fallback(refuse_method)
        .merge(guarded)
        .fallback(refuse_path)
        .layer(CatchPanicLayer::custom(answer_panic))
        .layer(from_fn(request_facts::observe))
        .with_state(api)
}

/// The routes of a process that only works: is it alive, is it ready, what are its figures.
pub fn probes(api: Api) -> Router {
    let probes = OpenApiRouter::new()
        .routes(routes!(health::check_liveness))
        .routes(routes!(health::check_readiness))
        .routes(routes!(health::read_metrics));
    let (probes, _) = probes.split_for_parts();
    probes
        .method_not_allowed_fallback(refuse_method)
        .fallback(refuse_path)
        .layer(CatchPanicLayer::custom(answer_panic))
        .layer(from_fn(request_facts::observe))
        .with_state(api)
}

/// The API document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let (_, document) = OpenApiRouter::<Api>::with_openapi(document::Skeleton::openapi())
        .merge(guarded())
        .merge(open())
        .split_for_parts();
    document::finish(document)
}

/// Routes for callers with a token.
fn guarded() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(clusters::create_cluster, clusters::list_clusters))
        .routes(routes!(clusters::get_cluster, update::update_cluster, clusters::delete_cluster))
        .routes(routes!(scaling::scale_cluster))
        .routes(routes!(reboots::reboot_nodes))
        .routes(routes!(care::repair_cluster))
        .routes(routes!(adoption::adopt_cluster))
        .routes(routes!(care::release_cluster))
        .routes(routes!(drift::get_drift))
        .routes(routes!(ingress::open_ingress, ingress::close_ingress))
        .routes(routes!(connections::get_connection))
        .routes(routes!(cluster_events::list_cluster_events))
        .routes(routes!(operations::list_operations))
        .routes(routes!(operations::get_operation))
        .routes(routes!(events::list_operation_events))
        .routes(routes!(event_stream::stream_operation_events))
        .routes(routes!(operations::retry_operation))
        .routes(routes!(service_roles::list_service_roles))
        .routes(routes!(subnet_groups::list_subnet_groups))
        .routes(routes!(parameter_groups::list_parameter_groups))
        .routes(routes!(giving_up::cancel_operation))
        .routes(routes!(giving_up::roll_back_operation))
        .routes(routes!(orphans::list_orphans))
        .routes(routes!(plans::plan_cluster))
        .routes(routes!(preflights::preflight_cluster))
        .routes(routes!(hints::list_hints))
        .routes(routes!(hints::explain_refusal))
}

/// Routes for everybody who reaches the port.
fn open() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(problem_pages::list_problem_types))
        .routes(routes!(problem_pages::get_problem_type))
        .routes(routes!(health::check_liveness))
        .routes(routes!(health::check_readiness))
        .routes(routes!(health::read_metrics))
        .routes(routes!(document::get_openapi))
}

async fn refuse_path() -> Refusal {
    Refusal::new(ProblemCode::NotFound, "there is nothing at this path")
}

async fn refuse_method() -> Refusal {
    Refusal::new(ProblemCode::MethodNotAllowed, "the Allow header lists the methods of this path")
}

/// Answers for a handler that panicked; the panic itself is in the log.
fn answer_panic(_: Box<dyn Any + Send>) -> Response {
    Refusal::new(ProblemCode::Internal, "the service failed; the request id of this answer finds the reason in its log")
        .into_response()
}

#[cfg(test)]
mod tests;
