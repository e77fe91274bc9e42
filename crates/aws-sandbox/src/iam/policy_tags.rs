//! Tags of managed policies.

use crate::authorization::AccessRequest;
use crate::iam::constraints::Constraints;
use crate::iam::names::{find_own_policy, find_policy};
use crate::iam::policies::authorize_on_policy;
use crate::iam::role_tags::TagsResult;
use crate::iam::tagging::add_tags;
use crate::state::Change;
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::form::Form;
use crate::wire::service::Service;
use crate::wire::xml::element;

pub(super) fn tag_policy(turn: &mut Turn<'_>, form: &Form) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let arn = constraints.arn("PolicyArn");
    let tags = constraints.tags();
    constraints.finish()?;
    let shown = format!("policy {arn}");
    let mut request = AccessRequest::on_shown("iam:TagPolicy", arn, &shown).requesting_tags(&tags);
    if let Some(policy) = turn.state.policies.get(arn) {
        request = request.resource_tags(Service::Iam, &policy.tags);
    }
    turn.authorize(&request)?;
    let mut policy = find_own_policy(turn, arn)?.clone();
    add_tags(&mut policy.tags, &tags, turn.settings.quotas.tags)?;
    turn.change(Change::Policy(Box::new(policy)));
    Ok(String::new())
}

pub(super) fn untag_policy(turn: &mut Turn<'_>, form: &Form) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let arn = constraints.arn("PolicyArn");
    let keys = constraints.tag_keys();
    constraints.finish()?;
    let shown = format!("policy {arn}");
    let mut request =
        AccessRequest::on_shown("iam:UntagPolicy", arn, &shown).tag_keys(keys.clone());
    if let Some(policy) = turn.state.policies.get(arn) {
        request = request.resource_tags(Service::Iam, &policy.tags);
    }
    turn.authorize(&request)?;
    let mut policy = find_own_policy(turn, arn)?.clone();
    policy
        .tags
        .retain(|tag| !keys.iter().any(|key| key.eq_ignore_ascii_case(&tag.key)));
    turn.change(Change::Policy(Box::new(policy)));
    Ok(String::new())
}

pub(super) fn list_policy_tags(turn: &mut Turn<'_>, form: &Form) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let arn = constraints.arn("PolicyArn");
    constraints.finish()?;
    authorize_on_policy(turn, "iam:ListPolicyTags", arn)?;
    element(
        "ListPolicyTagsResult",
        &TagsResult::page(form, &find_policy(turn, arn)?.tags)?,
    )
}
