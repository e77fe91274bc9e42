//! The `Principal` element of a trust policy.

use serde_json::Value;

use super::document::DocumentFault;

/// How a trust policy admits a caller of the role's account
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>).
/// The variants are in ascending order of what they grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trust {
    /// By its account: the identity policies of the caller decide.
    Account,
    /// By the role of the session: boundary and session policies still limit it.
    Role,
    /// By its own ARN, or as one of all principals: only an explicit deny limits it.
    Principal,
}

/// The principals of a statement in a trust policy.
#[derive(Clone, Debug, Default)]
pub(super) struct Principals {
    services: Vec<String>,
    accounts: Vec<String>,
    all: bool,
}

impl Principals {
    /// Parses the element and rejects malformed names with IAM's message.
    pub(super) fn parse(element: &Value) -> Result<Principals, DocumentFault> {
        let mut principals = Principals::default();
        match element {
            Value::String(text) if text == "*" => {
                principals.all = true;
                Ok(principals)
            }
            Value::Object(kinds) if !kinds.is_empty() => {
                for (kind, names) in kinds {
                    principals.add(kind, names)?;
                }
                Ok(principals)
            }
            Value::String(_)
            | Value::Object(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_) => Err(DocumentFault::syntax()),
        }
    }

    fn add(&mut self, kind: &str, names: &Value) -> Result<(), DocumentFault> {
        for name in strings(names).ok_or_else(DocumentFault::syntax)? {
            let is_valid = match kind {
                "Service" => is_service(name),
                "AWS" => is_account_principal(name),
                "Federated" => !name.is_empty(),
                "CanonicalUser" => false,
                _ => return Err(DocumentFault::syntax()),
            };
            if !is_valid {
                let kind = kind.to_ascii_uppercase();
                return Err(DocumentFault::new(format!(
                    "Invalid principal in policy: \"{kind}\":\"{name}\""
                )));
            }
            match kind {
                "Service" => self.services.push(name.to_owned()),
                "AWS" if name == "*" => self.all = true,
                "AWS" => self.accounts.push(name.to_owned()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether they contain this service by name.
    pub(super) fn contain_service(&self, service: &str) -> bool {
        self.services.iter().any(|known| known == service)
    }

    /// How they admit a user or session.
    pub(super) fn trust_in(&self, arn: &str, account_id: &str) -> Option<Trust> {
        let names = |name: &str| self.accounts.iter().any(|known| known == name);
        if self.all || names(arn) {
            Some(Trust::Principal)
        } else if role_of_session(arn).is_some_and(|role| names(&role)) {
            Some(Trust::Role)
        } else if names(account_id) || names(&format!("arn:aws:iam::{account_id}:root")) {
            Some(Trust::Account)
        } else {
            None
        }
    }

    /// Whether they are all principals (`*`).
    pub(super) fn are_all(&self) -> bool {
        self.all
    }
}

/// `NAME.amazonaws.com`, with the suffixes of AWS's partitions
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>).
fn is_service(name: &str) -> bool {
    let Some(front) = [".amazonaws.com", ".amazonaws.com.cn", ".aws.internal"]
        .iter()
        .find_map(|ending| name.strip_suffix(ending))
    else {
        return false;
    };
    // Slips that AWS refuses, because no such service exists. The sandbox does not know all services.
    let is_slip = [
        "dynamodbaccelerator",
        "dynamodb-accelerator",
        "daxs",
        "nosuch",
    ]
    .contains(&front);
    !front.is_empty()
        && !is_slip
        && front
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte))
}

fn is_account_principal(name: &str) -> bool {
    let digits = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if name == "*" || digits(name) {
        return true;
    }
    let segments: Vec<&str> = name.splitn(6, ':').collect();
    matches!(segments[..], ["arn", partition, "iam" | "sts", "", account, resource]
        if !partition.is_empty() && digits(account) && !resource.is_empty() && !resource.contains('*'))
}

/// The ARN of the role of a session. A session's ARN does not contain the path of the role.
fn role_of_session(arn: &str) -> Option<String> {
    let (account, session) = arn
        .strip_prefix("arn:aws:sts::")?
        .split_once(":assumed-role/")?;
    let (role, _) = session.split_once('/')?;
    Some(format!("arn:aws:iam::{account}:role/{role}"))
}

fn strings(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(text) => Some(vec![text]),
        Value::Array(items) => items.iter().map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}
