//! Evaluation of requests: an explicit deny wins, then each type of policy present must allow.

use std::collections::BTreeMap;

use super::document::Document;
use super::principal::Trust;
use super::statement::Effect;

/// The condition keys of a request, in lower case, with their values.
pub type Context = BTreeMap<String, Vec<String>>;

/// A request to perform one action on one resource.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The action, e.g. `iam:CreateRole`.
    pub action: &'a str,
    /// The full ARN, or `*` for an action without resources.
    pub resource: &'a str,
    /// The condition keys that the request sends.
    pub context: &'a Context,
}

/// All policies that apply to one caller.
#[derive(Clone, Copy, Debug)]
pub struct Authority<'a> {
    /// The policies attached to the user or role.
    pub identity: &'a [Document],
    /// The permissions boundary, if one is set; it grants nothing.
    pub boundary: Option<&'a Document>,
    /// The session policies, if the session carries any; they grant nothing.
    pub session: Option<&'a [Document]>,
    /// The service control policies of the organisation, if the account is in one; they grant nothing.
    pub organization: Option<&'a [Document]>,
}

/// The result of an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// All applicable types of policy allow the request.
    Allowed,
    /// The request is denied, for this reason.
    Denied(Denial),
}

/// Why a request is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// No identity policy allows it.
    NoIdentityPolicy,
    /// The boundary does not allow it.
    NoPermissionsBoundary,
    /// The session policies do not allow it.
    NoSessionPolicy,
    /// No service control policy allows it.
    NoServiceControlPolicy,
    /// A statement denies it.
    ExplicitDeny(DenySource),
}

/// The type of policy that contains an explicit deny.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DenySource {
    /// A policy of the user or role.
    IdentityPolicy,
    /// The permissions boundary of the user or role.
    PermissionsBoundary,
    /// A session policy of the caller's session.
    SessionPolicy,
    /// A service control policy of the organisation.
    ServiceControlPolicy,
}

/// Decides a request within one account
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>).
pub fn evaluate(authority: &Authority<'_>, request: &Request<'_>) -> Decision {
    evaluate_trusted(authority, request, None)
}

/// Decides a request to assume a role of the same account, whose trust policy admits the caller.
pub(crate) fn evaluate_trusted(
    authority: &Authority<'_>,
    request: &Request<'_>,
    trust: Option<Trust>,
) -> Decision {
    let boundary = authority.boundary.map(std::slice::from_ref);
    let parts = [
        (
            authority.organization,
            DenySource::ServiceControlPolicy,
            Denial::NoServiceControlPolicy,
        ),
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
    // What a trust policy grants by itself, the caller's policies need not allow.
    let is_granted = |denial| match trust {
        None | Some(Trust::Account) => false,
        Some(Trust::Role) => denial == Denial::NoIdentityPolicy,
        Some(Trust::Principal) => denial != Denial::NoServiceControlPolicy,
    };
    for (documents, _, denial) in parts.into_iter().filter(|part| !is_granted(part.2)) {
        if documents.is_some_and(|documents| !any_statement(documents, Effect::Allow, request)) {
            return Decision::Denied(denial);
        }
    }
    Decision::Allowed
}

/// Whether policies allow a request, with their conditions not evaluated: IAM's simulator treats
/// service control policies so (IAM user guide, "IAM policy testing with the IAM policy simulator").
pub(crate) fn allows_whatever_the_conditions(
    documents: &[Document],
    request: &Request<'_>,
) -> bool {
    let any = |effect| {
        let statements = documents.iter().flat_map(|document| &document.statements);
        let mut of_effect = statements.filter(|statement| statement.effect == effect);
        of_effect.any(|one| one.covers(request.action, request.resource, request.context))
    };
    any(Effect::Allow) && !any(Effect::Deny)
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
