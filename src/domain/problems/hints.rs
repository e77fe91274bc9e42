//! Hints: the remedies that AWS documents for a fault, as a table.
//!
//! Hints are looked up when a response is written, and never stored.

use crate::domain::iam::denial;
use crate::domain::iam::denial::{Denial, DenialCause};
use crate::domain::iam::policies::DAX_PRINCIPAL;
use crate::domain::pasted;
use crate::domain::problems::aws_codes;
use crate::domain::problems::pasted_call;
use crate::domain::problems::pasted_call::PastedCall;

mod causes;
mod dax_clusters;
mod dax_groups;
mod dax_input;
mod denied_dax;
mod denied_elsewhere;
mod denied_iam;
mod ec2_dynamodb;
mod general;
mod iam_policies;
mod iam_roles;
mod pages;
mod sentences;

/// The service of a row that applies to every service.
pub const ANY_SERVICE: &str = "any";
/// The action of the row for all actions without their own row.
const ANY_ACTION: &str = "*";
/// The action of the row for permissions without their own row that can grant other permissions.
const RIGHTS_ACTION: &str = "iam:*";
/// The services of such permissions.
const RIGHTS_SERVICES: [&str; 3] = ["iam:", "sts:", "organizations:"];

/// One row: a fault, its meaning, and its remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// Stable identifier, part of the public contract.
    pub id: &'static str,
    /// Service, as in an IAM action's prefix, or [`ANY_SERVICE`].
    pub service: &'static str,
    /// AWS's error code as on the wire; compared in its normalised form.
    pub code: &'static str,
    /// The API operations that the row applies to; empty for every operation of the service.
    pub operations: &'static [&'static str],
    /// Part of AWS's message, in lower case, for a code with several meanings.
    pub message: Option<&'static str>,
    /// The denied action, in a row about a missing permission.
    pub action: Option<&'static str>,
    /// The kind of policy that denied, in a row about one kind.
    pub cause: Option<DenialCause>,
    /// The remedy in one sentence of fewer than 120 characters.
    pub title: &'static str,
    /// The cause and the remedy in detail: action, field, limit.
    pub explanation: &'static str,
    /// URL of the AWS page that documents it.
    pub documentation: &'static str,
}

/// An empty row, the base of every row in the tables.
const ROW: Hint = Hint {
    id: "",
    service: "",
    code: "",
    operations: &[],
    message: None,
    action: None,
    cause: None,
    title: "",
    explanation: "",
    documentation: "",
};

const TABLES: [&[Hint]; 11] = [
    denied_iam::ROWS,
    denied_dax::ROWS,
    denied_elsewhere::ROWS,
    causes::ROWS,
    iam_roles::ROWS,
    iam_policies::ROWS,
    dax_input::ROWS,
    dax_clusters::ROWS,
    dax_groups::ROWS,
    ec2_dynamodb::ROWS,
    general::ROWS,
];

/// Every row, in the order of the tables.
pub fn all() -> impl Iterator<Item = &'static Hint> {
    TABLES.into_iter().flatten()
}

/// The rows for a fault; usually one.
///
/// Unknown arguments are empty. They are then read from the message, which may be pasted text.
pub fn lookup(service: &str, operation: &str, code: &str, message: &str) -> Vec<&'static Hint> {
    let pasted = pasted::unwrap(message);
    let mut call = match service.is_empty() || operation.is_empty() || code.is_empty() {
        true => pasted_call::read(&pasted),
        false => PastedCall::default(),
    };
    for (part, stated) in [
        (&mut call.service, service),
        (&mut call.operation, operation),
        (&mut call.code, code),
    ] {
        if !stated.is_empty() {
            *part = stated.to_owned();
        }
    }
    if let Some(denial) = denial::parse(message) {
        return of_denial(&denial, call.called_service());
    }
    let text = pasted.plain.replace('\n', " ").to_lowercase();
    of_error(&call, &text)
}

/// The rows for an error that is no denial. `text` is the message in lower case with single spaces.
fn of_error(call: &PastedCall, text: &str) -> Vec<&'static Hint> {
    let code = aws_codes::normalize(&call.code);
    let by_message = all().filter(|hint| matches_message(hint, call, code, text));
    let by_message: Vec<&'static Hint> = by_message.collect();
    let longest = by_message
        .iter()
        .filter_map(|hint| hint.message)
        .max_by_key(|words| words.len());
    let by_code = for_code(call, code);
    let sentence = sentences::row_in(text).filter(|(_, hint)| is_of_call(hint, call));
    match (longest, sentence) {
        (Some(words), Some((sentence, hint))) if sentence.len() > words.len() => vec![hint],
        (Some(words), _) => {
            let is_longest = |hint: &&Hint| hint.message == Some(words);
            by_message.into_iter().filter(is_longest).collect()
        }
        // A row of this service says more about its code than the sentence of all services.
        (None, Some((_, hint))) if hint.service != ANY_SERVICE || is_general(&by_code) => {
            vec![hint]
        }
        (None, _) => by_code,
    }
}

