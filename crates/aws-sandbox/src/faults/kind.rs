//! The kinds of faults, with the names that the control API uses.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::faults::lists;
use crate::wire::request::Input;

/// The fault of a call that a rule hits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum FaultKind {
    /// The service's own throttling error, without effect.
    Throttle,
    /// The service's own internal error (HTTP 500), without effect.
    ErrorBefore,
    /// The effect, then HTTP 500.
    ErrorAfter,
    /// The effect, then the connection is dropped without a response.
    LoseAnswer,
    /// The effect, then half of the body and the connection is cut.
    CutAnswer,
    /// The call is executed after `seconds` (default 1), even if the client has disconnected.
    Slow,
    /// The service's access-denied error. The call of the rule is an action, for example
    /// `iam:PassRole`.
    Deny,
    /// CreateCluster returns `No permission to assume role`.
    NotAssumable,
    /// CreateCluster and IncreaseReplicationFactor return `InsufficientClusterCapacityFault`.
    Capacity,
    /// The effect, then HTTP 200 with bytes that no AWS service sends.
    Garbage,
    /// The created cluster stays `creating` for `seconds`, or until the faults are cleared.
    Stuck,
    /// The connection is dropped at once, and the call is executed `seconds` (default 1) later.
    Late,
    /// Reads return the state of `seconds` (default 1) ago, but none from before the rule. The rule
    /// hits any number of reads if it has no `count`.
    Lag,
    /// The list in the response lacks one member: the first, or the one that `seed` chooses.
    /// A call with names has no gap.
    Gap,
    /// The response has no list at all.
    NoMember,
    /// A quota error by its code, without effect.
    Quota(String),
    /// Any error by its code, without effect.
    Error(String),
}

/// The error for an unknown fault name, which it contains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownFault(String);

impl fmt::Display for UnknownFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = FaultKind::PLAIN.map(|(name, _)| name).join(", ");
        write!(
            f,
            "unknown fault {:?}; use one of {names}, quota:<Code>, error:<Code>",
            self.0
        )
    }
}

impl std::error::Error for UnknownFault {}

impl FaultKind {
    const PLAIN: [(&'static str, FaultKind); 15] = [
        ("throttle", FaultKind::Throttle),
        ("error_before", FaultKind::ErrorBefore),
        ("error_after", FaultKind::ErrorAfter),
        ("lose_answer", FaultKind::LoseAnswer),
        ("cut_answer", FaultKind::CutAnswer),
        ("slow", FaultKind::Slow),
        ("deny", FaultKind::Deny),
        ("not_assumable", FaultKind::NotAssumable),
        ("capacity", FaultKind::Capacity),
        ("garbage", FaultKind::Garbage),
        ("stuck", FaultKind::Stuck),
        ("late", FaultKind::Late),
        ("lag", FaultKind::Lag),
        ("gap", FaultKind::Gap),
        ("no_member", FaultKind::NoMember),
    ];

    /// Whether this fault is possible for this call.
    pub(crate) fn applies_to(&self, call: &str, mutating: bool, input: &Input) -> bool {
        match self {
            FaultKind::NotAssumable | FaultKind::Stuck => call == "dax:CreateCluster",
            FaultKind::Capacity => {
                matches!(call, "dax:CreateCluster" | "dax:IncreaseReplicationFactor")
            }
            FaultKind::Lag => !mutating,
            FaultKind::Gap => lists::list_of(call).is_some() && !has_names(input),
            FaultKind::NoMember => lists::list_of(call).is_some(),
            _ => true,
        }
    }
}

/// Whether a describe call of DAX names what it reads.
fn has_names(input: &Input) -> bool {
    let Input::Json(body) = input else {
        return false;
    };
    serde_json::from_slice(body).is_ok_and(|body: serde_json::Value| {
        ["ClusterNames", "SubnetGroupNames", "ParameterGroupNames"]
            .into_iter()
            .any(|names| {
                body[names]
                    .as_array()
                    .is_some_and(|names| !names.is_empty())
            })
    })
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FaultKind::Quota(code) => write!(f, "quota:{code}"),
            FaultKind::Error(code) => write!(f, "error:{code}"),
            plain => {
                let named = FaultKind::PLAIN.iter().find(|(_, kind)| kind == plain);
                f.write_str(named.map_or("unnamed", |(name, _)| name))
            }
        }
    }
}

impl FromStr for FaultKind {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<FaultKind, UnknownFault> {
        if let Some((_, kind)) = FaultKind::PLAIN.iter().find(|(name, _)| *name == text) {
            return Ok(kind.clone());
        }
        let is_code = |code: &str| {
            !code.is_empty()
                && code.len() <= 100
                && code
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_')
        };
        match text.split_once(':') {
            Some(("quota", code)) if is_code(code) => Ok(FaultKind::Quota(code.to_owned())),
            Some(("error", code)) if is_code(code) => Ok(FaultKind::Error(code.to_owned())),
            _ => Err(UnknownFault(text.to_owned())),
        }
    }
}

impl TryFrom<String> for FaultKind {
    type Error = UnknownFault;

    fn try_from(text: String) -> Result<FaultKind, UnknownFault> {
        text.parse()
    }
}

impl From<FaultKind> for String {
    fn from(kind: FaultKind) -> String {
        kind.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::FaultKind;

    #[test]
    fn every_name_reads_back_as_written() {
        for (name, kind) in FaultKind::PLAIN {
            assert_eq!(name.parse(), Ok(kind.clone()));
            assert_eq!(kind.to_string(), name);
        }
        let quota: FaultKind = "quota:NodeQuotaForCustomerExceededFault"
            .parse()
            .expect("a quota fault");
        assert_eq!(quota.to_string(), "quota:NodeQuotaForCustomerExceededFault");
        assert!("error:".parse::<FaultKind>().is_err());
        assert!("explode".parse::<FaultKind>().is_err());
    }
}
