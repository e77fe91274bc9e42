//! The writes common to all verdicts: the step, the operation and the events.

use std::time::Duration;

use sqlx::PgConnection;

use crate::domain::operation::{Status, StepStatus};
use crate::domain::problems::fault::Fault;
use crate::domain::verdict::Verdict;
use crate::domain::waiting::WaitingFor;

use super::{Recorded, Turn};
use crate::store::StoreError;
use crate::store::events;
use crate::store::rows::to_json;

impl Turn<'_> {
    pub(super) async fn write_step(
        &self,
        connection: &mut PgConnection,
        status: StepStatus,
        fault: Option<&Fault>,
    ) -> Result<(), StoreError> {
        // The deadline of an unblocked or throttled step restarts: that time does not count.
        let unblocked = self.operation.status == Status::Blocked && status == StepStatus::Running;
        let restarts = unblocked || self.is_throttled();
        let ended = status.is_done() || status == StepStatus::Failed;
        sqlx::query!(
            "update operation_steps
             set status = $3, fault = $4,
                 started_at = coalesce(started_at, now()),
                 patience_from = case when $5 then now() else coalesce(patience_from, now()) end,
                 finished_at = case when $6 then now() end,
                 faults_in_row = case when $4::jsonb is null then 0 else faults_in_row + 1 end,
                 blocks_in_row = case when $7 then blocks_in_row + 1 else 0 end
             where operation_id = $1 and position = $2",
            self.claim.operation_id,
            self.task.step.position,
            status.as_str(),
            fault.map(to_json),
            restarts,
            ended,
            status == StepStatus::Blocked
        )
        .execute(connection)
        .await?;
        Ok(())
    }

    /// Whether the turn ended because AWS throttled a call, or the budget of calls was used up.
    pub(super) fn is_throttled(&self) -> bool {
        match &self.report.verdict {
            Verdict::Again { waiting_for, .. } => *waiting_for == Some(WaitingFor::AwsRateLimit),
            Verdict::Next { .. } | Verdict::Block { .. } | Verdict::RollBack { .. } => false,
        }
    }

    /// Restarts the deadline of an operation that was blocked or throttled: that time does not
    /// count.
    pub(super) async fn extend_deadline(
        &self,
        connection: &mut PgConnection,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update operations
             set deadline_at = greatest(deadline_at, now() + least(deadline_at - created_at, interval '1 day'))
             where id = $1",
            self.claim.operation_id
        )
        .execute(connection)
        .await?;
        Ok(())
    }

    /// The last write of a turn that does not end its operation: releases the lease, resets the
    /// count of claims and inserts the events.
    pub(super) async fn write_operation(
        self,
        connection: &mut PgConnection,
        status: Status,
        wake_after_seconds: Option<f64>,
        waiting_for: Option<&str>,
    ) -> Result<Recorded, StoreError> {
        let block_cause = self.block_cause();
        let after = if self.operation.retry_requested {
            Some(0.0)
        } else {
            wake_after_seconds
        };
        let done = sqlx::query!(
            "update operations
             set status = $3, version = version + 1, waiting_for = $5, owner = null, lease_until = null,
                 claims_without_progress = 0, retry_requested = false, last_sequence = last_sequence + $6,
                 block_cause = $7,
                 lane = case when kind = 'delete_cluster' or $3 in ('cancelling', 'rolling_back') then 0 else 1 end,
                 wake_at = coalesce(now() + $4::float8 * interval '1 second', 'infinity')
             where id = $1 and epoch = $2",
            self.claim.operation_id,
            self.claim.epoch,
            status.as_str(),
            after,
            waiting_for,
            i64::try_from(self.events.len()).unwrap_or(i64::MAX),
            block_cause
        )
        .execute(&mut *connection)
        .await?;
        if done.rows_affected() == 0 {
            return Err(StoreError::Fenced);
        }
        events::append(
            connection,
            self.claim.operation_id,
            self.operation.last_sequence,
            &self.events,
        )
        .await?;
        Ok(Recorded {
            status,
            wakes_after: after.map(Duration::from_secs_f64),
        })
    }

    /// What blocks the operation, if others may be blocked by the same: a permission, a quota, the
    /// capacity or the credentials for one call of AWS.
    pub(super) fn block_cause(&self) -> Option<String> {
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
            | WaitingFor::Operator => false,
        };
        is_shared.then(|| format!("{}:{} {}", aws.service, aws.operation, aws.code))
    }

    /// Whether another operation that is blocked by the same cause re-checks it soon.
    pub(super) async fn is_checked_by_another(
        &self,
        connection: &mut PgConnection,
        cause: &str,
    ) -> Result<bool, StoreError> {
        Ok(sqlx::query_scalar!(
            r#"select exists (
                 select 1 from operations
                 where status = 'blocked' and block_cause = $1 and id <> $2
                   and (owner is not null or wake_at < now() + interval '2 minutes')
               ) as "is_checked!""#,
            cause,
            self.claim.operation_id
        )
        .fetch_one(connection)
        .await?)
    }

    /// Wakes the operations that are blocked by the cause that no longer blocks this one.
    pub(super) async fn wake_blocked_by_same_cause(
        &self,
        connection: &mut PgConnection,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update operations
             set wake_at = now()
             where id in (
               select other.id from operations other
               join operations this on this.block_cause = other.block_cause
               where this.id = $1 and other.id <> $1 and other.status = 'blocked' and other.owner is null
               for update of other skip locked)",
            self.claim.operation_id
        )
        .execute(connection)
        .await?;
        Ok(())
    }

    /// The status of an operation that is not blocked.
    pub(super) fn active_status(&self) -> Status {
        if !self.task.step.undo {
            Status::Running
        } else if self.operation.ending == Status::Cancelled {
            Status::Cancelling
        } else {
            Status::RollingBack
        }
    }
}
