//! Whether DAX can use an existing role as the service role of a cluster, as far as IAM shows.

use super::trust::{DaxTrust, dax_trust};
use crate::domain::problems::fault::{Fault, FaultClass};

/// A role that IAM returned for the name in an ARN. Names are unique in an account whatever the
/// path.
#[derive(Debug, Clone, Copy)]
pub struct FoundRole<'a> {
    /// The role's ARN, which contains its path.
    pub arn: &'a str,
    /// The trust policy as JSON text.
    pub trust_policy: &'a str,
}

/// The trust of the role with this ARN, or why it cannot be the service role. `candidates` are the
/// roles that could be meant.
pub fn usable_role(
    arn: &str,
    found: Option<FoundRole<'_>>,
    candidates: impl FnOnce() -> Vec<String>,
) -> Result<DaxTrust, Fault> {
    let not_found = |detail: String, candidates: Vec<String>| Fault {
        candidates,
        ..Fault::new(FaultClass::RoleNotFound, detail)
    };
    match found {
        None => {
            let candidates = candidates();
            let remedy = if candidates.is_empty() {
                "create it, or set `service_role.access` and `service_role.tables` to have a role \
                 created"
            } else {
                "set `service_role.arn` to one of `candidates`"
            };
            let detail = format!("the service role {arn} does not exist; {remedy}");
            Err(not_found(detail, candidates))
        }
        Some(role) if role.arn != arn => {
            let detail = format!(
                "the service role is under another path: set `service_role.arn` to {} instead of \
                 {arn}",
                role.arn
            );
            Err(not_found(detail, vec![role.arn.to_owned()]))
        }
        Some(role) => match dax_trust(role.trust_policy) {
            DaxTrust::None => {
                let detail = format!(
                    "the trust policy of {arn} does not let dax.amazonaws.com assume the role"
                );
                Err(Fault::new(FaultClass::RoleNotAssumable, detail))
            }
            trust => Ok(trust),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::iam::policies::trust_policy;

    const ARN: &str = "arn:aws:iam::123456789012:role/R";

    fn check(found: Option<(&str, &str)>, candidates: &[&str]) -> Result<DaxTrust, Fault> {
        let found = found.map(|(arn, trust_policy)| FoundRole { arn, trust_policy });
        let candidates = candidates.iter().map(|arn| (*arn).to_owned());
        usable_role(ARN, found, || candidates.collect())
    }

    #[test]
    fn a_role_under_another_path_is_the_only_candidate() {
        let other = "arn:aws:iam::123456789012:role/service-role/R";
        let fault = check(Some((other, "{}")), &["unused"]).unwrap_err();
        assert_eq!(fault.class, FaultClass::RoleNotFound);
        assert_eq!(fault.candidates, [other]);
        assert!(fault.detail.contains("/service-role/R"), "{}", fault.detail);
    }

    #[test]
    fn a_missing_role_has_the_roles_that_could_be_meant() {
        let fault = check(None, &["a", "b"]).unwrap_err();
        assert_eq!(fault.class, FaultClass::RoleNotFound);
        assert_eq!(fault.candidates, ["a", "b"]);
        assert!(fault.detail.contains("one of `candidates`"));
        let fault = check(None, &[]).unwrap_err();
        assert!(
            fault.detail.contains("service_role.access"),
            "{}",
            fault.detail
        );
    }

    #[test]
    fn a_role_is_usable_only_with_trust() {
        let trusting = trust_policy().to_json();
        assert_eq!(
            check(Some((ARN, &trusting)), &[]),
            Ok(DaxTrust::Unconditional)
        );
        let china = trusting.replace("dax.amazonaws.com", "dax.amazonaws.com.cn");
        let fault = check(Some((ARN, &china)), &[]).unwrap_err();
        assert_eq!(fault.class, FaultClass::RoleNotAssumable);
    }
}
