//! What is worth knowing before a cluster is asked for.

use crate::domain::iam::policies::Tables;
use crate::domain::node_types::{Offer, is_burstable, offer};
use crate::domain::plan::Warning;

use super::Draft;
use crate::inspections::service_role::RoleChoice;

impl Draft<'_> {
    pub(super) fn warnings(&self) -> Vec<Warning> {
        let all = [
            self.of_nodes(),
            self.of_node_type(),
            self.of_tls(),
            self.of_service_role(),
        ];
        let warning = |(code, detail)| Warning { code, detail };
        all.into_iter().flatten().map(warning).collect()
    }

    fn of_nodes(&self) -> Vec<(&'static str, String)> {
        let advice = "AWS advises at least three, in different Availability Zones, for production";
        match self.spec.replication_factor {
            1 => vec![(
                "one_node",
                format!("a cluster of one node is away whenever that node is; {advice}"),
            )],
            2 => vec![(
                "two_nodes",
                format!("of two nodes only one is left when the other fails; {advice}"),
            )],
            _ => Vec::new(),
        }
    }

    fn of_node_type(&self) -> Vec<(&'static str, String)> {
        let (node_type, region) = (&self.spec.node_type, &self.ground.place.region);
        let mut warnings = match offer(node_type, region) {
            Offer::Known => Vec::new(),
            Offer::NoSuchType => {
                let detail = format!(
                    "AWS's published node types do not include {node_type}; it may refuse it"
                );
                vec![("node_type_unknown", detail)]
            }
            Offer::NotHere => {
                let detail =
                    format!("AWS's published node types do not include {node_type} in {region}");
                vec![("node_type_unknown", detail)]
            }
            Offer::RegionUnlisted => {
                let detail = format!(
                    "AWS publishes no node types for {region}; whether {node_type} is offered is not known"
                );
                vec![("node_type_unverified", detail)]
            }
        };
        if is_burstable(node_type) {
            let detail = format!("{node_type} has CPU credits and is not meant for a steady load");
            warnings.push(("node_type_burstable", detail));
        }
        warnings
    }

    fn of_tls(&self) -> Vec<(&'static str, String)> {
        if !self.spec.encryption_in_transit {
            let detail = "without encryption_in_transit items travel in clear text, and it cannot be switched on later";
            return vec![("not_encrypted_in_transit", detail.to_owned())];
        }
        let name = &self.spec.name;
        vec![
            (
                "name_becomes_public",
                format!("{name} becomes public in certificate transparency logs, as names of encrypted clusters do"),
            ),
            (
                "certificate_quota",
                "every encrypted cluster takes one of the account's certificates of 30 days, deleted clusters included"
                    .to_owned(),
            ),
        ]
    }

    fn of_service_role(&self) -> Vec<(&'static str, String)> {
        match self.role {
            RoleChoice::New { tables, .. } => {
                let mut warnings = Vec::new();
                if *tables == Tables::All {
                    let detail = "the service role reaches every table of the account in the Region, future ones included";
                    warnings.push(("all_tables", detail.to_owned()));
                }
                if self.ground.permissions_boundary.is_none() {
                    let detail = "no permissions boundary is set: whoever holds these permissions can make themselves \
                                  administrator, as the AWS guide warns";
                    warnings.push(("no_permissions_boundary", detail.to_owned()));
                }
                warnings
            }
            RoleChoice::Existing(_) | RoleChoice::Found(_) => Vec::new(),
            RoleChoice::Unclear { candidates } => {
                let detail = if candidates.is_empty() {
                    "no role of this account trusts DAX, and the request describes none".to_owned()
                } else {
                    format!(
                        "several roles of this account trust DAX: {}",
                        candidates.join(", ")
                    )
                };
                vec![("service_role_unspecified", detail)]
            }
            RoleChoice::Unknown(fault) => {
                let detail = format!("which role would be used is not known: {}", fault.detail);
                vec![("service_role_unknown", detail)]
            }
        }
    }
}
