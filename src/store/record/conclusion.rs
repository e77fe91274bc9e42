//! What follows a turn: the next step, the same again, a block, an undo, the end.

use serde_json::json;
use sqlx::PgConnection;

use crate::domain::operation::{Kind, Status, StepStatus};
use crate::domain::problems::fault::Fault;
use crate::domain::verdict::Verdict;

use super::{Recorded, Turn};
use crate::store::claims::waiting_word;
use crate::store::events::Event;
use crate::store::{StoreError, clusters, undo};

impl Turn<'_> {
    pub(super) async fn conclude(
        mut self,
        connection: &mut PgConnection,
    ) -> Result<Recorded, StoreError> {
        let verdict = self.report.verdict.clone();
        let goes_on = matches!(verdict, Verdict::Next { .. } | Verdict::Again { .. });
        if self.operation.status == Status::Blocked && goes_on {
            self.events
                .push(self.step_event("unblocked", "goes on: the cause is gone"));
            self.extend_deadline(connection).await?;
            self.touch_cluster(connection, None).await?;
        }
        match verdict {
            Verdict::Next { skipped } => self.next(connection, skipped).await,
            Verdict::Again {
                after,
                waiting_for,
                fault,
            } => {
                if let Some(fault) = &fault {
                    self.events.push(self.fault_event("attempt_failed", fault));
                }
                self.write_step(connection, StepStatus::Running, fault.as_ref())
                    .await?;
                let status = self.active_status();
                self.write_operation(
                    connection,
                    status,
                    Some(after.as_secs_f64()),
                    waiting_word(waiting_for),
                )
                .await
            }
            Verdict::Block {
                fault,
                recheck_after,
                waiting_for,
            } => {
                let reason = |fault: &Fault| {
                    (
                        fault.class,
                        fault.aws.as_ref().map(|aws| aws.message.clone()),
                    )
                };
                let known = self
                    .task
                    .step
                    .last_fault
                    .as_ref()
                    .is_some_and(|last| reason(last) == reason(&fault));
                if self.operation.status != Status::Blocked || !known {
                    self.events.push(self.fault_event("blocked", &fault));
                }
                self.write_step(connection, StepStatus::Blocked, Some(&fault))
                    .await?;
                self.touch_cluster(connection, None).await?;
                let after = recheck_after.map(|after| after.as_secs_f64());
                self.write_operation(
                    connection,
                    Status::Blocked,
                    after,
                    Some(waiting_for.as_str()),
                )
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
        let (status, word) = if skipped {
            (
                StepStatus::Skipped,
                self.step_event("step_skipped", "is not needed"),
            )
        } else {
            (
                StepStatus::Succeeded,
                self.step_event("step_succeeded", "is done"),
            )
        };
        self.events.push(word);
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

    async fn finish(mut self, connection: &mut PgConnection) -> Result<Recorded, StoreError> {
        let ending = self.operation.ending;
        let (cluster, prior) = (self.operation.cluster_id, self.operation.prior);
        clusters::end_operation(connection, cluster, self.task.kind, ending, prior).await?;
        // What a change has changed stays changed: only what was made is unmade.
        let unmade = matches!(self.task.kind, Kind::CreateCluster | Kind::AdoptCluster);
        if ending != Status::Succeeded && unmade {
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
            ending.as_str()
        );
        self.events.push(Event::new(
            &format!("operation_{}", ending.as_str()),
            message,
            json!({}),
        ));
        sqlx::query!(
            "update operations set finished_at = now(), current_step = null, status = $2 where id = $1",
            self.claim.operation_id,
            ending.as_str()
        )
        .execute(&mut *connection)
        .await?;
        self.write_operation(connection, ending, None, None).await
    }

    async fn roll_back(
        mut self,
        connection: &mut PgConnection,
        fault: &Fault,
    ) -> Result<Recorded, StoreError> {
        self.events.push(self.fault_event("rolling_back", fault));
        self.write_step(connection, StepStatus::Failed, Some(fault))
            .await?;
        let (id, steps) = (self.claim.operation_id, &self.report.undo_steps);
        undo::append(connection, id, steps, Status::Failed, Some(fault)).await?;
        self.touch_cluster(connection, None).await?;
        self.operation.ending = Status::Failed;
        self.write_operation(connection, Status::RollingBack, Some(0.0), None)
            .await
    }
}
