//! Requests to cancel or roll back an operation, and the start of an undo.

use futures_util::FutureExt;
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use crate::domain::operation::{ClusterStatus, Kind, Status};
use crate::domain::problems::fault::Fault;

use super::events::{self, By, Event};
use super::finish::{self, Ending, EndingCluster};
use super::rows::{self, from_optional_json, to_json};
use super::{Entry, Store, StoreError, approvals, audit, clusters};

/// Returns the names of the steps that undo an operation of a kind, in order.
pub type UndoOf = fn(Kind) -> Vec<&'static str>;

/// The outcome of a request to cancel or roll back an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UndoRequested {
    /// The undo has started, or nothing had to be undone and the operation has ended.
    Started,
    /// An undo with the same final status is in progress.
    AlreadyUndoing,
    /// An undo with another final status is in progress, or deletion in AWS has started.
    TooLate,
    /// Only a blocked operation can be rolled back.
    NotBlocked,
    /// The operation has finished.
    Finished,
    /// No operation has this ID.
    NoSuchOperation,
}

/// An operation to undo, whose row is locked.
struct LockedOperation {
    id: Uuid,
    kind: Kind,
    cluster_id: Uuid,
    status: Status,
    ending: Status,
    prior: Option<ClusterStatus>,
    fault: Option<Fault>,
}

impl Store {
    /// Cancels an operation on behalf of the caller `by`: stops its forward steps and undoes them; it
    /// then ends `cancelled`.
    pub async fn cancel(
        &self,
        operation: Uuid,
        by: &str,
        undo_of: UndoOf,
    ) -> Result<UndoRequested, StoreError> {
        self.undo(operation, Status::Cancelled, by, undo_of).await
    }

    /// Rolls a blocked operation back on behalf of the caller `by`: undoes its steps; it then ends
    /// `failed` with the fault that blocked it.
    pub async fn roll_back(
        &self,
        operation: Uuid,
        by: &str,
        undo_of: UndoOf,
    ) -> Result<UndoRequested, StoreError> {
        self.undo(operation, Status::Failed, by, undo_of).await
    }

    async fn undo(
        &self,
        operation: Uuid,
        ending: Status,
        by: &str,
        undo_of: UndoOf,
    ) -> Result<UndoRequested, StoreError> {
        let (by, actor) = (By::of(by, self.actor.as_deref()), self.actor.clone());
        self.detached(move |connection| {
            async move {
                let mut transaction = connection.begin().await?;
                let requested =
                    request_undo(&mut transaction, operation, ending, &by, undo_of).await?;
                if requested == UndoRequested::Started {
                    let entry = Entry::of_operation(operation);
                    audit::record(&mut *transaction, actor.as_deref(), &entry).await?;
                    transaction.commit().await?;
                }
                Ok(requested)
            }
            .boxed()
        })
        .await
    }
}

async fn request_undo(
    connection: &mut PgConnection,
    id: Uuid,
    ending: Status,
    by: &By,
    undo_of: UndoOf,
) -> Result<UndoRequested, StoreError> {
    let Some(operation) = lock(connection, id).await? else {
        return Ok(UndoRequested::NoSuchOperation);
    };
    if operation.status.is_finished() {
        return Ok(UndoRequested::Finished);
    }
    if operation.status == Status::AwaitingApproval && ending == Status::Cancelled {
        approvals::cancel(connection, id, by).await?;
        return Ok(UndoRequested::Started);
    }
    if operation.is_undoing() && !crate::sabotage::is("undo_started_twice") {
        return Ok(if operation.ending == ending {
            UndoRequested::AlreadyUndoing
        } else {
            UndoRequested::TooLate
        });
    }
    if ending == Status::Failed && operation.status != Status::Blocked {
        return Ok(UndoRequested::NotBlocked);
    }
    if operation.kind == Kind::DeleteCluster
        && (ending == Status::Failed
            || operation.prior.is_none()
            || has_deleted(connection, id).await?)
    {
        return Ok(UndoRequested::TooLate);
    }
    let steps = undo_of(operation.kind);
    let fault = operation.fault.clone().filter(|_| ending == Status::Failed);
    if steps.is_empty() {
        end_without_undo(connection, &operation, ending, fault.as_ref(), by).await?;
    } else {
        let (status, event) = if ending == Status::Failed {
            let event = Event::requested("roll_back_requested", "rollback", by);
            (Status::RollingBack, event)
        } else {
            let event = Event::requested("cancel_requested", "cancellation", by);
            (Status::Cancelling, event)
        };
        finish::end_steps(connection, id).await?;
        append_undo_steps(connection, id, &steps, ending, fault.as_ref()).await?;
        fence_worker(connection, id, status, event).await?;
        clusters::touch(connection, operation.cluster_id).await?;
    }
    Ok(UndoRequested::Started)
}

