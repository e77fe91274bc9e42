//! The resources that exist now, for tests and for the control API.

mod conversions;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// All resources of the account. Those of a new account are flagged `builtin`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    /// IAM roles, service-linked ones included.
    pub roles: Vec<RoleItem>,
    /// Managed IAM policies, AWS's own included.
    pub policies: Vec<PolicyItem>,
    /// DAX clusters, ordered by name.
    pub clusters: Vec<ClusterItem>,
    /// DAX subnet groups, ordered by name.
    pub subnet_groups: Vec<SubnetGroupItem>,
    /// DAX parameter groups, ordered by name.
    pub parameter_groups: Vec<ParameterGroupItem>,
    /// Subnets of all VPCs.
    pub subnets: Vec<SubnetItem>,
    /// Security groups of all VPCs.
    pub security_groups: Vec<SecurityGroupItem>,
    /// Names of the DynamoDB tables that were created.
    pub tables: Vec<String>,
}

/// An IAM role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoleItem {
    /// Name, without the path.
    pub name: String,
    /// Path, such as `/`.
    pub path: String,
    /// Amazon Resource Name.
    pub arn: String,
    /// Tag values by key.
    pub tags: BTreeMap<String, String>,
    /// ARNs of attached managed policies.
    pub attached_policies: Vec<String>,
    /// Names of inline policies.
    pub inline_policies: Vec<String>,
    /// ARN of the permissions boundary.
    pub permissions_boundary: Option<String>,
    /// Whether it is a service-linked role, which `Inventory::created` omits.
    pub service_linked: bool,
    /// Always `false`: a new account has no role.
    pub builtin: bool,
}

/// A managed IAM policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyItem {
    /// Name, without the path.
    pub name: String,
    /// Path, such as `/`.
    pub path: String,
    /// Amazon Resource Name.
    pub arn: String,
    /// Tag values by key.
    pub tags: BTreeMap<String, String>,
    /// Number of versions.
    pub versions: usize,
    /// JSON document of the default version.
    pub document: String,
    /// Whether it is an AWS managed policy.
    pub builtin: bool,
}

/// A DAX cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClusterItem {
    /// Name, in lower case.
    pub name: String,
    /// Amazon Resource Name.
    pub arn: String,
    /// Status such as `available`; missing late in a deletion.
    pub status: Option<String>,
    /// Node IDs, such as `orders-a`.
    pub nodes: Vec<String>,
    /// Node type, such as `dax.r5.large`.
    pub node_type: String,
    /// ARN of the service role.
    pub role_arn: String,
    /// Name of the subnet group.
    pub subnet_group: String,
    /// Name of the parameter group.
    pub parameter_group: String,
    /// IDs of the security groups.
    pub security_group_ids: Vec<String>,
    /// Tag values by key.
    pub tags: BTreeMap<String, String>,
    /// Always `false`: a new account has no cluster.
    pub builtin: bool,
}

/// A DAX subnet group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubnetGroupItem {
    /// Name, in lower case.
    pub name: String,
    /// Description, if it has one.
    pub description: Option<String>,
    /// ID of the VPC.
    pub vpc_id: String,
    /// IDs of the subnets.
    pub subnet_ids: Vec<String>,
    /// Whether a new account has it.
    pub builtin: bool,
}

/// A DAX parameter group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ParameterGroupItem {
    /// Name, in its original case.
    pub name: String,
    /// Description; a single space if none was given.
    pub description: String,
    /// Value of the parameter `record-ttl-millis`.
    pub record_ttl_millis: String,
    /// Value of the parameter `query-ttl-millis`.
    pub query_ttl_millis: String,
    /// Whether a new account has it.
    pub builtin: bool,
}

/// A subnet of a VPC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubnetItem {
    /// Resource ID, as EC2 shows it.
    pub id: String,
    /// ID of the VPC.
    pub vpc_id: String,
    /// Name of the Availability Zone.
    pub availability_zone: String,
    /// `ipv4`, `ipv6`, or both.
    pub network_types: Vec<String>,
    /// Whether a new account has it.
    pub builtin: bool,
}

/// A security group of a VPC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SecurityGroupItem {
    /// Resource ID, as EC2 shows it.
    pub id: String,
    /// Name, unique within the VPC.
    pub name: String,
    /// ID of the VPC.
    pub vpc_id: String,
    /// Ingress rules, such as `tcp 8111-8111 from sg-0a1b2c3d4e5f60718`.
    pub ingress: Vec<String>,
    /// Whether a new account has it.
    pub builtin: bool,
}

impl Inventory {
    /// ARNs and names of all resources that are neither built in nor service-linked roles. Subnets,
    /// security groups and tables are not included.
    pub fn created(&self) -> Vec<String> {
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
