//! Choices: the service roles, subnet groups and parameter groups that a request can name.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::domain::iam::trust::is_service_role;
use crate::domain::inventory::Owner;
use crate::domain::names::{
    ClusterName, IAM_PATH, INSTALLATION_TAG, cluster_in_name, read_group_description,
};
use crate::domain::problems::fault::{Fault, FaultClass};
use crate::domain::timeline::DaxEvent;

use super::Inspector;

/// A role that DAX can assume.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceRole {
    /// Name of the role.
    pub name: String,
    /// ARN of the role.
    pub arn: String,
    /// IAM path, such as `/service-role/`.
    pub path: String,
    /// `Managed` if it has this service's IAM path or an ownership tag.
    pub owner: Owner,
    /// When it was created, by IAM's clock.
    pub created_at: Option<DateTime<Utc>>,
}

/// The common part of subnet groups and parameter groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Name of the group.
    pub name: String,
    /// Description, which carries the ownership tags of a managed group.
    pub description: String,
    /// `Managed` if its description names this installation.
    pub owner: Owner,
    /// The cluster that a managed group was created for.
    pub cluster: Option<ClusterName>,
}

/// A subnet group with its network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubnetGroup {
    /// Name, description and owner.
    pub group: Group,
    /// ID of the VPC, if AWS reports it.
    pub vpc_id: Option<String>,
    /// Availability Zone by subnet ID, if AWS reports it.
    pub subnets: BTreeMap<String, Option<String>>,
    /// Address families that the subnets support; absent in old responses.
    pub network_types: BTreeSet<String>,
}

impl Inspector {
    /// The roles of the account that trust DAX, selected as in the AWS console.
    ///
    /// Tags are read only of roles outside of this service's IAM path. A role whose tags cannot be
    /// read for lack of permission counts as external.
    pub async fn service_roles(&self) -> Result<Vec<ServiceRole>, Fault> {
        let mut service_roles = Vec::new();
        for role in self.aws.roles("/").await? {
            if !is_service_role(&role.path, &role.trust_policy) {
                continue;
            }
            let is_managed = if role.path.starts_with(IAM_PATH) {
                true
            } else {
                match self.aws.role(&role.name, &role.arn).await {
                    Ok(Some(full)) => full.tags.contains_key(INSTALLATION_TAG),
                    // Deleted since it was listed.
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
            service_roles.push(ServiceRole {
                name,
                arn,
                path,
                owner,
                created_at,
            });
        }
        Ok(service_roles)
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

    /// DAX's events of the last 14 days about clusters with this name.
    pub async fn cluster_events(&self, name: &ClusterName) -> Result<Vec<DaxEvent>, Fault> {
        self.aws.events_about_cluster(name.as_str()).await
    }
}

impl Group {
    fn of(name: String, description: String, installation: Uuid) -> Self {
        let is_managed = read_group_description(&description)
            .is_some_and(|(_, creator)| creator == installation);
        let cluster = cluster_in_name(&name).filter(|_| is_managed);
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
