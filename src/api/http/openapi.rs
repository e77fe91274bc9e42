//! The OpenAPI document and Swagger UI.

use std::sync::{Arc, LazyLock};

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use utoipa::OpenApi;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, HeaderBuilder, Ref, RefOr, Required, ResponseBuilder, Schema};
use utoipa_swagger_ui::Config;

use crate::domain::problems::problem_code::ProblemCode;

use super::problem::{PROBLEM_JSON, Problem};
use crate::api::http::api_error::ApiError;
use crate::api::http::path::PathSegment;
use crate::api::http::query::NoQuery;

/// Name of the security scheme.
const BEARER: &str = "bearer";
/// Content-Security-Policy of Swagger UI; its style sheets embed images as `data:` URLs.
const DOCS_POLICY: &str = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'";

/// Response schemas that omit absent fields. All others always contain every field, as null if
/// absent.
const SPARSE: [&str; 2] = ["Problem", "FieldError"];

/// Schemas of optional request bodies.
const OPTIONAL: [&str; 4] = [
    "RebootRequest",
    "AdoptRequest",
    "EmptyRequest",
    "ApprovalRequest",
];

const DESCRIPTION: &str = "Provisions Amazon DynamoDB Accelerator (DAX) clusters and explains every AWS error.\n\n\
    Every mutation returns 202 with an `Operation`; poll it until it finishes. Operations survive \
    restarts and crashes of the service.\n\n\
    Errors are RFC 9457 problems (`application/problem+json`). Where AWS rejected a call, `hints` \
    contain the fix, with an IAM policy if a permission is missing. Unknown fields and parameters \
    are rejected; all validation errors are returned together. Where the request body is optional, \
    an absent body (with or without a `Content-Type`) is equivalent to `{}`.\n\n\
    Lists are paged by `limit` and `cursor`. Clusters, their events, operations and service roles \
    are listed newest first, the events of one operation oldest first, groups by name. \
    Times are RFC 3339 in UTC. Every response has the headers `X-Request-Id` and `traceparent`.\n\n\
    Paths under `/v1` require a bearer token unless authentication is off. `/healthz`, `/readyz`, \
    `/metrics`, `/problems`, `/openapi.json`, `/openapi-3.0.json` and `/docs` need no authentication.\n\n\
    Later versions can add fields to responses and values to enumerations; clients must accept \
    unknown ones. There is no CORS: a browser application needs a backend.";

/// The parts of the document that belong to no handler.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "dax-provisioner",
        description = DESCRIPTION,
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    components(schemas(Problem)),
    tags(
        (name = "clusters", description = "Managed DAX clusters."),
        (name = "operations", description = "Operations with their steps, events and problems."),
        (name = "events", description = "Events of all operations in one order."),
        (name = "audit", description = "Who did what, and how it was decided."),
        (name = "webhooks", description = "Receivers of events, and what was delivered to them."),
        (name = "inventory", description = "AWS resources that a request can name, and orphans."),
        (name = "organisation", description = "Targets: AWS accounts and Regions."),
        (name = "permissions", description = "Plans, preflights and explanations of AWS errors."),
        (name = "problems", description = "Documentation of the problem types."),
        (name = "service", description = "Health, metrics and the OpenAPI document."),
    )
)]
pub(crate) struct Skeleton;

/// Adds the parts that are common to all operations: the problem response, and the bearer token
/// under `/v1`. Marks all fields of response schemas as required.
pub(crate) fn finish(mut document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    let http = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("dxp_…");
    let description = "A token created by `dax-provisioner token create`.";
    let scheme = SecurityScheme::Http(http.description(Some(description)).build());
    document
        .components
        .get_or_insert_default()
        .add_security_scheme(BEARER, scheme);
    for (path, item) in &mut document.paths.paths {
        for operation in operations(item) {
            operation
                .responses
                .responses
                .insert("default".to_owned(), problem_response());
            if let Some(RefOr::T(body)) = &mut operation.request_body
                && body.content.values().any(is_optional)
            {
                body.required = Some(Required::False);
            }
            if path.starts_with("/v1/") {
                operation.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>(
                    BEARER,
                    [],
                )]);
            }
        }
    }
    for (name, schema) in &mut document.components.get_or_insert_default().schemas {
        let sparse = SPARSE.contains(&name.as_str()) || is_request_schema(name);
        if let RefOr::T(Schema::Object(object)) = schema
            && !sparse
        {
            object.required = object.properties.keys().cloned().collect();
        }
    }
    document
}

