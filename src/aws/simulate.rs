//! The IAM policy simulator, for the permissions of the service's identity.

use aws_sdk_iam::types::{
    ContextEntry, ContextKeyTypeEnum, EvaluationResult, PolicyEvaluationDecisionType as Decided,
};

use crate::domain::iam::denial::DenialCause;
use crate::domain::preflight::Simulated;
use crate::domain::problems::fault::{Fault, FaultClass};

use super::Aws;
use super::fault::Call;

impl Aws {
    /// The ARN of the user or role that this service runs as, for a simulation. A session's ARN does
    /// not contain the path of its role, so the role is read.
    pub async fn own_principal(&self) -> Result<String, Fault> {
        let caller = self.caller().await?;
        let resource = caller.arn.splitn(6, ':').nth(5).unwrap_or_default();
        if resource.starts_with("user/") {
            return Ok(caller.arn);
        }
        let session = resource.strip_prefix("assumed-role/");
        let Some(name) = session.and_then(|rest| rest.split('/').next()) else {
            let arn = &caller.arn;
            let detail = format!("{arn} is neither a user nor a role");
            return Err(Fault::new(FaultClass::Invalid, detail));
        };
        let role = self.role(name, &caller.arn).await?;
        role.map(|role| role.arn).ok_or_else(|| {
            let detail = format!(
                "the service's own role {name} is not visible; allow iam:GetRole and \
                 iam:SimulatePrincipalPolicy on it, as `policy --own-arn` prints"
            );
            Fault::new(FaultClass::NotFound, detail)
        })
    }

    /// iam SimulatePrincipalPolicy, all pages: each action on each resource, for a user or a role.
    /// The simulation ignores session policies and resource policies.
    pub async fn simulate(
        &self,
        principal_arn: &str,
        actions: &[&str],
        resources: &[String],
        context: &[(&str, String)],
    ) -> Result<Vec<Simulated>, Fault> {
        let call = Call::read(
            "iam",
            "SimulatePrincipalPolicy",
            Some(principal_arn.to_owned()),
        );
        let entries = context.iter().map(|(key, value)| {
            let kind = match *key {
                "aws:TagKeys" => ContextKeyTypeEnum::StringList,
                _ => ContextKeyTypeEnum::String,
            };
            ContextEntry::builder()
                .context_key_name(*key)
                .context_key_values(value)
                .context_key_type(kind)
                .build()
        });
        let request = self
            .iam
            .simulate_principal_policy()
            .policy_source_arn(principal_arn)
            .set_action_names(Some(
                actions.iter().map(|action| (*action).to_owned()).collect(),
            ))
            .set_resource_arns(Some(resources.to_vec()))
            .set_context_entries(Some(entries.collect()));
        let mut pages = request.into_paginator().items().send();
        let mut simulated = Vec::new();
        while let Some(result) = pages.next().await {
            simulated.extend(per_resource(result.map_err(|error| call.fault(&error))?));
        }
        Ok(simulated)
    }
}

/// The result of each resource. For several resources, IAM returns specific results and a common
/// one; for a single resource it may return only the common one.
fn per_resource(result: EvaluationResult) -> Vec<Simulated> {
    let by_organisation = result
        .organizations_decision_detail
        .map(|detail| detail.allowed_by_organizations);
    let by_boundary = result
        .permissions_boundary_decision_detail
        .map(|detail| detail.allowed_by_permissions_boundary);
    let action = result.eval_action_name;
    let specific = result.resource_specific_results.unwrap_or_default();
    if specific.is_empty() {
        return vec![Simulated {
            action,
            resource: result.eval_resource_name.unwrap_or_else(|| "*".to_owned()),
            denied: denial(&result.eval_decision, by_organisation, by_boundary),
            missing_context: result.missing_context_values.unwrap_or_default(),
        }];
    }
    let simulated = |one: aws_sdk_iam::types::ResourceSpecificResult| {
        let boundary = one.permissions_boundary_decision_detail;
        let boundary = boundary
            .map(|detail| detail.allowed_by_permissions_boundary)
            .or(by_boundary);
        Simulated {
            action: action.clone(),
            resource: one.eval_resource_name,
            denied: denial(&one.eval_resource_decision, by_organisation, boundary),
            missing_context: one.missing_context_values.unwrap_or_default(),
        }
    };
    specific.into_iter().map(simulated).collect()
}

/// The reason that an action would be denied, as far as the simulator reports it.
fn denial(
    decision: &Decided,
    by_organisation: Option<bool>,
    by_boundary: Option<bool>,
) -> Option<DenialCause> {
    match decision {
        Decided::Allowed => None,
        _ if by_organisation == Some(false) => Some(DenialCause::ServiceControlPolicy),
        Decided::ExplicitDeny => Some(DenialCause::ExplicitDeny(None)),
        _ if by_boundary == Some(false) => Some(DenialCause::PermissionsBoundary),
        _ => Some(DenialCause::IdentityPolicy),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_iam::types::{
        OrganizationsDecisionDetail, PermissionsBoundaryDecisionDetail, ResourceSpecificResult,
    };

    use super::*;

    fn result(decision: Decided) -> aws_sdk_iam::types::builders::EvaluationResultBuilder {
        EvaluationResult::builder()
            .eval_action_name("iam:GetRole")
            .eval_resource_name("*")
            .eval_decision(decision)
    }

    #[test]
    fn each_resource_has_its_own_result() {
        let specific = |name: &str, decision: Decided| {
            let one = ResourceSpecificResult::builder()
                .eval_resource_name(name)
                .eval_resource_decision(decision);
            one.missing_context_values("aws:SourceIp").build().unwrap()
        };
        let whole = result(Decided::ImplicitDeny)
            .resource_specific_results(specific("a", Decided::Allowed))
            .resource_specific_results(specific("b", Decided::ImplicitDeny));
        let results = per_resource(whole.build().unwrap());
        let denials: Vec<_> = results
            .iter()
            .map(|one| (one.resource.as_str(), one.denied))
            .collect();
        assert_eq!(
            denials,
            [("a", None), ("b", Some(DenialCause::IdentityPolicy))]
        );
        assert!(
            results
                .iter()
                .all(|one| one.missing_context == ["aws:SourceIp"])
        );
    }

    #[test]
    fn the_cause_of_a_denial_is_reported() {
        let cause = |result: aws_sdk_iam::types::builders::EvaluationResultBuilder| {
            per_resource(result.build().unwrap()).remove(0).denied
        };
        assert_eq!(cause(result(Decided::Allowed)), None);
        assert_eq!(
            cause(result(Decided::ExplicitDeny)),
            Some(DenialCause::ExplicitDeny(None))
        );
        assert_eq!(
            cause(result(Decided::ImplicitDeny)),
            Some(DenialCause::IdentityPolicy)
        );
        let boundary = PermissionsBoundaryDecisionDetail::builder()
            .allowed_by_permissions_boundary(false)
            .build();
        let bounded = result(Decided::ImplicitDeny).permissions_boundary_decision_detail(boundary);
        assert_eq!(
            cause(bounded.clone()),
            Some(DenialCause::PermissionsBoundary)
        );
        let organisation = OrganizationsDecisionDetail::builder()
            .allowed_by_organizations(false)
            .build();
        let denied = bounded.organizations_decision_detail(organisation);
        assert_eq!(cause(denied), Some(DenialCause::ServiceControlPolicy));
    }
}
