//! Plans: a dry run of a wanted cluster.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::inventory::{Owner, ResourceKind};
use crate::domain::operation::Kind;
use crate::domain::plan;
use crate::domain::spec::ClusterSpec;
use crate::inspections::plan::PlanContext as PlanGround;

use crate::api::Api;
use crate::api::clusters::request::ClusterRequest;
use crate::api::clusters::rules::believe;
use crate::api::http::api_error::ApiError;
use crate::api::http::body::JsonBody;
use crate::api::http::enum_schemas::{OwnerSchema, ResourceKindSchema};
use crate::api::http::problem::Problem;
use crate::api::http::query::Parameters;
use crate::api::permissions::problem_renderer::json;

/// What would be done for a wanted cluster.
#[derive(Serialize, ToSchema)]
pub(crate) struct Plan {
    /// The steps in their order; one without calls has nothing to do.
    steps: Vec<PlannedStep>,
    /// What would be made, and what would be used. Ten `?` stand for the characters that are drawn when a cluster is asked
    /// for, by which the things of one operation are named.
    resources: Vec<PlannedResource>,
    /// The access policies of the service role.
    policies: Vec<NamedPolicy>,
    /// The trust policy of the service role; null if none is made.
    #[schema(value_type = Option<Object>)]
    trust_policy: Option<Value>,
    /// What the service's own identity needs. Without any one of these the work blocks.
    permissions: Vec<PermissionNeeded>,
    /// All of them as one policy. In IAM a `?` matches one character, so it holds for the names that will be drawn.
    #[schema(value_type = Object)]
    policy: Value,
    /// What is worth knowing before.
    warnings: Vec<PlanWarning>,
    /// How long the work is likely to take.
    estimated_seconds: i64,
}

/// One step.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlannedStep {
    /// Its name in the operation.
    name: &'static str,
    /// Its AWS calls.
    #[schema(example = json!(["iam:GetRole", "iam:CreateRole"]))]
    calls: Vec<&'static str>,
}

/// One thing in AWS.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlannedResource {
    /// What it is.
    #[schema(value_type = ResourceKindSchema)]
    kind: ResourceKind,
    /// Its name.
    #[schema(example = "dax-orders-cache-??????????")]
    name: String,
    /// Its ARN, where it has one.
    arn: Option<String>,
    /// Whether it would be made or is used.
    #[schema(value_type = OwnerSchema)]
    owner: Owner,
}

/// A policy and its name.
#[derive(Serialize, ToSchema)]
pub(crate) struct NamedPolicy {
    /// Its name.
    name: String,
    /// What it says.
    #[schema(value_type = Object)]
    document: Value,
}

/// One permission.
#[derive(Serialize, ToSchema)]
pub(crate) struct PermissionNeeded {
    /// The action.
    #[schema(example = "iam:CreateRole")]
    action: String,
    /// The ARN, or a pattern of it.
    resource: String,
    /// The conditions under which it may be granted, as in a policy; empty if there are none.
    #[schema(value_type = Object)]
    conditions: Value,
}

/// Something worth knowing before.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlanWarning {
    /// A word for programs.
    #[schema(example = "two_nodes")]
    code: &'static str,
    /// The same for people.
    detail: String,
}

/// Tells what would be done for a cluster, with which permissions. Nothing is made.
#[utoipa::path(
    post, path = "/v1/plans", tag = "permissions", operation_id = "plan_cluster",
    request_body(content = ClusterRequest, description = "The wanted cluster."),
    responses((status = 200, description = "The plan.", body = Plan))
)]
pub(crate) async fn plan_cluster(
    State(api): State<Api>,
    parameters: Parameters,
    JsonBody(body): JsonBody,
) -> Result<Json<Plan>, ApiError> {
    parameters.finish()?;
    let place = api.place()?;
    let spec = believe(body, &api.ground(&place));
    let spec = spec.map_err(Problem::invalid)?;
    let plan = api.plan(&spec).await?;
    let nodes = spec.replication_factor;
    let experience = api
        .experience(Kind::CreateCluster, Some(nodes.into()))
        .await?;
    let estimate = experience.of_steps(plan.steps.iter().map(|step| step.name), nodes.into());
    Ok(Json(Plan::of(plan, estimate)))
}

impl Api {
    /// The plan of a wanted cluster.
    pub(crate) async fn plan(&self, spec: &ClusterSpec) -> Result<plan::Plan, ApiError> {
        let place = self.place()?;
        let permissions_boundary = self.settings.permissions_boundary.as_deref();
        let _leave = self.aws_permit().await?;
        let planned = self
            .inspector
            .plan(
                spec,
                PlanGround {
                    place: &place,
                    permissions_boundary,
                },
            )
            .await;
        planned.map_err(|fault| self.advice(Some(&place)).problem_of(&fault).into())
    }
}

impl Plan {
    fn of(plan: plan::Plan, estimate: Duration) -> Self {
        let policy = json(&plan.policy());
        let resource = |one: plan::PlannedResource| {
            let plan::PlannedResource {
                kind,
                name,
                arn,
                owner,
            } = one;
            PlannedResource {
                kind,
                name,
                arn,
                owner,
            }
        };
        let permission = |one: plan::Permission| PermissionNeeded {
            action: one.action,
            resource: one.resource,
            conditions: serde_json::to_value(one.conditions)
                .expect("conditions hold nothing but texts"),
        };
        let named = |one: plan::NamedPolicy| NamedPolicy {
            name: one.name,
            document: json(&one.document),
        };
        let step = |one: plan::PlannedStep| PlannedStep {
            name: one.name,
            calls: one.calls,
        };
        let warning = |one: plan::Warning| PlanWarning {
            code: one.code,
            detail: one.detail,
        };
        Self {
            steps: plan.steps.into_iter().map(step).collect(),
            resources: plan.resources.into_iter().map(resource).collect(),
            policies: plan.policies.into_iter().map(named).collect(),
            trust_policy: plan.trust_policy.as_ref().map(json),
            permissions: plan.permissions.into_iter().map(permission).collect(),
            policy,
            warnings: plan.warnings.into_iter().map(warning).collect(),
            estimated_seconds: i64::try_from(estimate.as_secs()).unwrap_or(i64::MAX),
        }
    }
}
