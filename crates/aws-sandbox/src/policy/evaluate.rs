//! May this caller do this? Explicit deny wins, then every kind of policy present has to allow.

use std::collections::BTreeMap;

use super::document::Document;
use super::statement::Effect;

/// What is known about a request besides action and resource: condition key in lower case -> its values.
pub type Context = BTreeMap<String, Vec<String>>;

/// One action on one resource.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The action, e.g. `iam:CreateRole`.
    pub action: &'a str,
    /// The full ARN, or `*` for an action that knows no resource.
    pub resource: &'a str,
    /// The request's condition keys.
    pub context: &'a Context,
}

/// All policies that speak for one caller.
#[derive(Clone, Copy, Debug)]
pub struct Authority<'a> {
    /// The policies attached to the user or role.
    pub identity: &'a [Document],
    /// The permissions boundary, if one is set; it grants nothing.
    pub boundary: Option<&'a Document>,
    /// The session policies, if the session carries any; they grant nothing.
    pub session: Option<&'a [Document]>,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The request may proceed.
    Allowed,
    /// The request is refused.
    Denied(Denial),
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// No identity policy allows it.
    NoIdentityPolicy,
    /// The boundary does not allow it.
    NoPermissionsBoundary,
    /// The session policies do not allow it.
    NoSessionPolicy,
    /// A statement denies it.
    ExplicitDeny(DenySource),
}

/// Where an explicit deny stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DenySource {
    /// In a policy of the user or role.
    IdentityPolicy,
    /// In the permissions boundary.
    PermissionsBoundary,
    /// In a session policy.
    SessionPolicy,
}

/// Decides a request within one account
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>).
pub fn evaluate(authority: &Authority<'_>, request: &Request<'_>) -> Decision {
    let boundary = authority.boundary.map(std::slice::from_ref);
    let parts = [
        (
            Some(authority.identity),
            DenySource::IdentityPolicy,
            Denial::NoIdentityPolicy,
        ),
        (
            boundary,
            DenySource::PermissionsBoundary,
            Denial::NoPermissionsBoundary,
        ),
        (
            authority.session,
            DenySource::SessionPolicy,
            Denial::NoSessionPolicy,
        ),
    ];
    for (documents, source, _) in parts {
        if documents.is_some_and(|documents| any_statement(documents, Effect::Deny, request)) {
            return Decision::Denied(Denial::ExplicitDeny(source));
        }
    }
    for (documents, _, silence) in parts {
        if documents.is_some_and(|documents| !any_statement(documents, Effect::Allow, request)) {
            return Decision::Denied(silence);
        }
    }
    Decision::Allowed
}

fn any_statement(documents: &[Document], effect: Effect, request: &Request<'_>) -> bool {
    documents
        .iter()
        .flat_map(|document| &document.statements)
        .filter(|statement| statement.effect == effect)
        .any(|statement| statement.applies(request.action, request.resource, request.context))
}

#[cfg(test)]
mod tests;
