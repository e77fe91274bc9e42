//! Subnet groups, parameter groups and events of DAX.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A subnet group; its subnets are in [`crate::state::State::subnets`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SubnetGroup {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) vpc_id: String,
    pub(crate) subnet_ids: Vec<String>,
    pub(crate) builtin: bool,
}

/// A parameter group. DAX has exactly two parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ParameterGroup {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) record_ttl_millis: String,
    pub(crate) query_ttl_millis: String,
    pub(crate) builtin: bool,
}

/// The type of resource of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum EventSource {
    Cluster,
    ParameterGroup,
    SubnetGroup,
}

/// An event. One with a future date is not listed yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) source_name: String,
    pub(crate) source: EventSource,
    pub(crate) message: String,
    pub(crate) date: DateTime<Utc>,
}
