//! IAM policy documents: parsing and validation, with IAM's own messages where they are known.

use serde_json::Value;

use super::evaluate::Context;
use super::json;
use super::principal::{Principals, Trust};
use super::statement::{Effect, PolicyType, Statement};

/// A valid policy document.
#[derive(Clone, Debug)]
pub struct Document {
    pub(super) statements: Vec<Statement>,
}

/// Why IAM rejects a document, as the message of `MalformedPolicyDocument`.
///
/// Most messages come from moto's policy validator and public issue threads. The others are the
/// sandbox's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentFault {
    /// The message that the response contains.
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
}

impl Document {
    /// Parses an inline policy, which need not have a version.
    pub fn parse_inline(json: &str) -> Result<Document, DocumentFault> {
        Document::from_statements(&parse_object(json)?, PolicyType::Identity)
    }

    /// Parses a policy of permissions: managed, a boundary or a session policy.
    pub fn parse_identity(json: &str) -> Result<Document, DocumentFault> {
        let document = parse_object(json)?;
        if document.get("Version").and_then(Value::as_str) != Some("2012-10-17") {
            return Err(DocumentFault::new(
                "Policy document must be version 2012-10-17 or greater.",
            ));
        }
        Document::from_statements(&document, PolicyType::Identity)
    }

    /// Parses a trust policy, which states who can assume a role.
    pub fn parse_trust(json: &str) -> Result<Document, DocumentFault> {
        if json::parse(json).is_none() {
            return Err(DocumentFault::new("This policy contains invalid Json"));
        }
        Document::from_statements(&parse_object(json)?, PolicyType::Trust)
    }

    /// Whether this trust policy allows a service, e.g. `dax.amazonaws.com`, to assume the role.
    ///
    /// The service sends no condition keys. A statement for all principals (`*`) trusts no service.
    pub fn trusts_service(&self, service: &str) -> bool {
        let context = Context::new();
        let allowed = self
            .principals_of(Effect::Allow, &context)
            .any(|principals| principals.contain_service(service));
        let denied = self
            .principals_of(Effect::Deny, &context)
            .any(|principals| principals.are_all() || principals.contain_service(service));
        allowed && !denied
    }

    /// How this trust policy allows a user or role session to assume the role; `None` if it does
    /// not. `account_id` is the account of the caller.
    pub(crate) fn trust_in(&self, arn: &str, account_id: &str, context: &Context) -> Option<Trust> {
        let strongest = |effect| {
            self.principals_of(effect, context)
                .filter_map(|principals| principals.trust_in(arn, account_id))
                .max()
        };
        match strongest(Effect::Deny) {
            None => strongest(Effect::Allow),
            Some(_) => None,
        }
    }

    /// The principals of the statements with this effect that cover `sts:AssumeRole`.
    fn principals_of(
        &self,
        effect: Effect,
        context: &Context,
    ) -> impl Iterator<Item = &Principals> {
        self.statements
            .iter()
            .filter(move |statement| {
                statement.effect == effect
                    && statement.covers_action("sts:AssumeRole")
                    && statement.conditions_hold(context)
            })
            .filter_map(|statement| statement.principals.as_ref())
    }

    fn from_statements(
        document: &Value,
        policy_type: PolicyType,
    ) -> Result<Document, DocumentFault> {
        let statements = match document.get("Statement") {
            Some(Value::Array(list)) if !list.is_empty() => list.iter().collect(),
            Some(one @ Value::Object(_)) => vec![one],
            Some(_) | None => return Err(DocumentFault::syntax()),
        };
        check_sids(&statements)?;
        let statements = statements
            .into_iter()
            .map(|statement| Statement::parse(statement, policy_type))
            .collect::<Result<_, _>>()?;
        Ok(Document { statements })
    }
}

/// Parses a document and checks that it has only known elements, each of the right type.
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

fn check_sids(statements: &[&Value]) -> Result<(), DocumentFault> {
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
