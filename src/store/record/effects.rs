//! The effects of a turn: closed intents, the observation of the cluster, and the attempt.

use sqlx::PgConnection;

use crate::domain::verdict::Verdict;

use super::{SentOutcome, Turn, attempt_outcome, verdict_fault};
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
                // Earlier attempts of the same call are settled as well, because the call has taken
                // effect.
                SentOutcome::Applied => {
                    sqlx::query!(
                        "update intents set closed_at = clock_timestamp(), closed_order = nextval('engine_order'), outcome = 'applied'
                         from intents sent
                         where sent.id = $1 and intents.operation_id = sent.operation_id and intents.call = sent.call
                           and intents.target = sent.target and intents.closed_at is null",
                        sent.intent_id
                    )
                    .execute(&mut *connection)
                    .await?;
                    self.events
                        .push(Event::plain("call_succeeded", sent.description.clone()));
                }
                SentOutcome::Rejected => {
                    sqlx::query!(
                        "update intents
                         set closed_at = clock_timestamp(), closed_order = nextval('engine_order'), outcome = 'refused'
                         where id = $1",
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
            "update intents set closed_at = clock_timestamp(), closed_order = $5, outcome = 'settled'
             where closed_at is null and (id = any($1) or ($2 and operation_id = $3 and position = $4))",
            &self.report.findings.settled_intents,
            done,
            self.claim.operation_id,
            self.task.step.position,
            // The reads of this turn settled the call, so they are not older than it.
            self.task.read_order
        )
        .execute(&mut *connection)
        .await?;
        Ok(())
    }

    pub(super) async fn observe_cluster(
        &self,
        connection: &mut PgConnection,
    ) -> Result<(), StoreError> {
        let findings = &self.report.findings;
        if findings.observed.is_none() && findings.details.is_none() && findings.desired.is_none() {
            return Ok(());
        }
        // The response to a call is newer than the reads of the turn that sent it.
        let read_order = self.report.sent.is_none().then_some(self.task.read_order);
        sqlx::query!(
            "with now as (
               select case when $2::jsonb is not null and coalesce($5 > observed_order, true) then $2 else observed end
                        as observed,
                      $2::jsonb is not null and coalesce($5 > observed_order, true) as is_newer,
                      coalesce($4, desired) as desired,
                      coalesce(details, '{}') || coalesce(jsonb_strip_nulls($3), '{}') as details
               from clusters where id = $1
               for update
             )
             update clusters c
             set version = version + case when c.observed is distinct from now.observed
                   or c.desired is distinct from now.desired or c.details is distinct from now.details then 1 else 0 end,
                 observed = now.observed, desired = now.desired, details = now.details,
                 observed_at = case when now.is_newer then clock_timestamp() else observed_at end,
                 observed_order = case when now.is_newer then coalesce($5, nextval('engine_order')) else observed_order end,
                 missing_at = case when now.is_newer then null else missing_at end,
                 missing_order = case when now.is_newer then null else missing_order end,
                 details_at = case when $3::jsonb is null then details_at else clock_timestamp() end
             from now
             where id = $1",
            self.operation.cluster_id,
            findings.observed.as_ref().map(to_json),
            findings.details.as_ref().map(to_json),
            findings.desired.as_ref().map(to_json),
            read_order
        )
        .execute(connection)
        .await?;
        Ok(())
    }

    pub(super) async fn record_attempt(
        &self,
        connection: &mut PgConnection,
    ) -> Result<(), StoreError> {
        let before = self.operation.status;
        let Some(outcome) = attempt_outcome(self.task, self.report, before) else {
            return Ok(());
        };
        let fault = verdict_fault(&self.report.verdict);
        sqlx::query!(
            "insert into attempts (operation_id, position, number, epoch, outcome, call, fault)
             select $1, $2, coalesce(max(number), 0) + 1, $3, $4, $5, $6
             from attempts where operation_id = $1 and position = $2",
            self.claim.operation_id,
            self.task.step.position,
            self.claim.epoch,
            outcome,
            self.report
                .sent
                .as_ref()
                .map(|sent| sent.description.as_str()),
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
