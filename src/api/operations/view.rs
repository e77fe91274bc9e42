//! The JSON shape of an operation.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::estimate::StepDurations;
use crate::domain::inventory::{Item, Owner, Presence, ResourceKind};
use crate::domain::operation::{
    self, Approval, ApprovalDecision, Kind, Status, StepRecord, StepStatus,
};
use crate::domain::problems::fault::Fault;
use crate::domain::waiting::WaitingFor;

use crate::api::enum_schemas::{
    ApprovalDecisionSchema, OperationKindSchema, OperationStatusSchema, OwnerSchema,
    PresenceSchema, ResourceKindSchema, StepStatusSchema, WaitingForSchema,
};
use crate::api::http::problem::Problem;
use crate::api::http::responses;
use crate::api::permissions::problem_renderer::ProblemRenderer;

/// A durable, asynchronous change of one cluster.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Operation {
    id: Uuid,
    #[schema(value_type = OperationKindSchema)]
    kind: Kind,
    /// Target of the cluster.
    #[schema(example = "default")]
    target: String,
    /// Project of the cluster; null if it belongs to none.
    #[schema(example = "payments")]
    project: Option<String>,
    /// Name of the cluster.
    #[schema(example = "orders-cache")]
    cluster: String,
    #[schema(value_type = OperationStatusSchema)]
    status: Status,
    /// Version of this representation; it increases with every visible change and is the `ETag`.
    version: i64,
    /// Steps in order. A cancel or rollback appends the steps that undo.
    steps: Vec<Step>,
    progress: Progress,
    /// Estimated completion, from recent durations of the same steps with as many nodes, or from
    /// defaults if there are none. Null once it has passed, and while the operation is blocked or
    /// after it has finished.
    estimated_completion_at: Option<DateTime<Utc>>,
    /// Time of the next attempt, if the operation waits.
    next_attempt_at: Option<DateTime<Utc>>,
    /// What the operation waits for; null if it does not wait.
    #[schema(value_type = Option<WaitingForSchema>)]
    waiting_for: Option<WaitingFor>,
    /// Why the operation is blocked, rolling back or failed.
    problem: Option<Problem>,
    /// AWS resources that the operation created, used, deleted or kept.
    receipt: Vec<ReceiptItem>,
    /// The caller: `token:<name>`, `oidc:<issuer>/<subject>`, or `anonymous` where authentication is
    /// off.
    #[schema(example = "token:portal")]
    requested_by: String,
    /// The person for whom a portal sent the request, from its `X-Requested-For`.
    #[schema(example = "ann@example.com")]
    requested_for: Option<String>,
    /// The groups that must approve it, with their decisions; empty if none must.
    approvals: Vec<ApprovalView>,
    /// `X-Request-Id` of the request that started the operation.
    request_id: Option<String>,
    /// `traceparent` of the request that started the operation.
    traceparent: Option<String>,
    /// ID of the delete operation that superseded this one.
    superseded_by: Option<Uuid>,
    /// When the operation was accepted.
    created_at: DateTime<Utc>,
    /// When work on the operation started.
    started_at: Option<DateTime<Utc>>,
    /// When the operation succeeded, failed or was cancelled.
    finished_at: Option<DateTime<Utc>>,
}

/// The approval of a group.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Approval)]
pub(crate) struct ApprovalView {
    /// The group, one of whose members decides.
    #[schema(example = "approvers")]
    group: String,
    /// The decision; null while there is none.
    #[schema(value_type = Option<ApprovalDecisionSchema>)]
    decision: Option<ApprovalDecision>,
    /// The caller who decided, and the person for whom a portal sent that.
    #[schema(example = "oidc:corp/ann")]
    by: Option<String>,
    /// When it was decided.
    at: Option<DateTime<Utc>>,
    /// What the caller said about it.
    comment: Option<String>,
}

impl From<Approval> for ApprovalView {
    fn from(approval: Approval) -> Self {
        Self {
            group: approval.group,
            decision: approval.decision,
            by: approval.by,
            at: approval.at,
            comment: approval.comment,
        }
    }
}

