//! Metrics of the installation: unfinished operations by status, and its condition.

use std::time::Duration;

use crate::domain::condition::Condition;
use crate::domain::operation::Status;

use super::rows;
use super::{Store, StoreError};

impl Store {
    /// Counts the unfinished operations by status. A status without operations is absent.
    pub async fn unfinished(&self) -> Result<Vec<(Status, i64)>, StoreError> {
        let found = sqlx::query!(
            r#"select status, count(*) as "count!" from operations where finished_at is null group by status"#
        )
        .fetch_all(&self.pool)
        .await?;
        found
            .into_iter()
            .map(|row| Ok((rows::status(&row.status)?, row.count)))
            .collect()
    }

    /// The condition of the installation. `kinds` and `steps` are those that this version knows;
    /// an operation whose stored settings it cannot read waits for an operator without being blocked.
    /// `targets` are those whose operations can run, or all: what waits for its target is no fault of
    /// the workers.
    pub async fn condition(
        &self,
        kinds: &[String],
        steps: &[String],
        targets: Option<&[String]>,
    ) -> Result<Condition, StoreError> {
        let row = sqlx::query!(
            r#"select
                 extract(epoch from now() - min(wake_at) filter (where wake_at < now() and status <> 'blocked'))::float8
                   as overdue,
                 extract(epoch from now() - min(created_at) filter (where status = 'blocked'))::float8 as blocked,
                 count(*) filter (where kind <> all($1) or current_step <> all($2)
                   or (status <> 'blocked' and waiting_for = 'operator')) as "newer_version!",
                 count(*) filter (where status = 'blocked' and fault ->> 'class' = 'crashed') as "crashed!",
                 (select extract(epoch from now() - min(coalesce(d.done_at, now())))::float8
                  from duties d
                  where d.name = 'poll' and d.target in (
                    select w.target from operations w
                    where w.finished_at is null and w.waiting_for = 'cluster' and w.status <> 'blocked')) as poll_age,
                 (select extract(epoch from now() - min(coalesce(
                    d.done_at, (select created_at from targets where name = d.target),
                    (select created_at from installation))))::float8
                  from duties d
                  where d.name = 'sweep' and ($3::text[] is null or d.target = any($3))
                    and (d.target = 'default' or d.target in (select name from targets))) as sweep_age,
                 (select extract(epoch from clock_timestamp() - min(at))::float8
                  from (
                    select e.at from event_numbering n
                    join operation_events e on e.xid >= n.numbered_below
                    where not exists (
                      select 1 from event_feed f where f.operation_id = e.operation_id and f.sequence = e.sequence)
                    union all
                    select at from audit_records where position is null) unnumbered)
                   as events_lag,
                 (select numbered_below > pg_snapshot_xmax(pg_current_snapshot())::text::bigint from event_numbering)
                   as "is_restored!"
               from operations
               where finished_at is null and ($3::text[] is null or target = any($3))"#,
            kinds,
            steps,
            targets
        )
        .fetch_one(&self.pool)
        .await?;
        let duration = |seconds: f64| Duration::from_secs_f64(seconds.max(0.0));
        Ok(Condition {
            overdue: duration(row.overdue.unwrap_or_default()),
            blocked: duration(row.blocked.unwrap_or_default()),
            newer_version: row.newer_version,
            crashed: row.crashed,
            poll_age: row.poll_age.map(duration),
            sweep_age: duration(row.sweep_age.unwrap_or_default()),
            events_lag: duration(row.events_lag.unwrap_or_default()),
            is_restored: row.is_restored,
        })
    }
}
