//! The end of a claim without a verdict.

use std::time::Duration;

use crate::domain::operation::Status;
use crate::domain::problems::fault::Fault;

use super::record::Recorded;
use super::rows::to_json;
use super::{Claim, Store, StoreError};

impl Store {
    /// Returns a claim without a verdict. The operation becomes claimable again after the given
    /// time. `counts`: whether the claim counts as one without progress.
    pub async fn give_back(
        &self,
        claim: &Claim,
        after: Duration,
        counts: bool,
    ) -> Result<(), StoreError> {
        let done = sqlx::query!(
            "update operations
             set owner = null, lease_until = null, wake_at = now() + $4::float8 * interval '1 second',
                 claims_without_progress = claims_without_progress - case when $5 then 0 else 1 end
             where id = $1 and epoch = $2 and owner = $3 and finished_at is null",
            claim.operation_id,
            claim.epoch,
            claim.owner,
            after.as_secs_f64(),
            counts
        )
        .execute(&self.pool)
        .await?;
        if done.rows_affected() == 0 {
            Err(StoreError::Fenced)
        } else {
            Ok(())
        }
    }

    /// Blocks an operation whose rows cannot be parsed. Only a retry request unblocks it.
    pub async fn block_unreadable(
        &self,
        claim: &Claim,
        fault: &Fault,
    ) -> Result<Recorded, StoreError> {
        let done = sqlx::query!(
            "with fence as (
               update operations
               set status = 'blocked', waiting_for = 'operator', wake_at = 'infinity', owner = null, lease_until = null,
                   claims_without_progress = 0, version = version + 1
               where id = $1 and epoch = $2 and owner = $3 and finished_at is null
               returning id, current_position
             )
             update operation_steps s
             set status = 'blocked', fault = $4, blocks_in_row = s.blocks_in_row + 1
             from fence
             where s.operation_id = fence.id and s.position = fence.current_position",
            claim.operation_id,
            claim.epoch,
            claim.owner,
            to_json(fault)
        )
        .execute(&self.pool)
        .await?;
        if done.rows_affected() == 0 {
            return Err(StoreError::Fenced);
        }
        Ok(Recorded {
            status: Status::Blocked,
            wakes_now: false,
        })
    }

    /// Resets timestamps that are further in the future than any lease or pause, and returns their
    /// number. They exist after the database's clock jumped back.
    pub async fn reset_future_timestamps(&self) -> Result<u64, StoreError> {
        let operations = sqlx::query!(
            "update operations
             set wake_at = now(), lease_until = least(lease_until, now())
             where finished_at is null and wake_at <> 'infinity'
               and (lease_until > now() + interval '20 seconds' or wake_at > now() + interval '15 minutes')"
        )
        .execute(&self.pool)
        .await?;
        let singleton_jobs = sqlx::query!(
            "update duties set due_at = now() where due_at > now() + interval '1 day'"
        )
        .execute(&self.pool)
        .await?;
        Ok(operations.rows_affected() + singleton_jobs.rows_affected())
    }

    /// Releases every claim of a worker that shuts down, so that other workers continue at once.
    pub async fn release_all(&self, owner: &str) -> Result<u64, StoreError> {
        let done = sqlx::query!(
            "update operations set owner = null, lease_until = null, wake_at = now(),
                 claims_without_progress = greatest(claims_without_progress - 1, 0)
             where owner = $1 and finished_at is null",
            owner
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }
}
