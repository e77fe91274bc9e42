//! Requests that affect an unfinished operation: a delete supersedes it, a retry wakes it.

use std::collections::BTreeSet;

use futures_util::FutureExt;
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use crate::domain::operation::{ClusterStatus, Kind, Status};
use crate::domain::spec::{DeleteSpec, Spec};
use crate::domain::target::TargetName;

use super::accept::{Accepted, NewOperation};
use super::events::{self, By, Event};
use super::finish::{self, Ending};
use super::{Entry, Store, StoreError, audit, insert, rows};

/// Maximum number of repetitions of a delete that conflicts with concurrently accepted operations.
const DELETE_RACES: u32 = 5;

/// Time between two retries of an operation, in seconds. Each retry can repeat a call to AWS, and the
/// calls of all operations share the account's rate limits.
const RETRY_PAUSE_SECONDS: f64 = 5.0;
/// Number of an operation's last events among which a retry is looked for. After a retry an
/// operation records fewer within the pause, unless it has made progress.
const EVENTS_SINCE_RETRY: i64 = 50;

/// The outcome of a request to retry an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retried {
    /// The operation is due, so a worker claims it at once.
    Woken,
    /// The operation was retried a moment ago.
    TooSoon {
        /// Time until the next retry is accepted; at least one.
        seconds: u64,
    },
    /// The operation is unfinished but not blocked.
    NotBlocked,
    /// The operation has finished.
    Finished,
    /// No operation has this ID.
    NoSuchOperation,
}

impl Store {
    /// Accepts a delete, in every state of the cluster.
    ///
    /// An unfinished operation is superseded in the same transaction, which fences its worker. The
    /// delete takes over the cluster's inventory and open intents. An unfinished delete is returned
    /// as it is.
    pub async fn accept_delete(
        &self,
        new: &NewOperation,
        cluster: &str,
        spec: &DeleteSpec,
    ) -> Result<Accepted, StoreError> {
        self.accept_delete_of(new, cluster, None, spec, None).await
    }

    /// Accepts a delete of the cluster at one of these versions, or at any. `id` is the cluster that
    /// the request was decided on: another one that has its name by now is `Stale`.
    pub async fn accept_delete_of(
        &self,
        new: &NewOperation,
        cluster: &str,
        id: Option<Uuid>,
        spec: &DeleteSpec,
        versions: Option<&[i64]>,
    ) -> Result<Accepted, StoreError> {
        let mut left = DELETE_RACES;
        loop {
            let request = DeleteRequest {
                target: self.target.clone(),
                new: new.clone(),
                cluster: cluster.to_owned(),
                id,
                spec: spec.clone(),
                versions: versions.map(<[i64]>::to_vec),
                since: None,
            };
            let outcome = self
                .detached(|connection| {
                    async move { delete_in_transaction(connection, &request).await }.boxed()
                })
                .await;
            match outcome {
                // Another operation was accepted between the check and the insert. Supersede that
                // one.
                Err(error) if error.constraint() == Some("operations_one_live") && left > 0 => {
                    left -= 1
                }
                Err(error) => return self.explain_conflict(error, new, cluster).await,
                other => return other,
            }
        }
    }

    /// Wakes a blocked operation on behalf of the caller `by`, and restarts the deadline of its
    /// current step.
    pub async fn retry(&self, operation: Uuid, by: &str) -> Result<Retried, StoreError> {
        let (by, actor) = (By::of(by, self.actor.as_deref()), self.actor.clone());
        self.detached(move |connection| {
            async move {
                let mut transaction = connection.begin().await?;
                let retried = retry_in_transaction(&mut transaction, operation, &by).await?;
                if retried == Retried::Woken {
                    let entry = Entry::of_operation(operation);
                    audit::record(&mut *transaction, actor.as_deref(), &entry).await?;
                    transaction.commit().await?;
                }
                Ok(retried)
            }
            .boxed()
        })
        .await
    }
}

/// A validated request for a delete.
pub(super) struct DeleteRequest {
    pub(super) target: TargetName,
    pub(super) new: NewOperation,
    pub(super) cluster: String,
    /// The cluster that was decided on; `None`: any of that name.
    pub(super) id: Option<Uuid>,
    pub(super) spec: DeleteSpec,
    /// The versions of the cluster that may be deleted; `None`: any.
    pub(super) versions: Option<Vec<i64>>,
    /// The last operation on the cluster; `None`: any.
    pub(super) since: Option<Uuid>,
}

