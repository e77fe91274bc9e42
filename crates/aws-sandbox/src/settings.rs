//! What a sandbox is started with: whose account it plays, how long things take, and its quotas.

use std::path::PathBuf;

use crate::sandbox_error::SandboxError;

/// How a sandbox behaves; the default has AWS's own quotas and quick times.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The account every ARN carries; 12 digits.
    pub account_id: String,
    /// The one Region that DAX, EC2 and DynamoDB are served for.
    pub region: String,
    /// How long a cluster stays `creating`.
    pub creating_seconds: f64,
    /// How long a cluster stays `deleting`; in the last third of it `Status` is missing.
    pub deleting_seconds: f64,
    /// How long a cluster stays `modifying` after an update or a change of its size.
    pub modifying_seconds: f64,
    /// How long a node stays `REBOOTING`.
    pub rebooting_seconds: f64,
    /// Whether a change of a cluster's parameter group waits at each node for a RebootNode. DAX's API has the members
    /// that would show it, but both of its parameters are documented to take effect at once.
    pub parameter_changes_need_reboot: bool,
    /// How long DAX cannot assume a role after it was created, its trust changed, or a policy was attached to it.
    pub propagation_seconds: f64,
    /// The limits of the account.
    pub quotas: Quotas,
    /// Whether signatures are verified. Switched off, an unknown or missing key is the administrator.
    pub check_signatures: bool,
    /// The file of the append-only journal, or a directory to keep it in; without it nothing outlives the process.
    pub journal: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            account_id: "123456789012".to_owned(),
            region: "us-east-1".to_owned(),
            creating_seconds: 3.0,
            deleting_seconds: 1.0,
            modifying_seconds: 1.0,
            rebooting_seconds: 1.0,
            parameter_changes_need_reboot: false,
            propagation_seconds: 1.0,
            quotas: Quotas::default(),
            check_signatures: true,
            journal: None,
        }
    }
}

/// The limits of the account, AWS's own by default (DynamoDB developer guide, "Quotas", and IAM user guide, "IAM and
/// STS quotas"); `clusters` and `certificates` exist at AWS too, but no figure is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quotas {
    /// Nodes of all clusters together.
    pub nodes: u32,
    /// Nodes of one cluster.
    pub nodes_per_cluster: u32,
    /// Clusters.
    pub clusters: u32,
    /// Parameter groups, the built-in one not counted.
    pub parameter_groups: u32,
    /// Subnet groups, the built-in one not counted.
    pub subnet_groups: u32,
    /// Subnets of one subnet group.
    pub subnets_per_group: u32,
    /// Tags of one cluster, role or policy.
    pub tags: u32,
    /// TLS clusters created within 30 days.
    pub certificates: u32,
    /// IAM roles.
    pub roles: u32,
    /// Customer managed IAM policies.
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
    /// The names that [`Quotas::set`] knows.
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

    /// Sets the quota of that name; an unknown name is an error that lists the known ones.
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
