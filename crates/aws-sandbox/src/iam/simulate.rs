//! The policy simulator for users and roles.
//!
//! Decisions come from the evaluator that authorizes real calls. Matched statements are not listed.

use serde::Serialize;

use crate::authorization::AccessRequest;
use crate::iam::constraints::Constraints;
use crate::iam::names::no_such_entity;
use crate::iam::paging::page;
use crate::iam::permissions::role_permissions;
use crate::identity::Permissions;
use crate::policy::document::Document;
use crate::policy::evaluate::{
    Authority, Context, Decision, Denial, Request, allows_whatever_the_conditions, evaluate,
};
use crate::policy::missing::missing_keys;
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::form::Form;
use crate::wire::xml::{Members, element};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct BoundaryDetail {
    allowed_by_permissions_boundary: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OrganizationsDetail {
    allowed_by_organizations: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct EvaluationResult {
    eval_action_name: String,
    eval_resource_name: String,
    eval_decision: &'static str,
    matched_statements: Members<String>,
    missing_context_values: Members<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions_boundary_decision_detail: Option<BoundaryDetail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organizations_decision_detail: Option<OrganizationsDetail>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SimulatePrincipalPolicyResult {
    evaluation_results: Members<EvaluationResult>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

pub(super) fn simulate_principal_policy(
    turn: &mut Turn<'_>,
    form: &Form,
) -> Result<String, ServiceFault> {
    let mut constraints = Constraints::of(form);
    let source = constraints.arn("PolicySourceArn");
    constraints.finish()?;
    let actions = action_names(form)?;
    turn.authorize(&AccessRequest::on("iam:SimulatePrincipalPolicy", source))?;
    let mut permissions = source_permissions(turn, source)?;
    permissions
        .identity
        .extend(documents(form, "PolicyInputList")?);
    if let Some(boundary) = documents(form, "PermissionsBoundaryPolicyInputList")?.pop() {
        permissions.boundary = Some(boundary);
    }
    let context = context(form);
    let mut resources = form.strings("ResourceArns");
    if resources.is_empty() {
        resources.push("*".to_owned());
    }
    let pairs: Vec<(usize, &String, &String)> = actions
        .iter()
        .flat_map(|action| resources.iter().map(move |resource| (action, resource)))
        .enumerate()
        .map(|(index, (action, resource))| (index, action, resource))
        .collect();
    let page = page(form, pairs, |(index, _, _)| format!("{index:08}"))?;
    let simulate = |(_, action, resource): (usize, &String, &String)| {
        simulate(&permissions, action, resource, &context)
    };
    let result = SimulatePrincipalPolicyResult {
        evaluation_results: page.items.into_iter().map(simulate).collect(),
        is_truncated: page.end.is_truncated,
        marker: page.end.marker,
    };
    element("SimulatePrincipalPolicyResult", &result)
}

fn simulate(
    permissions: &Permissions,
    action: &str,
    resource: &str,
    context: &Context,
) -> EvaluationResult {
    let request = Request {
        action,
        resource,
        context,
    };
    let decide = |authority: Authority<'_>| evaluate(&authority, &request);
    let account = Authority {
        organization: None,
        ..permissions.authority()
    };
    let by_organization = permissions
        .organization
        .as_deref()
        .map(|documents| allows_whatever_the_conditions(documents, &request));
    let eval_decision = match decide(account) {
        Decision::Allowed if by_organization == Some(false) => "implicitDeny",
        Decision::Allowed => "allowed",
        Decision::Denied(Denial::ExplicitDeny(_)) => "explicitDeny",
        Decision::Denied(
            Denial::NoIdentityPolicy
            | Denial::NoPermissionsBoundary
            | Denial::NoSessionPolicy
            | Denial::NoServiceControlPolicy,
        ) => "implicitDeny",
    };
    let boundary_alone = |boundary: &Document| {
        let authority = Authority {
            identity: std::slice::from_ref(boundary),
            boundary: None,
            session: None,
            organization: None,
        };
        BoundaryDetail {
            allowed_by_permissions_boundary: decide(authority) == Decision::Allowed,
        }
    };
    EvaluationResult {
        eval_action_name: action.to_owned(),
        eval_resource_name: resource.to_owned(),
        eval_decision,
        matched_statements: Members::from_iter([]),
        missing_context_values: missing_keys(&account, &request).into_iter().collect(),
        permissions_boundary_decision_detail: permissions.boundary.as_ref().map(boundary_alone),
        organizations_decision_detail: by_organization.map(|allowed| OrganizationsDetail {
            allowed_by_organizations: allowed,
        }),
    }
}

fn action_names(form: &Form) -> Result<Vec<String>, ServiceFault> {
    let actions = form.strings("ActionNames");
    if actions.is_empty() {
        let message = "1 validation error detected: Value null at 'actionNames' failed to satisfy constraint: Member \
            must not be null";
        return Err(ServiceFault::new("ValidationError", message));
    }
    let is_action = |action: &String| {
        action
            .split_once(':')
            .is_some_and(|(service, name)| !service.is_empty() && !name.is_empty())
    };
    match actions.iter().find(|action| !is_action(action)) {
        Some(invalid) => Err(ServiceFault::new(
            "InvalidInput",
            format!("Invalid Action: {invalid}"),
        )),
        None => Ok(actions),
    }
}

/// The permissions of the simulated principal, which is a user or a role, not a session.
fn source_permissions(turn: &Turn<'_>, source: &str) -> Result<Permissions, ServiceFault> {
    if source.contains(":assumed-role/") {
        let message =
            format!("Invalid Entity Arn: {source} does not clearly define entity type and name.");
        return Err(ServiceFault::new("InvalidInput", message));
    }
    if source.split(':').nth(4) != Some(turn.account_id()) {
        let message = format!("Invalid Entity Arn: {source} is not in this account.");
        return Err(ServiceFault::new("InvalidInput", message));
    }
    if let Some(role) = turn.state.role_by_arn(source) {
        return Ok(role_permissions(turn.state, role, None));
    }
    let key = turn
        .first
        .keys
        .values()
        .find(|key| key.identity.arn == source);
    let missing = "Unable to retrieve specified IAM entity.";
    let key = key.ok_or_else(|| no_such_entity(missing.to_owned()))?;
    Permissions::of(&key.identity)
        .map_err(|fault| ServiceFault::new("PolicyEvaluation", fault.message))
}

fn documents(form: &Form, list: &str) -> Result<Vec<Document>, ServiceFault> {
    let read = |text: &String| {
        let malformed = |fault: crate::policy::document::DocumentFault| {
            ServiceFault::new(
                "InvalidInput",
                format!("Invalid policy in {list}: {}", fault.message),
            )
        };
        Document::parse_identity(text).map_err(malformed)
    };
    form.strings(list).iter().map(read).collect()
}

fn context(form: &Form) -> Context {
    let entry = |entry: &Form| {
        let key = entry
            .text("ContextKeyName")
            .unwrap_or_default()
            .to_ascii_lowercase();
        (key, entry.strings("ContextKeyValues"))
    };
    form.list("ContextEntries", Some("member"))
        .iter()
        .map(entry)
        .collect()
}
