//! Plan: a dry run of an operation, with the permissions it needs.

use serde::{Deserialize, Serialize};

use super::inventory::{Owner, ResourceKind};
use crate::domain::iam::policies::{Conditions, PolicyDocument, Statement, statement_for};

/// Placeholder for the ten-character suffix of resource names, which exists only once the operation
/// is accepted. In an IAM policy each `?` matches one character, so it covers the real names.
pub const SUFFIX_PATTERN: &str = "??????????";

/// What an operation would do, and what it needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The steps in order. A step without calls will be skipped.
    pub steps: Vec<PlannedStep>,
    /// The resources of the operation.
    pub resources: Vec<PlannedResource>,
    /// The access policies of a new service role.
    pub policies: Vec<NamedPolicy>,
    /// The trust policy of a new service role; `None` if an existing one is used.
    pub trust_policy: Option<PolicyDocument>,
    /// The permissions that this service's own identity needs, and no more.
    pub permissions: Vec<Permission>,
    /// Risks and limits of the requested settings.
    pub warnings: Vec<Warning>,
    /// The nodes that reboot, or may, in this order.
    pub nodes_to_reboot: Vec<String>,
}

/// What an operation does to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::VariantArray, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum ResourceEffect {
    /// It is created.
    Create,
    /// It exists, and its settings change.
    Change,
    /// It exists, and stays as it is.
    Keep,
    /// It is deleted.
    Delete,
}

/// One step of the planned operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedStep {
    /// Name of the step in the operation.
    pub name: &'static str,
    /// Its AWS calls, as IAM actions such as `iam:CreateRole`.
    pub calls: Vec<&'static str>,
}

/// One AWS resource that the operation would create or use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedResource {
    /// Kind of the resource.
    pub kind: ResourceKind,
    /// Name in AWS, with [`SUFFIX_PATTERN`] for the suffix.
    pub name: String,
    /// ARN, if the resource has one.
    pub arn: Option<String>,
    /// Whether this service manages it.
    pub owner: Owner,
    /// What the operation does to it.
    pub effect: ResourceEffect,
}

/// An IAM policy with its name.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedPolicy {
    /// Name of the policy, with [`SUFFIX_PATTERN`] for the suffix.
    pub name: String,
    /// The policy document.
    pub document: PolicyDocument,
}

/// One permission that this service's own identity needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Permission {
    /// IAM action, such as `iam:CreateRole`.
    pub action: String,
    /// ARN or ARN pattern for the policy statement.
    pub resource: String,
    /// Conditions that the policy statement can have.
    pub conditions: Conditions,
    /// Full ARNs to simulate the action on: those that a call of the operation would name.
    pub simulated_on: Vec<String>,
    /// Condition keys and values that the call would have.
    pub context: Vec<(&'static str, String)>,
}

/// A risk or limit of the requested settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Stable name, such as `one_node`.
    pub code: &'static str,
    /// The warning as a sentence.
    pub detail: String,
}

impl Permission {
    /// The policy statement that grants it.
    pub fn statement(&self) -> Statement {
        statement_for(&self.action, &self.resource, self.conditions.clone())
    }
}

impl Plan {
    /// All permissions as one policy: the least that an identity needs to run the operation.
    pub fn policy(&self) -> PolicyDocument {
        PolicyDocument::merged(self.permissions.iter().map(Permission::statement))
    }
}
