//! Floor 2, inspections: what the door asks of AWS without changing it. The store never enters; the door joins the two.

use std::collections::BTreeSet;
use std::time::Duration;

use uuid::Uuid;

use crate::aws::{Aws, LOOKUPS_BUILT_IN};
use crate::domain::inventory::ResourceKind;
use crate::domain::names::{IAM_PATH, INSTALLATION_TAG, OPERATION_TAG, read_group_description};
use crate::domain::observed::{Details, GroupValues, Observed};
use crate::domain::orphan::Tagged;
use crate::domain::problems::fault::Fault;

pub mod choices;
pub mod plan;
mod preflight;
mod service_role;

/// Between two calls of ListTags: AWS allows ten in a second for the whole account.
const LIST_TAGS_PAUSE: Duration = Duration::from_millis(150);

/// Asks AWS, and changes nothing.
#[derive(Debug, Clone)]
pub struct Inspector {
    aws: Aws,
}

impl Inspector {
    /// An inspector of one AWS account and Region.
    pub fn new(aws: Aws) -> Self {
        Self { aws }
    }

    /// Whether this build looks things up in EC2 and DynamoDB.
    pub fn looks_up(&self) -> bool {
        LOOKUPS_BUILT_IN
    }

    /// Every cluster of the account in the Region, by name: one call for a hundred of them.
    pub async fn all_clusters(&self) -> Result<Vec<(String, Observed)>, Fault> {
        self.aws.clusters().await
    }

    /// One cluster, as AWS describes it now.
    pub async fn cluster(&self, name: &str) -> Result<Option<Observed>, Fault> {
        self.aws.cluster(name).await
    }

    /// What DescribeClusters leaves out; what cannot be read is left out here too.
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

    /// Everything in AWS that carries our mark: roles and policies under our path, groups whose description names this
    /// installation, clusters and rules of security groups with its tag. Clusters in `managed` belong to us and are not asked for their tags.
    pub async fn marked(
        &self,
        installation: Uuid,
        managed: &BTreeSet<String>,
    ) -> Result<Vec<Tagged>, Fault> {
        let mut found = self.identities().await?;
        found.extend(self.groups(installation).await?);
        found.extend(self.clusters(installation, managed).await?);
        if self.looks_up() {
            found.extend(self.ingress_rules(installation).await?);
        }
        Ok(found)
    }

    /// Rules of security groups; one that somebody has widened tells no opening, and is known by its id.
    async fn ingress_rules(&self, installation: Uuid) -> Result<Vec<Tagged>, Fault> {
        let rules = self
            .aws
            .tagged_ingress_rules(INSTALLATION_TAG, installation.to_string())
            .await?
            .into_iter();
        let marked = rules.map(|rule| Tagged {
            kind: ResourceKind::SecurityGroupRule,
            arn: rule.arn,
            name: rule.ingress.map_or(rule.id, |ingress| ingress.name()),
            created_at: None,
            operation_id: rule.tags.get(OPERATION_TAG).and_then(|id| id.parse().ok()),
        });
        Ok(marked.collect())
    }

    async fn identities(&self) -> Result<Vec<Tagged>, Fault> {
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
        let marked =
            subnet_groups
                .chain(parameter_groups)
                .filter_map(|(kind, name, description)| {
                    let (operation, of) = read_group_description(&description)?;
                    let marked = Tagged {
                        kind,
                        name,
                        arn: None,
                        created_at: None,
                        operation_id: Some(operation),
                    };
                    (of == installation).then_some(marked)
                });
        Ok(marked.collect())
    }

    async fn clusters(
        &self,
        installation: Uuid,
        managed: &BTreeSet<String>,
    ) -> Result<Vec<Tagged>, Fault> {
        let mut marked = Vec::new();
        for (name, cluster) in self.aws.clusters().await? {
            let Some(arn) = cluster.arn.filter(|_| !managed.contains(&name)) else {
                continue;
            };
            tokio::time::sleep(LIST_TAGS_PAUSE).await;
            let tags = match self.aws.cluster_tags(&arn).await {
                Ok(Some(tags)) => tags,
                Ok(None) => continue,
                // One cluster whose tags cannot be read hides nothing else: a role of ours marks it all the same.
                Err(fault) => {
                    tracing::debug!(
                        cluster.name = name,
                        detail = fault.detail,
                        "the tags of a cluster cannot be read"
                    );
                    if cluster
                        .iam_role_arn
                        .is_some_and(|role| role.contains(&format!(":role{IAM_PATH}")))
                    {
                        let kind = ResourceKind::Cluster;
                        marked.push(Tagged {
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
            marked.push(Tagged {
                kind: ResourceKind::Cluster,
                name,
                arn: Some(arn),
                created_at: None,
                operation_id,
            });
        }
        Ok(marked)
    }
}
