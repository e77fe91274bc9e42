//! The poll: what one look at all clusters of the account says, for every operation of every process.
//!
//! Two statements, so that no cluster is locked while an operation is waited for: a worker's record takes them the
//! other way round.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::domain::observed::{Details, Observed};

use super::rows::to_json;
use super::{SingletonJob, Store, StoreError};

/// A cluster whose tags and parameter values are due to be read.
#[derive(Debug, Clone)]
pub struct DetailsDue {
    /// Our own id of it.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// The last operation on it.
    pub operation_id: Uuid,
    /// Its ARN.
    pub arn: Option<String>,
    /// Its parameter group.
    pub parameter_group: Option<String>,
}

impl Store {
    /// Whether a poll is needed: an operation waits for its cluster, or what is shown of one is too old.
    pub async fn poll_is_needed(&self, refresh: Duration) -> Result<bool, StoreError> {
        let needed = sqlx::query_scalar!(
            r#"select exists (select 1 from operations where finished_at is null and waiting_for = 'cluster')
                   or exists (
                     select 1 from clusters
                     where deleted_at is null and status <> 'failed'
                       and (observed_at is null or observed_at < now() - $1::float8 * interval '1 second'))
                 as "needed!""#,
            refresh.as_secs_f64()
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(needed)
    }

    /// The database's clock.
    pub async fn clock(&self) -> Result<DateTime<Utc>, StoreError> {
        Ok(sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#)
            .fetch_one(&self.pool)
            .await?)
    }

    /// Writes what was seen: every cluster of ours is there as listed, or not there. What was seen later already stays.
    /// Operations that wait for one that has changed are woken. Returns how many clusters have.
    pub async fn record_poll(
        &self,
        duty: &SingletonJob,
        seen_at: DateTime<Utc>,
        seen: &[(String, Observed)],
    ) -> Result<usize, StoreError> {
        let names: Vec<String> = seen.iter().map(|(name, _)| name.clone()).collect();
        let observed: Vec<Value> = seen.iter().map(|(_, observed)| to_json(observed)).collect();
        let changed = sqlx::query_scalar!(
            r#"with seen as (
                 select name, observed from unnest($3::text[], $4::jsonb[]) as seen (name, observed)
               ),
               old as (
                 select c.id, c.name, seen.observed, c.observed is distinct from seen.observed as changed
                 from clusters c
                 left join seen on seen.name = c.name
                 where c.deleted_at is null and c.status <> 'failed' and (c.observed_at is null or c.observed_at < $5)
                   and exists (select 1 from duties where name = $1 and epoch = $2)
                 for update of c skip locked
               ),
               written as (
                 update clusters c
                 set observed = old.observed, observed_at = $5,
                     version = version + case when old.changed then 1 else 0 end
                 from old
                 where c.id = old.id
               )
               select name as "name!" from old where changed"#,
            duty.name,
            duty.epoch,
            &names,
            &observed,
            seen_at
        )
        .fetch_all(&self.pool)
        .await?;
        sqlx::query!(
            "update operations set wake_at = now()
             where finished_at is null and waiting_for = 'cluster' and owner is null and wake_at > now()
               and cluster_name = any($1)",
            &changed
        )
        .execute(&self.pool)
        .await?;
        Ok(changed.len())
    }

    /// The clusters whose details were read longest ago, among those at rest and older than that.
    pub async fn details_due(
        &self,
        older_than: Duration,
        limit: i64,
    ) -> Result<Vec<DetailsDue>, StoreError> {
        let due = sqlx::query_as!(
            DetailsDue,
            "select id, name, operation_id, observed ->> 'arn' as arn, observed ->> 'parameter_group' as parameter_group
             from clusters
             where deleted_at is null and status = 'available' and observed is not null
               and (details_at is null or details_at < now() - $1::float8 * interval '1 second')
             order by details_at nulls first
             limit $2",
            older_than.as_secs_f64(),
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(due)
    }

    /// Writes the details of a cluster, unless an operation was accepted for it since they were due. `is_seen`: whether a
    /// reader of the cluster sees a difference.
    pub async fn record_details(
        &self,
        due: &DetailsDue,
        seen_at: DateTime<Utc>,
        details: &Details,
        is_seen: bool,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update clusters
             set version = version + case when $5 then 1 else 0 end, details = $4, details_at = $3
             where id = $1 and operation_id = $2 and status = 'available' and (details_at is null or details_at < $3)",
            due.id,
            due.operation_id,
            seen_at,
            to_json(details),
            is_seen
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
