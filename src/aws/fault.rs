//! Classification of SDK errors. The tables of AWS error codes are in `codes`.

use std::error::Error;

use aws_sdk_iam::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::domain::problems::fault::{AwsError, Fault, FaultClass};

use super::budget::OverBudget;

use codes::classify;

mod codes;

/// Maximum length of a stored AWS error message.
const MESSAGE_BYTES_MAX: usize = 4_096;

/// Parts of the codes by which AWS services report throttling.
const THROTTLING: [&str; 5] = [
    "Throttl",
    "RequestLimitExceeded",
    "TooManyRequests",
    "RateExceeded",
    "SlowDown",
];

/// A call, as described in its fault.
pub(super) struct Call {
    service: &'static str,
    operation: &'static str,
    target_arn: Option<String>,
    mutates: bool,
}

impl Call {
    /// A call that only reads, so a lost response leaves no unknown effect.
    pub(super) fn read(
        service: &'static str,
        operation: &'static str,
        target_arn: Option<String>,
    ) -> Self {
        Self {
            service,
            operation,
            target_arn,
            mutates: false,
        }
    }

    /// A call that changes a resource.
    pub(super) fn mutation(
        service: &'static str,
        operation: &'static str,
        target_arn: Option<String>,
    ) -> Self {
        Self {
            service,
            operation,
            target_arn,
            mutates: true,
        }
    }

    /// Sends a request, and returns its response or its fault.
    pub(super) async fn response<T, E>(
        &self,
        sent: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, Fault>
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        sent.await.map_err(|error| self.fault(&error))
    }

