//! Problem pages: what each problem type means, for people.

use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse, Response};

use crate::domain::problems::problem_code::ProblemCode;

use crate::api::http::api_error::ApiError;
use crate::api::http::path::PathSegment;
use crate::api::http::query::Parameters;

/// Lists the problem types, as HTML or as plain text, whichever the caller accepts.
#[utoipa::path(
    get, path = "/problems", tag = "problems", operation_id = "list_problem_types",
    responses((status = 200, description = "A page.", content((String = "text/html"), (String = "text/plain"))))
)]
pub(crate) async fn list_problem_types(
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    parameters.finish()?;
    if wants_html(&headers) {
        let rows = ProblemCode::ALL.map(|code| {
            let word = code.as_str();
            format!(
                "<li><a href=\"/problems/{word}\">{word}</a> ({}): {}</li>\n",
                code.status(),
                html(code.title())
            )
        });
        return Ok(page(
            "Problem types",
            &format!("<ul>\n{}</ul>\n", rows.concat()),
        ));
    }
    let rows = ProblemCode::ALL
        .map(|code| format!("{} ({}): {}\n", code.as_str(), code.status(), code.title()));
    Ok(rows.concat().into_response())
}

/// Tells what a problem type means and what to do, as HTML or as plain text, whichever the caller accepts.
#[utoipa::path(
    get, path = "/problems/{code}", tag = "problems", operation_id = "get_problem_type",
    params(("code" = String, Path, description = "The problem's `code`.")),
    responses((status = 200, description = "A page.", content((String = "text/html"), (String = "text/plain"))))
)]
pub(crate) async fn get_problem_type(
    headers: HeaderMap,
    PathSegment(word): PathSegment,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    parameters.finish()?;
    let missing = || {
        ApiError::new(
            ProblemCode::NotFound,
            format!("there is no problem type {word:?}"),
        )
    };
    let code = ProblemCode::parse(&word).ok_or_else(missing)?;
    let facts = format!(
        "HTTP status {}. {}",
        code.status(),
        if code.retryable() {
            "The same may succeed later."
        } else {
            "The same will fail again."
        }
    );
    if wants_html(&headers) {
        let body = format!(
            "<p>{}</p>\n<p>{facts}</p>\n<p><a href=\"/problems\">All types</a></p>\n",
            html(code.explanation())
        );
        return Ok(page(code.title(), &body));
    }
    Ok(format!("{}\n\n{}\n\n{facts}\n", code.title(), code.explanation()).into_response())
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
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{title}</title></head>\n"
    );
    Html(format!(
        "{head}<body>\n<h1>{title}</h1>\n{body}</body>\n</html>\n"
    ))
    .into_response()
}

/// A text of ours as HTML; what stands between backticks is code.
fn html(text: &str) -> String {
    let escaped = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let parts = escaped.split('`').enumerate();
    parts
        .map(|(at, part)| {
            if at % 2 == 1 {
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
    fn texts_become_html() {
        assert_eq!(
            html("Send `Bearer <token>` & go."),
            "Send <code>Bearer &lt;token&gt;</code> &amp; go."
        );
        for code in ProblemCode::ALL {
            assert_eq!(code.explanation().matches('`').count() % 2, 0, "{code:?}");
        }
    }
}
