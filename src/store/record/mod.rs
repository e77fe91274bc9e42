//! Records of turns: the verdict, findings and sent call of a turn, committed in one fenced
//! statement, together with the turns of other loops that end at the same time
//! ([batches](super::batches)). A turn that rolls back its operation is a transaction of a few
//! statements.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use serde_json::json;
use sqlx::{Connection as _, PgConnection};

use crate::domain::operation::Status;
use crate::domain::problems::fault::Fault;
use crate::domain::task::Task;
use crate::domain::verdict::{Findings, Verdict};

use super::batches::Batched;
use super::claims::parsed;
use super::events::Event;
use super::{Claim, Claimant, Claimed, Store, StoreError, rows, undo};

pub use next::Next;
use next::Wanted;
pub(super) use turn_row::Turn;
use turn_row::TurnRow;

mod next;
mod turn_row;

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
#[derive(Debug)]
pub struct Recorded {
    /// The status after the turn.
    pub status: Status,
    /// When the operation is claimable again; `None` if a request must wake it, or it has ended.
    pub wakes_after: Option<Duration>,
    /// What the loop that took the turn works on next.
    pub next: Next<Claimed>,
}

/// How a loop continues after its turn.
#[derive(Debug, Clone)]
pub struct Continuation {
    /// Whose loop it is.
    pub claimant: Arc<Claimant>,
    /// Whether it keeps an operation whose next turn is due at once.
    pub holds: bool,
}

impl Store {
    /// Commits a turn's report and releases the lease. If the loop that took the turn continues, the
    /// lease starts again instead, or another operation is claimed.
    ///
    /// `Fenced` means that the claim is no longer valid and nothing was written. After a lost
    /// connection during the commit, the outcome is unknown; the next claim reads the actual state.
    pub async fn record(
        &self,
        claim: &Claim,
        task: &Task,
        report: &TurnReport,
        continuation: Option<&Continuation>,
    ) -> Result<Recorded, StoreError> {
        if matches!(report.verdict, Verdict::RollBack { .. }) {
            let (claim, task, report) = (claim.clone(), task.clone(), report.clone());
            return self
                .planned_once()
                .detached(|connection| {
                    async move { record_roll_back(connection, &claim, &task, &report).await }
                        .boxed()
                })
                .await;
        }
        // A turn that outlived its lease may have outlived its loop.
        let continuation = continuation.filter(|_| !claim.lease_left().is_zero());
        let row = TurnRow::of(task, report);
        let row = match continuation.is_some_and(|continuation| continuation.holds) {
            true => row.held(),
            false => row,
        };
        let next = continuation.map(|continuation| match row.is_held() {
            true => Wanted::Held(Claim {
                taken_at: Instant::now(),
                claims_without_progress: 1,
                ..claim.clone()
            }),
            false => Wanted::Other(self.claiming(&continuation.claimant)),
        });
        let (pool, turn) = (self.pool.planned_once(), row.turn(claim, next));
        let recorded = match row.is_alone() {
            true => Turn::execute(&pool, &[&turn]).await?.remove(0).flatten(),
            false => self.records.execute(&pool, turn).await?,
        };
        let (row, next) = recorded.ok_or(StoreError::Fenced)?;
        self.events.notify_one();
        Ok(Recorded {
            status: rows::status(&row.status)?,
            wakes_after: row.wakes_after_seconds.map(Duration::from_secs_f64),
            next: next.map(parsed),
        })
    }
}

/// Records the failed step and appends the undo steps.
async fn record_roll_back(
    connection: &mut PgConnection,
    claim: &Claim,
    task: &Task,
    report: &TurnReport,
) -> Result<Recorded, StoreError> {
    let mut transaction = connection.begin().await?;
    let turn = TurnRow::of(task, report).turn(claim, None);
    let mut recorded = turn_row::record(&mut *transaction, &[&turn]).await?;
    let row = recorded.remove(0).ok_or(StoreError::Fenced)?;
    let (id, fault) = (claim.operation_id, report.verdict.fault());
    undo::append_undo_steps(
        &mut transaction,
        id,
        &report.undo_steps,
        Status::Failed,
        fault,
    )
    .await?;
    transaction.commit().await?;
    Ok(Recorded {
        status: rows::status(&row.status)?,
        wakes_after: Some(Duration::ZERO),
        next: Next::Unknown,
    })
}

/// The outcome of the attempt that a turn made: it met a fault, sent a call or completed the step.
/// Waiting is not an attempt.
fn attempt_outcome(task: &Task, report: &TurnReport) -> Option<&'static str> {
    let fault = report.verdict.fault();
    // A step whose last call succeeded is already counted with that call.
    let counted = task.step.attempts > 0 && task.step.last_fault.is_none();
    let completes = matches!(report.verdict, Verdict::Next { skipped: false }) && !counted;
    let blocked_again = matches!(report.verdict, Verdict::Block { .. })
        && task.status == Status::Blocked
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
