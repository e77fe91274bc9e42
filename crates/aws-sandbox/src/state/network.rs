//! VPCs, subnets and security groups, and DynamoDB tables.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::state::Tag;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Vpc {
    pub(crate) id: String,
    pub(crate) cidr: String,
    pub(crate) is_default: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Subnet {
    pub(crate) id: String,
    pub(crate) vpc_id: String,
    pub(crate) availability_zone: String,
    /// Absent for an IPv6-only subnet.
    pub(crate) cidr: Option<String>,
    /// Absent for an IPv4-only subnet.
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

/// The source of traffic that an ingress rule allows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IngressSource {
    Cidr(String),
    Ipv6Cidr(String),
    SecurityGroup(String),
    PrefixList(String),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct IngressRule {
    pub(crate) protocol: String,
    pub(crate) from_port: Option<i32>,
    pub(crate) to_port: Option<i32>,
    pub(crate) source: IngressSource,
    pub(crate) description: Option<String>,
    pub(crate) id: String,
    /// Absent in older journals.
    #[serde(default)]
    pub(crate) tags: Vec<Tag>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SecurityGroup {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) vpc_id: String,
    pub(crate) ingress: BTreeSet<IngressRule>,
    pub(crate) builtin: bool,
}

/// A DynamoDB table, for DescribeTable only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) created_at: DateTime<Utc>,
}
