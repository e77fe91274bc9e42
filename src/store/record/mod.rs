//! Records of turns: the verdict, findings and sent call of a turn, committed in one fenced
//! transaction.

use std::time::Duration;

use futures_util::FutureExt;
use serde_json::json;
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use crate::domain::operation::{ClusterStatus, Status};
use crate::domain::problems::fault::Fault;
use crate::domain::task::Task;
use crate::domain::verdict::{Findings, Verdict};

use super::events::Event;
use super::{Claim, Store, StoreError};

use progress::Progress;

mod closing;
mod conclusion;
mod effects;
mod progress;

/// The result of a turn.
#[derive(Debug, Clone)]
pub struct TurnReport {
    /// The decision on how the operation continues.
    pub verdict: Verdict,
    /// Observations and inventory changes to store.
    pub findings: Findings,
    /// The call that was sent, if any.
    pub sent: Option<SentCall>,
    /// The names of the undo steps; used only by [`Verdict::RollBack`].
    pub undo_steps: Vec<&'static str>,
}

/// A call that a turn sent.
#[derive(Debug, Clone)]
pub struct SentCall {
    /// The ID of its committed intent.
    pub intent_id: i64,
    /// The call as text, such as `iam CreateRole dax-orders-…`, for events and attempts.
    pub description: String,
    /// Whether the call took effect.
    pub outcome: SentOutcome,
}

/// The known outcome of a sent call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SentOutcome {
    /// AWS confirmed that the call took effect.
    Applied,
    /// The call had no effect: AWS rejected it, or it was not sent.
    Rejected,
    /// The response was lost, so the intent stays open.
    Unknown,
}

impl SentOutcome {
    /// The outcome of the closed intent; `None` if it stays open.
    fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Applied => Some("applied"),
            Self::Rejected => Some("refused"),
            Self::Unknown => None,
        }
    }
}

/// The state of an operation after a recorded turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The status after the turn.
    pub status: Status,
    /// When the operation is claimable again; `None` if a request must wake it, or it has ended.
    pub wakes_after: Option<Duration>,
}

/// The claimed operation, whose row is locked.
struct LockedOperation {
    cluster_id: Uuid,
    status: Status,
    ending: Status,
    last_sequence: i64,
    retry_requested: bool,
    prior: Option<ClusterStatus>,
}

/// A turn while it is recorded.
struct Turn<'a> {
    claim: &'a Claim,
    task: &'a Task,
    report: &'a TurnReport,
    operation: LockedOperation,
    events: Vec<Event>,
}

impl Store {
    /// Commits a turn's report and releases the lease.
    ///
    /// `Fenced` means that the claim is no longer valid and nothing was written. After a lost
    /// connection during the commit, the outcome is unknown; the next claim reads the actual state.
    pub async fn record(
        &self,
        claim: &Claim,
        task: &Task,
        report: &TurnReport,
    ) -> Result<Recorded, StoreError> {
        if let Some(progress) = Progress::of(task, report) {
            return self.record_progress(claim, task, report, &progress).await;
        }
        let (claim, task, report) = (claim.clone(), task.clone(), report.clone());
        self.detached(|connection| {
            async move { record_in_transaction(connection, &claim, &task, &report).await }.boxed()
        })
        .await
    }
}

async fn record_in_transaction(
    connection: &mut PgConnection,
    claim: &Claim,
    task: &Task,
    report: &TurnReport,
) -> Result<Recorded, StoreError> {
    let mut transaction = connection.begin().await?;
    let operation = lock(&mut transaction, claim).await?;
    let mut turn = Turn {
        claim,
        task,
        report,
        operation,
        events: Vec::new(),
    };
    if task.step.timeout_from.is_none() {
        turn.events
            .push(step_event(task, "step_started", "started"));
    }
    turn.close_intents(&mut transaction).await?;
    super::inventory::upsert(
        &mut transaction,
        turn.operation.cluster_id,
        claim.operation_id,
        &report.findings.inventory,
    )
    .await?;
    turn.observe_cluster(&mut transaction).await?;
    turn.record_attempt(&mut transaction).await?;
    let recorded = turn.conclude(&mut transaction).await?;
    transaction.commit().await?;
    Ok(recorded)
}

async fn lock(connection: &mut PgConnection, claim: &Claim) -> Result<LockedOperation, StoreError> {
    let row = sqlx::query!(
        "select cluster_id, status, ending, last_sequence, retry_requested, prior_status from operations
         where id = $1 and epoch = $2 and owner = $3 and finished_at is null
         for update",
        claim.operation_id,
        claim.epoch,
        claim.owner
    )
    .fetch_optional(connection)
    .await?
    .ok_or(StoreError::Fenced)?;
    Ok(LockedOperation {
        cluster_id: row.cluster_id,
        status: super::rows::status(&row.status)?,
        ending: super::rows::status(&row.ending)?,
        last_sequence: row.last_sequence,
        retry_requested: row.retry_requested,
        prior: row
            .prior_status
            .as_deref()
            .map(super::rows::cluster_status)
            .transpose()?,
    })
}

/// The outcome of the attempt that a turn made: it met a fault, sent a call or completed the step.
/// Waiting is not an attempt. `before` is the operation's status before the turn.
fn attempt_outcome(task: &Task, report: &TurnReport, before: Status) -> Option<&'static str> {
    let fault = verdict_fault(&report.verdict);
    // A step whose last call succeeded is already counted with that call.
    let counted = task.step.attempts > 0 && task.step.last_fault.is_none();
    let completes = matches!(report.verdict, Verdict::Next { skipped: false }) && !counted;
    let blocked_again = matches!(report.verdict, Verdict::Block { .. })
        && before == Status::Blocked
        && fault.is_some_and(|fault| is_known(task, fault));
    if blocked_again || (fault.is_none() && report.sent.is_none() && !completes) {
        return None;
    }
    Some(if fault.is_some() {
        "fault"
    } else {
        "succeeded"
    })
}

/// Whether the step's last fault has the same class and AWS message.
fn is_known(task: &Task, fault: &Fault) -> bool {
    let message = |fault: &Fault| fault.aws.as_ref().map(|aws| aws.message.clone());
    let last = task.step.last_fault.as_ref();
    last.is_some_and(|last| last.class == fault.class && message(last) == message(fault))
}

fn step_event(task: &Task, kind: &str, change: &str) -> Event {
    Event::new(
        kind,
        format!("{} {change}", task.step.name),
        json!({ "step": task.step.name }),
    )
}

fn fault_event(task: &Task, kind: &str, fault: &Fault) -> Event {
    let data = json!({
        "step": task.step.name,
        "code": fault.problem_code().as_str(),
        "aws_code": fault.aws.as_ref().map(|aws| aws.code.clone()),
        "request_id": fault.aws.as_ref().and_then(|aws| aws.request_id.clone()),
    });
    Event::new(kind, fault.detail.clone(), data)
}

fn verdict_fault(verdict: &Verdict) -> Option<&Fault> {
    match verdict {
        Verdict::Next { .. } => None,
        Verdict::Again { fault, .. } => fault.as_ref(),
        Verdict::Block { fault, .. } | Verdict::RollBack { fault } => Some(fault),
    }
}
