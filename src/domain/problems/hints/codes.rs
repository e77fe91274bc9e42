//! AWS's error codes: one name for those that have several.

/// Other names of a code -> the name under which its row stands (common errors of the services, SDK retry lists).
const ALIASES: [(&str, &str); 28] = [
    ("ThrottlingException", "Throttling"),
    ("ThrottledException", "Throttling"),
    ("RequestThrottled", "Throttling"),
    ("RequestThrottledException", "Throttling"),
    ("RequestLimitExceeded", "Throttling"),
    ("TooManyRequestsException", "Throttling"),
    ("SlowDown", "Throttling"),
    ("EC2ThrottledException", "Throttling"),
    ("InternalServerError", "InternalFailure"),
    ("InternalServerException", "InternalFailure"),
    ("InternalError", "InternalFailure"),
    ("UnrecognizedClientException", "InvalidClientTokenId"),
    ("InvalidAccessKeyId", "InvalidClientTokenId"),
    ("AuthFailure", "InvalidClientTokenId"),
    ("InvalidSignatureException", "SignatureDoesNotMatch"),
    ("RequestTimeTooSkewed", "RequestExpired"),
    (
        "MissingAuthenticationTokenException",
        "MissingAuthenticationToken",
    ),
    ("SubscriptionRequiredException", "OptInRequired"),
    ("RegionDisabledException", "OptInRequired"),
    ("UnknownOperationException", "InvalidAction"),
    ("ValidationException", "ValidationError"),
    ("AccessDeniedException", "AccessDenied"),
    ("UnauthorizedOperation", "AccessDenied"),
    ("Client.UnauthorizedOperation", "AccessDenied"),
    ("AuthorizationError", "AccessDenied"),
    ("AuthorizationErrorException", "AccessDenied"),
    ("NotAuthorized", "AccessDenied"),
    ("UnauthorizedAccess", "AccessDenied"),
];

/// The name under which a code's rows stand: without namespace (`com.amazonaws.dax#…`) and location (`…:http://…`),
/// without the endings that models and wire disagree about, and with its aliases made one.
pub(super) fn canonical(code: &str) -> &str {
    let code = code.rsplit_once('#').map_or(code, |(_, name)| name);
    let code = code.split(':').next().unwrap_or(code).trim();
    if let Some((_, name)) = ALIASES.iter().find(|(alias, _)| *alias == code) {
        return name;
    }
    let bare = code
        .strip_suffix("Fault")
        .or_else(|| code.strip_suffix("Exception"))
        .unwrap_or(code);
    ALIASES
        .iter()
        .find(|(alias, _)| *alias == bare)
        .map_or(bare, |(_, name)| name)
}

/// Whether a code is some service's word for a refusal.
pub(super) fn is_refusal(code: &str) -> bool {
    canonical(code) == "AccessDenied"
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn a_code_has_one_name() {
        for (code, name) in [
            ("ClusterNotFoundFault", "ClusterNotFound"),
            ("ClusterNotFound", "ClusterNotFound"),
            (
                "com.amazonaws.dax#ClusterNotFoundFault:http://x",
                "ClusterNotFound",
            ),
            ("NoSuchEntityException", "NoSuchEntity"),
            ("NoSuchEntity", "NoSuchEntity"),
            ("ExpiredTokenException", "ExpiredToken"),
            ("ServiceUnavailableException", "ServiceUnavailable"),
            ("ThrottlingException", "Throttling"),
            ("Throttling", "Throttling"),
            ("AccessDeniedException", "AccessDenied"),
            ("UnauthorizedOperation", "AccessDenied"),
            ("", ""),
        ] {
            assert_eq!(canonical(code), name, "{code}");
        }
    }
}
