//! Responses of the control API: JSON, with errors as `{"error": "…"}`.

use axum::body::Body;
use axum::extract::OriginalUri;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Method, Response, StatusCode};
use serde::Serialize;
use serde_json::json;

pub(crate) fn json_response<T: Serialize>(status: StatusCode, body: &T) -> Response<Body> {
    let (status, body) = match serde_json::to_vec(body) {
        Ok(body) => (status, body),
        Err(error) => {
            let body = json!({"error": format!("cannot serialize the response: {error}")})
                .to_string()
                .into_bytes();
            (StatusCode::INTERNAL_SERVER_ERROR, body)
        }
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

pub(crate) fn error_response(status: StatusCode, error: &str) -> Response<Body> {
    json_response(status, &json!({"error": error}))
}

pub(crate) fn no_content() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

pub(crate) fn forbidden() -> Response<Body> {
    error_response(
        StatusCode::FORBIDDEN,
        "the control API is available on this machine only, and not to web pages",
    )
}

pub(crate) async fn unknown_path(OriginalUri(uri): OriginalUri) -> Response<Body> {
    let error = format!(
        "no resource at {}; use health, identities/{{access_key_id}}, faults, rate-limits, tables/{{name}}, subnets/{{id}}, security-groups/{{id}}, journal, inventory, clock or reset",
        uri.path()
    );
    error_response(StatusCode::NOT_FOUND, &error)
}

pub(crate) async fn wrong_method(method: Method, OriginalUri(uri): OriginalUri) -> Response<Body> {
    error_response(
        StatusCode::METHOD_NOT_ALLOWED,
        &format!("method {method} is not allowed for {}", uri.path()),
    )
}
