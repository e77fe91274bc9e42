//! `POST /v1/clusters`.

use axum::response::Response;

use crate::authorization::Action;
use crate::domain::inventory::ResourceKind;
use crate::domain::operation::Kind;
use crate::domain::project::Scope;
use crate::domain::spec::{ClusterSpec, ParameterGroup, ServiceRole, SubnetGroup};
use crate::store::{Accepted, ApprovalState, NewOperation};

use crate::api::access::CallerApi;
use crate::api::clusters::decisions::{Pending, Proposal};
use crate::api::clusters::request::ClusterRequest;
use crate::api::clusters::rules::{RequiredPreflight, take_project, take_target, validate};
use crate::api::clusters::submit::{AcceptedOperation, Submission};
use crate::api::http::api_error::ApiError;
use crate::api::http::body::JsonBody;
use crate::api::http::problem::Problem;
use crate::api::http::query::NoQuery;
use crate::api::targets::TargetApi;

/// Creates a cluster.
///
/// The cluster is visible at once with status `creating`. The response is the operation that
/// creates it. Poll it until its status is `succeeded`, `blocked` or `failed`. If it is blocked or
/// failed, `problem` explains why and what to do.
#[utoipa::path(
    post, path = "/v1/clusters", tag = "clusters", operation_id = "create_cluster",
    params(Submission),
    request_body(content = ClusterRequest, description = "Settings of the new cluster."),
    responses(AcceptedOperation)
)]
pub(crate) async fn create_cluster(
    api: CallerApi,
    _: NoQuery,
    submission: Submission,
    JsonBody(mut body): JsonBody,
) -> Result<Response, ApiError> {
    let target = take_target(&mut body);
    let api = api.to_change(target.as_ref())?.usable()?;
    let key = submission.key(&api, &body)?;
    let project = take_project(&mut body);
    let project = project.or_else(|| api.caller.default_project().cloned());
    api.check_readable(project.as_ref())?;
    let preflight = RequiredPreflight::of(&body);
    let account = api.account_soon().await?;
    let spec = validate(body, &api.validation_context(&account)).map_err(Problem::invalid)?;
    let groups = existing_groups(&spec);
    let is_required = preflight != RequiredPreflight::No;
    let has_checks = is_required || groups.iter().any(|(_, _, name)| name.is_some());
    if has_checks && !api.is_answered_already(key.as_ref(), &spec).await? {
        api.reject_managed_groups(&groups).await?;
        if is_required {
            api.reject_failed_preflight(&spec, &account, &submission.caller, preflight)
                .await?;
        }
    }
    let new = NewOperation {
        project,
        ..submission.new_operation(Kind::CreateCluster, key)
    };
    let accepted = api.accept_create(new, spec.clone()).await?;
    api.answer_accepted(accepted, spec.name.as_str(), submission.preference)
        .await
}

impl TargetApi {
    /// Accepts a create if the rules permit it.
    async fn accept_create(
        &self,
        new: NewOperation,
        spec: ClusterSpec,
    ) -> Result<Accepted, ApiError> {
        if self.rules.permit_everything() {
            return Ok(self.store.accept_create(&new, &spec).await?);
        }
        let key = new.idempotency_key.clone();
        if matches!(spec.service_role, ServiceRole::Discover { .. })
            && let Some(known) = self.known_request(key.as_ref()).await?
        {
            return Ok(known);
        }
        let spec = self.with_discovered_role(spec).await?;
        let action = Action::CreateCluster;
        let decided = self.decide_settings(Proposal {
            action,
            scope: Scope::of(new.project.as_ref(), &self.target.name),
            before: None,
            after: spec.clone(),
        })?;
        let (approvals, pending) = match decided {
            Ok(decided) => decided,
            // A request that was accepted earlier has its response, whatever the rules say now.
            Err(denial) => {
                let known = self.known_request(key.as_ref()).await?;
                return known.ok_or_else(|| self.denied(action, denial));
            }
        };
        let approval = approvals.state();
        let runs = pending.is_none() && matches!(approval, ApprovalState::NotNeeded);
        let new = NewOperation { approval, ..new };
        let (limit, refusal) = pending.map(Pending::split).unzip();
        let accepted = if runs {
            self.store.accept_create(&new, &spec).await?
        } else {
            self.store.accept_create_within(&new, &spec, limit).await?
        };
        if let (Accepted::NotPermitted, Some(refusal)) = (&accepted, &refusal) {
            return Err(refusal.response(self, action));
        }
        self.note_project(new.project.as_ref());
        Ok(accepted)
    }
}

/// The existing groups that a spec refers to, each with the JSON pointer of its name.
fn existing_groups(spec: &ClusterSpec) -> [(&'static str, ResourceKind, Option<&str>); 2] {
    let subnets = match &spec.subnet_group {
        SubnetGroup::Existing { name } => Some(name.as_str()),
        SubnetGroup::New { .. } | SubnetGroup::OfVpc { .. } | SubnetGroup::Default => None,
    };
    let parameters = match &spec.parameter_group {
        ParameterGroup::Existing { name } => Some(name.as_str()),
        ParameterGroup::New { .. } | ParameterGroup::Default => None,
    };
    [
        ("/subnet_group/name", ResourceKind::SubnetGroup, subnets),
        (
            "/parameter_group/name",
            ResourceKind::ParameterGroup,
            parameters,
        ),
    ]
}
