//! Parsing of requests: the service, the operation and its input.

use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use bytes::Bytes;

use crate::wire::fault::ServiceFault;
use crate::wire::form::Form;
use crate::wire::service::Service;

/// The input of an operation, in the form its protocol sends it.
#[derive(Debug, Clone)]
pub(crate) enum Input {
    Json(Bytes),
    Form(Form),
}

/// A request that names a service and an operation; the operation may still be unknown.
#[derive(Debug, Clone)]
pub(crate) struct AwsRequest {
    pub(crate) service: Service,
    pub(crate) operation: String,
    pub(crate) input: Input,
}

/// A request without a supported operation.
///
/// `service` determines the protocol of the response; it is DAX if the request names no service.
#[derive(Debug, Clone)]
pub(crate) struct UnsupportedRequest {
    pub(crate) service: Service,
    pub(crate) fault: ServiceFault,
}

/// Parses a request. `scope_service` is the service in its signature, if it is signed.
pub(crate) fn read(
    parts: &Parts,
    body: &Bytes,
    scope_service: Option<&str>,
) -> Result<AwsRequest, UnsupportedRequest> {
    let scoped = Service::ALL
        .into_iter()
        .find(|service| Some(service.as_str()) == scope_service);
    if let Some(target) = parts.headers.get("x-amz-target") {
        return read_target(target.to_str().unwrap_or_default(), body, scoped);
    }
    let content_type = parts
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let mut form = Form::parse(parts.uri.query().unwrap_or_default().as_bytes());
    if content_type.starts_with("application/x-www-form-urlencoded") {
        form.extend(Form::parse(body));
    }
    read_form(form, scoped, scope_service)
}

fn read_target(
    target: &str,
    body: &Bytes,
    scoped: Option<Service>,
) -> Result<AwsRequest, UnsupportedRequest> {
    let (prefix, operation) = target.split_once('.').unwrap_or((target, ""));
    match Service::ALL
        .into_iter()
        .find(|service| service.target_prefix() == Some(prefix))
    {
        Some(service) => Ok(AwsRequest {
            service,
            operation: operation.to_owned(),
            input: Input::Json(body.clone()),
        }),
        None => {
            let message = format!(
                "Unknown target {target:?}: this sandbox supports AmazonDAXV3 and DynamoDB_20120810"
            );
            let fault = ServiceFault::new("UnknownOperationException", message);
            Err(UnsupportedRequest {
                service: scoped.unwrap_or(Service::Dax),
                fault,
            })
        }
    }
}

fn read_form(
    form: Form,
    scoped: Option<Service>,
    scope_service: Option<&str>,
) -> Result<AwsRequest, UnsupportedRequest> {
    let version = form.text("Version");
    let versioned = Service::ALL
        .into_iter()
        .find(|service| service.version().is_some() && service.version() == version);
    let queried = versioned.or(scoped.filter(|service| service.version().is_some()));
    match (queried, form.text("Action")) {
        (Some(service), Some(action)) => Ok(AwsRequest {
            service,
            operation: action.to_owned(),
            input: Input::Form(form),
        }),
        (Some(service), None) => {
            let fault = ServiceFault::new(
                "MissingAction",
                "The request must contain the parameter Action.",
            );
            Err(UnsupportedRequest { service, fault })
        }
        (None, action) => {
            let requested = action
                .or(scope_service)
                .unwrap_or("neither an X-Amz-Target header nor an Action parameter");
            let message = format!(
                "Unknown operation: {requested}; this sandbox supports DAX, IAM, STS, EC2 and DynamoDB"
            );
            let fault = ServiceFault::new("UnknownOperationException", message);
            Err(UnsupportedRequest {
                service: scoped.unwrap_or(Service::Dax),
                fault,
            })
        }
    }
}
