//! Recording a verdict: what a turn did and found, committed at once and under the fence.

use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::domain::fault::Fault;
use crate::domain::operation::{ClusterStatus, Status, StepStatus};
use crate::domain::task::Task;
use crate::domain::verdict::{Findings, Verdict};

use super::claims::waiting_word;
use super::events::Event;
use super::rows::to_json;
use super::{Claim, Store, StoreError};

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
    pub async fn record(&self, claim: &Claim, task: &Task, report: &TurnReport) -> Result<Recorded, StoreError> {
        let (claim, task, report) = (claim.clone(), task.clone(), report.clone());
        self.detached(|pool| async move { record_in_transaction(&pool, &claim, &task, &report).await }).await
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
    let mut turn = Turn { claim, task, report, operation, events: Vec::new() };
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
        "select cluster_id, status, ending, last_sequence, retry_requested from operations
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
    })
}

impl Turn<'_> {
    async fn close_intents(&mut self, connection: &mut PgConnection) -> Result<(), StoreError> {
        if let Some(sent) = &self.report.sent {
            match sent.outcome {
                // Earlier tries of the same call are settled with it: the thing exists.
                SentOutcome::Applied => {
                    sqlx::query!(
                        "update intents set closed_at = clock_timestamp(), outcome = 'applied'
                         from intents sent
                         where sent.id = $1 and intents.operation_id = sent.operation_id and intents.call = sent.call
                           and intents.target = sent.target and intents.closed_at is null",
                        sent.intent_id
                    )
                    .execute(&mut *connection)
                    .await?;
                    self.events.push(Event::new("call_succeeded", sent.words.clone(), json!({})));
                }
                SentOutcome::Refused => {
                    sqlx::query!(
                        "update intents set closed_at = clock_timestamp(), outcome = 'refused' where id = $1",
                        sent.intent_id
                    )
                    .execute(&mut *connection)
                    .await?;
                }
                SentOutcome::Unknown => {}
            }
        }
        let done = matches!(self.report.verdict, Verdict::Next { .. });
        sqlx::query!(
            "update intents set closed_at = clock_timestamp(), outcome = 'settled'
             where closed_at is null and (id = any($1) or ($2 and operation_id = $3 and position = $4))",
            &self.report.findings.settled_intents,
            done,
            self.claim.operation_id,
            self.task.step.position
        )
        .execute(&mut *connection)
        .await?;
        Ok(())
    }

    async fn observe_cluster(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let Some(observed) = &self.report.findings.observed else { return Ok(()) };
        sqlx::query!(
            "update clusters
             set version = version + case when observed is distinct from $2 then 1 else 0 end,
                 observed = $2, observed_at = clock_timestamp()
             where id = $1",
            self.operation.cluster_id,
            to_json(observed)
        )
        .execute(connection)
        .await?;
        Ok(())
    }

    /// A finished try is kept: one that met a fault, sent a call, or completed the step. Waiting is not a try.
    async fn note_attempt(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let fault = verdict_fault(&self.report.verdict);
        let completes = matches!(self.report.verdict, Verdict::Next { skipped: false });
        if fault.is_none() && self.report.sent.is_none() && !completes {
            return Ok(());
        }
        sqlx::query!(
            "insert into attempts (operation_id, position, number, epoch, outcome, call, fault)
             select $1, $2, coalesce(max(number), 0) + 1, $3, $4, $5, $6
             from attempts where operation_id = $1 and position = $2",
            self.claim.operation_id,
            self.task.step.position,
            self.claim.epoch,
            if fault.is_some() { "fault" } else { "succeeded" },
            self.report.sent.as_ref().map(|sent| sent.words.as_str()),
            fault.map(to_json)
        )
        .execute(&mut *connection)
        .await?;
        sqlx::query!(
            "update operation_steps set attempts = attempts + 1 where operation_id = $1 and position = $2",
            self.claim.operation_id,
            self.task.step.position
        )
        .execute(connection)
        .await?;
        Ok(())
    }

    async fn conclude(mut self, connection: &mut PgConnection) -> Result<Recorded, StoreError> {
        let verdict = self.report.verdict.clone();
        if self.task.step.patience_from.is_none() {
            self.events.push(self.step_event("step_started", "began"));
        }
        if self.operation.status == Status::Blocked && !matches!(verdict, Verdict::Block { .. }) {
            self.events.push(self.step_event("unblocked", "goes on: the cause is gone"));
        }
        match verdict {
            Verdict::Next { skipped } => self.next(connection, skipped).await,
            Verdict::Again { after, waiting_for, fault } => {
                if let Some(fault) = &fault {
                    self.events.push(self.fault_event("attempt_failed", fault));
                }
                self.write_step(connection, StepStatus::Running, fault.as_ref()).await?;
                let status = self.active_status();
                self.write_operation(connection, status, Some(after.as_secs_f64()), waiting_word(waiting_for)).await
            }
            Verdict::Block { fault, recheck_after, waiting_for } => {
                if self.operation.status != Status::Blocked {
                    self.events.push(self.fault_event("blocked", &fault));
                }
                self.write_step(connection, StepStatus::Blocked, Some(&fault)).await?;
                self.touch_cluster(connection, None).await?;
                let after = recheck_after.map(|after| after.as_secs_f64());
                self.write_operation(connection, Status::Blocked, after, Some(waiting_for.as_str())).await
            }
            Verdict::RollBack { fault } => self.roll_back(connection, &fault).await,
        }
    }

    async fn next(mut self, connection: &mut PgConnection, skipped: bool) -> Result<Recorded, StoreError> {
        let (status, word) = if skipped {
            (StepStatus::Skipped, self.step_event("step_skipped", "is not needed"))
        } else {
            (StepStatus::Succeeded, self.step_event("step_succeeded", "is done"))
        };
        self.events.push(word);
        self.write_step(connection, status, None).await?;
        if self.operation.status == Status::Blocked {
            self.touch_cluster(connection, None).await?;
        }
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
        self.write_operation(connection, status, Some(0.0), None).await
    }

    async fn finish(mut self, connection: &mut PgConnection) -> Result<Recorded, StoreError> {
        let ending = self.operation.ending;
        super::clusters::end_operation(connection, self.operation.cluster_id, self.task.kind, ending).await?;
        if ending != Status::Succeeded {
            sqlx::query!(
                "update operation_steps set status = 'undone'
                 where operation_id = $1 and not undo and status = 'succeeded'",
                self.claim.operation_id
            )
            .execute(&mut *connection)
            .await?;
        }
        let message = format!("{} of {} {}", self.task.kind.as_str(), self.task.cluster, ending.as_str());
        self.events.push(Event::new(&format!("operation_{}", ending.as_str()), message, json!({})));
        sqlx::query!(
            "update operations set finished_at = now(), current_step = null, status = $2 where id = $1",
            self.claim.operation_id,
            ending.as_str()
        )
        .execute(&mut *connection)
        .await?;
        self.write_operation(connection, ending, None, None).await
    }

    async fn roll_back(mut self, connection: &mut PgConnection, fault: &Fault) -> Result<Recorded, StoreError> {
        self.events.push(self.fault_event("rolling_back", fault));
        self.write_step(connection, StepStatus::Failed, Some(fault)).await?;
        let steps: Vec<String> = self.report.undo_steps.iter().map(|&name| name.to_owned()).collect();
        sqlx::query!(
            "with skipped as (
               update operation_steps set status = 'skipped', finished_at = now()
               where operation_id = $1 and status = 'pending'
             ),
             last as (select max(position) as position from operation_steps where operation_id = $1)
             insert into operation_steps (operation_id, position, name, undo)
             select $1, last.position + step.ordinality::int, step.name, true
             from last, unnest($2::text[]) with ordinality as step (name, ordinality)",
            self.claim.operation_id,
            &steps
        )
        .execute(&mut *connection)
        .await?;
        sqlx::query!(
            "update operations
             set ending = 'failed', fault = $2, current_position = s.position, current_step = s.name,
                 deadline_at = now() + (deadline_at - created_at)
             from operation_steps s
             where operations.id = $1 and s.operation_id = $1 and s.undo
               and s.position = (select min(position) from operation_steps where operation_id = $1 and undo)",
            self.claim.operation_id,
            to_json(fault)
        )
        .execute(&mut *connection)
        .await?;
        self.touch_cluster(connection, None).await?;
        self.operation.ending = Status::Failed;
        self.write_operation(connection, Status::RollingBack, Some(0.0), None).await
    }

    async fn write_step(
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

    async fn touch_cluster(
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
    async fn write_operation(
        self,
        connection: &mut PgConnection,
        status: Status,
        wake_after_seconds: Option<f64>,
        waiting_for: Option<&str>,
    ) -> Result<Recorded, StoreError> {
        let wakes_now = !status.is_finished() && (self.operation.retry_requested || wake_after_seconds == Some(0.0));
        let after = if self.operation.retry_requested { Some(0.0) } else { wake_after_seconds };
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
        super::events::append(connection, self.claim.operation_id, self.operation.last_sequence, &self.events).await?;
        Ok(Recorded { status, wakes_now })
    }

    /// The status of an operation that works: forwards, or backwards to its ending.
    fn active_status(&self) -> Status {
        match (self.task.step.undo, self.operation.ending) {
            (false, _) => Status::Running,
            (true, Status::Cancelled) => Status::Cancelling,
            (true, _) => Status::RollingBack,
        }
    }

    fn step_event(&self, kind: &str, words: &str) -> Event {
        Event::new(kind, format!("{} {words}", self.task.step.name), json!({ "step": self.task.step.name }))
    }

    fn fault_event(&self, kind: &str, fault: &Fault) -> Event {
        let data: Value = json!({
            "step": self.task.step.name,
            "code": fault.problem_code().as_str(),
            "aws_code": fault.aws.as_ref().map(|aws| aws.code.clone()),
            "request_id": fault.aws.as_ref().and_then(|aws| aws.request_id.clone()),
        });
        Event::new(kind, fault.detail.clone(), data)
    }
}

fn verdict_fault(verdict: &Verdict) -> Option<&Fault> {
    match verdict {
        Verdict::Next { .. } => None,
        Verdict::Again { fault, .. } => fault.as_ref(),
        Verdict::Block { fault, .. } | Verdict::RollBack { fault } => Some(fault),
    }
}
