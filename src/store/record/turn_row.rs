//! The record of turns, in one statement.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use sqlx::PgExecutor;
use uuid::Uuid;

use crate::domain::inventory::{Item, ResourceKind};
use crate::domain::observed::{Details, Observed};
use crate::domain::operation::{ClusterStatus, Status, StepStatus};
use crate::domain::problems::fault::Fault;
use crate::domain::spec::ClusterSpec;
use crate::domain::task::Task;
use crate::domain::verdict::Verdict;
use crate::domain::waiting::WaitingFor;

use super::next::{self, Wanted};
use super::{Next, SentOutcome, TurnReport, attempt_outcome, fault_event, is_known, step_event};
use crate::store::batches::Batched;
use crate::store::claims::{Claiming, LEASE, Unparsed};
use crate::store::clusters;
use crate::store::events::Event;
use crate::store::leases;
use crate::store::pool::Pool;
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
#[derive(Debug)]
pub(in crate::store) struct RecordedRow {
    id: Uuid,
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

    /// Whether the turn is recorded by a statement of its own: it reads the state of other operations or
    /// wakes them, or waits for the lock of a rule.
    pub(super) fn is_alone(&self) -> bool {
        let is_rule = |item: &Item| item.kind == ResourceKind::SecurityGroupRule;
        matches!(self.report.verdict, Verdict::Block { .. })
            || self.unblocks()
            || self.report.findings.inventory.iter().any(is_rule)
    }

    /// The turn as `record_turns.sql` reads it.
    pub(super) fn turn(&self, claim: &Claim, next: Option<Wanted>) -> Turn {
        let (task, findings) = (self.task, &self.report.findings);
        let sent = self.report.sent.as_ref();
        let outcome = sent.and_then(|sent| sent.outcome.as_str());
        let is_done = self.step.is_done();
        let is_rolled_back = matches!(self.report.verdict, Verdict::RollBack { .. });
        let is_blocked = matches!(self.report.verdict, Verdict::Block { .. });
        let (succeeded, succeeded_is_gone) = clusters::after_operation(task.kind, true);
        let (otherwise, otherwise_is_gone) = clusters::after_operation(task.kind, false);
        Turn {
            operation_id: claim.operation_id,
            next,
            columns: to_json(&Columns {
                operation_id: claim.operation_id,
                epoch: claim.epoch,
                owner: &claim.owner,
                position: task.step.position,
                intent: sent
                    .filter(|_| outcome.is_some())
                    .map(|sent| sent.intent_id),
                outcome,
                settled: &findings.settled_intents,
                read_order: task.read_order,
                items: items(&findings.inventory),
                observed: findings.observed.as_ref(),
                observed_order: sent.is_none().then_some(task.read_order),
                details: findings.details.as_ref(),
                desired: findings.desired.as_deref(),
                attempt: attempt_outcome(task, self.report),
                call: sent.map(|sent| sent.description.as_str()),
                fault: self.fault,
                step: self.step,
                is_done,
                is_over: is_done || is_rolled_back,
                advances: is_done && !self.is_end(),
                restarts_deadline: self.restarts_deadline(),
                changes_attention: is_blocked || is_rolled_back || self.unblocks(),
                unblocks: self.unblocks(),
                status: self.status,
                waiting_for: self.waiting_for,
                block_cause: self.block_cause(),
                after_seconds: self.after.map(|after| after.as_secs_f64()),
                lease_seconds: self.is_held.then_some(LEASE.as_secs_f64()),
                events: self.events(),
                is_end: self.is_end(),
                succeeded,
                succeeded_is_gone,
                otherwise,
                otherwise_is_gone,
            }),
        }
    }
}

