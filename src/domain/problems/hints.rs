//! Hints: the remedies that AWS documents for a fault, as a table.
//!
//! Hints are looked up when a response is written, and never stored.

use crate::domain::iam::denial;
use crate::domain::iam::denial::{Denial, DenialCause};
use crate::domain::problems::aws_codes;

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
mod pasted;

/// The service of a row that applies to every service.
pub const ANY_SERVICE: &str = "any";
/// The action of the row for all actions without their own row.
const ANY_ACTION: &str = "*";

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
/// Unknown arguments are empty. An unknown operation or code is read from the message, which may be
/// pasted text.
pub fn lookup(service: &str, operation: &str, code: &str, message: &str) -> Vec<&'static Hint> {
    if let Some(denial) = denial::parse(message) {
        return of_denial(&denial);
    }
    let operation = if operation.is_empty() {
        pasted::operation(message)
    } else {
        operation
    };
    let code = aws_codes::normalize(code);
    let text = message
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .to_lowercase();
    let matching: Vec<&'static Hint> = all()
        .filter(|hint| matches_message(hint, service, operation, code, &text))
        .collect();
    if !matching.is_empty() {
        return matching;
    }
    let code = if code.is_empty() {
        aws_codes::normalize(pasted::code(message))
    } else {
        code
    };
    for_code(service, operation, code)
}

/// The API operation and the error code in a pasted text; each empty if the text names none.
pub fn read_pasted(message: &str) -> (&str, &str) {
    (pasted::operation(message), pasted::code(message))
}

/// The rows for a denial: the row of its action for a missing Allow, otherwise the row of its
/// cause.
pub fn of_denial(denial: &Denial) -> Vec<&'static Hint> {
    match denial.cause {
        DenialCause::IdentityPolicy | DenialCause::Unstated => {
            let for_action = |action: &str| {
                all()
                    .filter(|hint| hint.action == Some(action))
                    .collect::<Vec<_>>()
            };
            let exact = for_action(&denial.action);
            if exact.is_empty() {
                for_action(ANY_ACTION)
            } else {
                exact
            }
        }
        cause @ (DenialCause::PermissionsBoundary
        | DenialCause::ServiceControlPolicy
        | DenialCause::ResourceControlPolicy
        | DenialCause::SessionPolicy
        | DenialCause::VpcEndpointPolicy
        | DenialCause::ResourcePolicy
        | DenialCause::ExplicitDeny(_)) => all().filter(|hint| hint.cause == Some(cause)).collect(),
    }
}

/// Whether the message identifies this row. The code may then be unknown, or a plain denial.
///
/// `code` is normalised, `text` is the message in lower case with single spaces.
fn matches_message(hint: &Hint, service: &str, operation: &str, code: &str, text: &str) -> bool {
    let Some(words) = hint.message else {
        return false;
    };
    text.contains(words)
        && (code.is_empty()
            || code == aws_codes::ACCESS_DENIED
            || code == aws_codes::normalize(hint.code))
        && is_of_service(hint, service)
        && (hint.operations.is_empty()
            || operation.is_empty()
            || hint.operations.contains(&operation))
}

fn is_of_service(hint: &Hint, service: &str) -> bool {
    service.is_empty() || hint.service == service || hint.service == ANY_SERVICE
}

/// The rows of a normalised code: for this operation, else for the service, else for every service.
fn for_code(service: &str, operation: &str, code: &str) -> Vec<&'static Hint> {
    if code.is_empty() {
        return Vec::new();
    }
    let candidates: Vec<&'static Hint> = all()
        .filter(|hint| hint.message.is_none() && hint.action.is_none() && hint.cause.is_none())
        .filter(|hint| aws_codes::normalize(hint.code) == code && is_of_service(hint, service))
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
