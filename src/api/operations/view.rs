//! Operation view: an operation as a reader sees it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::estimate::StepDurations;
use crate::domain::inventory::{Item, Owner, Presence, ResourceKind};
use crate::domain::operation::{self, Kind, Status, StepRecord, StepStatus};
use crate::domain::problems::fault::Fault;
use crate::domain::waiting::WaitingFor;

use crate::api::http::enum_schemas::{
    OperationKindSchema, OperationStatusSchema, OwnerSchema, PresenceSchema, ResourceKindSchema,
    StepStatusSchema, WaitingForSchema,
};
use crate::api::http::problem::Problem;
use crate::api::permissions::problem_renderer::ProblemRenderer;

/// One durable run of a kind on one cluster.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Operation {
    /// Its id.
    id: Uuid,
    /// Its kind.
    #[schema(value_type = OperationKindSchema)]
    kind: Kind,
    /// The cluster it works on.
    #[schema(example = "orders-cache")]
    cluster: String,
    /// Where it stands.
    #[schema(value_type = OperationStatusSchema)]
    status: Status,
    /// Raised by every change a reader can see; the `ETag`.
    version: i64,
    /// Its steps in order; steps that undo follow when an undo begins.
    steps: Vec<Step>,
    /// How far it is.
    progress: Progress,
    /// When it should be done, by what the steps of such operations took lately with as many nodes; before there is such
    /// experience, by a first guess. Null while it is blocked, and when it takes longer than that.
    estimated_completion_at: Option<DateTime<Utc>>,
    /// When it is visited next, if it waits.
    next_attempt_at: Option<DateTime<Utc>>,
    /// What it waits for.
    #[schema(value_type = Option<WaitingForSchema>)]
    waiting_for: Option<WaitingFor>,
    /// Why it is blocked, undoing or failed.
    problem: Option<Problem>,
    /// What it made, used, removed or left.
    receipt: Vec<ReceiptItem>,
    /// Who asked: `token:<name>`, or `anonymous` where authentication is off.
    #[schema(example = "token:portal")]
    requested_by: String,
    /// The request's id.
    request_id: Option<String>,
    /// The request's `traceparent`.
    traceparent: Option<String>,
    /// The delete that took it over.
    superseded_by: Option<Uuid>,
    /// When it was accepted.
    created_at: DateTime<Utc>,
    /// When work on it began.
    started_at: Option<DateTime<Utc>>,
    /// When it ended.
    finished_at: Option<DateTime<Utc>>,
}

/// One step.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Step {
    /// Its name.
    #[schema(example = "create_service_role")]
    name: String,
    /// Where it stands.
    #[schema(value_type = StepStatusSchema)]
    status: StepStatus,
    /// Finished tries.
    attempts: i32,
    /// When it was first tried.
    started_at: Option<DateTime<Utc>>,
    /// When it ended.
    finished_at: Option<DateTime<Utc>>,
    /// The last fault it met, while it is not done.
    problem: Option<Problem>,
}

/// How far an operation is.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Progress {
    /// Steps that need no more work.
    #[schema(value_type = i32, minimum = 0)]
    steps_done: usize,
    /// All steps.
    #[schema(value_type = i32, minimum = 0)]
    steps_total: usize,
    /// The share of the two, rounded down.
    #[schema(value_type = i32, minimum = 0, maximum = 100)]
    percent: usize,
}

/// One thing in AWS that an operation made, used, removed or left.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReceiptItem {
    /// What it is.
    #[schema(value_type = ResourceKindSchema)]
    kind: ResourceKind,
    /// Its name.
    name: String,
    /// Its ARN, where it has one.
    arn: Option<String>,
    /// Who made it.
    #[schema(value_type = OwnerSchema)]
    owner: Owner,
    /// Where it stands.
    #[schema(value_type = PresenceSchema)]
    state: Presence,
    /// Why it was left.
    reason: Option<String>,
}

impl Operation {
    /// The view of an operation; `experience` is how long steps of its kind take.
    pub(crate) fn of(
        operation: operation::Operation,
        experience: &StepDurations,
        now: DateTime<Utc>,
        advice: &ProblemRenderer<'_>,
    ) -> Self {
        let id = operation.id;
        let estimated_completion_at = experience.end_of(&operation, now);
        let progress = Progress::of(operation.steps_done(), operation.steps.len());
        let cluster = operation.cluster.as_str();
        let explain = |fault: &Fault| {
            advice
                .problem_of(fault)
                .about_operation(id)
                .about_cluster(cluster)
        };
        let problem = operation.fault.as_ref().map(explain);
        let steps: Vec<Step> = operation
            .steps
            .into_iter()
            .map(|step| Step::of(step, explain))
            .collect();
        Self {
            id,
            kind: operation.kind,
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
            request_id: operation.request_id,
            traceparent: operation.traceparent,
            superseded_by: operation.superseded_by,
            created_at: operation.created_at,
            started_at: operation.started_at,
            finished_at: operation.finished_at,
        }
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
    fn of(step: StepRecord, explain: impl Fn(&Fault) -> Problem) -> Self {
        let problem = step.fault.as_ref().map(explain);
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
