//! Requests about work in flight: a delete takes over, a retry wakes.

use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::domain::operation::{ClusterStatus, Kind, Status};
use crate::domain::spec::{DeleteSpec, Spec};

use super::accept::{Accepted, NewOperation};
use super::{Store, StoreError, insert, rows};

/// How often a delete looks again when others are accepted at the same moment.
const DELETE_RACES: u32 = 5;

/// What became of a request to retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retried {
    /// A worker visits it at once.
    Woken,
    /// It is not blocked: it works by itself.
    NotBlocked,
    /// It is over.
    Finished,
    /// There is none.
    NoSuchOperation,
}

impl Store {
    /// Accepts a delete. It works in every state: a live operation is superseded in the same transaction, which raises
    /// its epoch (so that its worker is fenced), and the delete takes over the cluster's inventory and open intents. A
    /// live delete is answered as it is.
    pub async fn accept_delete(
        &self,
        new: &NewOperation,
        cluster: &str,
        spec: &DeleteSpec,
    ) -> Result<Accepted, StoreError> {
        let mut left = DELETE_RACES;
        loop {
            let (new, cluster, spec) = (new.clone(), cluster.to_owned(), spec.clone());
            let outcome = self
                .detached(|pool| async move {
                    delete_in_transaction(&pool, &new, &cluster, &spec).await
                })
                .await;
            match outcome {
                // Another operation was accepted between our look and our insert: look again, and take it over.
                Err(error) if error.constraint() == Some("operations_one_live") && left > 0 => {
                    left -= 1
                }
                other => return other,
            }
        }
    }

    /// Wakes a blocked operation now and starts its patience anew.
    pub async fn retry(&self, operation: Uuid) -> Result<Retried, StoreError> {
        self.detached(move |pool| async move { retry_in_transaction(&pool, operation).await })
            .await
    }
}

async fn delete_in_transaction(
    pool: &PgPool,
    new: &NewOperation,
    cluster: &str,
    spec: &DeleteSpec,
) -> Result<Accepted, StoreError> {
    let mut transaction = pool.begin().await?;
    // The operation is locked before the cluster: a worker's record takes the two in this order as well.
    let live = sqlx::query!(
        "select id, kind, spec from operations where cluster_name = $1 and finished_at is null for update",
        cluster
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let found = sqlx::query!(
        r#"select id, status, coalesce((desired ->> 'deletion_protection')::boolean, false)
                    and status in ('available', 'updating') as "protected!"
           from clusters where name = $1 and deleted_at is null for update"#,
        cluster
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(found) = found else {
        return Ok(Accepted::NoSuchCluster);
    };
    if let Some(live) = &live
        && rows::kind(&live.kind)? == Kind::DeleteCluster
    {
        let Spec::DeleteCluster(begun) = rows::from_json("operations.spec", live.spec.clone())?
        else {
            return Ok(Accepted::InProgress(live.id));
        };
        // A delete that leaves less than is asked for now is not the same one.
        let same = spec.retain.iter().all(|kind| begun.retain.contains(kind));
        return Ok(if same {
            Accepted::Replayed(live.id)
        } else {
            Accepted::InProgress(live.id)
        });
    }
    if found.protected {
        return Ok(Accepted::DeletionProtected);
    }
    if let Some(live) = &live {
        supersede(&mut transaction, live.id).await?;
    }
    let spec = Spec::DeleteCluster(spec.clone());
    // A delete that has taken over cannot be taken back: what it superseded is over.
    let prior = if live.is_none() {
        Some(rows::cluster_status(&found.status)?)
    } else {
        None
    };
    let becomes = ClusterStatus::Deleting;
    insert::operation(
        &mut transaction,
        &insert::Row {
            new,
            spec: &spec,
            cluster_id: found.id,
            cluster,
            prior,
            becomes,
        },
    )
    .await?;
    if let Some(live) = &live {
        sqlx::query!(
            "update operations set superseded_by = $2 where id = $1",
            live.id,
            new.id
        )
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await?;
    Ok(Accepted::Created(new.id))
}

async fn supersede(connection: &mut PgConnection, operation: Uuid) -> Result<(), StoreError> {
    sqlx::query!(
        "update operation_steps
         set status = case when status = 'pending' then 'skipped' else 'failed' end, finished_at = now()
         where operation_id = $1 and status in ('pending', 'running', 'blocked')",
        operation
    )
    .execute(&mut *connection)
    .await?;
    let sequence = sqlx::query_scalar!(
        "update operations
         set status = 'cancelled', epoch = epoch + 1, owner = null, lease_until = null, current_step = null,
             waiting_for = null, finished_at = now(), version = version + 1, last_sequence = last_sequence + 1
         where id = $1
         returning last_sequence",
        operation
    )
    .fetch_one(&mut *connection)
    .await?;
    sqlx::query!(
        "insert into operation_events (operation_id, sequence, type, message)
         values ($1, $2, 'operation_cancelled', 'taken over by a delete of the cluster')",
        operation,
        sequence
    )
    .execute(&mut *connection)
    .await?;
    Ok(())
}

async fn retry_in_transaction(pool: &PgPool, operation: Uuid) -> Result<Retried, StoreError> {
    let mut transaction = pool.begin().await?;
    let row = sqlx::query!(
        "select status, current_position from operations where id = $1 for update",
        operation
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(row) = row else {
        return Ok(Retried::NoSuchOperation);
    };
    match rows::status(&row.status)? {
        Status::Blocked => {}
        status if status.is_finished() => return Ok(Retried::Finished),
        _ => return Ok(Retried::NotBlocked),
    }
    let sequence = sqlx::query_scalar!(
        "update operations
         set retry_requested = true, claims_without_progress = 0, version = version + 1,
             wake_at = case when owner is null or lease_until <= now() then now() else wake_at end,
             deadline_at = greatest(deadline_at, now() + interval '1 hour'),
             last_sequence = last_sequence + 1
         where id = $1
         returning last_sequence",
        operation
    )
    .fetch_one(&mut *transaction)
    .await?;
    sqlx::query!(
        "update operation_steps set patience_from = now(), faults_in_row = 0, blocks_in_row = 0
         where operation_id = $1 and position = $2",
        operation,
        row.current_position
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!(
        "insert into operation_events (operation_id, sequence, type, message)
         values ($1, $2, 'retry_requested', 'a retry was asked for')",
        operation,
        sequence
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(Retried::Woken)
}
