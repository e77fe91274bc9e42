//! `POST /v1/plans`: a dry run of a create.

use std::time::Duration;

use axum::Json;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::inventory::{Owner, ResourceKind};
use crate::domain::operation::Kind;
use crate::domain::plan;
use crate::domain::plan::ResourceEffect;
use crate::domain::prices::Cost;
use crate::domain::spec::ClusterSpec;
use crate::inspections::plan::PlanContext;

use crate::api::access::CallerApi;
use crate::api::clusters::request::ClusterRequest;
use crate::api::clusters::rules::{take_project, take_target, validate};
use crate::api::enum_schemas::{OwnerSchema, ResourceEffectSchema, ResourceKindSchema};
use crate::api::http::api_error::ApiError;
use crate::api::http::authentication::Caller;
use crate::api::http::body::JsonBody;
use crate::api::http::problem::Problem;
use crate::api::http::query::NoQuery;
use crate::api::permissions::problem_renderer::json;
use crate::api::targets::TargetApi;

/// What an operation would do.
#[derive(Serialize, ToSchema)]
pub(crate) struct Plan {
    /// The steps in order. A step without calls would change nothing.
    steps: Vec<PlannedStep>,
    /// The resources, and what would happen to each. In the names of new ones, ten `?` stand for the
    /// suffix that is generated for each operation.
    resources: Vec<PlannedResource>,
    /// The new access policies of a service role.
    policies: Vec<NamedPolicy>,
    /// The trust policy of a new service role; null if no role would be created.
    #[schema(value_type = Option<Object>)]
    trust_policy: Option<Value>,
    /// The permissions that this service's own identity needs. The operation blocks without any
    /// of them.
    permissions: Vec<PermissionNeeded>,
    /// All of these permissions as one IAM policy. In IAM a `?` matches any one character, so the
    /// policy covers the generated names.
    #[schema(value_type = Object)]
    policy: Value,
    /// Consequences to consider before the request.
    warnings: Vec<PlanWarning>,
    /// IDs of the nodes that reboot, or that may if AWS lists them as waiting for a reboot, one
    /// after another.
    nodes_to_reboot: Vec<String>,
    /// Price of an hour of the nodes afterwards, in US dollars on demand, by the price list of the
    /// installation; null if that has no price of them.
    #[schema(example = 0.807)]
    hourly_cost_usd: Option<f64>,
    /// The same for a month of 730 hours, rounded up to a cent.
    #[schema(example = 589.11)]
    monthly_cost_usd: Option<f64>,
    /// Price of an hour of the nodes before the operation; 0 for a create.
    #[schema(example = 0.0)]
    hourly_cost_usd_before: Option<f64>,
    /// The same for a month.
    #[schema(example = 0.0)]
    monthly_cost_usd_before: Option<f64>,
    /// Estimated duration of the operation, in seconds.
    estimated_seconds: i64,
}

/// A step of a plan.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlannedStep {
    /// Name of the step in the operation.
    name: &'static str,
    /// AWS calls of the step, as IAM actions.
    #[schema(example = json!(["iam:GetRole", "iam:CreateRole"]))]
    calls: Vec<&'static str>,
}

/// A resource in AWS that an operation would create, use, change or delete.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlannedResource {
    /// Kind of the resource.
    #[schema(value_type = ResourceKindSchema)]
    kind: ResourceKind,
    /// Name of the resource.
    #[schema(example = "dax-orders-cache-??????????")]
    name: String,
    /// ARN of the resource; null if it has none.
    arn: Option<String>,
    /// Whether this service manages the resource.
    #[schema(value_type = OwnerSchema)]
    owner: Owner,
    /// What would happen to the resource.
    #[schema(value_type = ResourceEffectSchema)]
    effect: ResourceEffect,
}

/// An IAM policy and its name.
#[derive(Serialize, ToSchema)]
pub(crate) struct NamedPolicy {
    /// Name of the policy.
    name: String,
    /// The policy document.
    #[schema(value_type = Object)]
    document: Value,
}

/// A permission that a plan needs.
#[derive(Serialize, ToSchema)]
pub(crate) struct PermissionNeeded {
    /// IAM action.
    #[schema(example = "iam:CreateRole")]
    action: String,
    /// ARN of the resource, or a pattern for it.
    resource: String,
    /// Conditions of the grant, as in an IAM policy; empty if there are none.
    #[schema(value_type = Object)]
    conditions: Value,
}

