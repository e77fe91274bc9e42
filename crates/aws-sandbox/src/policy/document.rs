//! An IAM policy document: what IAM accepts and what it refuses, in its own words where they are known.

use serde_json::Value;

use super::evaluate::Context;
use super::json;
use super::principal::Principals;
use super::statement::{Effect, Place, Statement};

/// A policy document that IAM would accept.
#[derive(Clone, Debug)]
pub struct Document {
    pub(super) statements: Vec<Statement>,
}

/// Why IAM refuses a document: the text of `MalformedPolicyDocument`.
///
/// The texts were collected by moto's policy validator and from public issue threads; the rest are ours and say so in plain words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentFault {
    /// The message as the caller reads it.
    pub message: String,
}

impl DocumentFault {
    pub(super) fn new(message: impl Into<String>) -> DocumentFault {
        DocumentFault {
            message: message.into(),
        }
    }

    pub(super) fn syntax() -> DocumentFault {
        DocumentFault::new("Syntax errors in policy.")
    }

    pub(super) fn no_vendor() -> DocumentFault {
        DocumentFault::new(
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        )
    }

    /// Refused, never guessed: a variable read literally would grant or deny something else than its author meant.
    pub(super) fn variable(text: &str) -> DocumentFault {
        DocumentFault::new(format!("Policy variables are not supported here: {text}"))
    }
}

impl Document {
    /// Reads a document that says what its bearer may do: a managed or inline policy, a boundary, a session policy.
    pub fn parse_identity(json: &str) -> Result<Document, DocumentFault> {
        let document = parse_object(json)?;
        if document.get("Version").and_then(Value::as_str) != Some("2012-10-17") {
            return Err(DocumentFault::new(
                "Policy document must be version 2012-10-17 or greater.",
            ));
        }
        Document::from_statements(&document, Place::Identity)
    }

    /// Reads a document that says who may assume a role.
    pub fn parse_trust(json: &str) -> Result<Document, DocumentFault> {
        Document::from_statements(&parse_object(json)?, Place::Trust)
    }

    /// Whether this trust policy lets a service, e.g. `dax.amazonaws.com`, assume the role when the service sends no
    /// condition keys. A statement for everybody (`*`) trusts no service.
    pub fn trusts_service(&self, service: &str) -> bool {
        let names = |them: &Principals| them.name_service(service);
        self.lets_assume(Effect::Allow, names)
            && !self.lets_assume(Effect::Deny, |them| them.are_everybody() || names(them))
    }

    /// Whether this trust policy lets a user, or a session of a role, of this account assume the role.
    pub fn trusts_principal(&self, arn: &str, account_id: &str) -> bool {
        let names =
            |them: &Principals| them.are_everybody() || them.name_principal(arn, account_id);
        self.lets_assume(Effect::Allow, names) && !self.lets_assume(Effect::Deny, names)
    }

    /// Whether a statement of this effect speaks of assuming the role to one of those principals.
    fn lets_assume(&self, effect: Effect, names: impl Fn(&Principals) -> bool) -> bool {
        let nothing = Context::new();
        self.statements.iter().any(|statement| {
            statement.effect == effect
                && statement.covers_action("sts:AssumeRole")
                && statement.conditions_hold(&nothing)
                && statement.principals.as_ref().is_some_and(&names)
        })
    }

    fn from_statements(document: &Value, place: Place) -> Result<Document, DocumentFault> {
        let statements = match document.get("Statement") {
            Some(Value::Array(list)) if !list.is_empty() => list.iter().collect(),
            Some(one @ Value::Object(_)) => vec![one],
            Some(_) | None => return Err(DocumentFault::syntax()),
        };
        refuse_repeated_sids(&statements)?;
        let statements = statements
            .into_iter()
            .map(|statement| Statement::parse(statement, place))
            .collect::<Result<_, _>>()?;
        Ok(Document { statements })
    }
}

/// The document as an object with only the elements IAM knows, each of the right shape.
fn parse_object(text: &str) -> Result<Value, DocumentFault> {
    let document = json::parse(text).ok_or_else(DocumentFault::syntax)?;
    let elements = document.as_object().ok_or_else(DocumentFault::syntax)?;
    let well_formed = elements.iter().all(|(name, value)| match name.as_str() {
        "Version" => matches!(value.as_str(), Some("2008-10-17" | "2012-10-17")),
        "Id" => value.is_string(),
        "Statement" => true,
        _ => false,
    });
    if well_formed {
        Ok(document)
    } else {
        Err(DocumentFault::syntax())
    }
}

fn refuse_repeated_sids(statements: &[&Value]) -> Result<(), DocumentFault> {
    let mut seen = std::collections::BTreeSet::new();
    for sid in statements
        .iter()
        .filter_map(|statement| statement.get("Sid"))
    {
        let sid = sid.as_str().ok_or_else(DocumentFault::syntax)?;
        if !sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(DocumentFault::new(
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
            ));
        }
        if !sid.is_empty() && !seen.insert(sid) {
            return Err(DocumentFault::new(
                "Statement IDs (SID) in a single policy must be unique.",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
