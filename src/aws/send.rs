//! Sending: exactly one mutating call, once.

use std::collections::BTreeMap;

use aws_sdk_dax::types::{ClusterEndpointEncryptionType, NetworkType, ParameterNameValue, SseSpecification};

use crate::domain::fault::{Fault, FaultClass};
use crate::domain::installation::AwsPlace;
use crate::domain::mutation::{Mutation, NewCluster, SERVICE_LINKED_ROLE};
use crate::domain::observed::Observed;

use super::Aws;
use super::dax::observed;
use super::fault::{Call, fault_of};

/// What a call that took effect gave back.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Effect {
    /// The ARN of what was made.
    pub arn: Option<String>,
    /// The cluster, as AWS now reports it.
    pub observed: Option<Observed>,
}

impl Aws {
    /// Sends one mutation. A fault that [leaves the outcome unknown](FaultClass::leaves_unknown) must be settled by
    /// looking.
    pub async fn send(&self, mutation: &Mutation, place: &AwsPlace) -> Result<Effect, Fault> {
        let call = Call::mutation(mutation.service(), mutation.operation(), target_arn(mutation, place));
        match mutation.service() {
            "iam" => self.send_iam(mutation, &call).await,
            _ => self.send_dax(mutation, &call).await,
        }
    }

    async fn send_iam(&self, mutation: &Mutation, call: &Call) -> Result<Effect, Fault> {
        match mutation {
            Mutation::CreateRole { .. } => self.create_role(mutation, call).await,
            Mutation::CreatePolicy { name, path, document, description, tags } => {
                let request = self.iam.create_policy().policy_name(name).path(path).policy_document(document);
                let request = request.description(description).set_tags(Some(iam_tags(tags)));
                let answer = request.send().await.map_err(|error| fault_of(call, &error))?;
                Ok(Effect { arn: answer.policy.and_then(|policy| policy.arn), observed: None })
            }
            Mutation::AttachRolePolicy { role, policy_arn } => {
                let request = self.iam.attach_role_policy().role_name(role).policy_arn(policy_arn);
                request.send().await.map(nothing).map_err(|error| fault_of(call, &error))
            }
            Mutation::CreateServiceLinkedRole => {
                let request = self.iam.create_service_linked_role().aws_service_name("dax.amazonaws.com");
                let answer = request.send().await.map_err(|error| fault_of(call, &error))?;
                Ok(Effect { arn: answer.role.map(|role| role.arn), observed: None })
            }
            Mutation::DetachRolePolicy { role, policy_arn } => {
                let request = self.iam.detach_role_policy().role_name(role).policy_arn(policy_arn);
                request.send().await.map(nothing).map_err(|error| fault_of(call, &error))
            }
            Mutation::DeletePolicy { arn } => {
                let request = self.iam.delete_policy().policy_arn(arn);
                request.send().await.map(nothing).map_err(|error| fault_of(call, &error))
            }
            Mutation::DeleteRole { name } => {
                let request = self.iam.delete_role().role_name(name);
                request.send().await.map(nothing).map_err(|error| fault_of(call, &error))
            }
            Mutation::CreateSubnetGroup { .. }
            | Mutation::CreateParameterGroup { .. }
            | Mutation::UpdateParameterGroup { .. }
            | Mutation::CreateCluster(_)
            | Mutation::DeleteCluster { .. }
            | Mutation::DeleteSubnetGroup { .. }
            | Mutation::DeleteParameterGroup { .. } => Err(misrouted(mutation)),
        }
    }

    async fn send_dax(&self, mutation: &Mutation, call: &Call) -> Result<Effect, Fault> {
        match mutation {
            Mutation::CreateSubnetGroup { name, description, subnet_ids } => {
                let request = self.dax.create_subnet_group().subnet_group_name(name).description(description);
                let request = request.set_subnet_ids(Some(subnet_ids.iter().cloned().collect()));
                request.send().await.map(nothing).map_err(|error| fault_of(call, &error))
            }
            Mutation::CreateParameterGroup { name, description } => {
                let request = self.dax.create_parameter_group().parameter_group_name(name).description(description);
                request.send().await.map(nothing).map_err(|error| fault_of(call, &error))
            }
            Mutation::UpdateParameterGroup { name, values } => {
                let values = values.iter().map(|(key, value)| {
                    ParameterNameValue::builder().parameter_name(key).parameter_value(value).build()
                });
                let request = self.dax.update_parameter_group().parameter_group_name(name);
                let request = request.set_parameter_name_values(Some(values.collect()));
                request.send().await.map(nothing).map_err(|error| fault_of(call, &error))
            }
            Mutation::CreateCluster(cluster) => self.create_cluster(cluster, call).await,
            Mutation::DeleteCluster { name } => {
                let answer = self.dax.delete_cluster().cluster_name(name).send().await;
                let answer = answer.map_err(|error| fault_of(call, &error))?;
                Ok(Effect { arn: None, observed: answer.cluster.map(observed) })
            }
            Mutation::DeleteSubnetGroup { name } => {
                let request = self.dax.delete_subnet_group().subnet_group_name(name);
                request.send().await.map(nothing).map_err(|error| fault_of(call, &error))
            }
            Mutation::DeleteParameterGroup { name } => {
                let request = self.dax.delete_parameter_group().parameter_group_name(name);
                request.send().await.map(nothing).map_err(|error| fault_of(call, &error))
            }
            Mutation::CreateRole { .. }
            | Mutation::CreatePolicy { .. }
            | Mutation::AttachRolePolicy { .. }
            | Mutation::CreateServiceLinkedRole
            | Mutation::DetachRolePolicy { .. }
            | Mutation::DeletePolicy { .. }
            | Mutation::DeleteRole { .. } => Err(misrouted(mutation)),
        }
    }