/// The columns of a turn in `record_turns.sql`.
#[derive(Serialize)]
struct Columns<'a> {
    operation_id: Uuid,
    epoch: i64,
    owner: &'a str,
    position: i32,
    /// The intent of the call that was sent, if its outcome is known.
    intent: Option<i64>,
    outcome: Option<&'static str>,
    settled: &'a [i64],
    read_order: i64,
    items: Vec<&'a Item>,
    observed: Option<&'a Observed>,
    /// `None`: the observation is the response to a call, which is newer than the reads of the turn that
    /// sent it.
    observed_order: Option<i64>,
    details: Option<&'a Details>,
    desired: Option<&'a ClusterSpec>,
    attempt: Option<&'static str>,
    call: Option<&'a str>,
    fault: Option<&'a Fault>,
    step: StepStatus,
    is_done: bool,
    /// Whether the step has ended, also by a failure.
    is_over: bool,
    advances: bool,
    restarts_deadline: bool,
    changes_attention: bool,
    unblocks: bool,
    status: Option<Status>,
    waiting_for: Option<WaitingFor>,
    block_cause: Option<String>,
    after_seconds: Option<f64>,
    lease_seconds: Option<f64>,
    events: Vec<Event>,
    is_end: bool,
    /// The status of the cluster after an operation that succeeded, and whether the cluster is gone.
    succeeded: Option<ClusterStatus>,
    succeeded_is_gone: bool,
    /// The same after another operation.
    otherwise: Option<ClusterStatus>,
    otherwise_is_gone: bool,
}

/// A turn to record.
#[derive(Debug)]
pub(in crate::store) struct Turn {
    operation_id: Uuid,
    columns: Value,
    /// What the loop that took the turn works on next; `None` if it does not continue.
    next: Option<Wanted>,
}

impl Turn {
    fn claiming(&self) -> Option<&Claiming> {
        self.next.as_ref().and_then(Wanted::claiming)
    }
}

impl Batched for Turn {
    /// `None`: the claim is no longer valid; nothing is written then.
    type Outcome = Option<(RecordedRow, Next<Unparsed>)>;

    const GATHERS: bool = true;

    /// One statement updates an operation once, and the one beside it claims for one worker.
    fn fits(&self, other: &Self) -> bool {
        let both = self.claiming().zip(other.claiming());
        both.is_none_or(|(one, other)| one.fits(other)) && self.operation_id != other.operation_id
    }

    async fn execute(
        pool: &Pool,
        batch: &[&Self],
    ) -> Result<Vec<Option<Self::Outcome>>, StoreError> {
        let is_alone = batch.len() == 1 || crate::sabotage::is("locked_turn_dropped");
        let wanted = batch.iter().map(|turn| turn.next.clone()).collect();
        let (recorded, next) = next::after(pool, record(pool, batch), wanted).await?;
        let known = |(row, next): (Option<_>, _)| {
            let recorded = row.map(|row| (row, next));
            (is_alone || recorded.is_some()).then_some(recorded)
        };
        Ok(recorded.into_iter().zip(next).map(known).collect())
    }

    async fn forget(pool: &Pool, outcome: Self::Outcome) {
        let claim = match outcome.map(|(_, next)| next) {
            Some(Next::Held(claim) | Next::Claimed((claim, _))) => claim,
            Some(Next::Unknown) | None => return,
        };
        leases::give_back_unused(pool, &[claim]).await;
    }
}

/// Records turns of different operations in one statement. If there are several, those whose operations
/// are locked have no row: only a turn alone waits for the lock.
pub(super) async fn record(
    executor: impl PgExecutor<'_>,
    turns: &[&Turn],
) -> Result<Vec<Option<RecordedRow>>, StoreError> {
    let columns: Vec<Value> = turns.iter().map(|turn| turn.columns.clone()).collect();
    let recheck = SHARED_RECHECK.as_secs_f64();
    let rows = sqlx::query_file_as!(
        RecordedRow,
        "src/store/sql/record_turns.sql",
        &columns,
        recheck,
        turns.len() == 1 || crate::sabotage::is("locks_awaited_together")
    )
    .fetch_all(executor)
    .await?;
    let mut rows: HashMap<Uuid, _> = rows.into_iter().map(|row| (row.id, row)).collect();
    Ok(turns
        .iter()
        .map(|turn| rows.remove(&turn.operation_id))
        .collect())
}

/// The rows of the inventory to write, one for each resource: of several findings the last counts.
fn items(found: &[Item]) -> Vec<&Item> {
    let key = |item: &Item| (item.kind, item.name.clone());
    let rows: BTreeMap<_, _> = found.iter().map(|item| (key(item), item)).collect();
    rows.into_values().collect()
}
