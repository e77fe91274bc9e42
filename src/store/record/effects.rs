//! What a turn did: its intents, what it saw of the cluster, and its try.

use serde_json::json;
use sqlx::PgConnection;

use crate::domain::operation::Status;
use crate::domain::problems::fault::Fault;
use crate::domain::verdict::Verdict;

use super::{SentOutcome, Turn, verdict_fault};
use crate::store::StoreError;
use crate::store::events::Event;
use crate::store::rows::to_json;

impl Turn<'_> {
    pub(super) async fn close_intents(
        &mut self,
        connection: &mut PgConnection,
    ) -> Result<(), StoreError> {
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
                    self.events
                        .push(Event::new("call_succeeded", sent.words.clone(), json!({})));
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

    pub(super) async fn observe_cluster(
        &self,
        connection: &mut PgConnection,
    ) -> Result<(), StoreError> {
        let found = &self.report.findings;
        if found.observed.is_none() && found.details.is_none() && found.desired.is_none() {
            return Ok(());
        }
        sqlx::query!(
            "with now as (
               select coalesce($2, observed) as observed, coalesce($4, desired) as desired,
                      coalesce(details, '{}') || coalesce(jsonb_strip_nulls($3), '{}') as details
               from clusters where id = $1
               for update
             )
             update clusters c
             set version = version + case when c.observed is distinct from now.observed
                   or c.desired is distinct from now.desired or c.details is distinct from now.details then 1 else 0 end,
                 observed = now.observed, desired = now.desired, details = now.details,
                 observed_at = case when $2::jsonb is null then observed_at else clock_timestamp() end,
                 details_at = case when $3::jsonb is null then details_at else clock_timestamp() end
             from now
             where id = $1",
            self.operation.cluster_id,
            found.observed.as_ref().map(to_json),
            found.details.as_ref().map(to_json),
            found.desired.as_ref().map(to_json)
        )
        .execute(connection)
        .await?;
        Ok(())
    }

    /// A finished try is kept: one that met a fault, sent a call, or completed the step. Waiting is not a try.
    pub(super) async fn note_attempt(
        &self,
        connection: &mut PgConnection,
    ) -> Result<(), StoreError> {
        let fault = verdict_fault(&self.report.verdict);
        // A step that ends because its last call succeeded has been counted with that call.
        let counted = self.task.step.attempts > 0 && self.task.step.last_fault.is_none();
        let completes = matches!(self.report.verdict, Verdict::Next { skipped: false }) && !counted;
        let last = self.task.step.last_fault.as_ref();
        let reason = |fault: &Fault| {
            (
                fault.class,
                fault.aws.as_ref().map(|aws| aws.message.clone()),
            )
        };
        let blocked_again = matches!(self.report.verdict, Verdict::Block { .. })
            && self.operation.status == Status::Blocked
            && fault.map(reason) == last.map(reason);
        if blocked_again || (fault.is_none() && self.report.sent.is_none() && !completes) {
            return Ok(());
        }
        sqlx::query!(
            "insert into attempts (operation_id, position, number, epoch, outcome, call, fault)
             select $1, $2, coalesce(max(number), 0) + 1, $3, $4, $5, $6
             from attempts where operation_id = $1 and position = $2",
            self.claim.operation_id,
            self.task.step.position,
            self.claim.epoch,
            if fault.is_some() {
                "fault"
            } else {
                "succeeded"
            },
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
}
