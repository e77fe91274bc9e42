//! Mutations: each is sent as one AWS call, in one attempt.

use crate::domain::installation::AwsAccount;
use crate::domain::mutation::{Mutation, SERVICE_LINKED_ROLE};
use crate::domain::observed::Observed;
use crate::domain::problems::fault::Fault;

use super::Aws;
use super::fault::Call;

mod dax;
mod ec2;
mod iam;

/// The result of a call that took effect.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Effect {
    /// The ARN of the created resource, if the response contains one.
    pub arn: Option<String>,
    /// The cluster, if the response contains it.
    pub observed: Option<Observed>,
}

impl Aws {
    /// Sends one mutation.
    ///
    /// After a fault that [leaves the outcome
    /// unknown](crate::domain::problems::fault::FaultClass::leaves_outcome_unknown), the caller
    /// must read the resource to resolve the outcome.
    pub async fn send(&self, mutation: &Mutation, account: &AwsAccount) -> Result<Effect, Fault> {
        let call = Call::mutation(
            mutation.service(),
            mutation.operation(),
            target_arn(mutation, account),
        );
        match mutation.service() {
            "iam" => iam::send(&self.iam, mutation, &call).await,
            "dax" => dax::send(&self.dax, mutation, &call).await,
            "ec2" => ec2::send(&self.lookups, mutation, account, &call).await,
            _ => Err(unsupported(mutation)),
        }
    }
}

/// The effect of a call whose response is not used.
fn empty_effect<T>(_: T) -> Effect {
    Effect::default()
}

/// The fault of a mutation that no client sends, which is a defect of this program.
fn unsupported(mutation: &Mutation) -> Fault {
    let class = crate::domain::problems::fault::FaultClass::Invalid;
    Fault::new(
        class,
        format!(
            "internal error: no client sends {} {}",
            mutation.service(),
            mutation.operation()
        ),
    )
}

/// The ARN of the resource that the call affects, for the policy that allows it. `None` for most
/// DAX calls, whose permissions cannot be scoped to a resource.
fn target_arn(mutation: &Mutation, account: &AwsAccount) -> Option<String> {
    match mutation {
        Mutation::CreateRole { name, .. } | Mutation::DeleteRole { name } => {
            Some(account.iam_arn("role", name))
        }
        Mutation::AttachRolePolicy { role, .. } | Mutation::DetachRolePolicy { role, .. } => {
            Some(account.iam_arn("role", role))
        }
        Mutation::CreatePolicy { name, .. } => Some(account.iam_arn("policy", name)),
        Mutation::DeletePolicy { arn } => Some(arn.clone()),
        Mutation::CreateServiceLinkedRole => Some(format!(
            "arn:{}:iam::{}:role/aws-service-role/dax.amazonaws.com/{SERVICE_LINKED_ROLE}",
            account.partition, account.account_id
        )),
        Mutation::CreateCluster(cluster) => Some(cluster.iam_role_arn.to_string()),
        Mutation::AuthorizeIngress { ingress, .. } => {
            Some(account.security_group_arn(ingress.security_group_id.as_str()))
        }
        Mutation::RevokeIngress {
            security_group_id, ..
        } => Some(account.security_group_arn(security_group_id.as_str())),
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
