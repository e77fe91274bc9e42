//! Hints: what AWS's pages say to do about a fault. A table; looked up when an answer is written, never stored.

use crate::domain::iam::denial;
use crate::domain::iam::denial::{Denial, DenialCause};

mod causes;
mod codes;
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

/// The service of a row that holds for all of them.
pub const ANY_SERVICE: &str = "any";
/// The action of the row for refused actions without a row of their own.
const ANY_ACTION: &str = "*";

/// One row: a fault, what it means, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// Name that never changes.
    pub id: &'static str,
    /// Service, as in an IAM action's prefix, or [`ANY_SERVICE`].
    pub service: &'static str,
    /// AWS's error code; compared without its endings and aliases.
    pub code: &'static str,
    /// The calls it holds for; none means all of the service.
    pub operations: &'static [&'static str],
    /// Words of the message, in lower case, where the code alone means several things.
    pub message: Option<&'static str>,
    /// The refused action, in a row about a missing permission.
    pub action: Option<&'static str>,
    /// What refused, in a row about that.
    pub cause: Option<DenialCause>,
    /// The remedy in one line.
    pub title: &'static str,
    /// What happened and what to do: action, field, limit.
    pub explanation: &'static str,
    /// The AWS page it rests on.
    pub documentation: &'static str,
}

/// A row without content, from which the tables make theirs.
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

/// The rows for a fault, the most telling first; usually one. What is not known of the fault is left empty and, where a
/// pasted message names it, read from there.
pub fn lookup(service: &str, operation: &str, code: &str, message: &str) -> Vec<&'static Hint> {
    if let Some(denial) = denial::parse(message) {
        return of_denial(&denial);
    }
    let operation = if operation.is_empty() {
        pasted::operation(message)
    } else {
        operation
    };
    let told = |hint: &&Hint| is_told(hint, service, operation, code, message);
    let told: Vec<&'static Hint> = all().filter(told).collect();
    if !told.is_empty() {
        return told;
    }
    let code = if code.is_empty() {
        pasted::code(message)
    } else {
        code
    };
    for_code(service, operation, codes::canonical(code))
}

/// The call and the code that a pasted text names; empty where it names none.
pub fn read_pasted(message: &str) -> (&str, &str) {
    (pasted::operation(message), pasted::code(message))
}

/// A missing Allow is cured by the row of its action; whatever else refused needs another remedy than an Allow.
pub fn of_denial(denial: &Denial) -> Vec<&'static Hint> {
    match denial.cause {
        DenialCause::IdentityPolicy | DenialCause::Unstated => {
            let with = |action: &str| {
                all()
                    .filter(|hint| hint.action == Some(action))
                    .collect::<Vec<_>>()
            };
            let exact = with(&denial.action);
            if exact.is_empty() {
                with(ANY_ACTION)
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

/// Whether the message's own words lead to this row; then the code may be missing, or be a bare refusal.
fn is_told(hint: &Hint, service: &str, operation: &str, code: &str, message: &str) -> bool {
    let Some(words) = hint.message else {
        return false;
    };
    let same_code = codes::canonical(hint.code) == codes::canonical(code);
    let message = message
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .to_lowercase();
    message.contains(words)
        && (same_code || code.is_empty() || codes::is_refusal(code))
        && is_of_service(hint, service)
        && (hint.operations.is_empty()
            || operation.is_empty()
            || hint.operations.contains(&operation))
}

fn is_of_service(hint: &Hint, service: &str) -> bool {
    service.is_empty() || hint.service == service || hint.service == ANY_SERVICE
}

/// The rows of a code: of this very call, else of the service, else of all services.
fn for_code(service: &str, operation: &str, code: &str) -> Vec<&'static Hint> {
    if code.is_empty() {
        return Vec::new();
    }
    let of_code: Vec<&'static Hint> = all()
        .filter(|hint| hint.message.is_none() && hint.action.is_none() && hint.cause.is_none())
        .filter(|hint| codes::canonical(hint.code) == code && is_of_service(hint, service))
        .collect();
    let pick = |wanted: &dyn Fn(&Hint) -> bool| -> Vec<&'static Hint> {
        of_code
            .iter()
            .copied()
            .filter(|hint| wanted(hint))
            .collect()
    };
    let own = |hint: &Hint| hint.service != ANY_SERVICE;
    let choices: [Vec<&'static Hint>; 4] = [
        pick(&|hint| own(hint) && hint.operations.contains(&operation)),
        pick(&|hint| own(hint) && hint.operations.is_empty()),
        pick(&|hint| own(hint) && operation.is_empty()),
        pick(&|hint| !own(hint)),
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
