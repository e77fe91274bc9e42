//! Alteration: how a role under the IAM path of this service differs from the roles that it creates.

use std::fmt;

use super::policies::trust_policy;
use super::trust::same_document;

/// How a role differs. Such a role can admit others to the data that its policies allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alteration {
    /// Its trust policy is another.
    TrustPolicy,
    /// Its permissions boundary is another, or it has none.
    Boundary,
    /// Both.
    TrustPolicyAndBoundary,
}

/// The boundary of a role, as far as it was read.
#[derive(Debug, Clone, Copy)]
pub enum FoundBoundary<'a> {
    /// Not read.
    Unread,
    /// The ARN; `None` if the role has no boundary.
    Read(Option<&'a str>),
    /// The same, of a role that another installation created, with a boundary of its own.
    OfOtherInstallation(Option<&'a str>),
}

/// How a role with this trust policy and boundary differs from a created one; `None` if it does
/// not. Without an `expected` boundary every boundary is accepted.
pub fn alteration(
    document: &str,
    found: FoundBoundary<'_>,
    expected: Option<&str>,
) -> Option<Alteration> {
    let is_other_boundary = expected.is_some()
        && match found {
            FoundBoundary::Unread => false,
            FoundBoundary::Read(arn) => arn != expected,
            FoundBoundary::OfOtherInstallation(arn) => arn.is_none(),
        };
    match (
        same_document(&trust_policy().to_json(), document),
        is_other_boundary,
    ) {
        (true, false) => None,
        (false, false) => Some(Alteration::TrustPolicy),
        (true, true) => Some(Alteration::Boundary),
        (false, true) => Some(Alteration::TrustPolicyAndBoundary),
    }
}

impl fmt::Display for Alteration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TrustPolicy => "its trust policy is not the one that this service writes",
            Self::Boundary => "its permissions boundary is not the one of this service",
            Self::TrustPolicyAndBoundary => {
                "its trust policy and its permissions boundary are not those of this service"
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_differs_by_its_trust_policy_or_its_boundary() {
        let own = trust_policy().to_json();
        let wide = own.replace(r#"{"Service":"dax.amazonaws.com"}"#, r#""*""#);
        assert_ne!(own, wide);
        let (ours, other) = (Some("ours"), Some("other"));
        let read = FoundBoundary::Read;
        let foreign = FoundBoundary::OfOtherInstallation;
        for (document, found, expected, differs) in [
            (&own, read(ours), ours, None),
            (&own, FoundBoundary::Unread, ours, None),
            (&own, read(None), None, None),
            (&own, read(other), None, None),
            (&own, foreign(other), ours, None),
            (&own, foreign(None), ours, Some(Alteration::Boundary)),
            (&own, read(None), ours, Some(Alteration::Boundary)),
            (&own, read(other), ours, Some(Alteration::Boundary)),
            (&wide, read(ours), ours, Some(Alteration::TrustPolicy)),
            (
                &wide,
                FoundBoundary::Unread,
                ours,
                Some(Alteration::TrustPolicy),
            ),
            (&wide, read(None), None, Some(Alteration::TrustPolicy)),
            (
                &wide,
                read(None),
                ours,
                Some(Alteration::TrustPolicyAndBoundary),
            ),
        ] {
            assert_eq!(
                alteration(document, found, expected),
                differs,
                "{document} {found:?} {expected:?}"
            );
        }
    }
}
