//! Requests to give up: cancel and roll back, and how an undo begins.

use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::domain::operation::{ClusterStatus, Kind, Status};
use crate::domain::problems::fault::Fault;

use super::rows::{self, from_optional_json, to_json};
use super::{Store, StoreError, clusters};

/// The names of the steps that undo a kind.
pub type UndoOf = fn(Kind) -> Vec<&'static str>;

/// What became of a request to cancel or to roll back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UndoRequested {
    /// The undo begins, or there was nothing to undo and the operation is over.
    Begun,
    /// It is being undone already, to the same end.
    Already,
    /// It is being undone to another end, or a delete has been sent to AWS.
    TooLate,
    /// It is not blocked, so it is not rolled back.
    NotBlocked,
    /// It is over.
    Finished,
    /// There is none.
    NoSuchOperation,
}

/// An operation, locked, about to be given up.
struct Live {
    id: Uuid,
    kind: Kind,
    cluster_id: Uuid,
    status: Status,
    ending: Status,
    undoing: bool,
    prior: Option<ClusterStatus>,
    fault: Option<Fault>,
}

impl Store {
    /// Cancels an operation: no new forward call, then its undo, then `cancelled`.
    pub async fn cancel(
        &self,
        operation: Uuid,
        undo_of: UndoOf,
    ) -> Result<UndoRequested, StoreError> {
        self.detached(move |pool| async move {
            request_undo(&pool, operation, Status::Cancelled, undo_of).await
        })
        .await
    }

    /// Rolls a blocked operation back: its undo, then `failed` with the problem that blocked it.
    pub async fn roll_back(
        &self,
        operation: Uuid,
        undo_of: UndoOf,
    ) -> Result<UndoRequested, StoreError> {
        self.detached(move |pool| async move {
            request_undo(&pool, operation, Status::Failed, undo_of).await
        })
        .await
    }
}

async fn request_undo(
    pool: &PgPool,
    id: Uuid,
    ending: Status,
    undo_of: UndoOf,
) -> Result<UndoRequested, StoreError> {
    let mut transaction = pool.begin().await?;
    let Some(live) = lock(&mut transaction, id).await? else {
        return Ok(UndoRequested::NoSuchOperation);
    };
    if live.status.is_finished() {
        return Ok(UndoRequested::Finished);
    }
    if live.undoing {
        return Ok(if live.ending == ending {
            UndoRequested::Already
        } else {
            UndoRequested::TooLate
        });
    }
    if ending == Status::Failed && live.status != Status::Blocked {
        return Ok(UndoRequested::NotBlocked);
    }
    if live.kind == Kind::DeleteCluster
        && (ending == Status::Failed
            || live.prior.is_none()
            || has_deleted(&mut transaction, id).await?)
    {
        return Ok(UndoRequested::TooLate);
    }
    let steps = undo_of(live.kind);
    let fault = live.fault.clone().filter(|_| ending == Status::Failed);
    if steps.is_empty() {
        end_at_once(&mut transaction, &live, ending, fault.as_ref()).await?;
    } else {
        let status = if ending == Status::Failed {
            Status::RollingBack
        } else {
            Status::Cancelling
        };
        stop_forward_steps(&mut transaction, id).await?;
        append(&mut transaction, id, &steps, ending, fault.as_ref()).await?;
        let word = if ending == Status::Failed {
            "roll_back_requested"
        } else {
            "cancel_requested"
        };
        take_from_workers(&mut transaction, id, status, word).await?;
        clusters::touch(&mut transaction, live.cluster_id).await?;
    }
    transaction.commit().await?;
    Ok(UndoRequested::Begun)
}

async fn lock(connection: &mut PgConnection, id: Uuid) -> Result<Option<Live>, StoreError> {
    let row = sqlx::query!(
        "select o.kind, o.cluster_id, o.status, o.ending, o.prior_status, s.undo as \"undo?\", s.fault as step_fault
         from operations o
         left join operation_steps s on s.operation_id = o.id and s.position = o.current_position
         where o.id = $1
         for update of o",
        id
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(Live {
            id,
            kind: rows::kind(&row.kind)?,
            cluster_id: row.cluster_id,
            status: rows::status(&row.status)?,
            ending: rows::status(&row.ending)?,
            undoing: row.undo.unwrap_or_default(),
            prior: row
                .prior_status
                .as_deref()
                .map(rows::cluster_status)
                .transpose()?,
            fault: from_optional_json("operation_steps.fault", row.step_fault)?,
        })
    })
    .transpose()
}

/// Whether a delete has been, or may have been, sent to AWS by this operation.
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

async fn stop_forward_steps(connection: &mut PgConnection, id: Uuid) -> Result<(), StoreError> {
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

/// Appends the undo steps to an operation and points it at the first of them; its fault is why it will fail.
pub(super) async fn append(
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

/// Fences whatever worker has the operation, and lets another go on with it at once.
async fn take_from_workers(
    connection: &mut PgConnection,
    id: Uuid,
    status: Status,
    word: &str,
) -> Result<(), StoreError> {
    let sequence = sqlx::query_scalar!(
        "update operations
         set status = $2, epoch = epoch + 1, owner = null, lease_until = null, waiting_for = null, wake_at = now(),
             claims_without_progress = 0, retry_requested = false, version = version + 1,
             last_sequence = last_sequence + 1
         where id = $1
         returning last_sequence",
        id,
        status.as_str()
    )
    .fetch_one(&mut *connection)
    .await?;
    write_event(connection, id, sequence, word, "a person asked for it").await
}

/// Ends an operation that has nothing to undo.
async fn end_at_once(
    connection: &mut PgConnection,
    live: &Live,
    ending: Status,
    fault: Option<&Fault>,
) -> Result<(), StoreError> {
    stop_forward_steps(connection, live.id).await?;
    let sequence = sqlx::query_scalar!(
        "update operations
         set status = $2, ending = $2, fault = $3, epoch = epoch + 1, owner = null, lease_until = null, waiting_for = null,
             current_step = null, finished_at = now(), version = version + 1, last_sequence = last_sequence + 1
         where id = $1
         returning last_sequence",
        live.id,
        ending.as_str(),
        fault.map(to_json)
    )
    .fetch_one(&mut *connection)
    .await?;
    // A delete has said farewell to what was found or given; the cluster keeps it after all.
    sqlx::query!(
        "update inventory set presence = 'present', reason = null
         where touched_by = $1 and owner = 'external' and presence = 'left'",
        live.id
    )
    .execute(&mut *connection)
    .await?;
    clusters::end_operation(connection, live.cluster_id, live.kind, ending, live.prior).await?;
    let word = format!("operation_{}", ending.as_str());
    write_event(
        connection,
        live.id,
        sequence,
        &word,
        "given up before anything was done",
    )
    .await
}

async fn write_event(
    connection: &mut PgConnection,
    id: Uuid,
    sequence: i64,
    word: &str,
    message: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into operation_events (operation_id, sequence, type, message) values ($1, $2, $3, $4)",
        id,
        sequence,
        word,
        message
    )
    .execute(connection)
    .await?;
    Ok(())
}
