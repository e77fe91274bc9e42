//! Document: the OpenAPI description of this door, and the page that shows it.

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
use crate::api::http::query::Parameters;

/// The name of the security scheme.
const BEARER: &str = "bearer";
/// What the page may load: itself, and images that its styles carry with them.
const PAGE_POLICY: &str = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'";

/// Schemas of answers that leave out what they do not have. All others always carry every field, null where there is
/// nothing to say.
const SPARSE: [&str; 2] = ["Problem", "FieldError"];

/// Schemas of bodies that may be left out.
const LEFT_OUT: [&str; 3] = ["RebootRequest", "AdoptRequest", "EmptyRequest"];

const DESCRIPTION: &str = "Provisions Amazon DynamoDB Accelerator (DAX) clusters, and explains every refusal.\n\n\
    Every mutation answers 202 with an `Operation`; read it until it is finished. It survives crashes of the service.\n\n\
    Errors are RFC 9457 problems (`application/problem+json`). Where AWS refused something, `hints` say what to do, with \
    an IAM policy that does it. Unknown fields and parameters are refused; all broken rules are told at once. \
    Where a body may be left out, none (without a `Content-Type`, too) and `{}` are the same request.\n\n\
    Lists are newest first and paged by `limit` and `cursor`. Times are RFC 3339 in UTC. Every answer carries \
    `X-Request-Id` and `traceparent`. All of `/v1` wants a bearer token unless authentication is switched off; \
    `/healthz`, `/readyz`, `/metrics`, `/problems`, `/openapi.json` and `/docs` are open to all who reach the port.";

/// The parts of the document that no handler speaks of.
#[derive(OpenApi)]
#[openapi(
    info(title = "dax-provisioner", description = DESCRIPTION, license(name = "Apache-2.0", identifier = "Apache-2.0")),
    components(schemas(Problem)),
    tags(
        (name = "clusters", description = "DAX clusters under management."),
        (name = "operations", description = "What is being done, has been done, and why it stopped."),
        (name = "inventory", description = "What exists in AWS because of this service."),
        (name = "permissions", description = "What would be done and what would stop it, told before; what was refused, explained."),
        (name = "problems", description = "What the problem types mean."),
        (name = "service", description = "The service itself."),
    )
)]
pub(crate) struct Skeleton;

/// Adds what every operation has: the problem as its other answer, and the token where one is wanted; and says of answers
/// that they are complete.
pub(crate) fn finish(mut document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    let http = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("dxp_…");
    let about = "A token made by `dax-provisioner token create`.";
    let scheme = SecurityScheme::Http(http.description(Some(about)).build());
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
                && body.content.values().any(can_be_left_out)
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
        let sparse =
            SPARSE.contains(&name.as_str()) || name.ends_with("Request") || name.ends_with("Patch");
        if let RefOr::T(Schema::Object(object)) = schema
            && !sparse
        {
            object.required = object.properties.keys().cloned().collect();
        }
    }
    document
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

fn can_be_left_out(content: &RefOr<Content>) -> bool {
    let RefOr::T(content) = content else {
        return false;
    };
    LEFT_OUT
        .into_iter()
        .any(|name| content.schema == Some(Ref::from_schema_name(name).into()))
}

fn problem_response() -> RefOr<utoipa::openapi::Response> {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    let seconds = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Integer));
    let timing = HeaderBuilder::new()
        .schema(Some(seconds))
        .description(Some("In how many seconds to come back, if it passes."));
    let response = ResponseBuilder::new()
        .description("Any refusal.")
        .content(PROBLEM_JSON, content);
    response
        .header("Retry-After", timing.build())
        .build()
        .into()
}

/// Serves the API document.
#[utoipa::path(
    get, path = "/openapi.json", tag = "service", operation_id = "get_openapi",
    responses((status = 200, description = "OpenAPI 3.1.", body = Object))
)]
pub(crate) async fn get_openapi(parameters: Parameters) -> Result<Response, ApiError> {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        crate::api::openapi()
            .to_json()
            .expect("an API document is JSON, which a test checks")
    });
    parameters.finish()?;
    Ok(([(header::CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response())
}

/// Sends the caller to the page; its files are named relative to it.
pub(crate) async fn go_to_page() -> Redirect {
    Redirect::permanent("docs/")
}

/// Serves the page.
pub(crate) async fn serve_page() -> Result<Response, ApiError> {
    file("")
}

/// Serves one of the page's files.
pub(crate) async fn serve_file(PathSegment(name): PathSegment) -> Result<Response, ApiError> {
    file(&name)
}

fn file(name: &str) -> Result<Response, ApiError> {
    // Without "none" the page would send the address of our document to a validator in the internet.
    static CONFIG: LazyLock<Arc<Config<'static>>> =
        LazyLock::new(|| Arc::new(Config::from("../openapi.json").validator_url("none")));
    let missing = || ApiError::new(ProblemCode::NotFound, "the page has no such file");
    let file = utoipa_swagger_ui::serve(name, CONFIG.clone())
        .ok()
        .flatten()
        .ok_or_else(missing)?;
    let mut headers = HeaderMap::new();
    let media = HeaderValue::from_str(&file.content_type);
    headers.insert(
        header::CONTENT_TYPE,
        media.unwrap_or(HeaderValue::from_static("application/octet-stream")),
    );
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(PAGE_POLICY),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if file.gzpipped {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok((headers, file.bytes.into_owned()).into_response())
}
