//! Versions of managed policies.

use serde::Serialize;

use crate::iam::constraints::Constraints;
use crate::iam::documents::{DocumentKind, validate_document};
use crate::iam::names::{find_own_policy, find_policy, no_such_entity};
use crate::iam::paging::page;
use crate::iam::policies::authorize_on_policy;
use crate::iam::views::{VersionView, version_id};
use crate::state::Change;
use crate::state::iam::{ManagedPolicy, PolicyVersion};
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::form::Form;
use crate::wire::xml::{Members, element};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct VersionResult {
    policy_version: VersionView,
}

fn find_version<'a>(
    policy: &'a ManagedPolicy,
    id: &str,
) -> Result<&'a PolicyVersion, ServiceFault> {
    let version = policy
        .versions
        .iter()
        .find(|version| version_id(version.number) == id);
    version.ok_or_else(|| {
        no_such_entity(format!(
            "Policy {} version {id} does not exist or is not attachable.",
            policy.arn
        ))
    })
}

pub(super) fn create_policy_version(
    turn: &mut Turn<'_>,
    form: &Form,
) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let arn = constraints.arn("PolicyArn");
    let document = constraints.required("PolicyDocument", 131_072);
    constraints.finish()?;
    authorize_on_policy(turn, "iam:CreatePolicyVersion", arn)?;
    let mut policy = find_own_policy(turn, arn)?.clone();
    validate_document(DocumentKind::Managed, document, 0)?;
    let quota = turn.settings.quotas.policy_versions;
    if policy.versions.len() >= quota as usize {
        let message = format!(
            "A managed policy can have up to {quota} versions. Before you create a new version, you must delete an \
             existing version."
        );
        return Err(ServiceFault::new("LimitExceeded", message));
    }
    let version = PolicyVersion {
        number: policy.next_version,
        document: document.to_owned(),
        created_at: turn.now,
    };
    policy.next_version += 1;
    policy.updated_at = turn.now;
    if form
        .text("SetAsDefault")
        .is_some_and(|text| text.eq_ignore_ascii_case("true"))
    {
        policy.default_version = version.number;
    }
    let result = VersionResult {
        policy_version: VersionView::listed(&policy, &version),
    };
    policy.versions.push(version);
    turn.change(Change::Policy(Box::new(policy)));
    element("CreatePolicyVersionResult", &result)
}

pub(super) fn get_policy_version(turn: &mut Turn<'_>, form: &Form) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let arn = constraints.arn("PolicyArn");
    let id = constraints.required("VersionId", 64);
    constraints.finish()?;
    authorize_on_policy(turn, "iam:GetPolicyVersion", arn)?;
    let policy = find_policy(turn, arn)?;
    let policy_version = VersionView::full(policy, find_version(policy, id)?);
    element("GetPolicyVersionResult", &VersionResult { policy_version })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListPolicyVersionsResult {
    versions: Members<VersionView>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

pub(super) fn list_policy_versions(
    turn: &mut Turn<'_>,
    form: &Form,
) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let arn = constraints.arn("PolicyArn");
    constraints.finish()?;
    authorize_on_policy(turn, "iam:ListPolicyVersions", arn)?;
    let policy = find_policy(turn, arn)?;
    // IAM lists the newest version first, but the key of a page must ascend.
    let page = page(form, policy.versions.iter().rev(), |version| {
        format!("{:010}", u32::MAX - version.number)
    })?;
    let result = ListPolicyVersionsResult {
        versions: page
            .items
            .into_iter()
            .map(|version| VersionView::listed(policy, version))
            .collect(),
        is_truncated: page.end.is_truncated,
        marker: page.end.marker,
    };
    element("ListPolicyVersionsResult", &result)
}

pub(super) fn delete_policy_version(
    turn: &mut Turn<'_>,
    form: &Form,
) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let arn = constraints.arn("PolicyArn");
    let id = constraints.required("VersionId", 64);
    constraints.finish()?;
    authorize_on_policy(turn, "iam:DeletePolicyVersion", arn)?;
    let mut policy = find_own_policy(turn, arn)?.clone();
    let number = find_version(&policy, id)?.number;
    if number == policy.default_version {
        return Err(ServiceFault::new(
            "DeleteConflict",
            "Cannot delete the default version of a policy.",
        ));
    }
    policy.versions.retain(|version| version.number != number);
    turn.change(Change::Policy(Box::new(policy)));
    Ok(String::new())
}

pub(super) fn set_default_policy_version(
    turn: &mut Turn<'_>,
    form: &Form,
) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let arn = constraints.arn("PolicyArn");
    let id = constraints.required("VersionId", 64);
    constraints.finish()?;
    authorize_on_policy(turn, "iam:SetDefaultPolicyVersion", arn)?;
    let mut policy = find_own_policy(turn, arn)?.clone();
    policy.default_version = find_version(&policy, id)?.number;
    policy.updated_at = turn.now;
    turn.change(Change::Policy(Box::new(policy)));
    Ok(String::new())
}
