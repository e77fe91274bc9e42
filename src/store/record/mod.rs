//! Records of turns: the verdict, findings and sent call of a turn, committed in one fenced
//! transaction.

use futures_util::FutureExt;
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use crate::domain::operation::{ClusterStatus, Status};
use crate::domain::problems::fault::Fault;
use crate::domain::task::Task;
use crate::domain::verdict::{Findings, Verdict};

use super::events::Event;
use super::{Claim, Store, StoreError};

mod closing;
mod conclusion;
mod effects;

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

/// The state of an operation after a recorded turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The status after the turn.
    pub status: Status,
    /// Whether the operation is claimable again at once.
    pub wakes_now: bool,
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
        turn.events.push(turn.step_event("step_started", "started"));
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

fn verdict_fault(verdict: &Verdict) -> Option<&Fault> {
    match verdict {
        Verdict::Next { .. } => None,
        Verdict::Again { fault, .. } => fault.as_ref(),
        Verdict::Block { fault, .. } | Verdict::RollBack { fault } => Some(fault),
    }
}