fn is_general(rows: &[&'static Hint]) -> bool {
    rows.len() != 1 || rows[0].service == ANY_SERVICE
}

/// The rows for a denial: the row of its action for a missing Allow, otherwise the rows of its
/// cause. `called` is the service that was called; empty if it is not known.
pub fn of_denial(denial: &Denial, called: &str) -> Vec<&'static Hint> {
    let for_action = |action: &str, cause: Option<DenialCause>| {
        all()
            .filter(|hint| hint.action == Some(action) && hint.cause == cause)
            .collect::<Vec<_>>()
    };
    match denial.cause {
        DenialCause::IdentityPolicy | DenialCause::Unstated => {
            let exact = for_action(&denial.action, None);
            let is_about_rights = RIGHTS_SERVICES
                .iter()
                .any(|service| denial.action.starts_with(service));
            match exact.is_empty() || is_for_another_service(denial, called) {
                true if is_about_rights => for_action(RIGHTS_ACTION, None),
                true => for_action(ANY_ACTION, None),
                false => exact,
            }
        }
        cause @ (DenialCause::PermissionsBoundary
        | DenialCause::ServiceControlPolicy
        | DenialCause::ResourceControlPolicy
        | DenialCause::SessionPolicy
        | DenialCause::VpcEndpointPolicy
        | DenialCause::ResourcePolicy
        | DenialCause::ExplicitDeny(_)) => {
            let mut rows = for_action(&denial.action, Some(DenialCause::ExplicitDeny(None)));
            rows.retain(|_| matches!(cause, DenialCause::ExplicitDeny(_)));
            rows.extend(all().filter(|hint| hint.action.is_none() && hint.cause == Some(cause)));
            rows
        }
    }
}

/// Whether a role is for another service than DAX: its service-linked role, or one passed to it.
fn is_for_another_service(denial: &Denial, called: &str) -> bool {
    let resource = denial.resource.as_deref().unwrap_or_default();
    match denial.action.as_str() {
        "iam:CreateServiceLinkedRole" => {
            resource.contains(":role/aws-service-role/") && !resource.contains(DAX_PRINCIPAL)
        }
        "iam:PassRole" => !["", "dax"].contains(&called),
        _ => false,
    }
}

/// Whether the message identifies this row. The code may then be unknown, or a plain denial.
///
/// `code` is normalised, `text` is the message in lower case with single spaces.
fn matches_message(hint: &Hint, call: &PastedCall, code: &str, text: &str) -> bool {
    let Some(words) = hint.message else {
        return false;
    };
    text.contains(words)
        && (code.is_empty()
            || code == aws_codes::ACCESS_DENIED
            || code == aws_codes::normalize(hint.code))
        && is_of_call(hint, call)
}

/// Whether a row can be about a call, as far as the call is known.
fn is_of_call(hint: &Hint, call: &PastedCall) -> bool {
    let operation = call.operation.as_str();
    is_of_service(hint, call)
        && (hint.operations.is_empty()
            || operation.is_empty()
            || hint.operations.contains(&operation))
}

fn is_of_service(hint: &Hint, call: &PastedCall) -> bool {
    if call.service.is_empty() {
        // Every call of DAX is known, so an unknown call is one of another service.
        return hint.service != "dax" || call.operation.is_empty();
    }
    hint.service == call.service || hint.service == ANY_SERVICE
}

/// The rows of a normalised code: for this operation, else for the service, else for every service.
fn for_code(call: &PastedCall, code: &str) -> Vec<&'static Hint> {
    if code.is_empty() {
        return Vec::new();
    }
    let operation = call.operation.as_str();
    let candidates: Vec<&'static Hint> = all()
        .filter(|hint| hint.message.is_none() && hint.action.is_none() && hint.cause.is_none())
        .filter(|hint| aws_codes::normalize(hint.code) == code && is_of_service(hint, call))
        .collect();
    let pick = |matches: &dyn Fn(&Hint) -> bool| -> Vec<&'static Hint> {
        candidates
            .iter()
            .copied()
            .filter(|hint| matches(hint))
            .collect()
    };
    let is_specific = |hint: &Hint| hint.service != ANY_SERVICE;
    let choices: [Vec<&'static Hint>; 4] = [
        pick(&|hint| is_specific(hint) && hint.operations.contains(&operation)),
        pick(&|hint| is_specific(hint) && hint.operations.is_empty()),
        pick(&|hint| is_specific(hint) && operation.is_empty()),
        pick(&|hint| !is_specific(hint)),
    ];
    choices
        .into_iter()
        .find(|choice| !choice.is_empty())
        .unwrap_or_default()
}

#[cfg(test)]
mod lookups;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod wrapped;