/// Whether a schema is that of a request body or of a part of one.
pub(crate) fn is_request_schema(name: &str) -> bool {
    name.ends_with("Request") || name.ends_with("Patch")
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.get,
        &mut item.post,
        &mut item.put,
        &mut item.patch,
        &mut item.delete,
    ]
    .into_iter()
    .flatten()
}

fn is_optional(content: &RefOr<Content>) -> bool {
    let RefOr::T(content) = content else {
        return false;
    };
    OPTIONAL
        .into_iter()
        .any(|name| content.schema == Some(Ref::from_schema_name(name).into()))
}

fn problem_response() -> RefOr<utoipa::openapi::Response> {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    let seconds = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Integer));
    let retry_after = HeaderBuilder::new().schema(Some(seconds)).description(Some(
        "Seconds to wait before a retry; only on temporary errors.",
    ));
    let response = ResponseBuilder::new()
        .description("An error.")
        .content(PROBLEM_JSON, content);
    response
        .header("Retry-After", retry_after.build())
        .build()
        .into()
}

/// Returns this OpenAPI document.
#[utoipa::path(
    get, path = "/openapi.json", tag = "service", operation_id = "get_openapi",
    responses((status = 200, description = "The OpenAPI 3.1 document.", body = Object))
)]
pub(crate) async fn get_openapi(_: NoQuery) -> Response {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        serde_json::to_string(&crate::api::document())
            .expect("a test checks that the OpenAPI document is JSON")
    });
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}

/// Returns this OpenAPI document in version 3.0.3, for tools that do not read 3.1.
#[utoipa::path(
    get, path = "/openapi-3.0.json", tag = "service", operation_id = "get_openapi_3_0",
    responses((status = 200, description = "The OpenAPI 3.0.3 document.", body = Object))
)]
pub(crate) async fn get_openapi_3_0(_: NoQuery) -> Response {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        serde_json::to_string(&crate::api::document().as_version_3_0())
            .expect("a test checks that the OpenAPI document is JSON")
    });
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}

/// Redirects to Swagger UI; the slash matters, because the page names its files relative to itself.
pub(crate) async fn redirect_to_docs() -> Redirect {
    Redirect::permanent("docs/")
}

/// Serves the page of Swagger UI.
pub(crate) async fn serve_docs() -> Result<Response, ApiError> {
    file("")
}

/// Serves a script or style sheet of Swagger UI.
pub(crate) async fn serve_docs_file(PathSegment(name): PathSegment) -> Result<Response, ApiError> {
    file(&name)
}

fn file(name: &str) -> Result<Response, ApiError> {
    // "none" stops the page from sending the document's URL to a public validator. The base layout
    // has no bar that loads other documents.
    static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
        let config = Config::from("../openapi.json");
        Arc::new(config.validator_url("none").use_base_layout())
    });
    let missing = || ApiError::new(ProblemCode::NotFound, "no resource at this path");
    let file = utoipa_swagger_ui::serve(name, CONFIG.clone())
        .ok()
        .flatten()
        .ok_or_else(missing)?;
    let mut headers = HeaderMap::new();
    let media_type = HeaderValue::from_str(&file.content_type);
    headers.insert(
        header::CONTENT_TYPE,
        media_type.unwrap_or(HeaderValue::from_static("application/octet-stream")),
    );
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(DOCS_POLICY),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if file.gzpipped {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok((headers, file.bytes).into_response())
}