impl DeleteRequest {
    /// Why a cluster at this version is not deleted.
    fn rejection(&self, version: i64, is_protected: bool) -> Option<Accepted> {
        let is_other = |versions: &Vec<i64>| !versions.contains(&version);
        if self.versions.as_ref().is_some_and(is_other) {
            return Some(Accepted::OtherVersion(version));
        }
        (is_protected && !crate::sabotage::is("protection_ignored"))
            .then_some(Accepted::DeletionProtected)
    }
}

pub(super) async fn delete_in_transaction(
    connection: &mut PgConnection,
    request: &DeleteRequest,
) -> Result<Accepted, StoreError> {
    let (target, new, cluster) = (&request.target, &request.new, &request.cluster);
    let mut transaction = connection.begin().await?;
    // The operation is locked before the cluster, in the same order as by a worker's record.
    let live = sqlx::query!(
        "select id, kind, spec from operations
         where target = $1 and cluster_name = $2 and finished_at is null and not dormant for update",
        target.as_str(),
        cluster
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let row = sqlx::query!(
        r#"select id, status, version, operation_id, coalesce((desired ->> 'deletion_protection')::boolean, false)
                    and status in ('available', 'updating') as "protected!"
           from clusters where target = $1 and name = $2 and deleted_at is null for update"#,
        target.as_str(),
        cluster
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(row) = row else {
        return Ok(Accepted::NoSuchCluster);
    };
    if request.id.is_some_and(|id| id != row.id) {
        return Ok(Accepted::Stale);
    }
    if let Some(live) = &live
        && rows::kind(&live.kind)? == Kind::DeleteCluster
    {
        let spec = live.spec.clone();
        let accepted = join_unfinished(&mut transaction, request, live.id, spec).await?;
        transaction.commit().await?;
        return Ok(accepted);
    }
    if request.since.is_some_and(|since| since != row.operation_id) {
        return Ok(Accepted::Stale);
    }
    if let Some(rejected) = request.rejection(row.version, row.protected) {
        return Ok(rejected);
    }
    let groups = request.new.groups(Vec::new());
    if !groups.is_empty() {
        let accepted = hold_delete(&mut transaction, request, row.id, groups).await?;
        transaction.commit().await?;
        return Ok(accepted);
    }
    if let Some(live) = &live {
        let by = By::of(&new.requested_by, new.actor.as_deref());
        supersede(&mut transaction, live.id, &by).await?;
    }
    // A delete that superseded an operation cannot be undone, because that operation has ended.
    let prior = rows::cluster_status(&row.status)?;
    let prior = live.is_none().then_some(prior);
    let accepted = insert_delete(&mut transaction, request, row.id, prior, groups).await?;
    if let Some(live) = &live {
        link_successor(&mut transaction, live.id, new.id).await?;
    }
    transaction.commit().await?;
    Ok(accepted)
}

/// Inserts a delete that waits for an approval, unless the same one waits already.
async fn hold_delete(
    connection: &mut PgConnection,
    request: &DeleteRequest,
    cluster: Uuid,
    groups: BTreeSet<String>,
) -> Result<Accepted, StoreError> {
    let waiting = sqlx::query_scalar!(
        "select id from operations
         where cluster_id = $1 and status = 'awaiting_approval' and spec = $2
           and read_after = (select operation_id from clusters where id = $1)
         limit 1",
        cluster,
        rows::to_json(&Spec::DeleteCluster(request.spec.clone()))
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(waiting) = waiting else {
        return insert_delete(connection, request, cluster, None, groups).await;
    };
    insert::key(connection, &request.new, waiting).await?;
    Ok(Accepted::Replayed(waiting))
}

/// The outcome of a delete while the cluster has an unfinished one.
async fn join_unfinished(
    connection: &mut PgConnection,
    request: &DeleteRequest,
    live: Uuid,
    running: serde_json::Value,
) -> Result<Accepted, StoreError> {
    let running = rows::from_json("operations.spec", running)?;
    let accepted = accept_unfinished_delete(live, &running, &request.spec);
    if accepted == Accepted::Replayed(live) {
        insert::key(connection, &request.new, live).await?;
    }
    Ok(accepted)
}

/// Inserts the delete. `prior` is the status that the cluster returns to if it is cancelled.
async fn insert_delete(
    connection: &mut PgConnection,
    request: &DeleteRequest,
    cluster_id: Uuid,
    prior: Option<ClusterStatus>,
    groups: BTreeSet<String>,
) -> Result<Accepted, StoreError> {
    let row = insert::Row {
        target: &request.target,
        new: &request.new,
        spec: &Spec::DeleteCluster(request.spec.clone()),
        cluster_id,
        cluster: &request.cluster,
        prior,
        becomes: ClusterStatus::Deleting,
        groups,
    };
    insert::operation(connection, &row).await
}

/// The outcome of a delete request while the delete `operation` is unfinished.
fn accept_unfinished_delete(operation: Uuid, running: &Spec, requested: &DeleteSpec) -> Accepted {
    // The running delete satisfies the request only if it retains all requested kinds.
    match running {
        Spec::DeleteCluster(running)
            if requested
                .retain
                .iter()
                .all(|kind| running.retain.contains(kind)) =>
        {
            Accepted::Replayed(operation)
        }
        _ => Accepted::InProgress(operation),
    }
}

async fn link_successor(
    connection: &mut PgConnection,
    superseded: Uuid,
    successor: Uuid,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update operations set superseded_by = $2 where id = $1",
        superseded,
        successor
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn supersede(
    connection: &mut PgConnection,
    operation: Uuid,
    by: &By,
) -> Result<(), StoreError> {
    finish::end_steps(connection, operation).await?;
    let ending = Ending {
        operation_id: operation,
        status: Status::Cancelled,
        fault: None,
        cluster: None,
        message: format!("superseded by a delete of the cluster, requested by {by}"),
        by: Some(by),
    };
    finish::operation(connection, ending).await
}

async fn retry_in_transaction(
    connection: &mut PgConnection,
    operation: Uuid,
    by: &By,
) -> Result<Retried, StoreError> {
    let row = sqlx::query!(
        "select status, current_position from operations where id = $1 for update",
        operation
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else {
        return Ok(Retried::NoSuchOperation);
    };
    match rows::status(&row.status)? {
        Status::Blocked => {}
        Status::Succeeded | Status::Failed | Status::Cancelled => return Ok(Retried::Finished),
        Status::AwaitingApproval
        | Status::Pending
        | Status::Running
        | Status::Cancelling
        | Status::RollingBack => {
            return Ok(Retried::NotBlocked);
        }
    }
    // The condition is part of the update, which runs after the lock: it reads a retry that another
    // process has just committed. A retry in the future, before the clock moved back, does not count.
    let sequence = sqlx::query_scalar!(
        "update operations
         set retry_requested = true, claims_without_progress = 0, lane = 0, version = version + 1,
             wake_at = case when owner is null or lease_until <= now() then now() else wake_at end,
             deadline_at = greatest(deadline_at, now() + interval '1 hour'),
             last_sequence = last_sequence + 1
         where id = $1 and not exists (
           select 1
           from (select type, at from operation_events
                 where operation_id = $1
                 order by sequence desc
                 limit $2) as last_events
           where type = 'retry_requested'
             and at > clock_timestamp() - make_interval(secs => $3) and at <= clock_timestamp())
         returning last_sequence",
        operation,
        EVENTS_SINCE_RETRY,
        RETRY_PAUSE_SECONDS
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(sequence) = sequence else {
        let seconds = retry_pause(connection, operation).await?;
        return Ok(Retried::TooSoon { seconds });
    };
    sqlx::query!(
        "update operation_steps set patience_from = now(), faults_in_row = 0, blocks_in_row = 0
         where operation_id = $1 and position = $2",
        operation,
        row.current_position
    )
    .execute(&mut *connection)
    .await?;
    let requested = Event::requested("retry_requested", "retry", by);
    events::append(connection, operation, sequence - 1, &[requested]).await?;
    Ok(Retried::Woken)
}

/// The number of seconds until the next retry of an operation is accepted; at least one.
async fn retry_pause(connection: &mut PgConnection, operation: Uuid) -> Result<u64, StoreError> {
    let elapsed = sqlx::query_scalar!(
        r#"select min(extract(epoch from clock_timestamp() - at)::float8) as elapsed
           from operation_events
           where operation_id = $1 and type = 'retry_requested' and at <= clock_timestamp()"#,
        operation
    )
    .fetch_one(connection)
    .await?;
    let left = RETRY_PAUSE_SECONDS - elapsed.unwrap_or_default();
    Ok(left.ceil().max(1.0) as u64)
}
