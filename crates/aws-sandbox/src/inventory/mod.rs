//! Everything that exists now, for tests and for people.

mod conversions;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Everything that exists in the account; what was there from the start is flagged `builtin`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    /// IAM roles.
    pub roles: Vec<RoleItem>,
    /// Managed policies.
    pub policies: Vec<PolicyItem>,
    /// DAX clusters.
    pub clusters: Vec<ClusterItem>,
    /// DAX subnet groups.
    pub subnet_groups: Vec<SubnetGroupItem>,
    /// DAX parameter groups.
    pub parameter_groups: Vec<ParameterGroupItem>,
    /// Subnets.
    pub subnets: Vec<SubnetItem>,
    /// Security groups.
    pub security_groups: Vec<SecurityGroupItem>,
    /// Names of DynamoDB tables that were put.
    pub tables: Vec<String>,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoleItem {
    /// Name.
    pub name: String,
    /// Path, such as `/`.
    pub path: String,
    /// ARN.
    pub arn: String,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// ARNs of attached managed policies.
    pub attached_policies: Vec<String>,
    /// Names of inline policies.
    pub inline_policies: Vec<String>,
    /// ARN of the permissions boundary.
    pub permissions_boundary: Option<String>,
    /// Whether it is a service-linked role, which nobody is expected to remove.
    pub service_linked: bool,
    /// Always `false`: no account begins with a role.
    pub builtin: bool,
}

/// A managed policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyItem {
    /// Name.
    pub name: String,
    /// Path, such as `/`.
    pub path: String,
    /// ARN.
    pub arn: String,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// How many versions it has.
    pub versions: usize,
    /// The document in force.
    pub document: String,
    /// Whether it is AWS's own.
    pub builtin: bool,
}

/// A cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClusterItem {
    /// Name.
    pub name: String,
    /// ARN.
    pub arn: String,
    /// Status; missing late in a deletion.
    pub status: Option<String>,
    /// Node ids.
    pub nodes: Vec<String>,
    /// Node type.
    pub node_type: String,
    /// ARN of its service role.
    pub role_arn: String,
    /// Its subnet group.
    pub subnet_group: String,
    /// Its parameter group.
    pub parameter_group: String,
    /// Its security groups.
    pub security_group_ids: Vec<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Always `false`.
    pub builtin: bool,
}

/// A subnet group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubnetGroupItem {
    /// Name.
    pub name: String,
    /// Description, where it has one.
    pub description: Option<String>,
    /// Its VPC.
    pub vpc_id: String,
    /// Its subnets.
    pub subnet_ids: Vec<String>,
    /// Whether it was there from the start.
    pub builtin: bool,
}

/// A parameter group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ParameterGroupItem {
    /// Name.
    pub name: String,
    /// Description; a single space where none was given.
    pub description: String,
    /// `record-ttl-millis`.
    pub record_ttl_millis: String,
    /// `query-ttl-millis`.
    pub query_ttl_millis: String,
    /// Whether it was there from the start.
    pub builtin: bool,
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubnetItem {
    /// Id.
    pub id: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Its Availability Zone.
    pub availability_zone: String,
    /// `ipv4`, `ipv6`, or both.
    pub network_types: Vec<String>,
    /// Whether it was there from the start.
    pub builtin: bool,
}

/// A security group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SecurityGroupItem {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Ingress rules, such as `tcp 8111-8111 from sg-0a1b2c3d4e5f60718`.
    pub ingress: Vec<String>,
    /// Whether it was there from the start.
    pub builtin: bool,
}

impl Inventory {
    /// Names what somebody made: all that is neither built in nor a service-linked role.
    pub fn made(&self) -> Vec<String> {
        let roles = self
            .roles
            .iter()
            .filter(|role| !role.service_linked)
            .map(|role| role.arn.clone());
        let policies = self
            .policies
            .iter()
            .filter(|policy| !policy.builtin)
            .map(|policy| policy.arn.clone());
        let clusters = self.clusters.iter().map(|cluster| cluster.arn.clone());
        let subnet_groups = self.subnet_groups.iter().filter(|group| !group.builtin);
        let parameter_groups = self.parameter_groups.iter().filter(|group| !group.builtin);
        roles
            .chain(policies)
            .chain(clusters)
            .chain(subnet_groups.map(|group| format!("subnet group {}", group.name)))
            .chain(parameter_groups.map(|group| format!("parameter group {}", group.name)))
            .collect()
    }
}
