//! Answers of the control API: JSON, and errors that say what is wrong.

use axum::body::Body;
use axum::extract::OriginalUri;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Method, Response, StatusCode};
use serde::Serialize;
use serde_json::json;

/// A JSON answer.
pub(crate) fn answer<T: Serialize>(status: StatusCode, body: &T) -> Response<Body> {
    let (status, body) = match serde_json::to_vec(body) {
        Ok(body) => (status, body),
        Err(error) => {
            let body = json!({"error": format!("writing the answer: {error}")})
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

/// An answer that says what is wrong.
pub(crate) fn refuse(status: StatusCode, error: &str) -> Response<Body> {
    answer(status, &json!({"error": error}))
}

/// An answer without content.
pub(crate) fn done() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

pub(crate) fn forbidden() -> Response<Body> {
    refuse(
        StatusCode::FORBIDDEN,
        "the control API answers this machine only, and no pages in a browser",
    )
}

pub(crate) async fn unknown_path(OriginalUri(uri): OriginalUri) -> Response<Body> {
    let error = format!(
        "nothing is at {}; there are health, identities/{{access_key_id}}, faults, tables/{{name}}, subnets/{{id}}, journal, inventory, clock and reset",
        uri.path()
    );
    refuse(StatusCode::NOT_FOUND, &error)
}

pub(crate) async fn wrong_method(method: Method, OriginalUri(uri): OriginalUri) -> Response<Body> {
    refuse(
        StatusCode::METHOD_NOT_ALLOWED,
        &format!("{method} is not for {}", uri.path()),
    )
}
