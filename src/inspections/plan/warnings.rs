//! The warnings of a plan: risks and limits of the requested settings.

use crate::domain::iam::policies::Tables;
use crate::domain::node_types::{Offer, is_burstable, offer};
use crate::domain::plan::Warning;

use super::Draft;
use crate::inspections::service_role::RoleChoice;

impl Draft<'_> {
    pub(super) fn warnings(&self) -> Vec<Warning> {
        let all = [
            of_node_count(self.spec.replication_factor),
            self.of_node_type(),
            self.of_tls(),
            self.of_service_role(),
        ];
        let warning = |(code, detail)| Warning { code, detail };
        all.into_iter().flatten().map(warning).collect()
    }

    fn of_node_type(&self) -> Vec<(&'static str, String)> {
        let (node_type, region) = (self.spec.node_type.as_str(), &self.context.account.region);
        let mut warnings = match offer(node_type, region) {
            Offer::Known => Vec::new(),
            Offer::NoSuchType => {
                let detail = format!(
                    "AWS's published node types do not include {node_type}; AWS may reject it"
                );
                vec![("node_type_unknown", detail)]
            }
            Offer::NotInRegion => {
                let detail =
                    format!("AWS's published node types do not include {node_type} in {region}");
                vec![("node_type_unknown", detail)]
            }
            Offer::RegionUnlisted => {
                let detail = format!(
                    "AWS publishes no node types for {region}; \
                     it is unknown whether {node_type} is offered"
                );
                vec![("node_type_unverified", detail)]
            }
        };
        if is_burstable(node_type) {
            let detail = format!("{node_type} has CPU credits and does not suit a steady load");
            warnings.push(("node_type_burstable", detail));
        }
        warnings
    }

    fn of_tls(&self) -> Vec<(&'static str, String)> {
        if !self.spec.encryption_in_transit {
            let detail = "without `encryption_in_transit` clients send and receive items in clear \
                          text; it cannot be enabled later";
            return vec![("not_encrypted_in_transit", detail.to_owned())];
        }
        let name = &self.spec.name;
        vec![
            (
                "name_becomes_public",
                format!(
                    "{name} becomes public in certificate transparency logs, \
                     like the name of every encrypted cluster"
                ),
            ),
            (
                "certificate_quota",
                "each encrypted cluster uses one certificate of the account's 30-day quota, \
                 even after its deletion"
                    .to_owned(),
            ),
        ]
    }

    fn of_service_role(&self) -> Vec<(&'static str, String)> {
        match self.role {
            RoleChoice::New { tables, .. } => {
                let mut warnings = Vec::new();
                if *tables == Tables::All {
                    let detail = "the service role can access every table of the account in the \
                                  Region, including future ones";
                    warnings.push(("all_tables", detail.to_owned()));
                }
                if self.context.permissions_boundary.is_none() {
                    let detail = "no permissions boundary is set: an identity with these \
                                  permissions can grant itself administrator access, as the \
                                  developer guide warns";
                    warnings.push(("no_permissions_boundary", detail.to_owned()));
                }
                warnings
            }
            RoleChoice::Existing(_) | RoleChoice::Discovered(_) => Vec::new(),
            RoleChoice::Ambiguous { candidates } => {
                let detail = if candidates.is_empty() {
                    "no role of this account trusts DAX; set `service_role.arn`, or set \
                     `service_role.access` and `service_role.tables` to have a role created"
                        .to_owned()
                } else {
                    format!(
                        "several roles of this account trust DAX; \
                         set `service_role.arn` to the one to use: {}",
                        candidates.join(", ")
                    )
                };
                vec![("service_role_unspecified", detail)]
            }
            RoleChoice::Unknown(fault) => {
                let detail = format!("the service role is unknown: {}", fault.detail);
                vec![("service_role_unknown", detail)]
            }
        }
    }
}

/// What few nodes mean for availability.
pub(super) fn of_node_count(nodes: u8) -> Vec<(&'static str, String)> {
    let advice = "AWS recommends at least three nodes in different Availability Zones for \
                  production";
    match nodes {
        1 => vec![(
            "one_node",
            format!("a single-node cluster is unavailable whenever its node is; {advice}"),
        )],
        2 => vec![(
            "two_nodes",
            format!("a two-node cluster has one node left if the other fails; {advice}"),
        )],
        _ => Vec::new(),
    }
}
