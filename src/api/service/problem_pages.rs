//! Problem pages: the documentation of each problem type.

use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse, Response};
use strum::VariantArray;

use crate::domain::problems::problem_code::ProblemCode;

use crate::api::http::api_error::ApiError;
use crate::api::http::path::PathSegment;
use crate::api::http::query::NoQuery;

/// Lists the problem types, as HTML or plain text by the Accept header.
#[utoipa::path(
    get, path = "/problems", tag = "problems", operation_id = "list_problem_types",
    responses((
        status = 200,
        description = "The problem types.",
        content((String = "text/html"), (String = "text/plain")),
    ))
)]
pub(crate) async fn list_problem_types(headers: HeaderMap, _: NoQuery) -> Response {
    if wants_html(&headers) {
        let rows = ProblemCode::VARIANTS.iter().map(|code| {
            let name = code.as_str();
            format!(
                "<li><a href=\"/problems/{name}\">{name}</a> ({}): {}</li>\n",
                code.status(),
                html(code.title())
            )
        });
        return page(
            "Problem types",
            &format!("<ul>\n{}</ul>\n", rows.collect::<String>()),
        );
    }
    let rows = ProblemCode::VARIANTS
        .iter()
        .map(|code| format!("{} ({}): {}\n", code.as_str(), code.status(), code.title()));
    rows.collect::<String>().into_response()
}

/// Describes a problem type and its fix, as HTML or plain text by the Accept header.
#[utoipa::path(
    get, path = "/problems/{code}", tag = "problems", operation_id = "get_problem_type",
    params(("code" = String, Path, description = "`code` of the problem.", example = "invalid_request")),
    responses((
        status = 200,
        description = "The problem type.",
        content((String = "text/html"), (String = "text/plain")),
    ))
)]
pub(crate) async fn get_problem_type(
    headers: HeaderMap,
    PathSegment(name): PathSegment,
    _: NoQuery,
) -> Result<Response, ApiError> {
    let missing = || {
        ApiError::new(
            ProblemCode::NotFound,
            format!("there is no problem type {name:?}"),
        )
    };
    let code = name.parse::<ProblemCode>().map_err(|_| missing())?;
    let summary = format!(
        "HTTP status {}. {}",
        code.status(),
        if code.retryable() {
            "Retryable."
        } else {
            "Not retryable without a change."
        }
    );
    if wants_html(&headers) {
        let body = format!(
            "<p>{}</p>\n<p>{summary}</p>\n<p><a href=\"/problems\">All types</a></p>\n",
            html(code.explanation())
        );
        return Ok(page(code.title(), &body));
    }
    Ok(format!("{}\n\n{}\n\n{summary}\n", code.title(), code.explanation()).into_response())
}

fn wants_html(headers: &HeaderMap) -> bool {
    let accepted = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok());
    accepted
        .flat_map(|value| value.split(','))
        .any(|media| media.trim().starts_with("text/html"))
}

fn page(title: &str, body: &str) -> Response {
    let title = html(title);
    let head = format!(
        "<!doctype html>\n<html lang=\"en\">\n\
         <head><meta charset=\"utf-8\"><title>{title}</title></head>\n"
    );
    Html(format!(
        "{head}<body>\n<h1>{title}</h1>\n{body}</body>\n</html>\n"
    ))
    .into_response()
}

/// A trusted text as HTML: special characters escaped, text in backticks as code.
fn html(text: &str) -> String {
    let escaped = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let parts = escaped.split('`').enumerate();
    parts
        .map(|(index, part)| {
            if index % 2 == 1 {
                format!("<code>{part}</code>")
            } else {
                part.to_owned()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_rendered_as_html() {
        assert_eq!(
            html("Send `Bearer <token>` & go."),
            "Send <code>Bearer &lt;token&gt;</code> &amp; go."
        );
        for code in ProblemCode::VARIANTS {
            assert_eq!(code.explanation().matches('`').count() % 2, 0, "{code:?}");
        }
    }
}
