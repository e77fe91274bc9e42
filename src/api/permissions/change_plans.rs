//! `POST /v1/clusters/{name}/plans`: a dry run of a change or a delete.

use axum::Json;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, ObjectBuilder, SchemaType, Type};

use crate::domain::change::RebootSpec;
use crate::domain::cluster::Cluster;
use crate::domain::installation::AwsAccount;
use crate::domain::inventory::ResourceKind;
use crate::domain::operation::ClusterStatus;
use crate::domain::plan::Warning;
use crate::domain::prices::Cost;
use crate::domain::problems::problem_code::ProblemCode;
use crate::domain::spec::{DeleteSpec, Spec};
use crate::domain::validation::violation::RuleViolation;
use crate::inspections::plan::PlanContext;
use crate::inspections::plan::change;
use crate::operations;

use crate::api::access::CallerApi;
use crate::api::clusters::delete::{RETAINABLE, retainable};
use crate::api::clusters::empty_request::EmptyRequest;
use crate::api::clusters::patch::ClusterPatch;
use crate::api::clusters::reboot::RebootRequest;
use crate::api::clusters::repair::repair_of;
use crate::api::clusters::scale::ScaleRequest;
use crate::api::clusters::submit::{cluster_failed, deletion_protected};
use crate::api::clusters::{patch_rules, reboot, scale};
use crate::api::http::api_error::ApiError;
use crate::api::http::body::JsonBody;
use crate::api::http::body_schema::{self, escape};
use crate::api::http::path::ClusterPath;
use crate::api::http::problem::{FieldError, Problem};
use crate::api::http::query::Query;
use crate::api::permissions::plans::Plan;
use crate::api::targets::{InTarget, TargetApi};

/// A change to plan, by the member of the body that has its request.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, strum::VariantArray, strum::IntoStaticStr, strum::EnumString,
)]
#[strum(serialize_all = "snake_case")]
enum Planned {
    Update,
    Scale,
    Reboot,
    Repair,
    Delete,
}

/// The request to plan: exactly one of these.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "documents the body; each member is validated by its own rules"
)]
pub(crate) struct ChangePlanRequest {
    /// The body of a `PATCH` of the cluster.
    #[schema(value_type = ClusterPatch, required = false)]
    update: Option<Value>,
    /// The body of a scale.
    #[schema(value_type = ScaleRequest, required = false)]
    scale: Option<ScaleRequest>,
    /// The body of a reboot.
    #[schema(value_type = RebootRequest, required = false)]
    reboot: Option<RebootRequest>,
    /// The body of a repair.
    #[schema(value_type = EmptyRequest, required = false)]
    repair: Option<EmptyRequest>,
    /// The options of a delete.
    #[schema(value_type = DeletePlanRequest, required = false)]
    delete: Option<DeletePlanRequest>,
}

/// The options of a delete.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeletePlanRequest {
    /// Resources created by this service to keep.
    #[schema(schema_with = retained_list, required = false)]
    retain: Option<Vec<String>>,
}

fn retained_list() -> Array {
    let names = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .enum_values(Some(RETAINABLE.map(|(name, _)| name)));
    ArrayBuilder::new()
        .items(names)
        .description(Some(
            "Resources created by this service to keep. Default: none.",
        ))
        .max_items(Some(RETAINABLE.len()))
        .build()
}

/// Returns what a change or a delete of a cluster would do, and the permissions it needs. Changes
/// nothing.
///
/// The plan follows from the settings and the latest observation of the cluster; nothing is read from
/// AWS. A request that would be rejected is rejected here with the same problem.
#[utoipa::path(
    post, path = "/v1/clusters/{name}/plans", tag = "permissions", operation_id = "plan_change",
    params(ClusterPath, InTarget),
    request_body(content = ChangePlanRequest, description = "The request to plan."),
    responses((status = 200, description = "The plan.", body = Plan))
)]
pub(crate) async fn plan_change(
    api: CallerApi,
    ClusterPath(name): ClusterPath,
    Query(query): Query<InTarget>,
    JsonBody(body): JsonBody,
) -> Result<Json<Plan>, ApiError> {
    let api = api.to_read(query.target.as_ref())?;
    let account = api.account()?;
    let cluster = api.cluster(&name).await?;
    let (planned, body) = read(body).map_err(Problem::invalid)?;
    api.check_groups(planned, &body).await?;
    let spec = spec_of(planned, body, &cluster, &account)?;
    let superseded = api.check_accepted(planned, &cluster).await?;
    let context = PlanContext {
        account: &account,
        permissions_boundary: api.target.permissions_boundary.as_deref(),
    };
    let steps = operations::plan(spec.kind()).step_names();
    let plan = change::plan_change(&steps, &cluster, &spec, context);
    let mut plan = plan.map_err(|fault| api.error_of(&fault))?;
    if superseded {
        let code = "operation_superseded";
        let detail =
            "the operation in progress is cancelled, and the delete removes what it created";
        let detail = detail.to_owned();
        plan.warnings.insert(0, Warning { code, detail });
    }
    let after = spec.desired().unwrap_or(&cluster.desired);
    let nodes = after.replication_factor;
    let durations = api.step_durations(spec.kind(), Some(nodes.into())).await?;
    let estimate = durations.of_steps(steps.iter().copied(), nodes.into());
    let cost = match planned {
        Planned::Delete => Cost::NOTHING,
        Planned::Update | Planned::Scale | Planned::Reboot | Planned::Repair => {
            api.cost(after, &account)
        }
    };
    let before = api.cost(&cluster.desired, &account);
    Ok(Json(Plan::of(plan, estimate, [before, cost])))
}

