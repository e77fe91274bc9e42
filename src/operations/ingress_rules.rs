//! Ingress rules: whose a rule of a security group is. Our two tags, and what it opens, are the evidence.

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

/// A rule that opens what was looked for.
#[derive(Debug)]
pub(super) struct FoundRule {
    /// Its ARN.
    pub(super) arn: String,
    /// The operation of this installation that made it; none if somebody else did.
    pub(super) maker: Option<Uuid>,
}

/// The rule that opens a port to a peer: AWS allows no second one.
pub(super) async fn rule_for(
    aws: &Aws,
    place: &AwsAccount,
    installation: Uuid,
    ingress: &Ingress,
) -> Result<Option<FoundRule>, Fault> {
    let rules = aws.ingress_rules(&ingress.security_group_id).await?;
    let rule = rules
        .into_iter()
        .find(|rule| rule.ingress.as_ref() == Some(ingress));
    Ok(rule.map(|rule| FoundRule {
        arn: place.security_group_rule_arn(&rule.id),
        maker: maker(&rule, installation),
    }))
}

/// The operation that a rule's tags name, if both are ours.
fn maker(rule: &IngressRule, installation: Uuid) -> Option<Uuid> {
    let operation = rule.tags.get(OPERATION_TAG)?.parse().ok()?;
    tag_differences(&tags(installation, operation), &rule.tags)
        .is_empty()
        .then_some(operation)
}

/// What is to be done about a rule of ours that shall go.
pub(super) async fn delete_action_of_rule(
    aws: &Aws,
    place: &AwsAccount,
    installation: Uuid,
    item: &Item,
) -> Result<DeleteAction, Fault> {
    let Some(ingress) = Ingress::parse(&item.name) else {
        return Ok(DeleteAction::Leave(
            "its name does not tell what it opens".to_owned(),
        ));
    };
    let rules = aws.ingress_rules(&ingress.security_group_id).await?;
    let arn = |rule: &IngressRule| place.security_group_rule_arn(&rule.id);
    let is_managed = |rule: &IngressRule| maker(rule, installation) == Some(item.operation_id);
    Ok(
        match rules
            .iter()
            .find(|rule| rule.ingress.as_ref() == Some(&ingress))
        {
            Some(rule) if is_managed(rule) => {
                let security_group_id = ingress.security_group_id;
                DeleteAction::Remove(Mutation::RevokeIngress {
                    security_group_id,
                    rule_arn: arn(rule),
                })
            }
            Some(_) => {
                DeleteAction::Leave("a rule that opens the same does not carry our tags".to_owned())
            }
            None if rules
                .iter()
                .any(|rule| is_managed(rule) && Some(arn(rule)) == item.arn) =>
            {
                DeleteAction::Leave("somebody has changed what it opens".to_owned())
            }
            None => DeleteAction::Gone,
        },
    )
}
