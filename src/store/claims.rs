//! Claims: one statement claims an operation, raises its epoch and starts the lease.

use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::domain::waiting::WaitingFor;

use super::{Store, StoreError};

/// Length of a lease. A lease is never renewed: the turn ends earlier, or its writes are fenced.
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

impl Store {
    /// Claims the most overdue operation among those of the given kinds and current steps.
    ///
    /// `wake_at` moves to the end of the lease. So the head of the index is always claimable, and
    /// the operation of a crashed worker becomes claimable again.
    pub async fn claim(
        &self,
        owner: &str,
        kinds: &[String],
        steps: &[String],
    ) -> Result<Option<Claim>, StoreError> {
        let taken_at = Instant::now();
        let row = sqlx::query!(
            r#"with next as (
                 select id from operations
                 where finished_at is null and wake_at <= now() and kind = any($3) and current_step = any($4)
                 order by wake_at
                 limit 1
                 for update skip locked
               )
               update operations
               set epoch = epoch + 1, owner = $1,
                   lease_until = now() + $2::float8 * interval '1 second',
                   wake_at = now() + $2::float8 * interval '1 second',
                   claims_without_progress = claims_without_progress + 1,
                   retry_requested = false,
                   started_at = coalesce(started_at, now()),
                   version = version + case when status = 'pending' then 1 else 0 end,
                   status = case when status = 'pending' then 'running' else status end
               from next
               where operations.id = next.id
               returning operations.id, operations.epoch, operations.claims_without_progress"#,
            owner,
            LEASE.as_secs_f64(),
            kinds,
            steps
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| Claim {
            operation_id: row.id,
            epoch: row.epoch,
            owner: owner.to_owned(),
            taken_at,
            claims_without_progress: row.claims_without_progress,
        }))
    }
}

/// A reason to wait as its column value.
pub(super) fn waiting_for_name(reason: Option<WaitingFor>) -> Option<&'static str> {
    reason.map(WaitingFor::as_str)
}
