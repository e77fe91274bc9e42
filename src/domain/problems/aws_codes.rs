//! AWS error codes in one spelling.
//!
//! Wire, API models and services spell the same error differently, so codes are compared in their
//! normalised form.

/// The normalised code of a denied action.
pub const ACCESS_DENIED: &str = "AccessDenied";

/// Other spellings of a code, and its normalised form. Sources: common errors of the services,
/// retry lists of the SDKs. Spellings that differ only in `Fault` or `Exception` need no row.
const ALIASES: [(&str, &str); 23] = [
    ("Throttled", "Throttling"),
    ("RequestThrottled", "Throttling"),
    ("RequestLimitExceeded", "Throttling"),
    ("TooManyRequests", "Throttling"),
    ("SlowDown", "Throttling"),
    ("EC2Throttled", "Throttling"),
    ("InternalServerError", "InternalFailure"),
    ("InternalServer", "InternalFailure"),
    ("InternalError", "InternalFailure"),
    ("UnrecognizedClient", "InvalidClientTokenId"),
    ("InvalidAccessKeyId", "InvalidClientTokenId"),
    ("AuthFailure", "InvalidClientTokenId"),
    ("InvalidSignature", "SignatureDoesNotMatch"),
    ("RequestTimeTooSkewed", "RequestExpired"),
    ("SubscriptionRequired", "OptInRequired"),
    ("RegionDisabled", "OptInRequired"),
    ("UnknownOperation", "InvalidAction"),
    ("InvalidSecurityGroupID.NotFound", "InvalidGroup.NotFound"),
    // With its suffix: `Validation` alone is a word of many messages.
    ("ValidationException", "ValidationError"),
    ("UnauthorizedOperation", ACCESS_DENIED),
    ("AuthorizationError", ACCESS_DENIED),
    ("NotAuthorized", ACCESS_DENIED),
    ("UnauthorizedAccess", ACCESS_DENIED),
];

/// A code without namespace (`com.amazonaws.dax#…`), location (`…:http://…`), the prefixes `Client.`
/// and `Server.` of EC2, and the suffixes `Fault` and `Exception`, and with its aliases replaced.
pub fn normalize(code: &str) -> &str {
    let code = code.rsplit_once('#').map_or(code, |(_, name)| name);
    let code = code.split(':').next().unwrap_or(code).trim();
    let code = ["Client.", "Server."]
        .iter()
        .find_map(|prefix| code.strip_prefix(prefix))
        .unwrap_or(code);
    let bare = code
        .strip_suffix("Fault")
        .or_else(|| code.strip_suffix("Exception"))
        .unwrap_or(code);
    ALIASES
        .iter()
        .find(|(alias, _)| *alias == code || *alias == bare)
        .map_or(bare, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::{ALIASES, normalize};

    #[test]
    fn every_spelling_has_one_normalised_code() {
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
            ("ThrottledException", "Throttling"),
            ("RequestThrottledException", "Throttling"),
            ("ValidationException", "ValidationError"),
            ("AccessDeniedException", "AccessDenied"),
            ("UnauthorizedOperation", "AccessDenied"),
            ("Client.UnauthorizedOperation", "AccessDenied"),
            ("Client.InvalidGroup.NotFound", "InvalidGroup.NotFound"),
            ("AuthorizationErrorException", "AccessDenied"),
            (
                "MissingAuthenticationTokenException",
                "MissingAuthenticationToken",
            ),
            ("", ""),
        ] {
            assert_eq!(normalize(code), name, "{code}");
        }
    }

    #[test]
    fn every_alias_leads_to_a_normalised_code() {
        for (alias, name) in ALIASES {
            assert_eq!(normalize(alias), name, "{alias}");
            assert_eq!(normalize(name), name, "{alias}");
        }
    }
}
