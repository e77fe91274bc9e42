//! Plan: what would be done for a wanted cluster, with which permissions, told before anything is done.

use super::inventory::{Owner, ResourceKind};
use crate::domain::iam::policies::{Conditions, PolicyDocument, Statement, statement_for};

/// Stands in a plan for the ten characters by which the things of one operation are named: they are drawn when the
/// cluster is asked for. In an IAM policy each `?` matches one character, so a plan's permissions hold for the real names.
pub const SUFFIX_PATTERN: &str = "??????????";

/// A dry run.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The steps in their order; one without calls has nothing to do.
    pub steps: Vec<PlannedStep>,
    /// What will be made, and what will be used.
    pub resources: Vec<PlannedResource>,
    /// The access policies of the service role.
    pub policies: Vec<NamedPolicy>,
    /// The trust policy of the service role, if one is made.
    pub trust_policy: Option<PolicyDocument>,
    /// What the service must be allowed: with less the work blocks, more it does not take.
    pub permissions: Vec<Permission>,
    /// What is worth knowing before.
    pub warnings: Vec<Warning>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedStep {
    /// Its name, the same as in the operation.
    pub name: &'static str,
    /// The AWS calls of it, as IAM names them.
    pub calls: Vec<&'static str>,
}

/// One thing in AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedResource {
    /// What it is.
    pub kind: ResourceKind,
    /// Its name.
    pub name: String,
    /// Its ARN, where it has one.
    pub arn: Option<String>,
    /// Whether it will be made or is used.
    pub owner: Owner,
}

/// A policy and its name.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedPolicy {
    /// Its name.
    pub name: String,
    /// What it says.
    pub document: PolicyDocument,
}

/// One permission of the service's own identity.
#[derive(Debug, Clone, PartialEq)]
pub struct Permission {
    /// The action.
    pub action: String,
    /// The ARN, or a pattern of it, as a policy has it.
    pub resource: String,
    /// The conditions under which it may be granted.
    pub conditions: Conditions,
    /// The full ARNs that a call of such an operation is about.
    pub asked: Vec<String>,
    /// The condition keys that such a call brings.
    pub context: Vec<(&'static str, String)>,
}

/// Something worth knowing before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// A word for programs.
    pub code: &'static str,
    /// The same for people.
    pub detail: String,
}

impl Permission {
    /// The statement that grants it.
    pub fn statement(&self) -> Statement {
        statement_for(&self.action, &self.resource, self.conditions.clone())
    }
}

impl Plan {
    /// All permissions as one policy: exactly what an identity needs to see the work through.
    pub fn policy(&self) -> PolicyDocument {
        PolicyDocument::merged(self.permissions.iter().map(Permission::statement))
    }
}
