//! The HTTP API, in layer 3. It depends on `operations`, `inspections`, `store`,
//! `outgoing` and `domain`. It must not depend on `aws` or `worker`.
//!
//! A handler parses and validates its request, calls a lower layer, and renders the result in the
//! shapes of the API. Every error is a [`Problem`](http::problem::Problem); its hints are looked up
//! when it is rendered.

use std::any::Any;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::authorization::Rules;
use crate::domain::condition::Condition;
use crate::domain::ingress::AllowedSources;
use crate::domain::problems::problem_code::ProblemCode;
use crate::oidc::Issuers;
use crate::outgoing::secrets::SecretsKey;
use crate::store::Store;

mod access;
mod audit;
mod clusters;
mod enum_schemas;
mod events;
pub mod http;
mod inventory;
mod operations;
mod organisation;
mod permissions;
mod service;
pub mod targets;
mod webhooks;

use audit::recording::OperationIds;
use http::address::TrustedProxies;
use http::api_error::ApiError;
use http::shares::Shares;
use targets::Targets;

/// Default limit of a request body, in bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// State of the HTTP API, shared by all handlers. Every layer of the router copies it for each request.
#[derive(Clone)]
pub struct Api(Arc<ApiState>);

impl Deref for Api {
    type Target = ApiState;

    fn deref(&self) -> &ApiState {
        &self.0
    }
}

/// What handlers share.
#[derive(Clone)]
pub struct ApiState {
    /// Access to the database.
    pub store: Store,
    /// The targets; empty until the database or the configuration has returned them.
    pub targets: watch::Receiver<Targets>,
    /// What governs the installation.
    pub rules: watch::Receiver<Arc<Rules>>,
    /// The identity providers whose tokens are accepted.
    pub issuers: Issuers,
    /// Condition of the installation, as last read.
    pub condition: watch::Receiver<Condition>,
    /// Settings of the operator.
    pub settings: Arc<ApiSettings>,
    /// Renders the metrics of this process.
    pub metrics: PrometheusHandle,
    /// Cancelled when shutdown starts; waiting requests return at once then.
    pub shutdown: CancellationToken,
    known_projects: Arc<access::KnownProjects>,
    counts: Arc<audit::counts::Counts>,
    waiters: Shares,
    streams: Shares,
    places: Arc<http::load::Places>,
    readiness: Arc<service::health::LastReadiness>,
}

/// Settings of the HTTP API.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// Whether callers must send a bearer token.
    pub authentication: Authentication,
    /// The networks that ingress rules may admit.
    pub ingress_sources: AllowedSources,
    /// The key that encrypts the secrets of webhooks; without it none can be created.
    pub secrets_key: Option<SecretsKey>,
    /// The proxies whose `X-Forwarded-For` counts as the address of the client.
    pub trusted_proxies: TrustedProxies,
    /// Limit of a request body, in bytes.
    pub max_body_bytes: usize,
    /// Requests that run at the same time.
    pub requests_max: usize,
    /// Interval between two sweeps of the workers; `/readyz` warns of a longer one.
    pub sweep_interval: Duration,
    /// Whether the API serves `/metrics`, rather than a listener of its own.
    pub serves_metrics: bool,
    /// Whether `/readyz` fails while the database can lose committed transactions.
    pub durability_required: bool,
}

/// Whether callers must send a bearer token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// Every request under `/v1` needs a token.
    On,
    /// Every caller has full access; only for servers on loopback.
    Off,
}

impl Default for ApiSettings {
    fn default() -> Self {
        Self {
            authentication: Authentication::On,
            ingress_sources: AllowedSources::default(),
            secrets_key: None,
            trusted_proxies: TrustedProxies::default(),
            max_body_bytes: BODY_BYTES_MAX,
            requests_max: http::load::REQUESTS_MAX,
            sweep_interval: Duration::from_secs(300),
            serves_metrics: true,
            durability_required: true,
        }
    }
}

impl Api {
    /// Creates the API state.
    pub fn new(
        store: Store,
        targets: watch::Receiver<Targets>,
        condition: watch::Receiver<Condition>,
        settings: ApiSettings,
        metrics: PrometheusHandle,
        shutdown: CancellationToken,
    ) -> Self {
        Self(Arc::new(ApiState {
            store,
            targets,
            condition,
            metrics,
            shutdown,
            rules: watch::channel(Arc::default()).1,
            issuers: Issuers::default(),
            known_projects: Arc::default(),
            counts: Arc::default(),
            waiters: Shares::new(http::prefer::WAITERS_MAX),
            streams: Shares::new(http::sse::STREAMS_MAX),
            places: Arc::new(http::load::Places::new(settings.requests_max)),
            readiness: Arc::default(),
            settings: Arc::new(settings),
        }))
    }
}

impl Api {
    /// Whether many requests run in this process, so that other work should wait.
    pub fn is_busy(&self) -> watch::Receiver<bool> {
        self.places.is_busy()
    }

    /// The same API, governed by these rules, for callers of these identity providers.
    pub fn governed_by(self, rules: watch::Receiver<Arc<Rules>>, issuers: Issuers) -> Self {
        Self(Arc::new(ApiState {
            rules,
            issuers,
            ..Arc::unwrap_or_clone(self.0)
        }))
    }
}

