//! The network the clusters live in, and the tables they would cache.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::state::Tag;

/// A VPC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Vpc {
    pub(crate) id: String,
    pub(crate) cidr: String,
    pub(crate) is_default: bool,
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Subnet {
    pub(crate) id: String,
    pub(crate) vpc_id: String,
    pub(crate) availability_zone: String,
    /// Absent where the subnet speaks IPv6 only.
    pub(crate) cidr: Option<String>,
    /// Absent where the subnet speaks IPv4 only.
    pub(crate) ipv6_cidr: Option<String>,
    pub(crate) builtin: bool,
}

impl Subnet {
    /// The network types as DAX reports them: `ipv4`, `ipv6`, or both for a dual-stack subnet.
    pub(crate) fn network_types(&self) -> Vec<&'static str> {
        let mut types = Vec::new();
        types.extend(self.cidr.as_ref().map(|_| "ipv4"));
        types.extend(self.ipv6_cidr.as_ref().map(|_| "ipv6"));
        types
    }
}

/// Where an ingress rule lets traffic come from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IngressSource {
    Cidr(String),
    Ipv6Cidr(String),
    SecurityGroup(String),
    PrefixList(String),
}

/// One ingress rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct IngressRule {
    pub(crate) protocol: String,
    pub(crate) from_port: Option<i32>,
    pub(crate) to_port: Option<i32>,
    pub(crate) source: IngressSource,
    pub(crate) description: Option<String>,
    pub(crate) id: String,
    /// Older journals know nothing of them.
    #[serde(default)]
    pub(crate) tags: Vec<Tag>,
}

/// A security group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SecurityGroup {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) vpc_id: String,
    pub(crate) ingress: BTreeSet<IngressRule>,
    pub(crate) builtin: bool,
}

/// A DynamoDB table, as far as DescribeTable shows one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) created_at: DateTime<Utc>,
}
