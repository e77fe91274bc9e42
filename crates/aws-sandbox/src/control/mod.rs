//! The router: AWS on every path except `/_sandbox/`, which is the control API for loopback only.

mod handlers;
mod responses;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::Response;
use axum::middleware;
use axum::routing::{any, get, post, put};

use crate::dispatch;
use crate::sandbox::Sandbox;
use crate::serve::Peer;
use crate::signature::credential_scope;
use crate::wire::fault::ServiceFault;
use crate::wire::reply::{Delivery, Reply};
use crate::wire::service::Service;

/// Body limit in bytes. AWS's control planes accept no larger request; an IAM document has at most
/// 128 KiB.
const BODY_LIMIT: usize = 1024 * 1024;

pub(crate) fn router(sandbox: Sandbox) -> Router {
    let control = Router::new()
        .route(
            "/health",
            get(handlers::get_health).fallback(responses::wrong_method),
        )
        .route(
            "/identities/{access_key_id}",
            put(handlers::put_identity).fallback(responses::wrong_method),
        )
        .route(
            "/faults",
            post(handlers::add_fault)
                .get(handlers::list_faults)
                .delete(handlers::clear_faults)
                .fallback(responses::wrong_method),
        )
        .route(
            "/rate-limits",
            put(handlers::put_rate_limits).fallback(responses::wrong_method),
        )
        .route(
            "/tables/{name}",
            put(handlers::put_table).fallback(responses::wrong_method),
        )
        .route(
            "/subnets/{subnet_id}",
            put(handlers::put_subnet).fallback(responses::wrong_method),
        )
        .route(
            "/security-groups/{group_id}",
            put(handlers::put_security_group).fallback(responses::wrong_method),
        )
        .route(
            "/journal",
            get(handlers::list_calls).fallback(responses::wrong_method),
        )
        .route(
            "/inventory",
            get(handlers::get_inventory).fallback(responses::wrong_method),
        )
        .route(
            "/clock",
            post(handlers::advance_clock).fallback(responses::wrong_method),
        )
        .route(
            "/reset",
            post(handlers::reset).fallback(responses::wrong_method),
        )
        .fallback(any(responses::unknown_path))
        .layer(middleware::from_fn(reject_remote));
    Router::new()
        .nest("/_sandbox", control)
        .fallback(any(aws))
        .with_state(sandbox)
}

/// Rejects other machines and web pages. A page on this machine could otherwise reset the sandbox
/// by submitting a form.
async fn reject_remote(request: Request, next: middleware::Next) -> Response<Body> {
    let is_remote = request
        .extensions()
        .get::<Peer>()
        .is_some_and(|peer| !peer.0.ip().to_canonical().is_loopback());
    if is_remote || request.headers().contains_key("origin") {
        return responses::forbidden();
    }
    next.run(request).await
}

async fn aws(State(sandbox): State<Sandbox>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    match read_body(body).await {
        Ok(body) => dispatch::respond(&sandbox, &parts, body).await,
        Err(error) => {
            let scope = credential_scope(&parts).ok();
            let is_scoped = |service: &Service| {
                scope
                    .as_ref()
                    .is_some_and(|scope| scope.service == service.as_str())
            };
            let service = Service::ALL
                .into_iter()
                .find(is_scoped)
                .unwrap_or(Service::Dax);
            let fault = ServiceFault::new("RequestEntityTooLarge", error);
            Reply::new(service, "", Err(fault)).into_response(Delivery::Complete)
        }
    }
}

/// Reads the body, or returns why it cannot be read.
async fn read_body(body: Body) -> Result<Bytes, String> {
    to_bytes(body, BODY_LIMIT)
        .await
        .map_err(|error| format!("cannot read a body of at most {BODY_LIMIT} bytes: {error}"))
}