/// One step of an operation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Step {
    /// Stable name of the step.
    #[schema(example = "create_service_role")]
    name: String,
    #[schema(value_type = StepStatusSchema)]
    status: StepStatus,
    /// Number of finished attempts.
    attempts: i32,
    /// Start of the first attempt.
    started_at: Option<DateTime<Utc>>,
    /// When the step ended.
    finished_at: Option<DateTime<Utc>>,
    /// The latest problem of the step, until it succeeds.
    problem: Option<Problem>,
}

/// Progress of an operation.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Progress {
    /// Number of steps that are completed or skipped.
    #[schema(value_type = i32, minimum = 0)]
    steps_done: usize,
    /// Number of all steps.
    #[schema(value_type = i32, minimum = 0)]
    steps_total: usize,
    /// `steps_done` as a percentage of `steps_total`, rounded down.
    #[schema(value_type = i32, minimum = 0, maximum = 100)]
    percent: usize,
}

/// An AWS resource that an operation created, used, deleted or kept.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReceiptItem {
    #[schema(value_type = ResourceKindSchema)]
    kind: ResourceKind,
    name: String,
    /// ARN; null if the resource has none.
    arn: Option<String>,
    #[schema(value_type = OwnerSchema)]
    owner: Owner,
    #[schema(value_type = PresenceSchema)]
    state: Presence,
    /// Why the resource was kept, if `state` is `left`.
    reason: Option<String>,
}

impl Operation {
    /// The view of an operation; `step_durations` are those of its kind.
    pub(crate) fn of(
        operation: operation::Operation,
        step_durations: &StepDurations,
        now: DateTime<Utc>,
        renderer: &ProblemRenderer<'_>,
    ) -> Self {
        let id = operation.id;
        let estimated_completion_at = step_durations.expected_end(&operation, now);
        let progress = Progress::of(operation.steps_done(), operation.steps.len());
        let cluster = operation.cluster.as_str();
        let problem_of = |fault: &Fault| {
            renderer
                .problem_of(fault)
                .about_operation(id)
                .about_cluster(cluster, &operation.target)
        };
        let problem = operation.fault.as_ref().map(problem_of);
        let steps: Vec<Step> = operation
            .steps
            .into_iter()
            .map(|step| Step::of(step, problem_of))
            .collect();
        Self {
            id,
            kind: operation.kind,
            target: operation.target.to_string(),
            project: operation.project.map(|project| project.to_string()),
            cluster: operation.cluster.into(),
            status: operation.status,
            version: operation.version,
            steps,
            progress,
            estimated_completion_at,
            next_attempt_at: operation.next_attempt_at,
            waiting_for: operation.waiting_for,
            problem,
            receipt: operation
                .receipt
                .into_iter()
                .map(ReceiptItem::from)
                .collect(),
            requested_by: operation.requested_by,
            requested_for: operation.requested_for,
            approvals: operation
                .approvals
                .into_iter()
                .map(ApprovalView::from)
                .collect(),
            request_id: operation.request_id,
            traceparent: operation.traceparent,
            superseded_by: operation.superseded_by,
            created_at: operation.created_at,
            started_at: operation.started_at,
            finished_at: operation.finished_at,
        }
    }
}

impl Operation {
    /// When a client should read the operation again; `None` once it is finished.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let next = (self.next_attempt_at, self.estimated_completion_at);
        (!self.status.is_finished()).then(|| responses::retry_after(next.0, next.1))
    }
}

impl Progress {
    fn of(done: usize, total: usize) -> Self {
        Self {
            steps_done: done,
            steps_total: total,
            percent: (done * 100).checked_div(total).unwrap_or(0),
        }
    }
}

impl Step {
    fn of(step: StepRecord, problem_of: impl Fn(&Fault) -> Problem) -> Self {
        let problem = step.fault.as_ref().map(problem_of);
        Self {
            name: step.name,
            status: step.status,
            attempts: step.attempts,
            started_at: step.started_at,
            finished_at: step.finished_at,
            problem,
        }
    }
}

impl From<Item> for ReceiptItem {
    fn from(item: Item) -> Self {
        Self {
            kind: item.kind,
            name: item.name,
            arn: item.arn,
            owner: item.owner,
            state: item.presence,
            reason: item.reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_rounded_down() {
        let percent = |done, total| Progress::of(done, total).percent;
        assert_eq!(
            (percent(1, 8), percent(7, 8), percent(8, 8), percent(0, 0)),
            (12, 87, 100, 0)
        );
    }
}
