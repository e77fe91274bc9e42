//! The end of an operation by a request or a job. A turn ends its operation in
//! `sql/record_turns.sql`, with its record.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::operation::{ClusterStatus, Kind, Status};
use crate::domain::problems::fault::Fault;

use super::events::{self, By, Event};
use super::rows::to_json;
use super::{StoreError, clusters};

/// How an operation ends.
pub(super) struct Ending<'a> {
    pub(super) operation_id: Uuid,
    /// The final status: `succeeded`, `failed` or `cancelled`.
    pub(super) status: Status,
    /// The fault to store. `None` keeps the stored one, which started the undo.
    pub(super) fault: Option<&'a Fault>,
    /// The cluster to update. `None` if another operation takes over the cluster.
    pub(super) cluster: Option<EndingCluster>,
    /// The message of the final event.
    pub(super) message: String,
    /// The caller whose request ends it.
    pub(super) by: Option<&'a By>,
}

/// The cluster of an operation that ends.
pub(super) struct EndingCluster {
    pub(super) id: Uuid,
    pub(super) kind: Kind,
    /// The status of the cluster before the operation.
    pub(super) prior: Option<ClusterStatus>,
}

/// Ends an operation: writes its final status, updates its cluster and inserts the final event.
///
/// It raises the epoch, so a worker that still holds a claim is fenced. The caller ends the steps.
pub(super) async fn operation(
    connection: &mut PgConnection,
    ending: Ending<'_>,
) -> Result<(), StoreError> {
    let Ending {
        operation_id,
        status,
        fault,
        cluster,
        message,
        by,
    } = ending;
    let kind = format!("operation_{}", status.as_str());
    let last_sequence = sqlx::query_scalar!(
        "update operations
         set status = $2, ending = $2, fault = coalesce($3, fault), current_step = null, finished_at = now(),
             epoch = epoch + 1, owner = null, lease_until = null, waiting_for = null, wake_at = 'infinity',
             claims_without_progress = 0, retry_requested = false, version = version + 1,
             last_sequence = last_sequence + 1
         where id = $1 and finished_at is null
         returning last_sequence",
        operation_id,
        status.as_str(),
        fault.map(to_json)
    )
    .fetch_optional(&mut *connection)
    .await?
    .ok_or(StoreError::Fenced)?;
    let event = match by {
        Some(by) => Event::new(&kind, message, by.data()),
        None => Event::plain(&kind, message),
    };
    events::append(connection, operation_id, last_sequence - 1, &[event]).await?;
    if let Some(EndingCluster { id, kind, prior }) = cluster {
        clusters::end_operation(connection, id, kind, status, prior).await?;
    }
    Ok(())
}

/// Ends the steps that are not done: pending ones are skipped, others failed.
pub(super) async fn end_steps(connection: &mut PgConnection, id: Uuid) -> Result<(), StoreError> {
    sqlx::query!(
        "update operation_steps
         set status = case when status = 'pending' then 'skipped' else 'failed' end, finished_at = now()
         where operation_id = $1 and status in ('pending', 'running', 'blocked')",
        id
    )
    .execute(connection)
    .await?;
    Ok(())
}
