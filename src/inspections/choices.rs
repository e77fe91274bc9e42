//! What a request can choose from: service roles, subnet groups and parameter groups of the account.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::domain::iam::trust::is_service_role;
use crate::domain::inventory::Owner;
use crate::domain::names::{
    ClusterName, IAM_PATH, INSTALLATION_TAG, cluster_of_made, read_group_description,
};
use crate::domain::problems::fault::{Fault, FaultClass};
use crate::domain::timeline::DaxEvent;

use super::Inspector;

/// A role that DAX can assume.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceRole {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its IAM path.
    pub path: String,
    /// Whether it is under our path or carries our tag.
    pub owner: Owner,
    /// When it was made, by IAM's clock.
    pub created_at: Option<DateTime<Utc>>,
}

/// What all groups have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: String,
    /// Whether its description names this installation.
    pub owner: Owner,
    /// The cluster that a group of ours was made for.
    pub cluster: Option<ClusterName>,
}

/// A subnet group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubnetGroup {
    /// What all groups have.
    pub group: Group,
    /// The VPC of its subnets, where AWS says so.
    pub vpc_id: Option<String>,
    /// Each subnet with its availability zone, where AWS says so.
    pub subnets: BTreeMap<String, Option<String>>,
    /// The address families its subnets can carry; older answers leave them out.
    pub network_types: BTreeSet<String>,
}

impl Inspector {
    /// The roles of the account that trust DAX, as the AWS console looks for them. Tags are read of roles outside of our
    /// path; one whose tags may not be read counts as not ours.
    pub async fn service_roles(&self) -> Result<Vec<ServiceRole>, Fault> {
        let mut found = Vec::new();
        for role in self.aws.roles("/").await? {
            if !is_service_role(&role.path, &role.trust_policy) {
                continue;
            }
            let is_managed = if role.path.starts_with(IAM_PATH) {
                true
            } else {
                match self.aws.role(&role.name, &role.arn).await {
                    Ok(Some(full)) => full.tags.contains_key(INSTALLATION_TAG),
                    // Gone since it was listed.
                    Ok(None) => continue,
                    Err(fault) if fault.class == FaultClass::Permission => false,
                    Err(fault) => return Err(fault),
                }
            };
            let owner = if is_managed {
                Owner::Managed
            } else {
                Owner::External
            };
            let (name, arn, path, created_at) = (role.name, role.arn, role.path, role.created_at);
            found.push(ServiceRole {
                name,
                arn,
                path,
                owner,
                created_at,
            });
        }
        Ok(found)
    }

    /// The subnet groups of the account.
    pub async fn subnet_groups(&self, installation: Uuid) -> Result<Vec<SubnetGroup>, Fault> {
        let groups = self
            .aws
            .subnet_groups()
            .await?
            .into_iter()
            .map(|group| SubnetGroup {
                vpc_id: group.vpc_id,
                subnets: group
                    .subnet_ids
                    .into_iter()
                    .map(|id| (id.clone(), group.availability_zones.get(&id).cloned()))
                    .collect(),
                network_types: group.network_types,
                group: Group::of(group.name, group.description, installation),
            });
        Ok(groups.collect())
    }

    /// The parameter groups of the account.
    pub async fn parameter_groups(&self, installation: Uuid) -> Result<Vec<Group>, Fault> {
        let groups = self.aws.parameter_groups().await?.into_iter();
        Ok(groups
            .map(|group| Group::of(group.name, group.description, installation))
            .collect())
    }

    /// What DAX says happened in the last 14 days to clusters of this name.
    pub async fn cluster_events(&self, name: &ClusterName) -> Result<Vec<DaxEvent>, Fault> {
        self.aws.events_about_cluster(name.as_str()).await
    }
}

impl Group {
    fn of(name: String, description: String, installation: Uuid) -> Self {
        let is_managed =
            read_group_description(&description).is_some_and(|(_, of)| of == installation);
        let cluster = cluster_of_made(&name).filter(|_| is_managed);
        let owner = if is_managed {
            Owner::Managed
        } else {
            Owner::External
        };
        Self {
            name,
            description,
            owner,
            cluster,
        }
    }
}
