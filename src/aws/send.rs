//! Sending: exactly one mutating call, once.

use crate::domain::installation::AwsAccount;
use crate::domain::mutation::{Mutation, SERVICE_LINKED_ROLE};
use crate::domain::observed::Observed;
use crate::domain::problems::fault::Fault;

use super::Aws;
use super::fault::Call;

mod dax;
mod ec2;
mod iam;

/// What a call that took effect gave back.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Effect {
    /// The ARN of what was made.
    pub arn: Option<String>,
    /// The cluster, as AWS now reports it.
    pub observed: Option<Observed>,
}

impl Aws {
    /// Sends one mutation. A fault that [leaves the outcome unknown](crate::domain::problems::fault::FaultClass::leaves_unknown)
    /// must be settled by looking.
    pub async fn send(&self, mutation: &Mutation, place: &AwsAccount) -> Result<Effect, Fault> {
        let call = Call::mutation(
            mutation.service(),
            mutation.operation(),
            target_arn(mutation, place),
        );
        match mutation {
            Mutation::CreateRole { .. }
            | Mutation::CreatePolicy { .. }
            | Mutation::AttachRolePolicy { .. }
            | Mutation::CreateServiceLinkedRole
            | Mutation::DetachRolePolicy { .. }
            | Mutation::DeletePolicy { .. }
            | Mutation::DeleteRole { .. } => iam::send(&self.iam, mutation, &call).await,
            Mutation::CreateSubnetGroup { .. }
            | Mutation::CreateParameterGroup { .. }
            | Mutation::UpdateParameterGroup { .. }
            | Mutation::DeleteSubnetGroup { .. }
            | Mutation::DeleteParameterGroup { .. } => {
                dax::send_about_group(&self.dax, mutation, &call).await
            }
            Mutation::CreateCluster(_)
            | Mutation::UpdateCluster(_)
            | Mutation::IncreaseReplicationFactor { .. }
            | Mutation::DecreaseReplicationFactor { .. }
            | Mutation::RebootNode { .. }
            | Mutation::TagCluster { .. }
            | Mutation::UntagCluster { .. }
            | Mutation::DeleteCluster { .. } => {
                dax::send_about_cluster(&self.dax, mutation, &call).await
            }
            Mutation::AuthorizeIngress { .. } | Mutation::RevokeIngress { .. } => {
                ec2::send(&self.lookups, mutation, place, &call).await
            }
        }
    }
}

/// The effect of a call whose answer says nothing that is not known.
fn nothing<T>(_: T) -> Effect {
    Effect::default()
}

/// The fault of a mutation that was handed to the sender of another service: a fault of ours.
fn misrouted(mutation: &Mutation) -> Fault {
    let class = crate::domain::problems::fault::FaultClass::Invalid;
    Fault::new(
        class,
        format!(
            "{} {} was handed to the wrong client",
            mutation.service(),
            mutation.operation()
        ),
    )
}

/// The ARN of what a call is about, for the policy that would allow it. DAX's own calls have none: their permissions
/// cannot be scoped.
fn target_arn(mutation: &Mutation, place: &AwsAccount) -> Option<String> {
    match mutation {
        Mutation::CreateRole { name, .. } | Mutation::DeleteRole { name } => {
            Some(place.iam_arn("role", name))
        }
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
        Mutation::AuthorizeIngress { ingress, .. } => {
            Some(place.security_group_arn(&ingress.security_group_id))
        }
        Mutation::RevokeIngress {
            security_group_id, ..
        } => Some(place.security_group_arn(security_group_id)),
        Mutation::CreateSubnetGroup { .. }
        | Mutation::CreateParameterGroup { .. }
        | Mutation::UpdateParameterGroup { .. }
        | Mutation::UpdateCluster(_)
        | Mutation::IncreaseReplicationFactor { .. }
        | Mutation::DecreaseReplicationFactor { .. }
        | Mutation::RebootNode { .. }
        | Mutation::TagCluster { .. }
        | Mutation::UntagCluster { .. }
        | Mutation::DeleteCluster { .. }
        | Mutation::DeleteSubnetGroup { .. }
        | Mutation::DeleteParameterGroup { .. } => None,
    }
}
