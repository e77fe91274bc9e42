//! Queries of operations.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use sqlx::QueryBuilder;
use sqlx::types::Json;
use uuid::Uuid;

use crate::domain::names::ClusterName;
use crate::domain::operation::{Approval, Kind, Operation, Status, StepRecord};
use crate::domain::project::{ProjectName, Scope};
use crate::domain::target::TargetName;

use super::clusters::push_target;
use super::inventory::ItemRow;
use super::rows::{self, from_optional_json};
use super::scopes::push_scopes;
use super::{Store, StoreError};

/// Filter of a list of operations.
#[derive(Debug, Clone, Default)]
pub struct OperationFilter {
    /// Only operations on clusters of this target.
    pub target: Option<TargetName>,
    /// Only operations of these scopes.
    pub scopes: Option<Vec<Scope>>,
    /// Only operations on clusters of this project.
    pub project: Option<ProjectName>,
    /// Only operations on the cluster with this name.
    pub cluster: Option<String>,
    /// Only operations of this kind.
    pub kind: Option<Kind>,
    /// Only operations with this status.
    pub status: Option<Status>,
    /// Only operations older than this position: creation time and ID.
    pub before: Option<(DateTime<Utc>, Uuid)>,
}

/// Reads operations with their steps and their receipt in one statement. The source of `o` follows. The
/// receipt is a union, because `or` reads the whole table in a plan that was made while it was small.
pub(super) const OPERATIONS: &str = "
    select o.id, o.kind, o.target, o.project, o.requested_for, o.cluster_name, o.status, o.version, o.waiting_for, o.requested_by, o.request_id,
           o.traceparent, o.superseded_by, o.node_count, o.created_at, o.started_at, o.finished_at,
           case when o.finished_at is null and o.wake_at <> 'infinity' then o.wake_at end as next_attempt_at,
           o.current_position, o.fault,
           (select coalesce(json_agg(approval), '[]') from (
              select group_name as \"group\", decision, decided_by as by, comment, decided_at as at
              from approvals where operation_id = o.id order by group_name) approval) as approvals,
           (select coalesce(json_agg(step), '[]') from (
              select name, status, attempts, started_at, finished_at, fault
              from operation_steps where operation_id = o.id order by position) step) as steps,
           (select coalesce(json_agg(item), '[]') from (
              select id, kind, name, arn, owner, presence, reason, operation_id, recorded_at
              from inventory where operation_id = o.id
              union all
              select id, kind, name, arn, owner, presence, reason, operation_id, recorded_at
              from inventory where touched_by = o.id and operation_id <> o.id) item) as receipt
    from ";

/// A row of [`OPERATIONS`].
#[derive(sqlx::FromRow)]
pub(super) struct Row {
    pub(super) id: Uuid,
    kind: String,
    target: String,
    project: String,
    requested_for: Option<String>,
    cluster_name: String,
    status: String,
    version: i64,
    waiting_for: Option<String>,
    requested_by: String,
    request_id: Option<String>,
    traceparent: Option<String>,
    superseded_by: Option<Uuid>,
    node_count: Option<i32>,
    created_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    next_attempt_at: Option<DateTime<Utc>>,
    current_position: Option<i32>,
    fault: Option<Value>,
    approvals: Json<Vec<Approval>>,
    steps: Json<Vec<StepRow>>,
    receipt: Json<Vec<ItemRow>>,
}

/// A step in a [`Row`].
#[derive(Deserialize)]
struct StepRow {
    name: String,
    status: String,
    attempts: i32,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    fault: Option<Value>,
}

/// What a reader compares before it reads an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationVersion {
    /// The scope that decides who may read the operation.
    pub scope: Scope,
    /// The name of the cluster.
    pub cluster: ClusterName,
    /// Incremented by every visible change.
    pub version: i64,
    /// The status at this version.
    pub status: Status,
    /// When it is claimable, as far as known.
    pub next_attempt_at: Option<DateTime<Utc>>,
}