impl TargetApi {
    /// Rejects a change that the cluster does not accept now. Returns whether a delete supersedes an
    /// operation.
    async fn check_accepted(&self, planned: Planned, cluster: &Cluster) -> Result<bool, ApiError> {
        let name = cluster.name.as_str();
        let live = self.store.live_operation(name).await?;
        if planned == Planned::Delete {
            if cluster.desired.local.deletion_protection {
                return Err(deletion_protected(name));
            }
            return Ok(live.is_some());
        }
        match live {
            Some(live) => Err(self.in_progress(&self.store, live, name).await?),
            None if cluster.status == ClusterStatus::Failed => Err(cluster_failed(name)),
            None => Ok(false),
        }
    }

    async fn check_groups(&self, planned: Planned, body: &Value) -> Result<(), ApiError> {
        let group = body
            .pointer("/parameter_group/name")
            .filter(|_| planned == Planned::Update);
        let group = group.and_then(Value::as_str);
        let pointer = "/update/parameter_group/name";
        self.reject_managed_groups(&[(pointer, ResourceKind::ParameterGroup, group)])
            .await
    }
}

/// The only member of the body.
fn read(body: Value) -> Result<(Planned, Value), Vec<FieldError>> {
    let rule = |code, detail: &str| RuleViolation::new(code, detail.to_owned());
    let Value::Object(members) = body else {
        return Err(vec![FieldError::at(
            "",
            rule("wrong_type", "must be an object"),
        )]);
    };
    let is_known = |name: &String| name.parse::<Planned>().is_ok();
    let unknown = members.keys().filter(|name| !is_known(name));
    let unknown: Vec<FieldError> = unknown
        .map(|name| {
            let rule = rule("unknown_field", "is not a field of this request");
            FieldError::at(format!("/{}", escape(name)), rule)
        })
        .collect();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    let exclusive = || {
        let detail = "must have exactly one of `update`, `scale`, `reboot`, `repair`, `delete`";
        vec![FieldError::at("", rule("exclusive", detail))]
    };
    only(members).ok_or_else(exclusive)
}

fn only(members: Map<String, Value>) -> Option<(Planned, Value)> {
    let mut members = members.into_iter();
    let (name, value) = members.next()?;
    members
        .next()
        .is_none()
        .then_some((name.parse().ok()?, value))
}

/// The spec that the operation would be accepted with.
fn spec_of(
    planned: Planned,
    body: Value,
    cluster: &Cluster,
    account: &AwsAccount,
) -> Result<Spec, ApiError> {
    let invalid = |errors| ApiError::from(Problem::invalid(within(planned, errors)));
    match planned {
        Planned::Update => {
            let change = patch_rules::validate(body, cluster, account);
            let change = change.map_err(|problem| {
                let code = problem.code();
                let errors = within(planned, problem.errors);
                if code == ProblemCode::ImmutableField {
                    Problem::immutable(errors)
                } else {
                    Problem::invalid(errors)
                }
            })?;
            Ok(Spec::UpdateCluster(Box::new(change)))
        }
        Planned::Scale => {
            let change = scale::validate(body, cluster, account).map_err(invalid)?;
            Ok(Spec::ScaleCluster(Box::new(change)))
        }
        Planned::Reboot => {
            let node_ids = reboot::validate(body, cluster).map_err(invalid)?;
            Ok(Spec::RebootNodes(RebootSpec { node_ids }))
        }
        Planned::Repair => {
            let empty = body_schema::validate(body, |empty: EmptyRequest, _| Some(empty));
            empty.map(|_| repair_of(cluster)).map_err(invalid)
        }
        Planned::Delete => {
            let delete = delete_of(body).map_err(invalid)?;
            Ok(Spec::DeleteCluster(delete))
        }
    }
}

fn delete_of(body: Value) -> Result<DeleteSpec, Vec<FieldError>> {
    body_schema::validate(body, |request: DeletePlanRequest, violations| {
        let names = request.retain.unwrap_or_default();
        let read = |name: &str| {
            let rule = || RuleViolation::new("unknown_value", "cannot be retained");
            retainable(name).ok_or_else(rule)
        };
        let mut retain = violations.items("/retain", &names, read);
        retain.sort_unstable();
        retain.dedup();
        Some(DeleteSpec { retain })
    })
}

/// The errors of a member, with the pointers of the whole body.
fn within(planned: Planned, mut errors: Vec<FieldError>) -> Vec<FieldError> {
    let member: &str = planned.into();
    for error in &mut errors {
        let pointer = error.pointer.take().unwrap_or_default();
        error.pointer = Some(format!("/{member}{pointer}"));
    }
    errors
}
