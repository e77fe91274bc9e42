//! Insertion of an operation, in the transaction that accepts it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::operation::ClusterStatus;
use crate::domain::project::Scope;
use crate::domain::spec::{SPEC_VERSION, Spec};
use crate::domain::target::TargetName;

use super::accept::{Accepted, ApprovalState, NewOperation, key_columns, step_names};
use super::approvals;
use super::events::{self, Event};
use super::rows::{self, to_json};
use super::{Entry, StoreError, audit};

/// An operation to insert, and its cluster.
pub(super) struct Row<'a> {
    pub(super) target: &'a TargetName,
    pub(super) new: &'a NewOperation,
    pub(super) spec: &'a Spec,
    pub(super) cluster_id: Uuid,
    pub(super) cluster: &'a str,
    /// The status that the cluster returns to if the operation does not succeed.
    pub(super) prior: Option<ClusterStatus>,
    /// The status of the cluster while the operation is unfinished.
    pub(super) becomes: ClusterStatus,
    /// Makes the operation dormant until these groups have approved it; none for one that runs.
    pub(super) groups: BTreeSet<String>,
}

/// Inserts the operation with its steps, its first event and its idempotency key, and updates its
/// cluster. Returns the outcome of the request. One that was approved has its row already.
pub(super) async fn operation(
    connection: &mut PgConnection,
    row: &Row<'_>,
) -> Result<Accepted, StoreError> {
    let is_dormant = !row.groups.is_empty();
    let stored = match row.new.approval {
        ApprovalState::Given => wake(connection, row).await?,
        ApprovalState::NotNeeded | ApprovalState::Needed(_) => insert(connection, row).await?,
    };
    approvals::hold(connection, row.new, &row.groups).await?;
    sqlx::query!(
        "update clusters
         set status = case when $4 then status else $3 end, operation_id = case when $4 then operation_id else $2 end,
             attention = case when $4 then attention end, version = version + 1
         where id = $1",
        row.cluster_id,
        row.new.id,
        row.becomes.as_str(),
        is_dormant
    )
    .execute(connection)
    .await?;
    let cluster = rows::cluster_name(row.cluster)?;
    let scope = Scope {
        project: rows::project(&stored.project)?,
        target: row.target.clone(),
    };
    let kind = row.spec.kind();
    let nodes = stored.node_count;
    let accepted = row
        .new
        .accepted(kind, scope, cluster, nodes, stored.created_at);
    Ok(accepted.awaiting(&row.groups))
}

/// What is known of an operation once its row is written.
struct Stored {
    created_at: DateTime<Utc>,
    node_count: Option<i32>,
    project: String,
}

/// Makes a dormant operation the live one of its cluster.
async fn wake(connection: &mut PgConnection, row: &Row<'_>) -> Result<Stored, StoreError> {
    let stored = sqlx::query_as!(
        Stored,
        "update operations
         set status = 'pending', dormant = false, waiting_for = null, wake_at = now(), prior_status = $2,
             deadline_at = now() + $3::float8 * interval '1 second', version = version + 1
         where id = $1
         returning created_at, node_count, project",
        row.new.id,
        row.prior.map(ClusterStatus::as_str),
        row.new.deadline.as_secs_f64()
    )
    .fetch_one(connection)
    .await?;
    Ok(stored)
}

async fn insert(connection: &mut PgConnection, row: &Row<'_>) -> Result<Stored, StoreError> {
    let (steps, kind) = (step_names(row.new), row.spec.kind().as_str());
    let stored = sqlx::query_as!(
        Stored,
        "insert into operations (id, kind, cluster_id, cluster_name, status, spec, current_position, current_step,
                                 requested_by, request_id, traceparent, deadline_at, last_sequence, prior_status,
                                 node_count, spec_version, target, requested_for, project, dormant,
                                 read_after)
         values ($1, $2, $3, $4, 'pending', $5, 0, ($6::text[])[1], $7, $8, $9,
                 now() + $10::float8 * interval '1 second', 1, $11,
                 coalesce($12, (select (desired ->> 'replication_factor')::int from clusters where id = $3)), $13, $14, $15,
                 (select project from clusters where id = $3), $16,
                 (select operation_id from clusters where id = $3))
         returning created_at, node_count, project",
        row.new.id,
        kind,
        row.cluster_id,
        row.cluster,
        to_json(row.spec),
        &steps,
        row.new.requested_by,
        row.new.request_id,
        row.new.traceparent,
        row.new.deadline.as_secs_f64(),
        row.prior.map(ClusterStatus::as_str),
        row.spec.desired().map(|spec| i32::from(spec.replication_factor)),
        SPEC_VERSION,
        row.target.as_str(),
        row.new.requested_for,
        !row.groups.is_empty()
    )
    .fetch_one(&mut *connection)
    .await?;
    sqlx::query!(
        "insert into operation_steps (operation_id, position, name)
         select $1, (step.ordinality - 1)::int, step.name
         from unnest($2::text[]) with ordinality as step (name, ordinality)",
        row.new.id,
        &steps
    )
    .execute(&mut *connection)
    .await?;
    let message = format!("{kind} of {} accepted", row.cluster);
    let accepted = Event::plain("operation_accepted", message);
    events::append(&mut *connection, row.new.id, 0, &[accepted]).await?;
    key(connection, row.new, row.new.id).await?;
    let entry = Entry::of_operation(row.new.id);
    audit::record(&mut *connection, row.new.actor.as_deref(), &entry).await?;
    Ok(stored)
}

/// Stores the idempotency key of a request, if it has one, for the operation that answers it.
pub(super) async fn key(
    connection: &mut PgConnection,
    new: &NewOperation,
    operation: Uuid,
) -> Result<(), StoreError> {
    let (caller, key, fingerprint) = key_columns(new);
    sqlx::query!(
        "insert into idempotency_keys (caller, key, fingerprint, operation_id)
         select $1, $2, $3, $4 where $2::text is not null",
        caller,
        key,
        fingerprint,
        operation
    )
    .execute(connection)
    .await?;
    Ok(())
}
