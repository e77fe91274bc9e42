//! Writes of the poll: the observations of all clusters of the account, shared by every process.
//!
//! A poll uses two statements, so that it holds no lock on a cluster while it waits for a lock on
//! an operation. A worker's record locks them in the opposite order.

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
    /// The ID of the cluster's row.
    pub id: Uuid,
    /// The name of the cluster.
    pub name: String,
    /// The ID of the last operation on the cluster.
    pub operation_id: Uuid,
    /// The ARN of the cluster in the latest observation.
    pub arn: Option<String>,
    /// The name of the parameter group in the latest observation.
    pub parameter_group: Option<String>,
}

impl Store {
    /// Whether a poll is needed: an operation waits for its cluster, or an observation is older
    /// than `refresh`.
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

    /// The current time of the database's clock.
    pub async fn clock(&self) -> Result<DateTime<Utc>, StoreError> {
        Ok(sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#)
            .fetch_one(&self.pool)
            .await?)
    }

    /// Writes a complete listing of the clusters in AWS; a managed cluster that it lacks is stored
    /// as absent. A later observation is kept. Operations that wait for a changed cluster are
    /// woken. Returns the number of changed clusters.
    pub async fn record_poll(
        &self,
        job: &SingletonJob,
        observed_at: DateTime<Utc>,
        listed: &[(String, Observed)],
    ) -> Result<usize, StoreError> {
        let names: Vec<String> = listed.iter().map(|(name, _)| name.clone()).collect();
        let observed: Vec<Value> = listed
            .iter()
            .map(|(_, observed)| to_json(observed))
            .collect();
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
            job.name,
            job.epoch,
            &names,
            &observed,
            observed_at
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

    /// At most `limit` idle clusters whose details are older than `older_than`, oldest details
    /// first.
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

    /// Writes the details of a cluster, unless an operation on it was accepted since `due` was
    /// read. `is_visible`: whether the change is visible to API clients and raises the cluster's
    /// version.
    pub async fn record_details(
        &self,
        due: &DetailsDue,
        observed_at: DateTime<Utc>,
        details: &Details,
        is_visible: bool,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update clusters
             set version = version + case when $5 then 1 else 0 end, details = $4, details_at = $3
             where id = $1 and operation_id = $2 and status = 'available' and (details_at is null or details_at < $3)",
            due.id,
            due.operation_id,
            observed_at,
            to_json(details),
            is_visible
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
