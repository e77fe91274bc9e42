//! Tags of roles.

use serde::Serialize;

use crate::authorization::AccessRequest;
use crate::iam::constraints::Constraints;
use crate::iam::names::{find_own_role, find_role, role_arn};
use crate::iam::paging::page;
use crate::iam::roles::authorize_on_role;
use crate::iam::tagging::add_tags;
use crate::state::{Change, Tag};
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::form::Form;
use crate::wire::service::Service;
use crate::wire::xml::{Members, element};

pub(super) fn tag_role(turn: &mut Turn<'_>, form: &Form) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let name = constraints.name("RoleName", 64);
    let tags = constraints.tags();
    constraints.finish()?;
    let (arn, shown) = (role_arn(turn, name), format!("role {name}"));
    let mut request = AccessRequest::on_shown("iam:TagRole", &arn, &shown).requesting_tags(&tags);
    if let Some(role) = turn.state.role(name) {
        request = request.resource_tags(Service::Iam, &role.tags);
    }
    turn.authorize(&request)?;
    let mut role = find_own_role(turn, name)?.clone();
    add_tags(&mut role.tags, &tags, turn.settings.quotas.tags)?;
    turn.change(Change::Role(Box::new(role)));
    Ok(String::new())
}

pub(super) fn untag_role(turn: &mut Turn<'_>, form: &Form) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let name = constraints.name("RoleName", 64);
    let keys = constraints.tag_keys();
    constraints.finish()?;
    let (arn, shown) = (role_arn(turn, name), format!("role {name}"));
    let mut request = AccessRequest::on_shown("iam:UntagRole", &arn, &shown).tag_keys(keys.clone());
    if let Some(role) = turn.state.role(name) {
        request = request.resource_tags(Service::Iam, &role.tags);
    }
    turn.authorize(&request)?;
    let mut role = find_own_role(turn, name)?.clone();
    role.tags
        .retain(|tag| !keys.iter().any(|key| key.eq_ignore_ascii_case(&tag.key)));
    turn.change(Change::Role(Box::new(role)));
    Ok(String::new())
}

/// A page of the tags of a role or a policy.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TagsResult {
    tags: Members<Tag>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

impl TagsResult {
    pub(super) fn page(form: &Form, tags: &[Tag]) -> Result<TagsResult, ServiceFault> {
        let mut sorted: Vec<&Tag> = tags.iter().collect();
        sorted.sort_by(|one, other| one.key.cmp(&other.key));
        let page = page(form, sorted, |tag| tag.key.clone())?;
        Ok(TagsResult {
            tags: page.items.into_iter().cloned().collect(),
            is_truncated: page.end.is_truncated,
            marker: page.end.marker,
        })
    }
}

pub(super) fn list_role_tags(turn: &mut Turn<'_>, form: &Form) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let name = constraints.name("RoleName", 64);
    constraints.finish()?;
    authorize_on_role(turn, "iam:ListRoleTags", name)?;
    element(
        "ListRoleTagsResult",
        &TagsResult::page(form, &find_role(turn, name)?.tags)?,
    )
}
