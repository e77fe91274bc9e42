//! Recording a verdict: what a turn did and found, committed at once and under the fence.

use sqlx::{PgConnection, PgPool};
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

/// Everything a turn has to say.
#[derive(Debug, Clone)]
pub struct TurnReport {
    /// What follows.
    pub verdict: Verdict,
    /// What was found out.
    pub findings: Findings,
    /// The call that was sent, if one was.
    pub sent: Option<SentCall>,
    /// The steps that undo this operation, for a roll-back.
    pub undo_steps: Vec<&'static str>,
}

/// A call that a turn sent.
#[derive(Debug, Clone)]
pub struct SentCall {
    /// Its intent.
    pub intent_id: i64,
    /// `iam CreateRole dax-…`, for the history.
    pub words: String,
    /// What is known of it.
    pub outcome: SentOutcome,
}

/// What is known of a call that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SentOutcome {
    /// AWS said it took effect.
    Applied,
    /// AWS said it did not.
    Refused,
    /// Nobody knows: its intent stays open.
    Unknown,
}

/// What a recorded verdict led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The status after the turn.
    pub status: Status,
    /// Whether the operation can be visited again at once.
    pub wakes_now: bool,
}

/// The operation as locked by the fence.
struct Fenced {
    cluster_id: Uuid,
    status: Status,
    ending: Status,
    last_sequence: i64,
    retry_requested: bool,
    prior: Option<ClusterStatus>,
}

/// One turn being written.
struct Turn<'a> {
    claim: &'a Claim,
    task: &'a Task,
    report: &'a TurnReport,
    operation: Fenced,
    events: Vec<Event>,
}

impl Store {
    /// Commits a turn's report and gives the lease back. `Fenced` if the claim is not ours any more: then nothing was
    /// written. When the answer to the commit is lost, the caller must not assume either way: the next claim reads what is.
    pub async fn record(
        &self,
        claim: &Claim,
        task: &Task,
        report: &TurnReport,
    ) -> Result<Recorded, StoreError> {
        let (claim, task, report) = (claim.clone(), task.clone(), report.clone());
        self.detached(
            |pool| async move { record_in_transaction(&pool, &claim, &task, &report).await },
        )
        .await
    }
}

async fn record_in_transaction(
    pool: &PgPool,
    claim: &Claim,
    task: &Task,
    report: &TurnReport,
) -> Result<Recorded, StoreError> {
    let mut transaction = pool.begin().await?;
    let operation = lock(&mut transaction, claim).await?;
    let mut turn = Turn {
        claim,
        task,
        report,
        operation,
        events: Vec::new(),
    };
    if task.step.timeout_from.is_none() {
        turn.events.push(turn.step_event("step_started", "began"));
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
    turn.note_attempt(&mut transaction).await?;
    let recorded = turn.conclude(&mut transaction).await?;
    transaction.commit().await?;
    Ok(recorded)
}

async fn lock(connection: &mut PgConnection, claim: &Claim) -> Result<Fenced, StoreError> {
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
    Ok(Fenced {
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