/// Locks the operation, then reads its current step in a second statement.
///
/// One statement that locks the operation and joins the step is wrong under READ COMMITTED: after a
/// wait for the lock, Postgres evaluates it with the new operation and the old step.
async fn lock(
    connection: &mut PgConnection,
    id: Uuid,
) -> Result<Option<LockedOperation>, StoreError> {
    let row = sqlx::query!(
        "select kind, cluster_id, status, ending, prior_status from operations where id = $1 for update",
        id
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let fault = sqlx::query_scalar!(
        "select s.fault from operation_steps s
         join operations o on o.id = s.operation_id and o.current_position = s.position
         where o.id = $1",
        id
    )
    .fetch_optional(connection)
    .await?;
    Ok(Some(LockedOperation {
        id,
        kind: rows::kind(&row.kind)?,
        cluster_id: row.cluster_id,
        status: rows::status(&row.status)?,
        ending: rows::status(&row.ending)?,
        prior: row
            .prior_status
            .as_deref()
            .map(rows::cluster_status)
            .transpose()?,
        fault: from_optional_json("operation_steps.fault", fault.flatten())?,
    }))
}

impl LockedOperation {
    /// Whether an undo has begun. It is recorded once, in `ending`, for every undo.
    fn is_undoing(&self) -> bool {
        self.ending != Status::Succeeded
    }
}

/// Whether AWS has, or may have, executed a call of this operation.
async fn has_deleted(connection: &mut PgConnection, id: Uuid) -> Result<bool, StoreError> {
    let sent = sqlx::query_scalar!(
        r#"select exists (
             select 1 from intents where operation_id = $1 and outcome is distinct from 'refused') as "sent!""#,
        id
    )
    .fetch_one(connection)
    .await?;
    Ok(sent)
}

/// Appends the undo steps to an operation and makes the first of them current. `fault` is the
/// reason of the undo.
pub(super) async fn append_undo_steps(
    connection: &mut PgConnection,
    id: Uuid,
    steps: &[&'static str],
    ending: Status,
    fault: Option<&Fault>,
) -> Result<(), StoreError> {
    let steps: Vec<String> = steps.iter().map(|&name| name.to_owned()).collect();
    sqlx::query!(
        "with skipped as (
           update operation_steps set status = 'skipped', finished_at = now()
           where operation_id = $1 and status = 'pending'
         ),
         last as (select max(position) as position from operation_steps where operation_id = $1)
         insert into operation_steps (operation_id, position, name, undo)
         select $1, last.position + step.ordinality::int, step.name, true
         from last, unnest($2::text[]) with ordinality as step (name, ordinality)",
        id,
        &steps
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update operations
         set ending = $3, fault = $2, current_position = s.position, current_step = s.name,
             deadline_at = now() + (deadline_at - created_at)
         from operation_steps s
         where operations.id = $1 and s.operation_id = $1 and s.undo
           and s.position = (select min(position) from operation_steps where operation_id = $1 and undo)",
        id,
        fault.map(to_json),
        ending.as_str()
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Fences the worker that holds the operation, and makes the operation due at once.
async fn fence_worker(
    connection: &mut PgConnection,
    id: Uuid,
    status: Status,
    event: Event,
) -> Result<(), StoreError> {
    let sequence = sqlx::query_scalar!(
        "update operations
         set status = $2, epoch = epoch + 1, owner = null, lease_until = null, waiting_for = null, wake_at = now(),
             claims_without_progress = 0, retry_requested = false, lane = 0, version = version + 1,
             last_sequence = last_sequence + 1
         where id = $1
         returning last_sequence",
        id,
        status.as_str()
    )
    .fetch_one(&mut *connection)
    .await?;
    events::append(connection, id, sequence - 1, &[event]).await
}

/// Ends an operation that has nothing to undo.
async fn end_without_undo(
    connection: &mut PgConnection,
    operation: &LockedOperation,
    status: Status,
    fault: Option<&Fault>,
    by: &By,
) -> Result<(), StoreError> {
    finish::end_steps(connection, operation.id).await?;
    // A delete marked external resources as left. The cluster keeps them, so they are present
    // again.
    sqlx::query!(
        "update inventory set presence = 'present', reason = null
         where touched_by = $1 and owner = 'external' and presence = 'left'",
        operation.id
    )
    .execute(&mut *connection)
    .await?;
    let cluster = EndingCluster {
        id: operation.cluster_id,
        kind: operation.kind,
        prior: operation.prior,
    };
    let ending = Ending {
        operation_id: operation.id,
        status,
        fault,
        cluster: Some(cluster),
        message: format!("ended before it changed anything in AWS, as requested by {by}"),
        by: Some(by),
    };
    finish::operation(connection, ending).await
}
