//! Writes of the poll: the observations of all clusters of a target, shared by every process.
//!
//! Each write uses two statements, so that it holds no lock on a cluster while it waits for a lock
//! on an operation. A worker's record locks them in the opposite order.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::domain::observed::{Details, Observed};
use crate::domain::task::Moment;

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
            r#"select exists (
                     select 1 from operations where finished_at is null and target = $2 and waiting_for = 'cluster')
                   or exists (
                     select 1 from clusters
                     where target = $2 and deleted_at is null and status <> 'failed'
                       and (observed_at is null or observed_at < now() - $1::float8 * interval '1 second'))
                 as "needed!""#,
            refresh.as_secs_f64(),
            self.target.as_str()
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

    /// A new position in the order of calls and reads, to be taken before AWS is read.
    pub async fn moment(&self) -> Result<Moment, StoreError> {
        Ok(sqlx::query_as!(
            Moment,
            r#"select clock_timestamp() as "at!", nextval('engine_order') as "order!""#
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// Writes clusters that AWS listed, or returned by name, after `read`. A later observation is
    /// kept. An unchanged idle cluster is rewritten only once its observation is older than
    /// `refresh`. Operations that wait for a changed cluster are woken. Returns the number of
    /// changed clusters.
    pub async fn record_listed(
        &self,
        job: &SingletonJob,
        read: Moment,
        listed: &[(String, Observed)],
        refresh: Duration,
    ) -> Result<usize, StoreError> {
        let names: Vec<&str> = listed.iter().map(|(name, _)| name.as_str()).collect();
        let observed: Vec<Value> = listed
            .iter()
            .map(|(_, observed)| to_json(observed))
            .collect();
        let changed = sqlx::query_scalar!(
            r#"with listed as (
                 select name, observed from unnest($3::text[], $4::jsonb[]) as listed (name, observed)
               ),
               old as (
                 select c.id, c.name, listed.observed,
                        c.observed is distinct from listed.observed or c.missing_at is not null as changed
                 from clusters c
                 join listed on listed.name = c.name
                 where c.target = $8 and c.deleted_at is null and c.status <> 'failed'
                   and coalesce(c.observed_order < $6, true) and coalesce(c.missing_order < $6, true)
                   and exists (select 1 from duties where target = $8 and name = $1 and epoch = $2)
                 for update of c skip locked
               ),
               written as (
                 update clusters c
                 set observed = old.observed, observed_at = $5, observed_order = $6, missing_at = null,
                     missing_order = null, version = version + case when old.changed then 1 else 0 end,
                     drift_due = c.drift_due or old.changed
                 from old
                 where c.id = old.id
                   and (old.changed or c.observed_at is null or c.observed_at < $5::timestamptz - $7::float8 * interval '1 second'
                     or exists (select 1 from operations o where o.cluster_id = c.id and o.finished_at is null and not o.dormant))
               )
               select name as "name!" from old where changed"#,
            job.name,
            job.epoch,
            &names as &[&str],
            &observed,
            read.at,
            read.order,
            refresh.as_secs_f64(),
            self.target.as_str()
        )
        .fetch_all(&self.pool)
        .await?;
        self.wake_waiting_for_cluster(&changed).await?;
        Ok(changed.len())
    }

    /// Marks the managed clusters that a complete list lacked. A list can have gaps, so this is no
    /// observation: an operation that acts on it reads the cluster by name. Operations that wait for a newly
    /// missing cluster are woken. Returns the idle clusters that were observed before.
    pub async fn record_missing(
        &self,
        job: &SingletonJob,
        read: Moment,
        listed: &[String],
    ) -> Result<Vec<String>, StoreError> {
        let missing = sqlx::query!(
            r#"with old as (
                 select c.id, c.name, c.missing_at is null as is_new, c.observed is not null as was_observed,
                        exists (select 1 from operations o where o.cluster_id = c.id and o.finished_at is null and not o.dormant) as is_busy
                 from clusters c
                 where c.target = $6 and c.deleted_at is null and c.status <> 'failed'
                   and c.name not in (select unnest($3::text[]))
                   and coalesce(c.observed_order < $5, true)
                   and exists (select 1 from duties where target = $6 and name = $1 and epoch = $2)
                 for update of c skip locked
               ),
               written as (
                 update clusters c set missing_at = $4, missing_order = $5 from old where c.id = old.id
               )
               select name, is_new as "is_new!", not is_busy and was_observed as "is_idle!" from old"#,
            job.name,
            job.epoch,
            listed,
            read.at,
            read.order,
            self.target.as_str()
        )
        .fetch_all(&self.pool)
        .await?;
        let new: Vec<String> = missing
            .iter()
            .filter(|cluster| cluster.is_new)
            .map(|cluster| cluster.name.clone())
            .collect();
        self.wake_waiting_for_cluster(&new).await?;
        Ok(missing
            .into_iter()
            .filter(|cluster| cluster.is_idle)
            .map(|cluster| cluster.name)
            .collect())
    }

    /// Writes that AWS has no cluster with this name, after it was read by name.
    pub async fn record_absent(
        &self,
        job: &SingletonJob,
        read: Moment,
        name: &str,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update clusters
             set observed = null, observed_at = $4, observed_order = $5, missing_at = null, missing_order = null,
                 version = version + 1, drift_due = true
             where target = $6 and name = $3 and deleted_at is null and observed is not null and coalesce(observed_order < $5, true)
               and exists (select 1 from duties where target = $6 and name = $1 and epoch = $2)",
            job.name,
            job.epoch,
            name,
            read.at,
            read.order,
            self.target.as_str()
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Records the clusters that use a role below `path`, as a complete list has them. A cluster
    /// that the list lacks keeps its row for an hour: a step that acts on a row reads the cluster by name.
    pub async fn record_role_users(
        &self,
        job: &SingletonJob,
        read: Moment,
        users: Vec<(String, String)>,
        path: &str,
    ) -> Result<(), StoreError> {
        let marker = format!(":role{path}");
        let (roles, clusters): (Vec<String>, Vec<String>) = users
            .into_iter()
            .filter(|(arn, _)| arn.contains(&marker))
            .unzip();
        sqlx::query!(
            "with fence as (
               update duties set listed_at = $3 where target = $6 and name = $1 and epoch = $2 returning name
             ),
             used as (
               select role_arn, cluster_name from unnest($4::text[], $5::text[]) as used (role_arn, cluster_name)
             ),
             ended as (
               delete from role_users r using fence
               where r.target = $6 and (r.listed_at < $3::timestamptz - interval '1 hour'
                 or exists (
                   select 1 from used where used.cluster_name = r.cluster_name and used.role_arn <> r.role_arn))
             )
             insert into role_users (target, role_arn, cluster_name, listed_at)
             select $6, role_arn, cluster_name, $3 from used, fence
             on conflict (target, role_arn, cluster_name) do update set listed_at = excluded.listed_at",
            job.name,
            job.epoch,
            read.at,
            &roles,
            &clusters,
            self.target.as_str()
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn wake_waiting_for_cluster(&self, names: &[String]) -> Result<(), StoreError> {
        if names.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "update operations set wake_at = now()
             where id in (
               select id from operations
               where finished_at is null and waiting_for = 'cluster' and owner is null and wake_at > now()
                 and target = $2 and cluster_name = any($1)
               order by id
               for update)",
            names,
            self.target.as_str()
        )
        .execute(&self.pool)
        .await?;
        Ok(())
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
             where target = $3 and deleted_at is null and status = 'available' and observed is not null
               and (details_at is null or details_at < now() - $1::float8 * interval '1 second')
             order by details_at nulls first
             limit $2",
            older_than.as_secs_f64(),
            limit,
            self.target.as_str()
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
             set version = version + case when $5 then 1 else 0 end, details = $4, details_at = $3,
                 drift_due = drift_due or $5
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