    /// The same for a request that reads one resource. `None` if AWS says that it does not exist.
    pub(super) async fn found<T, E>(
        &self,
        sent: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<Option<T>, Fault>
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        match self.response(sent).await {
            Ok(response) => Ok(Some(response)),
            Err(fault) if fault.class == FaultClass::NotFound => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// A member of a successful response that the API model defines; without it, the response is a
    /// fault.
    pub(super) fn member<T>(&self, member: Option<T>, name: &str) -> Result<T, Fault> {
        member.ok_or_else(|| {
            let class = if self.mutates {
                FaultClass::Ambiguous
            } else {
                FaultClass::Transient
            };
            let Self {
                service, operation, ..
            } = self;
            let detail = format!("the response to {service} {operation} has no {name}");
            Fault::new(class, detail)
        })
    }

    /// The fault of an SDK error.
    pub(super) fn fault<E>(&self, error: &SdkError<E, HttpResponse>) -> Fault
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        // The rest is compiled once, not for each operation of AWS.
        let any: &(dyn Error + 'static) = error;
        let (class, code, message) = match error {
            SdkError::ServiceError(response) => rejection(
                response.err().code().unwrap_or_default(),
                response.err().message().unwrap_or_default(),
                response.raw().status().as_u16(),
            ),
            SdkError::TimeoutError(_) => (
                FaultClass::Ambiguous,
                "Timeout".to_owned(),
                "the call timed out".to_owned(),
            ),
            SdkError::ConstructionFailure(_) => {
                (FaultClass::Invalid, "Unsendable".to_owned(), chain(any))
            }
            SdkError::DispatchFailure(_) => {
                let (class, code) = classify_dispatch_failure(any);
                (class, code.to_owned(), chain(any))
            }
            // An unreadable response, or a variant of a later SDK.
            _ => (
                FaultClass::Ambiguous,
                "UnreadableAnswer".to_owned(),
                chain(any),
            ),
        };
        self.fault_with(class, code, message, error.request_id())
    }

    fn fault_with(
        &self,
        class: FaultClass,
        code: String,
        message: String,
        request_id: Option<&str>,
    ) -> Fault {
        let class = if self.mutates || class != FaultClass::Ambiguous {
            class
        } else {
            FaultClass::Transient
        };
        let detail = describe(self, class, &code);
        let aws_error = AwsError {
            service: self.service.to_owned(),
            operation: self.operation.to_owned(),
            code,
            message: truncate(message),
            request_id: request_id.map(str::to_owned),
            target_arn: self.target_arn.clone(),
        };
        Fault {
            aws: Some(aws_error),
            ..Fault::new(class, detail)
        }
    }
}

/// The class, code and message of an error response.
fn rejection(code: &str, message: &str, status: u16) -> (FaultClass, String, String) {
    if code.is_empty() {
        let message = "the error response has no code".to_owned();
        return (FaultClass::Ambiguous, format!("Http{status}"), message);
    }
    let class = classify(code, message, status);
    (class, code.to_owned(), message.to_owned())
}

/// The code of a call that was not sent because there are no credentials; the message is the SDK's
/// reason.
pub const NO_CREDENTIALS: &str = "NoCredentials";

/// Limits the length of a message, which is stored and shown.
fn truncate(mut message: String) -> String {
    if message.len() > MESSAGE_BYTES_MAX {
        let end = (0..=MESSAGE_BYTES_MAX)
            .rev()
            .find(|&at| message.is_char_boundary(at))
            .unwrap_or(0);
        message.truncate(end);
        message.push('…');
    }
    message
}

/// The class and code of a request without a response. It is transient if it cannot have reached
/// AWS.
fn classify_dispatch_failure(error: &(dyn Error + 'static)) -> (FaultClass, &'static str) {
    let mut cause = Some(error);
    while let Some(current) = cause {
        if current.is::<OverBudget>() {
            return (FaultClass::Throttled, "OverBudget");
        }
        if current.is::<aws_credential_types::provider::error::CredentialsError>() {
            return (FaultClass::Credentials, NO_CREDENTIALS);
        }
        if let Some(io) = current.downcast_ref::<std::io::Error>()
            && io.kind() == std::io::ErrorKind::ConnectionRefused
        {
            return (FaultClass::Transient, "ConnectionRefused");
        }
        cause = current.source();
    }
    (FaultClass::Ambiguous, "NoAnswer")
}

/// Whether the body of an error response has one of AWS's codes for throttling.
pub(super) fn is_throttling(body: &[u8]) -> bool {
    let body = String::from_utf8_lossy(body);
    THROTTLING.iter().any(|code| body.contains(code))
}

/// Whether the body of an error response says that a resource does not exist.
pub(super) fn is_absence(body: &[u8]) -> bool {
    let body = String::from_utf8_lossy(body);
    ["NoSuchEntity", "NotFound"]
        .iter()
        .any(|code| body.contains(code))
}

fn chain(error: &(dyn Error + 'static)) -> String {
    let text = DisplayErrorContext(error).to_string();
    // The text contains the causes, followed by the debug form of the error. Only the causes are
    // useful.
    text.split(" (").next().unwrap_or(&text).to_owned()
}

/// What is stored and logged, without the message of AWS: the message joins it when it is shown.
fn describe(call: &Call, class: FaultClass, code: &str) -> String {
    let Call {
        service, operation, ..
    } = call;
    match class {
        FaultClass::Permission => {
            format!("{service}:{operation} is not allowed for the service's identity")
        }
        FaultClass::Throttled => {
            format!("AWS throttled {service} {operation} ({code})")
        }
        FaultClass::Ambiguous => {
            format!(
                "the response to {service} {operation} was lost ({code}); \
                 the outcome is read from AWS next"
            )
        }
        FaultClass::Credentials => {
            format!("AWS rejected the service's credentials for {service} {operation} ({code})")
        }
        FaultClass::RoleNotAssumable => "DAX cannot assume the service role yet".to_owned(),
        FaultClass::RegionUnsupported => "DAX is not available in this Region".to_owned(),
        FaultClass::Transient => format!("{service} {operation} failed ({code})"),
        FaultClass::AlreadyExists
        | FaultClass::NotFound
        | FaultClass::WrongState
        | FaultClass::ServiceLinkedRoleMissing
        | FaultClass::Quota
        | FaultClass::Capacity
        | FaultClass::Invalid
        | FaultClass::Conflict
        | FaultClass::ClusterExists
        | FaultClass::RoleNotFound
        | FaultClass::RoleUnspecified
        | FaultClass::NotBuiltIn
        | FaultClass::Deadline
        | FaultClass::ClusterNotAvailable
        | FaultClass::NotApproved
        | FaultClass::Crashed => format!("AWS rejected {service} {operation} ({code})"),
    }
}
