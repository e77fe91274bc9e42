//! The rows that every turn writes: its step, its cluster, its operation, its events.

use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::domain::operation::{ClusterStatus, Status, StepStatus};
use crate::domain::problems::fault::Fault;

use super::{Recorded, Turn};
use crate::store::StoreError;
use crate::store::events::Event;
use crate::store::rows::to_json;

impl Turn<'_> {
    pub(super) async fn write_step(
        &self,
        connection: &mut PgConnection,
        status: StepStatus,
        fault: Option<&Fault>,
    ) -> Result<(), StoreError> {
        // Patience starts anew when a blocked step goes on, for the time it was blocked is not the step's.
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

    /// The time an operation was blocked is not its own: it may take as long again from here.
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

    pub(super) async fn touch_cluster(
        &self,
        connection: &mut PgConnection,
        status: Option<ClusterStatus>,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update clusters set version = version + 1, status = coalesce($2, status) where id = $1",
            self.operation.cluster_id,
            status.map(ClusterStatus::as_str)
        )
        .execute(connection)
        .await?;
        Ok(())
    }

    /// The last write of a turn: it gives the lease back, resets the count of claims, and appends the events.
    pub(super) async fn write_operation(
        self,
        connection: &mut PgConnection,
        status: Status,
        wake_after_seconds: Option<f64>,
        waiting_for: Option<&str>,
    ) -> Result<Recorded, StoreError> {
        let wakes_now = !status.is_finished()
            && (self.operation.retry_requested || wake_after_seconds == Some(0.0));
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
        crate::store::events::append(
            connection,
            self.claim.operation_id,
            self.operation.last_sequence,
            &self.events,
        )
        .await?;
        Ok(Recorded { status, wakes_now })
    }

    /// The status of an operation that works: forwards, or backwards to its ending.
    pub(super) fn active_status(&self) -> Status {
        match (self.task.step.undo, self.operation.ending) {
            (false, _) => Status::Running,
            (true, Status::Cancelled) => Status::Cancelling,
            (true, _) => Status::RollingBack,
        }
    }

    pub(super) fn step_event(&self, kind: &str, words: &str) -> Event {
        Event::new(
            kind,
            format!("{} {words}", self.task.step.name),
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
