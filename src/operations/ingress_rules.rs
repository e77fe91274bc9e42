//! Ownership of security group rules. The evidence is the ownership tags and the opened port.

use uuid::Uuid;

use crate::aws::Aws;
use crate::domain::ingress::{Ingress, IngressRule};
use crate::domain::installation::AwsAccount;
use crate::domain::inventory::Item;
use crate::domain::mutation::Mutation;
use crate::domain::names::OPERATION_TAG;
use crate::domain::problems::fault::Fault;

use super::evidence::{tag_differences, tags};
use crate::operations::delete_action::DeleteAction;

/// An existing rule for a given port and peer.
#[derive(Debug)]
pub(super) struct ExistingRule {
    pub(super) arn: String,
    /// The operation of this installation that created the rule; none for any other creator.
    pub(super) creator: Option<Uuid>,
}

/// The rule that opens a port to a peer. AWS allows only one per security group.
pub(super) async fn rule_for(
    aws: &Aws,
    account: &AwsAccount,
    installation: Uuid,
    ingress: &Ingress,
) -> Result<Option<ExistingRule>, Fault> {
    let rules = aws
        .ingress_rules(ingress.security_group_id.as_str())
        .await?;
    let rule = rules
        .into_iter()
        .find(|rule| rule.ingress.as_ref() == Some(ingress));
    Ok(rule.map(|rule| ExistingRule {
        arn: account.security_group_rule_arn(&rule.id),
        creator: creator(&rule, installation),
    }))
}

/// The operation in a rule's tags, if the tags are those of this installation.
fn creator(rule: &IngressRule, installation: Uuid) -> Option<Uuid> {
    let operation = rule.tags.get(OPERATION_TAG)?.parse().ok()?;
    tag_differences(&tags(installation, operation), &rule.tags)
        .is_empty()
        .then_some(operation)
}

/// How to delete a managed rule.
pub(super) async fn delete_action_of_rule(
    aws: &Aws,
    account: &AwsAccount,
    installation: Uuid,
    item: &Item,
) -> Result<DeleteAction, Fault> {
    let Some(ingress) = Ingress::parse(&item.name) else {
        return Ok(DeleteAction::Leave(
            "its recorded name does not contain a port and a peer".to_owned(),
        ));
    };
    let rules = aws
        .ingress_rules(ingress.security_group_id.as_str())
        .await?;
    let arn = |rule: &IngressRule| account.security_group_rule_arn(&rule.id);
    let is_managed = |rule: &IngressRule| creator(rule, installation) == Some(item.operation_id);
    Ok(
        match rules
            .iter()
            .find(|rule| rule.ingress.as_ref() == Some(&ingress))
        {
            Some(rule) if is_managed(rule) => {
                let security_group_id = ingress.security_group_id;
                DeleteAction::Send(Mutation::RevokeIngress {
                    security_group_id,
                    rule_arn: arn(rule),
                })
            }
            Some(_) => DeleteAction::Leave(
                "the rule for this port and peer does not have the ownership tags".to_owned(),
            ),
            None if rules
                .iter()
                .any(|rule| is_managed(rule) && Some(arn(rule)) == item.arn) =>
            {
                DeleteAction::Leave("its port or peer was changed outside this service".to_owned())
            }
            None => DeleteAction::Gone,
        },
    )
}