    async fn create_role(&self, mutation: &Mutation, call: &Call) -> Result<Effect, Fault> {
        let Mutation::CreateRole { name, path, trust_policy, permissions_boundary, description, tags } = mutation
        else {
            return Err(misrouted(mutation));
        };
        let request = self
            .iam
            .create_role()
            .role_name(name)
            .path(path)
            .assume_role_policy_document(trust_policy)
            .set_permissions_boundary(permissions_boundary.clone())
            .description(description)
            .set_tags(Some(iam_tags(tags)));
        let answer = request.send().await.map_err(|error| fault_of(call, &error))?;
        Ok(Effect { arn: answer.role.map(|role| role.arn), observed: None })
    }

    async fn create_cluster(&self, cluster: &NewCluster, call: &Call) -> Result<Effect, Fault> {
        let encryption = if cluster.encryption_in_transit {
            ClusterEndpointEncryptionType::Tls
        } else {
            ClusterEndpointEncryptionType::None
        };
        let at_rest = SseSpecification::builder().enabled(cluster.encryption_at_rest).build();
        let at_rest = at_rest.map_err(|error| Fault::new(FaultClass::Invalid, error.to_string()))?;
        let tags =
            cluster.tags.iter().map(|(key, value)| aws_sdk_dax::types::Tag::builder().key(key).value(value).build());
        let request = self
            .dax
            .create_cluster()
            .cluster_name(&cluster.name)
            .node_type(&cluster.node_type)
            .replication_factor(i32::from(cluster.replication_factor))
            .iam_role_arn(&cluster.iam_role_arn)
            .subnet_group_name(&cluster.subnet_group)
            .set_description(cluster.description.clone())
            .set_availability_zones(some_if_any(&cluster.availability_zones))
            .set_security_group_ids(some_if_any(&cluster.security_group_ids))
            .set_preferred_maintenance_window(cluster.maintenance_window.clone())
            .set_notification_topic_arn(cluster.notification_topic_arn.clone())
            .set_parameter_group_name(cluster.parameter_group.clone())
            .set_network_type(cluster.network_type.as_deref().map(NetworkType::from))
            .set_tags(Some(tags.collect()))
            .sse_specification(at_rest)
            .cluster_endpoint_encryption_type(encryption);
        let answer = request.send().await.map_err(|error| fault_of(call, &error))?;
        let cluster = answer.cluster.map(observed);
        Ok(Effect { arn: cluster.as_ref().and_then(|cluster| cluster.arn.clone()), observed: cluster })
    }
}

fn nothing<T>(_: T) -> Effect {
    Effect::default()
}

fn some_if_any(list: &[String]) -> Option<Vec<String>> {
    (!list.is_empty()).then(|| list.to_vec())
}

fn iam_tags(tags: &BTreeMap<String, String>) -> Vec<aws_sdk_iam::types::Tag> {
    tags.iter()
        .map(|(key, value)| {
            let tag = aws_sdk_iam::types::Tag::builder().key(key).value(value).build();
            tag.expect("a tag is complete once it has a key and a value, and both are set here")
        })
        .collect()
}

fn misrouted(mutation: &Mutation) -> Fault {
    let (service, operation) = (mutation.service(), mutation.operation());
    Fault::new(FaultClass::Invalid, format!("{service} {operation} was handed to the wrong client"))
}

/// The ARN of what a call is about, for the policy that would allow it. DAX's own calls have none: their permissions
/// cannot be scoped.
fn target_arn(mutation: &Mutation, place: &AwsPlace) -> Option<String> {
    match mutation {
        Mutation::CreateRole { name, .. } | Mutation::DeleteRole { name } => Some(place.iam_arn("role", name)),
        Mutation::AttachRolePolicy { role, .. } | Mutation::DetachRolePolicy { role, .. } => {
            Some(place.iam_arn("role", role))
        }
        Mutation::CreatePolicy { name, .. } => Some(place.iam_arn("policy", name)),
        Mutation::DeletePolicy { arn } => Some(arn.clone()),
        Mutation::CreateServiceLinkedRole => Some(format!(
            "arn:{}:iam::{}:role/aws-service-role/dax.amazonaws.com/{SERVICE_LINKED_ROLE}",
            place.partition, place.account_id
        )),
        Mutation::CreateCluster(cluster) => Some(cluster.iam_role_arn.clone()),
        Mutation::CreateSubnetGroup { .. }
        | Mutation::CreateParameterGroup { .. }
        | Mutation::UpdateParameterGroup { .. }
        | Mutation::DeleteCluster { .. }
        | Mutation::DeleteSubnetGroup { .. }
        | Mutation::DeleteParameterGroup { .. } => None,
    }
}