/// A consequence of an operation.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlanWarning {
    /// Stable identifier of the warning.
    #[schema(example = "two_nodes")]
    code: &'static str,
    /// The warning as a sentence.
    detail: String,
}

/// Returns what creating a cluster would do, and the permissions it needs. Creates nothing.
#[utoipa::path(
    post, path = "/v1/plans", tag = "permissions", operation_id = "plan_cluster",
    request_body(content = ClusterRequest, description = "Settings of the planned cluster."),
    responses((status = 200, description = "The plan.", body = Plan))
)]
pub(crate) async fn plan_cluster(
    api: CallerApi,
    _: NoQuery,
    caller: Caller,
    JsonBody(mut body): JsonBody,
) -> Result<Json<Plan>, ApiError> {
    let target = take_target(&mut body);
    let api = api.to_inspect(target.as_ref())?;
    let project = take_project(&mut body);
    let project = project.or_else(|| api.caller.default_project().cloned());
    api.check_readable(project.as_ref())?;
    let account = api.account()?;
    let spec = validate(body, &api.validation_context(&account)).map_err(Problem::invalid)?;
    let plan = api.plan(&spec, &caller).await?;
    let nodes = spec.replication_factor;
    let durations = api
        .step_durations(Kind::CreateCluster, Some(nodes.into()))
        .await?;
    let estimate = durations.of_steps(plan.steps.iter().map(|step| step.name), nodes.into());
    let cost = api.cost(&spec, &account);
    Ok(Json(Plan::of(plan, estimate, [Cost::NOTHING, cost])))
}

impl TargetApi {
    pub(crate) async fn plan(
        &self,
        spec: &ClusterSpec,
        caller: &Caller,
    ) -> Result<plan::Plan, ApiError> {
        let account = self.account()?;
        let context = PlanContext {
            account: &account,
            permissions_boundary: self.target.permissions_boundary.as_deref(),
        };
        let _permit = self.aws_permit(caller).await?;
        let plan = self.inspector()?.plan(spec, context).await;
        plan.map_err(|fault| {
            self.problem_renderer(Some(&account))
                .problem_of(&fault)
                .into()
        })
    }
}

impl Plan {
    /// `costs`: before and after.
    pub(super) fn of(plan: plan::Plan, estimate: Duration, costs: [Cost; 2]) -> Self {
        let policy = json(&plan.policy());
        let resource = |item: plan::PlannedResource| {
            let plan::PlannedResource {
                kind,
                name,
                arn,
                owner,
                effect,
            } = item;
            PlannedResource {
                kind,
                name,
                arn,
                owner,
                effect,
            }
        };
        let permission = |item: plan::Permission| PermissionNeeded {
            action: item.action,
            resource: item.resource,
            conditions: serde_json::to_value(item.conditions)
                .expect("conditions contain only strings"),
        };
        let named = |item: plan::NamedPolicy| NamedPolicy {
            name: item.name,
            document: json(&item.document),
        };
        let step = |item: plan::PlannedStep| PlannedStep {
            name: item.name,
            calls: item.calls,
        };
        let warning = |item: plan::Warning| PlanWarning {
            code: item.code,
            detail: item.detail,
        };
        let [before, after] = costs;
        Self {
            steps: plan.steps.into_iter().map(step).collect(),
            resources: plan.resources.into_iter().map(resource).collect(),
            policies: plan.policies.into_iter().map(named).collect(),
            trust_policy: plan.trust_policy.as_ref().map(json),
            permissions: plan.permissions.into_iter().map(permission).collect(),
            policy,
            warnings: plan.warnings.into_iter().map(warning).collect(),
            nodes_to_reboot: plan.nodes_to_reboot,
            hourly_cost_usd: after.hourly_usd,
            monthly_cost_usd: after.monthly_usd,
            hourly_cost_usd_before: before.hourly_usd,
            monthly_cost_usd_before: before.monthly_usd,
            estimated_seconds: i64::try_from(estimate.as_secs()).unwrap_or(i64::MAX),
        }
    }
}
