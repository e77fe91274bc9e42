//! Insertion of an operation, in the transaction that accepts it.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::operation::ClusterStatus;
use crate::domain::project::Scope;
use crate::domain::spec::{SPEC_VERSION, Spec};
use crate::domain::target::TargetName;

use super::accept::{Accepted, NewOperation, key_columns, step_names};
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
}

/// Inserts the operation with its steps, its first event and its idempotency key, and updates its
/// cluster. Returns the outcome of the request.
pub(super) async fn operation(
    connection: &mut PgConnection,
    row: &Row<'_>,
) -> Result<Accepted, StoreError> {
    let (steps, kind) = (step_names(row.new), row.spec.kind().as_str());
    let stored = sqlx::query!(
        "insert into operations (id, kind, cluster_id, cluster_name, status, spec, current_position, current_step,
                                 requested_by, request_id, traceparent, deadline_at, last_sequence, prior_status,
                                 node_count, spec_version, target, requested_for, project)
         values ($1, $2, $3, $4, 'pending', $5, 0, ($6::text[])[1], $7, $8, $9,
                 now() + $10::float8 * interval '1 second', 1, $11,
                 coalesce($12, (select (desired ->> 'replication_factor')::int from clusters where id = $3)), $13, $14, $15,
                 (select project from clusters where id = $3))
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
        row.new.requested_for
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
    sqlx::query!(
        "update clusters set status = $3, operation_id = $2, attention = null, version = version + 1 where id = $1",
        row.cluster_id,
        row.new.id,
        row.becomes.as_str()
    )
    .execute(&mut *connection)
    .await?;
    key(connection, row.new, row.new.id).await?;
    let entry = Entry::of_operation(row.new.id);
    audit::record(&mut *connection, row.new.actor.as_deref(), &entry).await?;
    let cluster = rows::cluster_name(row.cluster)?;
    let (kind, nodes) = (row.spec.kind(), stored.node_count);
    let scope = Scope {
        project: rows::project(&stored.project)?,
        target: row.target.clone(),
    };
    Ok(row
        .new
        .accepted(kind, scope, cluster, nodes, stored.created_at))
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
