//! The classifier: what an answer of AWS means, decided here alone; the codes are in `codes`.

use std::error::Error;

use aws_sdk_iam::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::domain::problems::fault::{AwsError, Fault, FaultClass};

use codes::classify;

mod codes;

/// Longest message that is kept of what AWS said.
const MESSAGE_BYTES_MAX: usize = 4_096;

/// A call, for the words of its fault.
pub(super) struct Call {
    service: &'static str,
    operation: &'static str,
    target_arn: Option<String>,
    mutates: bool,
}

impl Call {
    /// A call that only reads: a lost answer leaves nothing unknown.
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

    /// A call that changes something.
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
}

/// The fault in an SDK error.
pub(super) fn fault_of<E>(call: &Call, error: &SdkError<E, HttpResponse>) -> Fault
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let (class, code, message) = match error {
        SdkError::ServiceError(answer) => {
            let code = answer.err().code().unwrap_or_default().to_owned();
            let message = answer.err().message().unwrap_or_default().to_owned();
            let status = answer.raw().status().as_u16();
            if code.is_empty() {
                (
                    FaultClass::Ambiguous,
                    format!("Http{status}"),
                    "the error answer has no code".to_owned(),
                )
            } else {
                (classify(&code, &message, status), code, message)
            }
        }
        SdkError::TimeoutError(_) => (
            FaultClass::Ambiguous,
            "Timeout".to_owned(),
            "no answer came in time".to_owned(),
        ),
        SdkError::ConstructionFailure(_) => {
            (FaultClass::Invalid, "Unsendable".to_owned(), chain(error))
        }
        SdkError::DispatchFailure(_) => {
            let (class, code) = undispatched(error);
            (class, code.to_owned(), chain(error))
        }
        // A response that cannot be read, and whatever a later SDK may add.
        _ => (
            FaultClass::Ambiguous,
            "UnreadableAnswer".to_owned(),
            chain(error),
        ),
    };
    let message = cut(message);
    let class = if call.mutates || class != FaultClass::Ambiguous {
        class
    } else {
        FaultClass::Transient
    };
    let detail = describe(call, class, &code);
    let refusal = AwsError {
        service: call.service.to_owned(),
        operation: call.operation.to_owned(),
        code,
        message,
        request_id: error.request_id().map(str::to_owned),
        target_arn: call.target_arn.clone(),
    };
    Fault {
        aws: Some(refusal),
        ..Fault::new(class, detail)
    }
}

/// A message of bounded length: it is stored, and shown to people.
fn cut(mut message: String) -> String {
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

/// A request that got no response: whether it can have reached AWS.
fn undispatched<E: Error + 'static>(
    error: &SdkError<E, HttpResponse>,
) -> (FaultClass, &'static str) {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(current) = cause {
        if current.is::<aws_credential_types::provider::error::CredentialsError>() {
            return (FaultClass::Credentials, "NoCredentials");
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

fn chain<E: Error + 'static>(error: &SdkError<E, HttpResponse>) -> String {
    let text = DisplayErrorContext(error).to_string();
    // The debug form of the whole error follows the causes; people need only the causes.
    text.split(" (").next().unwrap_or(&text).to_owned()
}

fn describe(call: &Call, class: FaultClass, code: &str) -> String {
    let Call {
        service, operation, ..
    } = call;
    match class {
        FaultClass::Permission => {
            format!("{service}:{operation} is not allowed for the service's identity")
        }
        FaultClass::Throttled => {
            format!("AWS asks to slow down: {service} {operation} answered {code}")
        }
        FaultClass::Ambiguous => {
            format!(
                "the answer to {service} {operation} was lost ({code}); whether it took effect is looked up next"
            )
        }
        FaultClass::Credentials => {
            format!("{service} {operation}: AWS does not accept the service's credentials ({code})")
        }
        FaultClass::RoleNotAssumable => "DAX cannot assume the service role yet".to_owned(),
        FaultClass::RegionUnsupported => "DAX is not offered in this Region".to_owned(),
        _ => format!("{service} {operation} answered {code}"),
    }
}

/// A successful answer that lacks what the API model promises.
pub(super) fn missing_member(call: &Call, member: &str) -> Fault {
    let class = if call.mutates {
        FaultClass::Ambiguous
    } else {
        FaultClass::Transient
    };
    let Call {
        service, operation, ..
    } = call;
    Fault::new(
        class,
        format!("the answer to {service} {operation} has no {member}"),
    )
}

/// `Ok(None)` when the thing is not there.
pub(super) fn absent_is_none<T>(outcome: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(fault) if fault.class == FaultClass::NotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}
