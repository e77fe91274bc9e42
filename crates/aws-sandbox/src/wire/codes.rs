//! The HTTP statuses of error codes, and each service's codes for the common errors.

use crate::dax::messages;
use crate::wire::fault::ServiceFault;
use crate::wire::service::Service;

/// The HTTP status of an error code; 400 for a code that is not listed.
///
/// Sources: the Smithy model of DAX, botocore's models of IAM, STS and EC2, and the common errors
/// of each service.
pub(crate) fn status(service: Service, code: &str) -> u16 {
    match (service, code) {
        (Service::Ec2, "AuthFailure") => 401,
        (Service::Ec2, "DryRunOperation") => 412,
        (_, "ServiceQuotaExceededException") => 402,
        (
            _,
            "AccessDenied"
            | "InvalidClientTokenId"
            | "SignatureDoesNotMatch"
            | "MissingAuthenticationToken",
        ) => 403,
        (_, "UnauthorizedOperation" | "OptInRequired" | "RegionDisabledException") => 403,
        (Service::Iam | Service::Sts, "ExpiredToken") => 403,
        (
            _,
            "ClusterNotFoundFault" | "SubnetGroupNotFoundFault" | "ParameterGroupNotFoundFault",
        ) => 404,
        (_, "NodeNotFoundFault" | "TagNotFoundFault" | "NoSuchEntity") => 404,
        (
            _,
            "EntityAlreadyExists" | "DeleteConflict" | "LimitExceeded" | "ConcurrentModification",
        ) => 409,
        (_, "EntityTemporarilyUnmodifiable") => 409,
        (_, "RequestEntityTooLarge") => 413,
        (
            _,
            "InternalFailure"
            | "InternalServerError"
            | "InternalError"
            | "ServiceFailure"
            | "PolicyEvaluation",
        ) => 500,
        (
            _,
            "ServiceUnavailable"
            | "ServiceUnavailableException"
            | "Unavailable"
            | "RequestLimitExceeded",
        ) => 503,
        _ => 400,
    }
}

/// The service's own throttling error.
pub(crate) fn throttled(service: Service) -> ServiceFault {
    match service {
        Service::Dax | Service::DynamoDb => {
            ServiceFault::new("ThrottlingException", "Rate exceeded")
        }
        Service::Iam | Service::Sts => ServiceFault::new("Throttling", "Rate exceeded"),
        Service::Ec2 => ServiceFault::new("RequestLimitExceeded", "Request limit exceeded."),
    }
}

/// The service's own internal error.
pub(crate) fn internal(service: Service) -> ServiceFault {
    match service {
        Service::Dax => ServiceFault::new(
            "InternalFailure",
            "The request processing has failed because of an unknown error, exception or failure.",
        ),
        Service::DynamoDb => ServiceFault::new("InternalServerError", "Internal server error"),
        Service::Iam => ServiceFault::new(
            "ServiceFailure",
            "The request processing has failed because of an unknown error, exception or failure.",
        ),
        Service::Sts => ServiceFault::new(
            "InternalFailure",
            "The request processing has failed because of an unknown error, exception or failure.",
        ),
        Service::Ec2 => ServiceFault::new("InternalError", "An internal error has occurred"),
    }
}

/// The caller is authenticated but denied; `message` names principal, action and cause.
pub(crate) fn denied(service: Service, message: &str) -> ServiceFault {
    match service {
        Service::Dax | Service::DynamoDb => ServiceFault::new("AccessDeniedException", message),
        Service::Iam | Service::Sts => ServiceFault::new("AccessDenied", message),
        Service::Ec2 => ServiceFault::new(
            "UnauthorizedOperation",
            format!("You are not authorized to perform this operation. {message}"),
        ),
    }
}

/// The access key is unknown, or its session token is wrong.
pub(crate) fn unknown_key(service: Service) -> ServiceFault {
    let invalid = "The security token included in the request is invalid.";
    match service {
        Service::Dax | Service::DynamoDb => {
            ServiceFault::new("UnrecognizedClientException", invalid)
        }
        Service::Iam | Service::Sts => ServiceFault::new("InvalidClientTokenId", invalid),
        Service::Ec2 => ServiceFault::new(
            "AuthFailure",
            "AWS was not able to validate the provided access credentials",
        ),
    }
}

/// The session token is expired.
pub(crate) fn expired_token(service: Service) -> ServiceFault {
    let expired = "The security token included in the request is expired";
    match service {
        Service::Dax | Service::DynamoDb => ServiceFault::new("ExpiredTokenException", expired),
        Service::Iam | Service::Sts => ServiceFault::new("ExpiredToken", expired),
        Service::Ec2 => ServiceFault::new("RequestExpired", "Request has expired."),
    }
}

/// The request is not signed.
pub(crate) fn unsigned(service: Service) -> ServiceFault {
    match service {
        Service::Dax | Service::DynamoDb => ServiceFault::new(
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        ),
        Service::Iam | Service::Sts => ServiceFault::new(
            "MissingAuthenticationToken",
            "Request is missing Authentication Token",
        ),
        Service::Ec2 => ServiceFault::new(
            "MissingAuthenticationToken",
            "Request is missing Authentication Token",
        ),
    }
}

/// The `Authorization` header is incomplete.
pub(crate) fn incomplete_signature(service: Service, message: &str) -> ServiceFault {
    match service {
        Service::Dax | Service::DynamoDb => {
            ServiceFault::new("IncompleteSignatureException", message)
        }
        Service::Iam | Service::Sts | Service::Ec2 => {
            ServiceFault::new("IncompleteSignature", message)
        }
    }
}

/// The signature is wrong, outdated or for another Region or service.
pub(crate) fn wrong_signature(service: Service, message: &str) -> ServiceFault {
    match service {
        Service::Dax | Service::DynamoDb => ServiceFault::new("InvalidSignatureException", message),
        Service::Iam | Service::Sts | Service::Ec2 => {
            ServiceFault::new("SignatureDoesNotMatch", message)
        }
    }
}

/// The service has no operation of that name.
pub(crate) fn unknown_operation(service: Service, operation: &str) -> ServiceFault {
    match service.version() {
        None => ServiceFault::new(
            "UnknownOperationException",
            format!("Unknown operation {operation}"),
        ),
        Some(version) => ServiceFault::new(
            "InvalidAction",
            format!("Could not find operation {operation} for version {version}"),
        ),
    }
}

/// An error that a fault rule names by its code.
pub(crate) fn injected(code: &str) -> ServiceFault {
    let message =
        messages::message(code).unwrap_or("A fault rule of the sandbox returned this error.");
    ServiceFault::injected(code.to_owned(), message.to_owned())
}
