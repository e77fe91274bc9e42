//! The record of a turn, in one statement.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::PgExecutor;

use crate::domain::inventory::Item;
use crate::domain::operation::{ClusterStatus, Status, StepStatus};
use crate::domain::problems::fault::Fault;
use crate::domain::task::Task;
use crate::domain::verdict::Verdict;
use crate::domain::waiting::WaitingFor;

use super::{SentOutcome, TurnReport, attempt_outcome, fault_event, is_known, step_event};
use crate::store::claims::{LEASE, waiting_for_name};
use crate::store::clusters;
use crate::store::events::Event;
use crate::store::rows::to_json;
use crate::store::{Claim, StoreError};

/// Re-check interval of an operation whose cause another one checks more often.
const SHARED_RECHECK: Duration = Duration::from_secs(600);

/// What a turn writes to its step and its operation.
pub(super) struct TurnRow<'a> {
    task: &'a Task,
    report: &'a TurnReport,
    step: StepStatus,
    /// The status of the operation; `None` for an undo, whose status its ending gives.
    status: Option<Status>,
    /// When the operation is due again; `None` if a request must wake it.
    after: Option<Duration>,
    waiting_for: Option<WaitingFor>,
    fault: Option<&'a Fault>,
    /// Whether the worker keeps the operation for another turn.
    is_held: bool,
}

/// The row of the operation after the statement.
pub(super) struct RecordedRow {
    pub(super) status: String,
    pub(super) wakes_after_seconds: Option<f64>,
}

impl<'a> TurnRow<'a> {
    pub(super) fn of(task: &'a Task, report: &'a TurnReport) -> Self {
        let row = Self {
            task,
            report,
            step: StepStatus::Running,
            status: (!task.step.undo).then_some(Status::Running),
            after: Some(Duration::ZERO),
            waiting_for: None,
            fault: report.verdict.fault(),
            is_held: false,
        };
        match &report.verdict {
            Verdict::Next { skipped } => Self {
                step: match skipped {
                    true => StepStatus::Skipped,
                    false => StepStatus::Succeeded,
                },
                after: (!task.step.is_last).then_some(Duration::ZERO),
                ..row
            },
            Verdict::Again {
                after, waiting_for, ..
            } => Self {
                after: Some(*after),
                waiting_for: *waiting_for,
                ..row
            },
            Verdict::Block {
                recheck_after,
                waiting_for,
                ..
            } => Self {
                step: StepStatus::Blocked,
                status: Some(Status::Blocked),
                after: *recheck_after,
                waiting_for: Some(*waiting_for),
                ..row
            },
            Verdict::RollBack { .. } => Self {
                step: StepStatus::Failed,
                status: Some(Status::RollingBack),
                ..row
            },
        }
    }

    /// The same, but the worker keeps the operation if its next turn is due at once.
    pub(super) fn held(self) -> Self {
        let is_held = self.after == Some(Duration::ZERO) && self.fault.is_none();
        Self { is_held, ..self }
    }

    pub(super) fn is_held(&self) -> bool {
        self.is_held
    }

    /// Whether the operation ends.
    fn is_end(&self) -> bool {
        self.step.is_done() && self.task.step.is_last
    }

    /// Whether a blocked operation resumes.
    fn unblocks(&self) -> bool {
        self.task.status == Status::Blocked
            && matches!(
                self.report.verdict,
                Verdict::Next { .. } | Verdict::Again { .. }
            )
    }

    /// Whether the deadlines of the step and of the operation restart: the time during which they
    /// were blocked or throttled does not count.
    fn restarts_deadline(&self) -> bool {
        let is_throttled = matches!(self.report.verdict, Verdict::Again { .. })
            && self.waiting_for == Some(WaitingFor::AwsRateLimit);
        is_throttled || self.unblocks()
    }

    fn events(&self) -> Vec<Event> {
        let (task, report) = (self.task, self.report);
        let mut events = Vec::new();
        if task.step.timeout_from.is_none() {
            events.push(step_event(task, "step_started", "started"));
        }
        if let Some(sent) = &report.sent
            && sent.outcome == SentOutcome::Applied
        {
            events.push(Event::plain("call_succeeded", sent.description.clone()));
        }
        if self.unblocks() {
            let change = "resumed: the cause of the block is resolved";
            events.push(step_event(task, "unblocked", change));
        }
        match &report.verdict {
            Verdict::Next { skipped: true } => {
                events.push(step_event(task, "step_skipped", "skipped"));
            }
            Verdict::Next { skipped: false } => {
                events.push(step_event(task, "step_succeeded", "finished"));
            }
            Verdict::Again { fault, .. } => {
                let failed = fault
                    .as_ref()
                    .map(|fault| fault_event(task, "attempt_failed", fault));
                events.extend(failed);
            }
            Verdict::Block { fault, .. } => {
                if task.status != Status::Blocked || !is_known(task, fault) {
                    events.push(fault_event(task, "blocked", fault));
                }
            }
            Verdict::RollBack { fault } => events.push(fault_event(task, "rolling_back", fault)),
        }
        if self.is_end() {
            let message = format!("{} of {} ", task.kind.as_str(), task.cluster);
            // The task does not contain the final status. The statement appends it.
            events.push(Event::plain("operation_", message));
        }
        events
    }

