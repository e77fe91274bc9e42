//! Settings of a sandbox: account, Region, durations, quotas and journal.

use std::path::PathBuf;

use crate::rate_limits::RateLimit;
use crate::sandbox_error::SandboxError;

/// Settings of a sandbox. The default has AWS's default quotas and short durations.
#[derive(Debug, Clone)]
pub struct Settings {
    /// First account, 12 digits. Another one exists as soon as it has an identity.
    pub account_id: String,
    /// First Region of DAX, EC2 and DynamoDB. They reject requests signed for one that the sandbox
    /// does not have.
    pub region: String,
    /// More Regions of DAX, EC2 and DynamoDB. Each account has the same Regions.
    pub more_regions: Vec<String>,
    /// How long a cluster stays `creating`.
    pub creating_seconds: f64,
    /// How long a cluster stays `deleting`. In the last third of this time `Status` is missing.
    pub deleting_seconds: f64,
    /// How long a cluster stays `modifying` after an update or a change of its size.
    pub modifying_seconds: f64,
    /// How long a node stays `REBOOTING`.
    pub rebooting_seconds: f64,
    /// Whether a change of a cluster's parameter group takes effect on a node after RebootNode.
    /// DAX's API has members for this state, but both parameters are documented as immediate.
    pub parameter_changes_need_reboot: bool,
    /// How long DAX cannot assume a role after its creation, a change of its trust policy or the
    /// attachment of a policy.
    pub propagation_seconds: f64,
    /// Service quotas of the account.
    pub quotas: Quotas,
    /// Rate limits of the account, such as [`aws_rate_limits`](crate::aws_rate_limits). Default: none.
    pub rate_limits: Vec<RateLimit>,
    /// Whether signatures are verified. If not, an unknown or missing access key is treated as the
    /// administrator.
    pub check_signatures: bool,
    /// File or directory of the append-only journal. Without a journal the state is lost at exit.
    pub journal: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            account_id: "123456789012".to_owned(),
            region: "us-east-1".to_owned(),
            more_regions: Vec::new(),
            creating_seconds: 3.0,
            deleting_seconds: 1.0,
            modifying_seconds: 1.0,
            rebooting_seconds: 1.0,
            parameter_changes_need_reboot: false,
            propagation_seconds: 1.0,
            quotas: Quotas::default(),
            rate_limits: Vec::new(),
            check_signatures: true,
            journal: None,
        }
    }
}

impl Settings {
    /// All Regions.
    pub(crate) fn regions(&self) -> impl Iterator<Item = &str> {
        let more = self.more_regions.iter();
        std::iter::once(&self.region)
            .chain(more)
            .map(String::as_str)
    }
}

/// Quotas of the account. The defaults are AWS's (DynamoDB developer guide, "Quotas"; IAM user
/// guide, "IAM and STS quotas"), except `clusters` and `certificates`, whose limits AWS does not
/// publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quotas {
    /// Total nodes of all clusters.
    pub nodes: u32,
    /// Nodes of one cluster, the primary included.
    pub nodes_per_cluster: u32,
    /// Clusters of the account.
    pub clusters: u32,
    /// Parameter groups, without the built-in one.
    pub parameter_groups: u32,
    /// Subnet groups, without the built-in one.
    pub subnet_groups: u32,
    /// Subnets of one subnet group.
    pub subnets_per_group: u32,
    /// Tags of one cluster, role or policy.
    pub tags: u32,
    /// TLS clusters created within 30 days.
    pub certificates: u32,
    /// IAM roles of the account.
    pub roles: u32,
    /// Customer managed IAM policies of the account.
    pub policies: u32,
    /// Managed policies attached to one role.
    pub policies_per_role: u32,
    /// Versions of one managed policy.
    pub policy_versions: u32,
}

impl Default for Quotas {
    fn default() -> Quotas {
        Quotas {
            nodes: 50,
            nodes_per_cluster: 11,
            clusters: 1000,
            parameter_groups: 20,
            subnet_groups: 50,
            subnets_per_group: 20,
            tags: 50,
            certificates: 1000,
            roles: 1000,
            policies: 1500,
            policies_per_role: 10,
            policy_versions: 5,
        }
    }
}

impl Quotas {
    /// The names that [`Quotas::set`] accepts.
    pub const NAMES: [&str; 12] = [
        "nodes",
        "nodes_per_cluster",
        "clusters",
        "parameter_groups",
        "subnet_groups",
        "subnets_per_group",
        "tags",
        "certificates",
        "roles",
        "policies",
        "policies_per_role",
        "policy_versions",
    ];

    /// Sets the quota of this name. The error for an unknown name lists the valid ones.
    pub fn set(&mut self, name: &str, value: u32) -> Result<(), SandboxError> {
        let quota = match name {
            "nodes" => &mut self.nodes,
            "nodes_per_cluster" => &mut self.nodes_per_cluster,
            "clusters" => &mut self.clusters,
            "parameter_groups" => &mut self.parameter_groups,
            "subnet_groups" => &mut self.subnet_groups,
            "subnets_per_group" => &mut self.subnets_per_group,
            "tags" => &mut self.tags,
            "certificates" => &mut self.certificates,
            "roles" => &mut self.roles,
            "policies" => &mut self.policies,
            "policies_per_role" => &mut self.policies_per_role,
            "policy_versions" => &mut self.policy_versions,
            _ => return Err(SandboxError::UnknownQuota(name.to_owned())),
        };
        *quota = value;
        Ok(())
    }
}
