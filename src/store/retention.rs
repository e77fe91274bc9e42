//! Retention: history that is older than the configured age is deleted, in small batches. The
//! current state never depends on it.

use std::time::Duration;

use super::{Store, StoreError};

/// Operations deleted by one statement.
const BATCH: i64 = 200;
/// Age of attempts and of rejected calls, which only explain recent behaviour.
const DETAILS_KEPT: Duration = Duration::from_secs(30 * 24 * 3_600);

impl Store {
    /// Deletes one batch of history: finished operations that ended more than `age` ago with all
    /// their rows, old attempts and rejected intents of finished operations, and deleted clusters
    /// without operations. Returns the number of deleted operations and clusters.
    ///
    /// An operation stays while an inventory row of a managed resource names it: the row is evidence
    /// of ownership.
    pub async fn prune_history(&self, age: Duration) -> Result<u64, StoreError> {
        let age = age.as_secs_f64();
        self.prune_details().await?;
        let inventory = sqlx::query!(
            "delete from inventory where id in (
               select i.id from clusters c join inventory i on i.cluster_id = c.id
               where c.deleted_at < now() - $1::float8 * interval '1 second' and (i.presence = 'gone' or i.owner = 'external')
               limit $2)",
            age,
            BATCH * 10
        )
        .execute(&self.pool)
        .await?;
        let operations = sqlx::query!(
            "with old as (
               select o.id from operations o
               where o.finished_at < now() - $1::float8 * interval '1 second'
                 and not exists (select 1 from inventory i where i.operation_id = o.id or i.touched_by = o.id)
                 and not exists (select 1 from clusters c where c.operation_id = o.id and c.deleted_at is null)
                 and not exists (select 1 from intents n where n.operation_id = o.id and n.closed_at is null)
                 and not exists (select 1 from operations later where later.superseded_by = o.id)
                 and not exists (select 1 from idempotency_keys k where k.operation_id = o.id)
               order by o.finished_at
               limit $2
             ),
             attempts_gone as (delete from attempts where operation_id in (select id from old)),
             feed_gone as (delete from event_feed where operation_id in (select id from old) returning position),
             feed_start as (
               update event_numbering set pruned_through = greatest(pruned_through, (select max(position) from feed_gone))
               where exists (select 1 from feed_gone)
             ),
             events_gone as (delete from operation_events where operation_id in (select id from old)),
             intents_gone as (delete from intents where operation_id in (select id from old)),
             steps_gone as (delete from operation_steps where operation_id in (select id from old))
             delete from operations where id in (select id from old)",
            age,
            BATCH
        )
        .execute(&self.pool)
        .await?;
        let clusters = sqlx::query!(
            "delete from clusters where id in (
               select c.id from clusters c
               where c.deleted_at < now() - $1::float8 * interval '1 second'
                 and not exists (select 1 from operations o where o.cluster_id = c.id)
                 and not exists (select 1 from inventory i where i.cluster_id = c.id)
                 and not exists (select 1 from intents n where n.cluster_id = c.id)
               limit $2)",
            age,
            BATCH
        )
        .execute(&self.pool)
        .await?;
        Ok(inventory.rows_affected() + operations.rows_affected() + clusters.rows_affected())
    }

    /// Deletes old attempts, and old intents of rejected calls, of finished operations.
    async fn prune_details(&self) -> Result<(), StoreError> {
        let age = DETAILS_KEPT.as_secs_f64();
        sqlx::query!(
            "delete from attempts where (operation_id, position, number) in (
               select a.operation_id, a.position, a.number
               from operations o join attempts a on a.operation_id = o.id
               where o.finished_at < now() - $1::float8 * interval '1 second'
               limit $2)",
            age,
            BATCH * 10
        )
        .execute(&self.pool)
        .await?;
        sqlx::query!(
            "delete from intents where id in (
               select n.id from operations o join intents n on n.operation_id = o.id
               where o.finished_at < now() - $1::float8 * interval '1 second' and n.outcome = 'refused'
               limit $2)",
            age,
            BATCH * 10
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
