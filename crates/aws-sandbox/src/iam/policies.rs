//! Managed policies: CreatePolicy, GetPolicy, DeletePolicy.

use serde::Serialize;

use crate::authorization::AccessRequest;
use crate::iam::constraints::Constraints;
use crate::iam::documents::{DocumentKind, validate_document};
use crate::iam::names::{find_own_policy, find_policy, limit_exceeded};
use crate::iam::tagging::add_tags;
use crate::iam::views::PolicyView;
use crate::state::iam::{ManagedPolicy, PolicyVersion};
use crate::state::{Change, unique_id};
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::form::Form;
use crate::wire::service::Service;
use crate::wire::xml::element;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyResult {
    policy: PolicyView,
}

pub(super) fn create_policy(turn: &mut Turn<'_>, form: &Form) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let name = constraints.name("PolicyName", 128).to_owned();
    let path = constraints.path("Path");
    let document = constraints.required("PolicyDocument", 131_072);
    let description = constraints.description(false);
    let sent_tags = constraints.tags();
    constraints.finish()?;
    let arn = format!("arn:aws:iam::{}:policy{path}{name}", turn.account_id());
    let shown = format!("policy {name}");
    turn.authorize(
        &AccessRequest::on_shown("iam:CreatePolicy", &arn, &shown).requesting_tags(&sent_tags),
    )?;
    if !sent_tags.is_empty() {
        turn.authorize(
            &AccessRequest::on_shown("iam:TagPolicy", &arn, &shown).requesting_tags(&sent_tags),
        )?;
    }
    validate_document(DocumentKind::Managed, document, 0)?;
    let mut tags = Vec::new();
    add_tags(&mut tags, &sent_tags, turn.settings.quotas.tags)?;
    check_new_policy(turn, &name)?;
    let policy = ManagedPolicy {
        name,
        path,
        id: unique_id("ANPA", 17),
        arn,
        description,
        created_at: turn.now,
        updated_at: turn.now,
        tags,
        versions: vec![PolicyVersion {
            number: 1,
            document: document.to_owned(),
            created_at: turn.now,
        }],
        default_version: 1,
        next_version: 2,
        builtin: false,
    };
    let result = element(
        "CreatePolicyResult",
        &PolicyResult {
            policy: PolicyView::created(turn.state, &policy),
        },
    );
    turn.change(Change::Policy(Box::new(policy)));
    result
}

/// Checks the name and the quota. Names are unique ignoring case, regardless of the path.
fn check_new_policy(turn: &Turn<'_>, name: &str) -> Result<(), ServiceFault> {
    let own = || {
        turn.state
            .policies
            .values()
            .filter(|policy| !policy.builtin)
    };
    if own().any(|policy| policy.name.eq_ignore_ascii_case(name)) {
        let message =
            format!("A policy called {name} already exists. Duplicate names are not allowed.");
        return Err(ServiceFault::new("EntityAlreadyExists", message));
    }
    let quota = turn.settings.quotas.policies;
    if own().count() >= quota as usize {
        Err(limit_exceeded("PoliciesPerAccount", quota))
    } else {
        Ok(())
    }
}

/// Authorizes an action on a policy by its ARN. A denial names the resource `policy <arn>`.
pub(super) fn authorize_on_policy(
    turn: &mut Turn<'_>,
    action: &str,
    arn: &str,
) -> Result<(), ServiceFault> {
    let shown = format!("policy {arn}");
    let request = AccessRequest::on_shown(action, arn, &shown);
    let request = match turn.current_state.policies.get(arn) {
        Some(policy) => request.resource_tags(Service::Iam, &policy.tags),
        None => request,
    };
    turn.authorize(&request)
}

pub(super) fn get_policy(turn: &mut Turn<'_>, form: &Form) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let arn = constraints.arn("PolicyArn");
    constraints.finish()?;
    authorize_on_policy(turn, "iam:GetPolicy", arn)?;
    let policy = PolicyView::full(turn.state, find_policy(turn, arn)?);
    element("GetPolicyResult", &PolicyResult { policy })
}

pub(super) fn delete_policy(turn: &mut Turn<'_>, form: &Form) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let arn = constraints.arn("PolicyArn");
    constraints.finish()?;
    authorize_on_policy(turn, "iam:DeletePolicy", arn)?;
    let policy = find_own_policy(turn, arn)?;
    let conflict = |message: &str| Err(ServiceFault::new("DeleteConflict", message));
    let uses = |role: &crate::state::iam::Role| {
        role.boundary.as_deref() == Some(arn)
            || role.attached.iter().any(|attached| attached == arn)
    };
    if turn.state.roles.values().any(uses) {
        return conflict("Cannot delete a policy attached to entities.");
    }
    if policy.versions.len() > 1 {
        return conflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. \
             The default version is deleted with the policy.",
        );
    }
    turn.change(Change::PolicyGone(arn.to_owned()));
    Ok(String::new())
}
