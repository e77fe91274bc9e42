//! Inspections (layer 2): reads from AWS for requests and jobs. They change nothing in AWS and do
//! not depend on `store`; the caller joins the two.

use std::collections::BTreeSet;
use std::time::Duration;

use uuid::Uuid;

use crate::aws::{Aws, LOOKUPS_BUILT_IN};
use crate::domain::inventory::ResourceKind;
use crate::domain::names::{IAM_PATH, INSTALLATION_TAG, OPERATION_TAG, read_group_description};
use crate::domain::observed::{ClustersPage, Details, GroupValues, Observed};
use crate::domain::orphan::Tagged;
use crate::domain::problems::fault::Fault;

pub mod altered_roles;
pub mod choices;
pub mod plan;
mod preflight;
mod service_role;
mod target;

/// Pause before each `ListTags` call: AWS allows ten calls per second for the whole account.
const LIST_TAGS_PAUSE: Duration = Duration::from_millis(150);

/// Whether this build can read from EC2 and DynamoDB (cargo feature `lookups`).
pub fn has_lookups() -> bool {
    LOOKUPS_BUILT_IN
}

/// Reads from one AWS account and Region. Changes nothing.
#[derive(Debug, Clone)]
pub struct Inspector {
    aws: Aws,
}

impl Inspector {
    /// Creates an inspector that uses these AWS clients.
    pub fn new(aws: Aws) -> Self {
        Self { aws }
    }

    /// One page of the clusters of the account in the Region: up to 100 clusters by one call.
    pub async fn clusters_page(&self, token: Option<String>) -> Result<ClustersPage, Fault> {
        self.aws.clusters_page(token).await
    }

    /// One cluster as `DescribeClusters` reports it; `None` if it does not exist.
    pub async fn cluster(&self, name: &str) -> Result<Option<Observed>, Fault> {
        self.aws.cluster(name).await
    }

    /// The tags and parameter values of a cluster, which `DescribeClusters` does not report. What
    /// cannot be read is `None`.
    pub async fn details(&self, arn: Option<&str>, group: Option<&str>) -> Details {
        let mut details = Details::default();
        if let Some(arn) = arn {
            tokio::time::sleep(LIST_TAGS_PAUSE).await;
            details.tags = self.aws.cluster_tags(arn).await.ok().flatten();
        }
        if let Some(group) = group {
            let values = self.aws.parameters(group).await.ok().flatten();
            details.parameters = values.map(|values| GroupValues {
                group: group.to_owned(),
                values,
            });
        }
        details
    }

    /// Every AWS resource that this installation may have created: roles and policies under this
    /// service's IAM path, groups whose description names the installation, clusters and security
    /// group rules with its ownership tags.
    ///
    /// Clusters in `managed` are skipped, to save a call for the tags of each.
    pub async fn tagged(
        &self,
        installation: Uuid,
        managed: &BTreeSet<String>,
    ) -> Result<Vec<Tagged>, Fault> {
        let mut tagged = self.roles_and_policies().await?;
        tagged.extend(self.groups(installation).await?);
        tagged.extend(self.clusters(installation, managed).await?);
        if has_lookups() {
            tagged.extend(self.ingress_rules(installation).await?);
        }
        Ok(tagged)
    }

    /// Security group rules. A rule that was changed to cover several ports is named by its ID.
    async fn ingress_rules(&self, installation: Uuid) -> Result<Vec<Tagged>, Fault> {
        let rules = self
            .aws
            .tagged_ingress_rules(INSTALLATION_TAG, installation.to_string())
            .await?
            .into_iter();
        let tagged = rules.map(|rule| Tagged {
            kind: ResourceKind::SecurityGroupRule,
            arn: rule.arn,
            name: rule.ingress.map_or(rule.id, |ingress| ingress.name()),
            created_at: None,
            operation_id: rule.tags.get(OPERATION_TAG).and_then(|id| id.parse().ok()),
        });
        Ok(tagged.collect())
    }

    async fn roles_and_policies(&self) -> Result<Vec<Tagged>, Fault> {
        let roles = self
            .aws
            .roles(IAM_PATH)
            .await?
            .into_iter()
            .map(|role| Tagged {
                kind: ResourceKind::Role,
                name: role.name,
                arn: Some(role.arn),
                created_at: role.created_at,
                operation_id: None,
            });
        let policies = self
            .aws
            .policies(IAM_PATH)
            .await?
            .into_iter()
            .map(|policy| Tagged {
                kind: ResourceKind::Policy,
                name: policy.name,
                arn: Some(policy.arn),
                created_at: policy.created_at,
                operation_id: None,
            });
        Ok(roles.chain(policies).collect())
    }

    async fn groups(&self, installation: Uuid) -> Result<Vec<Tagged>, Fault> {
        let subnet_groups = self.aws.subnet_groups().await?.into_iter();
        let subnet_groups =
            subnet_groups.map(|group| (ResourceKind::SubnetGroup, group.name, group.description));
        let parameter_groups = self.aws.parameter_groups().await?.into_iter();
        let parameter_groups = parameter_groups
            .map(|group| (ResourceKind::ParameterGroup, group.name, group.description));
        let tagged =
            subnet_groups
                .chain(parameter_groups)
                .filter_map(|(kind, name, description)| {
                    let (operation, creator) = read_group_description(&description)?;
                    let tagged = Tagged {
                        kind,
                        name,
                        arn: None,
                        created_at: None,
                        operation_id: Some(operation),
                    };
                    (creator == installation).then_some(tagged)
                });
        Ok(tagged.collect())
    }

    async fn clusters(
        &self,
        installation: Uuid,
        managed: &BTreeSet<String>,
    ) -> Result<Vec<Tagged>, Fault> {
        let mut tagged = Vec::new();
        for (name, cluster) in self.aws.clusters().await? {
            let Some(arn) = cluster.arn.filter(|_| !managed.contains(&name)) else {
                continue;
            };
            tokio::time::sleep(LIST_TAGS_PAUSE).await;
            let tags = match self.aws.cluster_tags(&arn).await {
                Ok(Some(tags)) => tags,
                Ok(None) => continue,
                // One unreadable cluster must not hide the others. Its role is evidence enough.
                Err(fault) => {
                    tracing::debug!(
                        cluster.name = name,
                        detail = fault.detail,
                        "could not read the tags of a cluster"
                    );
                    if cluster
                        .iam_role_arn
                        .is_some_and(|role| role.contains(&format!(":role{IAM_PATH}")))
                    {
                        let kind = ResourceKind::Cluster;
                        tagged.push(Tagged {
                            kind,
                            name,
                            arn: Some(arn),
                            created_at: None,
                            operation_id: None,
                        });
                    }
                    continue;
                }
            };
            if tags.get(INSTALLATION_TAG) != Some(&installation.to_string()) {
                continue;
            }
            let operation_id = tags.get(OPERATION_TAG).and_then(|id| id.parse().ok());
            tagged.push(Tagged {
                kind: ResourceKind::Cluster,
                name,
                arn: Some(arn),
                created_at: None,
                operation_id,
            });
        }
        Ok(tagged)
    }
}
