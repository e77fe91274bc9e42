//! The router: AWS on every path except `/_sandbox/`, which is the control API for loopback only.

mod handlers;
mod responses;

use std::net::IpAddr;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response, header};
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
    let is_foreign = |host: &HeaderValue| !host.to_str().is_ok_and(is_local_or_address);
    let is_remote = request
        .extensions()
        .get::<Peer>()
        .is_some_and(|peer| !peer.0.ip().to_canonical().is_loopback());
    let headers = request.headers();
    let is_page = headers.contains_key(header::ORIGIN)
        || headers.get_all(header::HOST).iter().any(is_foreign);
    if is_remote || is_page {
        return responses::forbidden();
    }
    next.run(request).await
}

/// Whether a `Host` needs no DNS to resolve. A page of any site can use a host name of its own that
/// resolves to loopback (DNS rebinding); its browser then sends no `Origin`.
fn is_local_or_address(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok()
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
