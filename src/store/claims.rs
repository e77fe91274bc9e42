//! Claims: one statement claims an operation, raises its epoch and starts the lease. Another one reads
//! the task.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::domain::spec::SPEC_VERSION;
use crate::domain::task::Task;
use crate::domain::waiting::WaitingFor;

use super::tasks::{self, LIST_TRUSTED};
use super::{Store, StoreError};

/// Length of a lease. A lease is never renewed during a turn: the turn ends earlier, or its writes are
/// fenced. The record of a turn can start the lease of the next one.
pub const LEASE: Duration = Duration::from_secs(15);

/// A worker's time-limited hold on an operation.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The claimed operation.
    pub operation_id: Uuid,
    /// The fencing token: every write of the turn names it.
    pub epoch: i64,
    /// The name of the worker.
    pub owner: String,
    /// The local monotonic clock before the claim was sent, so the real lease ends later than
    /// computed.
    pub taken_at: Instant,
    /// Number of consecutive claims without a recorded verdict, including this one.
    pub claims_without_progress: i32,
}

impl Claim {
    /// Lower bound of the time left in the lease.
    pub fn lease_left(&self) -> Duration {
        LEASE.saturating_sub(self.taken_at.elapsed())
    }
}

/// The caller served last by this process, and the number of claims: turns go round the callers, so
/// that a caller with many operations does not delay another one.
#[derive(Debug, Default)]
pub struct Rotation(Mutex<(String, u64)>);

/// Of so many claims, one takes the operation that waited longest, whether or not a person waits.
const CLAIMS_PER_OTHER_LANE: u64 = 4;
/// Claims tried when other processes claim the same caller's operations at the same time.
const CONTENDED_CLAIMS: u32 = 4;

impl Rotation {
    /// The caller served last, and the lane to prefer.
    fn next(&self) -> (String, i16) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.1 += 1;
        let lane = i16::from(state.1.is_multiple_of(CLAIMS_PER_OTHER_LANE));
        (state.0.clone(), lane)
    }

    fn served(&self, caller: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0 = caller;
    }
}

/// A claimed operation.
#[derive(Debug)]
pub struct Claimed {
    /// The hold on the operation.
    pub claim: Claim,
    /// Its state after the claim. `Unreadable`: another version of the program stored it.
    pub task: Result<Task, StoreError>,
}

impl Store {
    /// Claims a due operation of this target, of the given kinds and current steps, in a format of the spec that
    /// this process can read: of the next caller in `rotation`, operations for which a person waits
    /// first, then the most overdue.
    ///
    /// `wake_at` moves to the end of the lease, so the operation of a crashed worker becomes
    /// claimable again.
    pub async fn claim(
        &self,
        owner: &str,
        rotation: &Rotation,
        kinds: &[String],
        steps: &[String],
    ) -> Result<Option<Claimed>, StoreError> {
        for _ in 0..CONTENDED_CLAIMS {
            let (last_caller, lane) = rotation.next();
            let taken_at = Instant::now();
            let row = sqlx::query_file!(
                "src/store/sql/claim.sql",
                owner,
                LEASE.as_secs_f64(),
                kinds,
                steps,
                SPEC_VERSION,
                last_caller,
                lane,
                self.target.as_str()
            )
            .fetch_optional(&self.pool.planned_once())
            .await?;
            let Some(row) = row else { return Ok(None) };
            rotation.served(row.caller);
            if let (Some(operation_id), Some(epoch)) = (row.id, row.epoch) {
                let claim = Claim {
                    operation_id,
                    epoch,
                    owner: owner.to_owned(),
                    taken_at,
                    claims_without_progress: row.claims_without_progress.unwrap_or(1),
                };
                let task = self.task(&claim).await;
                return Ok(Some(Claimed { claim, task }));
            }
        }
        Ok(None)
    }

    /// The state of a held operation, later than the claim. `Fenced` if the claim is no longer valid.
    pub async fn task(&self, claim: &Claim) -> Result<Task, StoreError> {
        let task = sqlx::query_file_scalar!(
            "src/store/sql/task.sql",
            claim.operation_id,
            claim.epoch,
            claim.owner,
            LIST_TRUSTED.as_secs_f64()
        )
        .fetch_optional(&self.pool.planned_once())
        .await?;
        tasks::parse(claim.operation_id, task.ok_or(StoreError::Fenced)?)
    }
}

/// A reason to wait as its column value.
pub(super) fn waiting_for_name(reason: Option<WaitingFor>) -> Option<&'static str> {
    reason.map(WaitingFor::as_str)
}