/// The router of the whole API.
pub fn router(api: Api) -> Router {
    let (authenticated, document) = authenticated_routes().split_for_parts();
    let ids = Arc::new(OperationIds::of(&document));
    let (public, _) = public_routes(api.settings.serves_metrics).split_for_parts();
    let authenticated = authenticated.method_not_allowed_fallback(reject_method);
    let authenticated = authenticated.route_layer(from_fn_with_state(
        api.clone(),
        http::authentication::authenticate,
    ));
    let admit = from_fn_with_state(api.clone(), http::load::admit);
    let authenticated = authenticated.route_layer(admit);
    let routes = public
        .route("/docs", get(http::openapi::redirect_to_docs))
        .route("/docs/", get(http::openapi::serve_docs))
        .route("/docs/{*name}", get(http::openapi::serve_docs_file))
        .method_not_allowed_fallback(reject_method)
        .merge(authenticated);
    complete(routes, api, ids)
}

/// The router of liveness and readiness, and of metrics if they are served here.
pub fn probes(api: Api, metrics: bool) -> Router {
    let (probes, _) = probe_routes(metrics).split_for_parts();
    let probes = probes.method_not_allowed_fallback(reject_method);
    complete(probes, api, Arc::default())
}

/// Adds what applies to every path, known or not.
fn complete(routes: Router<Api>, api: Api, ids: Arc<OperationIds>) -> Router {
    let audit = from_fn_with_state((api.clone(), ids), audit::recording::audit);
    let check_host = from_fn_with_state(api.clone(), http::authentication::check_host);
    routes
        .fallback(reject_path)
        .layer(CatchPanicLayer::custom(panic_response))
        .layer(check_host)
        .layer(audit)
        .layer(from_fn(http::request_context::observe))
        .with_state(api)
}

/// The OpenAPI 3.1 document of the API, as it is published.
pub fn document() -> http::document::Document {
    http::document::Document::of(&openapi())
}

/// The OpenAPI document as the handlers describe it; its schemas validate the requests.
fn openapi() -> utoipa::openapi::OpenApi {
    let (_, document) = OpenApiRouter::<Api>::with_openapi(http::openapi::Skeleton::openapi())
        .merge(authenticated_routes())
        .merge(public_routes(true))
        .split_for_parts();
    http::openapi::finish(document)
}

/// Routes that require a bearer token.
fn authenticated_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(
            clusters::create::create_cluster,
            clusters::read::list_clusters
        ))
        .routes(routes!(
            clusters::read::get_cluster,
            clusters::update::update_cluster,
            clusters::delete::delete_cluster
        ))
        .routes(routes!(clusters::scale::scale_cluster))
        .routes(routes!(clusters::reboot::reboot_nodes))
        .routes(routes!(clusters::repair::repair_cluster))
        .routes(routes!(clusters::adopt::adopt_cluster))
        .routes(routes!(clusters::release::release_cluster))
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
        .routes(routes!(events::list::list_events))
        .routes(routes!(events::stream::stream_events))
        .routes(routes!(operations::read::retry_operation))
        .routes(routes!(inventory::node_types::list_node_types))
        .routes(routes!(inventory::service_roles::list_service_roles))
        .routes(routes!(inventory::subnet_groups::list_subnet_groups))
        .routes(routes!(inventory::parameter_groups::list_parameter_groups))
        .routes(routes!(operations::cancel::cancel_operation))
        .routes(routes!(operations::approve::approve_operation))
        .routes(routes!(operations::approve::reject_operation))
        .routes(routes!(operations::cancel::roll_back_operation))
        .routes(routes!(inventory::orphans::list_orphans))
        .routes(routes!(organisation::me::get_me))
        .routes(routes!(organisation::authorizations::authorize_request))
        .routes(routes!(organisation::targets::list_targets))
        .routes(routes!(organisation::targets::get_target))
        .routes(routes!(organisation::targets::check_target))
        .routes(routes!(permissions::plans::plan_cluster))
        .routes(routes!(permissions::change_plans::plan_change))
        .routes(routes!(permissions::preflights::preflight_cluster))
        .routes(routes!(permissions::hints::list_hints))
        .routes(routes!(permissions::explain::explain_refusal))
        .routes(routes!(audit::list::list_audit))
        .merge(webhook_routes())
}

fn webhook_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(
            webhooks::create::create_webhook,
            webhooks::read::list_webhooks
        ))
        .routes(routes!(
            webhooks::read::get_webhook,
            webhooks::change::update_webhook,
            webhooks::change::delete_webhook
        ))
        .routes(routes!(webhooks::create::rotate_webhook_secret))
        .routes(routes!(webhooks::deliveries::list_webhook_deliveries))
        .routes(routes!(webhooks::deliveries::redeliver_webhook_delivery))
        .routes(routes!(webhooks::deliveries::test_webhook))
}

/// Routes that need no authentication.
fn public_routes(metrics: bool) -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(service::problem_pages::list_problem_types))
        .routes(routes!(service::problem_pages::get_problem_type))
        .merge(probe_routes(metrics))
        .routes(routes!(http::openapi::get_openapi))
        .routes(routes!(http::openapi::get_openapi_3_0))
}

fn probe_routes(metrics: bool) -> OpenApiRouter<Api> {
    let probes = OpenApiRouter::new()
        .routes(routes!(service::health::check_liveness))
        .routes(routes!(service::health::check_readiness));
    if metrics {
        probes.routes(routes!(service::health::read_metrics))
    } else {
        probes
    }
}

async fn reject_path() -> ApiError {
    ApiError::new(ProblemCode::NotFound, "no resource at this path")
}

async fn reject_method() -> ApiError {
    ApiError::new(
        ProblemCode::MethodNotAllowed,
        "the `Allow` header lists the methods of this path",
    )
}

/// The response for a handler that panicked. The panic message is only in the log.
fn panic_response(_: Box<dyn Any + Send>) -> Response {
    ApiError::new(
        ProblemCode::Internal,
        "internal error; search the service log for this response's request ID",
    )
    .into_response()
}

#[cfg(test)]
mod tests;
