//! DAX's groups and events.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A subnet group; its subnets are looked up by id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SubnetGroup {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) vpc_id: String,
    pub(crate) subnet_ids: Vec<String>,
    pub(crate) builtin: bool,
}

/// A parameter group: DAX has exactly two parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ParameterGroup {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) record_ttl_millis: String,
    pub(crate) query_ttl_millis: String,
    pub(crate) builtin: bool,
}

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum EventSource {
    Cluster,
    ParameterGroup,
    SubnetGroup,
}

/// An event; its date may lie ahead, and then nobody sees it yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) source_name: String,
    pub(crate) source: EventSource,
    pub(crate) message: String,
    pub(crate) date: DateTime<Utc>,
}
