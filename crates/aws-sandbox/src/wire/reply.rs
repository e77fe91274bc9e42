//! Responses: a result or a fault in the service's protocol, and the faults of its delivery.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use bytes::Bytes;
use serde::Serialize;
use serde_json::json;

use crate::wire::codes;
use crate::wire::fault::ServiceFault;
use crate::wire::service::{Protocol, Service};
use crate::wire::xml;

/// Time for half a body to reach the client before the connection is cut.
const CUT_AFTER: Duration = Duration::from_millis(20);

/// The result of an operation, in the form its protocol sends it.
#[derive(Debug, Clone)]
pub(crate) enum Output {
    Json(Vec<u8>),
    /// The elements inside the response.
    Xml(String),
}

/// How a response reaches the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    Complete,
    /// The connection is dropped without a response.
    Lost,
    /// The connection is dropped after half of the body.
    Cut,
    /// The body is replaced by invalid bytes, with HTTP 200.
    Garbled,
}

/// Response extension: `serve` drops the connection instead of sending the response.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DropConnection;

/// A response before its delivery.
#[derive(Debug)]
pub(crate) struct Reply {
    status: u16,
    content_type: &'static str,
    error_code: Option<String>,
    request_id: String,
    body: Vec<u8>,
}

impl Reply {
    /// The response to a call of `operation`, with a new request ID.
    pub(crate) fn new(
        service: Service,
        operation: &str,
        result: Result<Output, ServiceFault>,
    ) -> Reply {
        let request_id = uuid::Uuid::new_v4().to_string();
        let rendered =
            result.and_then(|output| render_output(service, operation, output, &request_id));
        match rendered {
            Ok(body) => Reply {
                status: 200,
                content_type: content_type(service),
                error_code: None,
                request_id,
                body,
            },
            Err(fault) => Reply {
                status: codes::status(service, &fault.code),
                content_type: content_type(service),
                body: render_fault(service, &fault, &request_id),
                error_code: Some(fault.code.into_owned()),
                request_id,
            },
        }
    }

    /// The HTTP response for this delivery.
    pub(crate) fn into_response(self, delivery: Delivery) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        let mut insert = |name: &'static str, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        insert("x-amzn-requestid", &self.request_id);
        if let Some(code) = &self.error_code {
            insert("x-amzn-errortype", code);
        }
        match delivery {
            Delivery::Complete => *response.body_mut() = Body::from(self.body),
            Delivery::Lost => {
                response.extensions_mut().insert(DropConnection);
                *response.body_mut() = cut_body(Bytes::new());
            }
            Delivery::Cut => {
                response
                    .headers_mut()
                    .insert(CONTENT_LENGTH, HeaderValue::from(self.body.len()));
                let half = self.body.len() / 2;
                *response.body_mut() = cut_body(Bytes::from(self.body).slice(..half));
            }
            Delivery::Garbled => {
                *response.status_mut() = StatusCode::OK;
                *response.body_mut() = Body::from(&b"\xff\xfe{]<sandbox garbage>\x00"[..]);
            }
        }
        response
    }
}

/// A body that fails after its first part, so that the server cuts the connection.
fn cut_body(part: Bytes) -> Body {
    let parts = futures_util::stream::unfold(Some(part), |next| async move {
        match next {
            Some(part) if !part.is_empty() => {
                Some((Ok::<Bytes, std::io::Error>(part), Some(Bytes::new())))
            }
            Some(_) => {
                tokio::time::sleep(CUT_AFTER).await;
                Some((
                    Err(std::io::Error::other("a fault rule cut this response")),
                    None,
                ))
            }
            None => None,
        }
    });
    Body::from_stream(parts)
}

fn content_type(service: Service) -> &'static str {
    match service.protocol() {
        Protocol::Json { content_type } => content_type,
        Protocol::Query { .. } => "text/xml",
        Protocol::Ec2 { .. } => "text/xml;charset=UTF-8",
    }
}

fn render_output(
    service: Service,
    operation: &str,
    output: Output,
    request_id: &str,
) -> Result<Vec<u8>, ServiceFault> {
    let text = match (output, service.protocol()) {
        (Output::Json(body), _) => return Ok(body),
        (Output::Xml(inner), Protocol::Ec2 { namespace }) => format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{operation}Response xmlns=\"{namespace}\">\
             <requestId>{request_id}</requestId>{inner}</{operation}Response>"
        ),
        (Output::Xml(inner), Protocol::Query { namespace }) => format!(
            "<{operation}Response xmlns=\"{namespace}\">{inner}<ResponseMetadata><RequestId>{request_id}</RequestId>\
             </ResponseMetadata></{operation}Response>"
        ),
        (Output::Xml(inner), Protocol::Json { .. }) => inner,
    };
    Ok(text.into_bytes())
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct XmlError<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'static str>,
    code: &'a str,
    message: &'a str,
}

fn render_fault(service: Service, fault: &ServiceFault, request_id: &str) -> Vec<u8> {
    let sender = if codes::status(service, &fault.code) >= 500 {
        "Receiver"
    } else {
        "Sender"
    };
    let (code, message) = (&*fault.code, fault.message.as_str());
    let text = match service.protocol() {
        Protocol::Json { .. } => {
            let prefix = if service == Service::DynamoDb {
                "com.amazonaws.dynamodb.v20120810#"
            } else {
                ""
            };
            json!({"__type": format!("{prefix}{code}"), "message": message}).to_string()
        }
        Protocol::Query { namespace } => {
            let error = xml_error(&XmlError {
                r#type: Some(sender),
                code,
                message,
            });
            format!(
                "<ErrorResponse xmlns=\"{namespace}\">{error}<RequestId>{request_id}</RequestId></ErrorResponse>"
            )
        }
        Protocol::Ec2 { .. } => {
            let error = xml_error(&XmlError {
                r#type: None,
                code,
                message,
            });
            format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
                 <Response><Errors>{error}</Errors><RequestID>{request_id}</RequestID></Response>"
            )
        }
    };
    text.into_bytes()
}

fn xml_error(error: &XmlError<'_>) -> String {
    // Strings always serialise; an empty element would still be well-formed XML.
    xml::element("Error", error).unwrap_or_else(|_| "<Error/>".to_owned())
}
