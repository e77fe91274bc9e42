//! Validation of policy documents: character set, grammar and size.

use crate::iam::names::limit_exceeded;
use crate::policy::document::{Document, DocumentFault};
use crate::wire::fault::ServiceFault;

/// The kind of a policy document; each has its own size limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DocumentKind {
    /// 6,144 characters without white space.
    Managed,
    /// 2,048 characters without white space.
    Trust,
    /// 10,240 characters without white space, for all inline policies of a role together.
    Inline,
}

/// Validates a policy document. `other_size` is the total size of the role's other inline policies.
pub(super) fn validate_document(
    kind: DocumentKind,
    text: &str,
    other_size: usize,
) -> Result<(), ServiceFault> {
    let is_allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{ff}');
    if !text.chars().all(is_allowed) {
        let message = "The specified value for policyDocument is invalid. It must contain only printable ASCII and \
            Latin-1 characters and tab, line feed and carriage return.";
        return Err(ServiceFault::new("ValidationError", message));
    }
    let parsed = match kind {
        DocumentKind::Trust => Document::parse_trust(text),
        DocumentKind::Managed => Document::parse_identity(text),
        DocumentKind::Inline => Document::parse_inline(text),
    };
    let malformed =
        |fault: DocumentFault| ServiceFault::new("MalformedPolicyDocument", fault.message);
    parsed.map_err(malformed)?;
    let size = other_size + size_of(text);
    match kind {
        DocumentKind::Managed if size > 6144 => Err(limit_exceeded("PolicySize", 6144)),
        DocumentKind::Trust if size > 2048 => Err(limit_exceeded("ACLSizePerRole", 2048)),
        DocumentKind::Inline if size > 10_240 => Err(ServiceFault::new(
            "LimitExceeded",
            "Maximum policy size of 10240 bytes exceeded for the role",
        )),
        DocumentKind::Managed | DocumentKind::Trust | DocumentKind::Inline => Ok(()),
    }
}

/// The size of a document as IAM counts it, without white space.
pub(super) fn size_of(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}