impl Row {
    pub(super) fn parse(self) -> Result<Operation, StoreError> {
        let waiting_for = self.waiting_for.as_deref().map(rows::waiting_for);
        let status = rows::status(&self.status)?;
        let steps = self.steps.0.into_iter().map(StepRow::parse);
        let steps = steps.collect::<Result<Vec<_>, _>>()?;
        let mut receipt = self.receipt.0;
        receipt.sort_by_key(|item| item.id);
        let receipt = receipt.into_iter().map(ItemRow::parse);
        let fault = if status == Status::Blocked {
            let current = self
                .current_position
                .and_then(|at| usize::try_from(at).ok());
            let current = current.and_then(|at| steps.get(at));
            current.and_then(|step| step.fault.clone())
        } else {
            from_optional_json("fault", self.fault)?
        };
        Ok(Operation {
            id: self.id,
            kind: rows::kind(&self.kind)?,
            target: rows::target(&self.target)?,
            project: rows::project(&self.project)?,
            requested_for: self.requested_for,
            cluster: rows::cluster_name(&self.cluster_name)?,
            status,
            version: self.version,
            steps,
            next_attempt_at: self.next_attempt_at,
            waiting_for: waiting_for.transpose()?,
            fault,
            receipt: receipt.collect::<Result<_, _>>()?,
            node_count: self.node_count,
            requested_by: self.requested_by,
            request_id: self.request_id,
            traceparent: self.traceparent,
            approvals: self.approvals.0,
            superseded_by: self.superseded_by,
            created_at: self.created_at,
            started_at: self.started_at,
            finished_at: self.finished_at,
        })
    }
}

impl StepRow {
    fn parse(self) -> Result<StepRecord, StoreError> {
        Ok(StepRecord {
            name: self.name,
            status: rows::step_status(&self.status)?,
            attempts: self.attempts,
            started_at: self.started_at,
            finished_at: self.finished_at,
            fault: from_optional_json("operation_steps.fault", self.fault)?,
        })
    }
}

impl Store {
    /// The version and status of an operation, which a waiting reader compares.
    pub async fn operation_version(
        &self,
        id: Uuid,
    ) -> Result<Option<OperationVersion>, StoreError> {
        let row = sqlx::query!(
            "select version, status, project, target, cluster_name,
                    case when finished_at is null and wake_at <> 'infinity' then wake_at end as next_attempt_at
             from operations where id = $1",
            id
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| {
            Ok(OperationVersion {
                cluster: rows::cluster_name(&row.cluster_name)?,
                scope: Scope {
                    project: rows::project(&row.project)?,
                    target: rows::target(&row.target)?,
                },
                version: row.version,
                status: rows::status(&row.status)?,
                next_attempt_at: row.next_attempt_at,
            })
        })
        .transpose()
    }

    /// At most `limit` operations, newest first.
    pub async fn operations(
        &self,
        filter: &OperationFilter,
        limit: i64,
    ) -> Result<Vec<Operation>, StoreError> {
        let mut query = QueryBuilder::new(OPERATIONS);
        query.push("operations o where true");
        if let Some(target) = &filter.target {
            push_target(&mut query, "o", target);
        }
        let (project, scopes) = (filter.project.as_ref(), filter.scopes.as_deref());
        push_scopes(&mut query, "o", project, scopes);
        if let Some(cluster) = &filter.cluster {
            query
                .push(" and o.cluster_name = ")
                .push_bind(cluster.clone());
        }
        if let Some(kind) = filter.kind {
            query.push(" and o.kind = ").push_bind(kind.as_str());
        }
        if let Some(status) = filter.status {
            query.push(" and o.status = ").push_bind(status.as_str());
        }
        if let Some((at, id)) = filter.before {
            query
                .push(" and (o.created_at, o.id) < (")
                .push_bind(at)
                .push(", ")
                .push_bind(id)
                .push(")");
        }
        query
            .push(" order by o.created_at desc, o.id desc limit ")
            .push_bind(limit);
        let rows: Vec<Row> = query.build_query_as().fetch_all(&self.pool).await?;
        rows.into_iter().map(Row::parse).collect()
    }
}
