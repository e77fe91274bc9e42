//! ListPolicies for managed policies.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::authorization::AccessRequest;
use crate::iam::constraints::Constraints;
use crate::iam::paging::page;
use crate::iam::views::PolicyView;
use crate::state::iam::ManagedPolicy;
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::form::Form;
use crate::wire::xml::{Members, element};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListPoliciesResult {
    policies: Members<PolicyView>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

pub(super) fn list_policies(turn: &mut Turn<'_>, form: &Form) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let prefix = constraints.path_prefix();
    constraints.finish()?;
    let arn = format!("arn:aws:iam::{}:policy{prefix}", turn.account_id());
    let shown = format!("policy path {prefix}");
    turn.authorize(&AccessRequest::on_shown("iam:ListPolicies", &arn, &shown))?;
    let scope = form.text("Scope").unwrap_or("All");
    if !matches!(scope, "All" | "AWS" | "Local") {
        let message = format!(
            "1 validation error detected: Value '{scope}' at 'scope' failed to satisfy constraint: Member must satisfy \
             enum value set: [All, AWS, Local]"
        );
        return Err(ServiceFault::new("ValidationError", message));
    }
    let only_attached = form
        .text("OnlyAttached")
        .is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let usage = form.text("PolicyUsageFilter");
    let uses = Uses::count(turn);
    let listed = |policy: &&ManagedPolicy| {
        let (attached, bounding) = uses.of(policy);
        let in_scope = scope == "All" || (scope == "AWS") == policy.builtin;
        let used = match usage {
            Some("PermissionsPolicy") => attached > 0,
            Some("PermissionsBoundary") => bounding > 0,
            _ => attached + bounding > 0,
        };
        in_scope
            && policy.path.starts_with(&prefix)
            && (used || !(only_attached || usage.is_some()))
    };
    let page = page(
        form,
        turn.state.policies.values().filter(listed),
        |policy| policy.arn.clone(),
    )?;
    let view = |policy: &ManagedPolicy| {
        let (attached, bounding) = uses.of(policy);
        PolicyView::listed(policy, attached, bounding)
    };
    let result = ListPoliciesResult {
        policies: page.items.into_iter().map(view).collect(),
        is_truncated: page.end.is_truncated,
        marker: page.end.marker,
    };
    element("ListPoliciesResult", &result)
}

/// Number of uses of each policy by its ARN, counted once for the whole list.
struct Uses<'a> {
    attached: BTreeMap<&'a str, usize>,
    bounding: BTreeMap<&'a str, usize>,
}

impl<'a> Uses<'a> {
    fn count(turn: &Turn<'a>) -> Uses<'a> {
        let mut uses = Uses {
            attached: BTreeMap::new(),
            bounding: BTreeMap::new(),
        };
        for role in turn.state.roles.values() {
            for arn in &role.attached {
                *uses.attached.entry(arn.as_str()).or_default() += 1;
            }
            if let Some(arn) = &role.boundary {
                *uses.bounding.entry(arn.as_str()).or_default() += 1;
            }
        }
        uses
    }

    fn of(&self, policy: &ManagedPolicy) -> (usize, usize) {
        let count =
            |counts: &BTreeMap<&str, usize>| counts.get(policy.arn.as_str()).copied().unwrap_or(0);
        (count(&self.attached), count(&self.bounding))
    }
}