    /// What blocks the operation, if others may be blocked by the same: a permission, a quota, the
    /// capacity or the credentials for one call of AWS.
    fn block_cause(&self) -> Option<String> {
        let Verdict::Block { fault, .. } = &self.report.verdict else {
            return None;
        };
        let aws = fault.aws.as_ref()?;
        let is_shared = match fault.class.waiting_for() {
            WaitingFor::Permission
            | WaitingFor::Credentials
            | WaitingFor::Quota
            | WaitingFor::Capacity => true,
            WaitingFor::Aws
            | WaitingFor::AwsRateLimit
            | WaitingFor::Cluster
            | WaitingFor::RolePropagation
            | WaitingFor::LostAnswer
            | WaitingFor::Release
            | WaitingFor::RoleTrust
            | WaitingFor::Approval
            | WaitingFor::Operator => false,
        };
        is_shared.then(|| format!("{}:{} {}", aws.service, aws.operation, aws.code))
    }

    /// Writes the row. `Fenced` if the claim is no longer valid; nothing is written then.
    pub(super) async fn write(
        &self,
        executor: impl PgExecutor<'_>,
        claim: &Claim,
    ) -> Result<RecordedRow, StoreError> {
        let (task, findings) = (self.task, &self.report.findings);
        let sent = self.report.sent.as_ref();
        let outcome = sent.and_then(|sent| sent.outcome.as_str());
        let closed = sent.filter(|_| outcome.is_some());
        let (kinds, messages, data) = Event::columns(self.events());
        let is_done = self.step.is_done();
        let is_rolled_back = matches!(self.report.verdict, Verdict::RollBack { .. });
        let is_blocked = matches!(self.report.verdict, Verdict::Block { .. });
        let (succeeded, is_gone) = clusters::after_operation(task.kind, true);
        let (otherwise, is_otherwise_gone) = clusters::after_operation(task.kind, false);
        // The response to a call is newer than the reads of the turn that sent it.
        let read_order = sent.is_none().then_some(task.read_order);
        sqlx::query_file_as!(
            RecordedRow,
            "src/store/sql/record_turn.sql",
            claim.operation_id,
            claim.epoch,
            claim.owner,
            task.step.position,
            closed.map(|sent| sent.intent_id),
            outcome,
            &findings.settled_intents,
            is_done,
            task.read_order,
            items(&findings.inventory),
            findings.observed.as_ref().map(to_json),
            findings.details.as_ref().map(to_json),
            findings.desired.as_ref().map(to_json),
            read_order,
            attempt_outcome(task, self.report),
            sent.map(|sent| sent.description.as_str()),
            self.fault.map(to_json),
            self.step.as_str(),
            self.restarts_deadline(),
            is_done || is_rolled_back,
            is_done && !self.is_end(),
            self.status.map(Status::as_str),
            waiting_for_name(self.waiting_for),
            self.after.map(|after| after.as_secs_f64()),
            &kinds,
            &messages,
            &data,
            is_blocked || is_rolled_back || self.unblocks(),
            self.unblocks(),
            self.block_cause(),
            SHARED_RECHECK.as_secs_f64(),
            self.is_held.then_some(LEASE.as_secs_f64()),
            self.is_end(),
            succeeded.map(ClusterStatus::as_str),
            is_gone,
            otherwise.map(ClusterStatus::as_str),
            is_otherwise_gone
        )
        .fetch_optional(executor)
        .await?
        .ok_or(StoreError::Fenced)
    }
}

/// The rows of the inventory to write, one for each resource: of several findings the last counts.
fn items(found: &[Item]) -> Value {
    let rows: BTreeMap<_, _> = found
        .iter()
        .map(|item| ((item.kind, item.name.as_str()), item))
        .collect();
    let row = |item: &&Item| {
        json!({
            "operation_id": item.operation_id,
            "kind": item.kind.as_str(),
            "name": item.name,
            "arn": item.arn,
            "owner": item.owner.as_str(),
            "presence": item.presence.as_str(),
            "reason": item.reason,
        })
    };
    rows.values().map(row).collect()
}
