//! Conversion of column values to domain values, with an error for invalid ones.

use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::domain::inventory::{Owner, Presence, ResourceKind};
use crate::domain::names::ClusterName;
use crate::domain::operation::{Attention, ClusterStatus, Kind, Status, StepStatus};
use crate::domain::project::ProjectName;
use crate::domain::target::TargetName;
use crate::domain::waiting::WaitingFor;

use super::StoreError;

/// A domain value as the JSON of a column.
pub(super) fn to_json<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value)
        .expect("domain values have string keys and no custom serializers, so they are JSON")
}

/// The domain value in a JSON column.
pub(super) fn from_json<T: DeserializeOwned>(
    what: &'static str,
    value: Value,
) -> Result<T, StoreError> {
    serde_json::from_value(value).map_err(|error| StoreError::Unreadable {
        what,
        detail: error.to_string(),
    })
}

/// The domain value in a JSON column that may be null.
pub(super) fn from_optional_json<T: DeserializeOwned>(
    what: &'static str,
    value: Option<Value>,
) -> Result<Option<T>, StoreError> {
    value.map(|value| from_json(what, value)).transpose()
}

pub(super) fn parse<T: FromStr>(what: &'static str, text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::Unreadable {
        what,
        detail: format!("unknown value {text:?}"),
    })
}

/// The project of a row; empty for none.
pub(super) fn project(text: &str) -> Result<Option<ProjectName>, StoreError> {
    if text.is_empty() {
        return Ok(None);
    }
    let unreadable = |_| StoreError::Unreadable {
        what: "project",
        detail: "not a name".to_owned(),
    };
    ProjectName::parse(text).map(Some).map_err(unreadable)
}

/// The column of a project.
pub(super) fn project_column(project: Option<&ProjectName>) -> &str {
    project.map_or("", ProjectName::as_str)
}

pub(super) fn kind(text: &str) -> Result<Kind, StoreError> {
    parse("operations.kind", text)
}

pub(super) fn status(text: &str) -> Result<Status, StoreError> {
    parse("operations.status", text)
}

pub(super) fn waiting_for(text: &str) -> Result<WaitingFor, StoreError> {
    parse("operations.waiting_for", text)
}

pub(super) fn step_status(text: &str) -> Result<StepStatus, StoreError> {
    parse("operation_steps.status", text)
}

pub(super) fn cluster_status(text: &str) -> Result<ClusterStatus, StoreError> {
    parse("clusters.status", text)
}

pub(super) fn attention(text: &str) -> Result<Attention, StoreError> {
    parse("clusters.attention", text)
}

pub(super) fn resource_kind(text: &str) -> Result<ResourceKind, StoreError> {
    parse("inventory.kind", text)
}

pub(super) fn owner(text: &str) -> Result<Owner, StoreError> {
    parse("inventory.owner", text)
}

pub(super) fn presence(text: &str) -> Result<Presence, StoreError> {
    parse("inventory.presence", text)
}

pub(super) fn target(text: &str) -> Result<TargetName, StoreError> {
    TargetName::parse(text).map_err(|rule| StoreError::Unreadable {
        what: "target",
        detail: rule.detail,
    })
}

pub(super) fn cluster_name(text: &str) -> Result<ClusterName, StoreError> {
    ClusterName::parse(text).map_err(|rule| StoreError::Unreadable {
        what: "cluster name",
        detail: rule.detail,
    })
}
