//! Policy documents as IAM takes them: characters, grammar, size.

use crate::iam::names::limit_exceeded;
use crate::policy::document::{Document, DocumentFault};
use crate::wire::fault::ServiceFault;

/// Which sort of document is read, with its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DocumentKind {
    /// 6,144 characters without white space.
    Managed,
    /// 2,048 characters without white space.
    Trust,
    /// 10,240 characters without white space, all inline policies of the role together.
    Inline,
}

/// Reads a policy document as IAM does: its characters, its grammar, its size.
pub(super) fn read_document(
    kind: DocumentKind,
    text: &str,
    before: usize,
) -> Result<(), ServiceFault> {
    let is_lawful = |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{ff}');
    if !text.chars().all(is_lawful) {
        let message = "The specified value for policyDocument is invalid. It must contain only printable ASCII and \
            Latin-1 characters and tab, line feed and carriage return.";
        return Err(ServiceFault::new("ValidationError", message));
    }
    let parsed = match kind {
        DocumentKind::Trust => Document::parse_trust(text),
        DocumentKind::Managed | DocumentKind::Inline => Document::parse_identity(text),
    };
    let malformed =
        |fault: DocumentFault| ServiceFault::new("MalformedPolicyDocument", fault.message);
    parsed.map_err(malformed)?;
    let size = before + size_of(text);
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

/// The size of a document as IAM counts it: white space is free.
pub(super) fn size_of(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}
