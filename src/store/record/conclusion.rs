//! The effect of a verdict on its operation: next step, repetition, block, undo or end.

use std::time::Duration;

use sqlx::PgConnection;

use crate::domain::operation::{Kind, Status, StepStatus};
use crate::domain::problems::fault::Fault;
use crate::domain::verdict::Verdict;
use crate::domain::waiting::WaitingFor;

use super::{Recorded, Turn, fault_event, is_known, step_event};
use crate::store::claims::waiting_for_name;
use crate::store::finish::{self, Ending, EndingCluster};
use crate::store::{StoreError, clusters, undo};

/// Re-check interval of an operation whose cause another one checks more often.
const SHARED_RECHECK_SECONDS: f64 = 600.0;

impl Turn<'_> {
    pub(super) async fn conclude(
        mut self,
        connection: &mut PgConnection,
    ) -> Result<Recorded, StoreError> {
        let verdict = self.report.verdict.clone();
        let continues = matches!(verdict, Verdict::Next { .. } | Verdict::Again { .. });
        if self.operation.status == Status::Blocked && continues {
            self.unblock(connection).await?;
        }
        if self.is_throttled() {
            self.extend_deadline(connection).await?;
        }
        match verdict {
            Verdict::Next { skipped } => self.next(connection, skipped).await,
            Verdict::Again {
                after,
                waiting_for,
                fault,
            } => {
                self.again(connection, after, waiting_for, fault.as_ref())
                    .await
            }
            Verdict::Block {
                fault,
                recheck_after,
                waiting_for,
            } => {
                self.block(connection, &fault, recheck_after, waiting_for)
                    .await
            }
            Verdict::RollBack { fault } => self.roll_back(connection, &fault).await,
        }
    }

    async fn next(
        mut self,
        connection: &mut PgConnection,
        skipped: bool,
    ) -> Result<Recorded, StoreError> {
        let (status, event) = if skipped {
            (
                StepStatus::Skipped,
                step_event(self.task, "step_skipped", "skipped"),
            )
        } else {
            (
                StepStatus::Succeeded,
                step_event(self.task, "step_succeeded", "finished"),
            )
        };
        self.events.push(event);
        self.write_step(connection, status, None).await?;
        if self.task.step.is_last {
            return self.finish(connection).await;
        }
        sqlx::query!(
            "update operations
             set current_position = s.position, current_step = s.name
             from operation_steps s
             where operations.id = $1 and s.operation_id = $1 and s.position = $2",
            self.claim.operation_id,
            self.task.step.position + 1
        )
        .execute(&mut *connection)
        .await?;
        let status = self.active_status();
        self.write_operation(connection, status, Some(0.0), None)
            .await
    }

    async fn again(
        mut self,
        connection: &mut PgConnection,
        after: Duration,
        waiting_for: Option<WaitingFor>,
        fault: Option<&Fault>,
    ) -> Result<Recorded, StoreError> {
        if let Some(fault) = fault {
            self.events
                .push(fault_event(self.task, "attempt_failed", fault));
        }
        self.write_step(connection, StepStatus::Running, fault)
            .await?;
        let status = self.active_status();
        self.write_operation(
            connection,
            status,
            Some(after.as_secs_f64()),
            waiting_for_name(waiting_for),
        )
        .await
    }

    async fn block(
        mut self,
        connection: &mut PgConnection,
        fault: &Fault,
        recheck_after: Option<Duration>,
        waiting_for: WaitingFor,
    ) -> Result<Recorded, StoreError> {
        if self.operation.status != Status::Blocked || !is_known(self.task, fault) {
            self.events.push(fault_event(self.task, "blocked", fault));
        }
        self.write_step(connection, StepStatus::Blocked, Some(fault))
            .await?;
        clusters::touch(connection, self.operation.cluster_id).await?;
        let mut after = recheck_after.map(|after| after.as_secs_f64());
        if let Some(cause) = self.block_cause()
            && self.is_checked_by_another(connection, &cause).await?
        {
            // It wakes this one when the cause is gone. The cause may still be another one.
            after = after.map(|after| after.max(SHARED_RECHECK_SECONDS));
        }
        self.write_operation(
            connection,
            Status::Blocked,
            after,
            Some(waiting_for.as_str()),
        )
        .await
    }

    /// Records that a blocked operation continues, and wakes the operations that have the same
    /// cause.
    async fn unblock(&mut self, connection: &mut PgConnection) -> Result<(), StoreError> {
        self.events.push(step_event(
            self.task,
            "unblocked",
            "resumed: the cause of the block is resolved",
        ));
        self.extend_deadline(connection).await?;
        self.wake_blocked_by_same_cause(connection).await?;
        clusters::touch(connection, self.operation.cluster_id).await
    }

    async fn finish(self, connection: &mut PgConnection) -> Result<Recorded, StoreError> {
        let status = self.operation.ending;
        // The undo of a change keeps what AWS applied. Only a create and an adoption are undone
        // completely.
        let undone = matches!(self.task.kind, Kind::CreateCluster | Kind::AdoptCluster);
        if status != Status::Succeeded && undone {
            sqlx::query!(
                "update operation_steps set status = 'undone'
                 where operation_id = $1 and not undo and status = 'succeeded'",
                self.claim.operation_id
            )
            .execute(&mut *connection)
            .await?;
        }
        let message = format!(
            "{} of {} {}",
            self.task.kind.as_str(),
            self.task.cluster,
            status.as_str()
        );
        let cluster = EndingCluster {
            id: self.operation.cluster_id,
            kind: self.task.kind,
            prior: self.operation.prior,
        };
        let ending = Ending {
            operation_id: self.claim.operation_id,
            status,
            fault: None,
            claimed_epoch: Some(self.claim.epoch),
            cluster: Some(cluster),
            events: self.events,
            message,
        };
        finish::operation(connection, ending).await?;
        Ok(Recorded {
            status,
            wakes_after: None,
        })
    }

    async fn roll_back(
        mut self,
        connection: &mut PgConnection,
        fault: &Fault,
    ) -> Result<Recorded, StoreError> {
        self.events
            .push(fault_event(self.task, "rolling_back", fault));
        self.write_step(connection, StepStatus::Failed, Some(fault))
            .await?;
        let (id, steps) = (self.claim.operation_id, &self.report.undo_steps);
        undo::append_undo_steps(connection, id, steps, Status::Failed, Some(fault)).await?;
        clusters::touch(connection, self.operation.cluster_id).await?;
        self.operation.ending = Status::Failed;
        self.write_operation(connection, Status::RollingBack, Some(0.0), None)
            .await
    }
}
