//! The writes common to all verdicts: the step, the operation and the events.

use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::domain::operation::{Status, StepStatus};
use crate::domain::problems::fault::Fault;

use super::{Recorded, Turn};
use crate::store::StoreError;
use crate::store::events::{self, Event};
use crate::store::rows::to_json;

impl Turn<'_> {
    pub(super) async fn write_step(
        &self,
        connection: &mut PgConnection,
        status: StepStatus,
        fault: Option<&Fault>,
    ) -> Result<(), StoreError> {
        // The deadline of an unblocked step restarts, because the blocked time does not count.
        let unblocked = self.operation.status == Status::Blocked && status == StepStatus::Running;
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
            unblocked,
            ended,
            status == StepStatus::Blocked
        )
        .execute(connection)
        .await?;
        Ok(())
    }

    /// Restarts the deadline of an unblocked operation, because the blocked time does not count.
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
        let wakes_now = self.operation.retry_requested || wake_after_seconds == Some(0.0);
        let after = if self.operation.retry_requested {
            Some(0.0)
        } else {
            wake_after_seconds
        };
        let done = sqlx::query!(
            "update operations
             set status = $3, version = version + 1, waiting_for = $5, owner = null, lease_until = null,
                 claims_without_progress = 0, retry_requested = false, last_sequence = last_sequence + $6,
                 wake_at = coalesce(now() + $4::float8 * interval '1 second', 'infinity')
             where id = $1 and epoch = $2",
            self.claim.operation_id,
            self.claim.epoch,
            status.as_str(),
            after,
            waiting_for,
            i64::try_from(self.events.len()).unwrap_or(i64::MAX)
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
        Ok(Recorded { status, wakes_now })
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

    /// Whether the step's last fault has the same class and AWS message.
    pub(super) fn is_known(&self, fault: &Fault) -> bool {
        let message = |fault: &Fault| fault.aws.as_ref().map(|aws| aws.message.clone());
        let last = self.task.step.last_fault.as_ref();
        last.is_some_and(|last| last.class == fault.class && message(last) == message(fault))
    }

    pub(super) fn step_event(&self, kind: &str, change: &str) -> Event {
        Event::new(
            kind,
            format!("{} {change}", self.task.step.name),
            json!({ "step": self.task.step.name }),
        )
    }

    pub(super) fn fault_event(&self, kind: &str, fault: &Fault) -> Event {
        let data: Value = json!({
            "step": self.task.step.name,
            "code": fault.problem_code().as_str(),
            "aws_code": fault.aws.as_ref().map(|aws| aws.code.clone()),
            "request_id": fault.aws.as_ref().and_then(|aws| aws.request_id.clone()),
        });
        Event::new(kind, fault.detail.clone(), data)
    }
}
