//! Queries of operations.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::domain::inventory::Item;
use crate::domain::operation::{Kind, Operation, Status, StepRecord};

use super::inventory::ItemRow;
use super::rows::{self, from_optional_json};
use super::{Store, StoreError};

/// Filter of a list of operations.
#[derive(Debug, Clone, Default)]
pub struct OperationFilter {
    /// Only operations on the cluster with this name.
    pub cluster: Option<String>,
    /// Only operations of this kind.
    pub kind: Option<Kind>,
    /// Only operations with this status.
    pub status: Option<Status>,
    /// Only operations older than this position: creation time and ID.
    pub before: Option<(DateTime<Utc>, Uuid)>,
}

impl Store {
    /// The operation with this ID, with its steps and its receipt.
    pub async fn operation(&self, id: Uuid) -> Result<Option<Operation>, StoreError> {
        Ok(self.read_operations(&[id]).await?.pop())
    }

    /// The version and status of an operation, which a waiting reader compares.
    pub async fn operation_version(&self, id: Uuid) -> Result<Option<(i64, Status)>, StoreError> {
        let row = sqlx::query!("select version, status from operations where id = $1", id)
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| Ok((row.version, rows::status(&row.status)?)))
            .transpose()
    }

    /// At most `limit` operations, newest first.
    pub async fn operations(
        &self,
        filter: &OperationFilter,
        limit: i64,
    ) -> Result<Vec<Operation>, StoreError> {
        let (before_at, before_id) = filter.before.unzip();
        let mut query = sqlx::QueryBuilder::new("select id from operations where true");
        if let Some(cluster) = &filter.cluster {
            query
                .push(" and cluster_name = ")
                .push_bind(cluster.clone());
        }
        if let Some(kind) = filter.kind {
            query.push(" and kind = ").push_bind(kind.as_str());
        }
        if let Some(status) = filter.status {
            query.push(" and status = ").push_bind(status.as_str());
        }
        if let (Some(at), Some(id)) = (before_at, before_id) {
            query
                .push(" and (created_at, id) < (")
                .push_bind(at)
                .push(", ")
                .push_bind(id)
                .push(")");
        }
        query
            .push(" order by created_at desc, id desc limit ")
            .push_bind(limit);
        let ids: Vec<Uuid> = query.build_query_scalar().fetch_all(&self.pool).await?;
        self.read_operations(&ids).await
    }

    /// The operations with these IDs, in this order.
    pub(super) async fn read_operations(&self, ids: &[Uuid]) -> Result<Vec<Operation>, StoreError> {
        let found = sqlx::query!(
            r#"select o.id, o.kind, o.cluster_name, o.status, o.version, o.waiting_for, o.requested_by, o.request_id,
                      o.traceparent, o.superseded_by, o.node_count, o.created_at, o.started_at, o.finished_at,
                      case when o.finished_at is null and o.wake_at <> 'infinity' then o.wake_at end as next_attempt_at,
                      case when o.status = 'blocked' then s.fault else o.fault end as fault
               from unnest($1::uuid[]) with ordinality as wanted (id, place)
               join operations o on o.id = wanted.id
               left join operation_steps s on s.operation_id = o.id and s.position = o.current_position
               order by wanted.place"#,
            ids
        )
        .fetch_all(&self.pool)
        .await?;
        let mut steps = self.steps_of(ids).await?;
        let mut receipts = self.receipts_of(ids).await?;
        found
            .into_iter()
            .map(|row| {
                Ok(Operation {
                    id: row.id,
                    kind: rows::kind(&row.kind)?,
                    cluster: rows::cluster_name(&row.cluster_name)?,
                    status: rows::status(&row.status)?,
                    version: row.version,
                    steps: take(&mut steps, row.id),
                    next_attempt_at: row.next_attempt_at,
                    waiting_for: row
                        .waiting_for
                        .as_deref()
                        .map(rows::waiting_for)
                        .transpose()?,
                    fault: from_optional_json("fault", row.fault)?,
                    receipt: take(&mut receipts, row.id),
                    node_count: row.node_count,
                    requested_by: row.requested_by,
                    request_id: row.request_id,
                    traceparent: row.traceparent,
                    superseded_by: row.superseded_by,
                    created_at: row.created_at,
                    started_at: row.started_at,
                    finished_at: row.finished_at,
                })
            })
            .collect()
    }

    async fn steps_of(&self, ids: &[Uuid]) -> Result<Vec<(Uuid, StepRecord)>, StoreError> {
        let found = sqlx::query!(
            "select operation_id, name, status, attempts, started_at, finished_at, fault
             from operation_steps where operation_id = any($1) order by operation_id, position",
            ids
        )
        .fetch_all(&self.pool)
        .await?;
        found
            .into_iter()
            .map(|row| {
                let step = StepRecord {
                    name: row.name,
                    status: rows::step_status(&row.status)?,
                    attempts: row.attempts,
                    started_at: row.started_at,
                    finished_at: row.finished_at,
                    fault: from_optional_json("operation_steps.fault", row.fault)?,
                };
                Ok((row.operation_id, step))
            })
            .collect()
    }

    async fn receipts_of(&self, ids: &[Uuid]) -> Result<Vec<(Uuid, Item)>, StoreError> {
        let found = sqlx::query!(
            r#"select wanted.id as "wanted!", i.kind, i.name, i.arn, i.owner, i.presence, i.reason, i.operation_id,
                      i.recorded_at
               from unnest($1::uuid[]) as wanted (id)
               join inventory i on i.operation_id = wanted.id or i.touched_by = wanted.id
               order by i.id"#,
            ids
        )
        .fetch_all(&self.pool)
        .await?;
        found
            .into_iter()
            .map(|row| {
                let item = ItemRow {
                    kind: row.kind,
                    name: row.name,
                    arn: row.arn,
                    owner: row.owner,
                    presence: row.presence,
                    reason: row.reason,
                    operation_id: row.operation_id,
                    recorded_at: row.recorded_at,
                };
                Ok((row.wanted, item.parse()?))
            })
            .collect()
    }
}

/// Removes and returns the rows of one operation.
fn take<T>(rows: &mut Vec<(Uuid, T)>, id: Uuid) -> Vec<T> {
    let (taken, left): (Vec<_>, Vec<_>) = std::mem::take(rows)
        .into_iter()
        .partition(|(owner, _)| *owner == id);
    *rows = left;
    taken.into_iter().map(|(_, row)| row).collect()
}
