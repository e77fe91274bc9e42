//! Mutations of EC2: rules of security groups. A build without lookups returns the fault
//! `NotBuiltIn`.

use crate::domain::installation::AwsAccount;
use crate::domain::mutation::Mutation;
use crate::domain::problems::fault::Fault;

use super::{Effect, empty_effect, unsupported};
use crate::aws::fault::Call;
use crate::aws::lookups::Clients;

pub(super) async fn send(
    clients: &Clients,
    mutation: &Mutation,
    account: &AwsAccount,
    call: &Call,
) -> Result<Effect, Fault> {
    match mutation {
        Mutation::AuthorizeIngress { ingress, tags, .. } => {
            let id = clients.authorize_ingress(ingress, tags, call).await?;
            Ok(Effect {
                arn: Some(account.security_group_rule_arn(&id)),
                observed: None,
            })
        }
        Mutation::RevokeIngress {
            security_group_id,
            rule_arn,
        } => {
            let id = rule_arn.rsplit('/').next().unwrap_or(rule_arn);
            clients
                .revoke_ingress(security_group_id.as_str(), id, call)
                .await
                .map(empty_effect)
        }
        other => Err(unsupported(other)),
    }
}
