//! Approvals: operations that wait until members of groups have approved them.
//!
//! A create or an adoption that waits is the live operation of its cluster, so its name is reserved.
//! An operation on an existing cluster is dormant: the cluster continues without it. At its last
//! approval it is accepted as if it were requested then.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::FutureExt;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::caller::Identity;
use crate::domain::names::ClusterName;
use crate::domain::operation::Status;
use crate::domain::problems::fault::{Fault, FaultClass};
use crate::domain::project::Scope;
use crate::domain::spec::Spec;
use crate::domain::target::TargetName;

use super::accept::{Accepted, ApprovalState, NewOperation};
use super::change::{Change, change_in_transaction};
use super::events::{self, By, Event};
use super::finish::{self, Ending, EndingCluster};
use super::rows::{self, to_json};
use super::{Actor, Entry, Store, StoreError};
use crate::store::supersede::{DeleteRequest, delete_in_transaction};

mod votes;

pub use votes::{Vote, Voted};

/// Operations that one call ends.
const EXPIRY_BATCH: i64 = 100;
/// The caller that ends them, in audit records.
const EXPIRY: &str = "schedule:expiry";

/// An operation that waits for approvals, for the decision on it.
#[derive(Debug, Clone)]
pub struct Awaiting {
    /// The caller, as stored when the operation was requested.
    pub requester: Identity,
    /// The target, and the project of the cluster.
    pub scope: Scope,
    /// The name of the cluster.
    pub cluster: ClusterName,
    /// What is requested.
    pub spec: Spec,
}

/// The locked row of an operation that waits.
struct Locked {
    id: Uuid,
    target: TargetName,
    cluster: String,
    cluster_id: Uuid,
    is_dormant: bool,
    read_after: Option<Uuid>,
    spec: Spec,
    requested_by: String,
    requested_for: Option<String>,
}

impl NewOperation {
    /// The groups whose approval the operation needs; `counted` are those that a count demands.
    pub(super) fn groups(&self, counted: Vec<String>) -> BTreeSet<String> {
        let mut groups = match &self.approval {
            ApprovalState::NotNeeded | ApprovalState::Given => BTreeSet::new(),
            ApprovalState::Needed(groups) => groups.clone(),
        };
        groups.extend(counted);
        groups
    }

    /// The caller, whose rights are decided again.
    fn requester(&self) -> Value {
        let actor = self.actor.as_deref();
        let identity = actor.and_then(Actor::identity);
        identity.map_or(Value::Null, |identity| to_json(&**identity))
    }
}

/// Makes an operation that was inserted in this transaction wait for these groups, if there are any.
pub(super) async fn hold(
    connection: &mut PgConnection,
    new: &NewOperation,
    groups: &BTreeSet<String>,
) -> Result<(), StoreError> {
    if groups.is_empty() {
        return Ok(());
    }
    let sequence = sqlx::query_scalar!(
        "update operations
         set status = 'awaiting_approval', waiting_for = 'approval', wake_at = 'infinity', requester = $2,
             last_sequence = last_sequence + 1
         where id = $1
         returning last_sequence",
        new.id,
        new.requester()
    )
    .fetch_one(&mut *connection)
    .await?;
    let groups: Vec<String> = groups.iter().cloned().collect();
    need(connection, new.id, &groups).await?;
    events::append(connection, new.id, sequence - 1, &[requested(&groups)]).await
}

/// The event of an operation that waits for these groups.
fn requested(groups: &[String]) -> Event {
    let message = format!("waits for the approval of {}", groups.join(" and of "));
    let data = serde_json::json!({"groups": groups});
    Event::new("approval_requested", message, data)
}

/// Adds the groups whose approval an operation needs. Returns the new ones.
async fn need(
    connection: &mut PgConnection,
    operation: Uuid,
    groups: &[String],
) -> Result<Vec<String>, StoreError> {
    let added = sqlx::query_scalar!(
        "insert into approvals (operation_id, group_name) select $1, unnest($2::text[])
         on conflict do nothing
         returning group_name",
        operation,
        groups
    )
    .fetch_all(connection)
    .await?;
    Ok(added)
}

impl Store {
    /// An operation that waits for approvals; `None` if it does not.
    pub async fn awaiting(&self, id: Uuid) -> Result<Option<Awaiting>, StoreError> {
        let row = sqlx::query!(
            "select target, project, cluster_name, spec, requester from operations
             where id = $1 and status = 'awaiting_approval'",
            id
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let requester = row.requester.unwrap_or_default();
        Ok(Some(Awaiting {
            requester: rows::from_json("operations.requester", requester)?,
            scope: Scope {
                project: rows::project(&row.project)?,
                target: rows::target(&row.target)?,
            },
            cluster: rows::cluster_name(&row.cluster_name)?,
            spec: rows::from_json("operations.spec", row.spec)?,
        }))
    }

    /// Ends operations that have waited longer than this for an approval. Returns their number.
    pub async fn expire_approvals(&self, after: Duration) -> Result<usize, StoreError> {
        let expired = sqlx::query_scalar!(
            "select id from operations
             where status = 'awaiting_approval' and created_at < now() - $1::float8 * interval '1 second'
             order by id limit $2",
            after.as_secs_f64(),
            EXPIRY_BATCH
        )
        .fetch_all(&self.pool)
        .await?;
        for id in &expired {
            self.expire_approval(*id, after).await?;
        }
        Ok(expired.len())
    }

    /// Ends an operation, unless it was decided on since it was read. A transaction of its own locks
    /// only one cluster.
    async fn expire_approval(&self, id: Uuid, after: Duration) -> Result<(), StoreError> {
        let days = after.as_secs() / 86_400;
        let reason = format!("it was not approved within {days} days");
        let entry = Entry {
            action: Some("expire_approval"),
            ..Entry::of_operation(id)
        };
        let store = self.acting(Actor::named(EXPIRY));
        let ended = store.audited(entry, move |connection| {
            async move {
                let Some(operation) = lock(connection, id).await? else {
                    return Ok(None);
                };
                operation.end(connection, reason, None).await.map(Some)
            }
            .boxed()
        });
        ended.await.map(|_| ())
    }
}

/// Locks an operation that waits for approvals.
async fn lock(connection: &mut PgConnection, id: Uuid) -> Result<Option<Locked>, StoreError> {
    let row = sqlx::query!(
        "select target, cluster_name, cluster_id, dormant, read_after, spec, requested_by, requested_for
         from operations where id = $1 and status = 'awaiting_approval' for update",
        id
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Locked {
        id,
        target: rows::target(&row.target)?,
        cluster: row.cluster_name,
        cluster_id: row.cluster_id,
        is_dormant: row.dormant,
        read_after: row.read_after,
        spec: rows::from_json("operations.spec", row.spec)?,
        requested_by: row.requested_by,
        requested_for: row.requested_for,
    }))
}

/// Ends an operation that waits for approvals, if it does, on behalf of a caller.
pub(super) async fn cancel(
    connection: &mut PgConnection,
    id: Uuid,
    by: &By,
) -> Result<(), StoreError> {
    match lock(connection, id).await? {
        Some(operation) => {
            let reason = format!("it was cancelled by {by} before it was approved");
            operation.end(connection, reason, Some(by)).await
        }
        None => Ok(()),
    }
}

impl Locked {
    /// Appends an event, and raises the versions of the operation and of its cluster.
    async fn note(&self, connection: &mut PgConnection, event: Event) -> Result<(), StoreError> {
        let sequence = sqlx::query_scalar!(
            "update operations set version = version + 1, last_sequence = last_sequence + 1 where id = $1
             returning last_sequence",
            self.id
        )
        .fetch_one(&mut *connection)
        .await?;
        events::append(&mut *connection, self.id, sequence - 1, &[event]).await?;
        sqlx::query!(
            "update clusters set version = version + 1 where id = $1",
            self.cluster_id
        )
        .execute(connection)
        .await?;
        Ok(())
    }

    /// Whether a group has not decided.
    async fn is_open(&self, connection: &mut PgConnection) -> Result<bool, StoreError> {
        let is_open = sqlx::query_scalar!(
            r#"select exists (select 1 from approvals where operation_id = $1 and decision is null) as "open!""#,
            self.id
        )
        .fetch_one(connection)
        .await?;
        Ok(is_open)
    }

    /// Starts the operation. A dormant one is accepted as if it were requested now, and ends if it
    /// cannot be.
    async fn start(
        &self,
        connection: &mut PgConnection,
        deadline: Duration,
        by: &By,
    ) -> Result<(), StoreError> {
        if self.has_expired(connection).await? {
            let reason = "its `expires_at` has passed".to_owned();
            return self.end(connection, reason, Some(by)).await;
        }
        if !self.is_dormant {
            sqlx::query!(
                "update operations
                 set status = 'pending', waiting_for = null, wake_at = now(), version = version + 1,
                     deadline_at = now() + $2::float8 * interval '1 second'
                 where id = $1",
                self.id,
                deadline.as_secs_f64()
            )
            .execute(connection)
            .await?;
            return Ok(());
        }
        let reason = match self.accept(connection, deadline).await? {
            Accepted::Created(_) => return Ok(()),
            Accepted::NoSuchCluster => "the cluster no longer exists",
            Accepted::InProgress(_) | Accepted::Replayed(_) => {
                "another operation is in progress on the cluster"
            }
            Accepted::DeletionProtected => "deletion protection of the cluster is on",
            _ => "the cluster was changed after the request",
        };
        self.end(connection, reason.to_owned(), Some(by)).await
    }

    /// Whether the operation would set an expiry that is past.
    async fn has_expired(&self, connection: &mut PgConnection) -> Result<bool, StoreError> {
        let after = self.spec.desired().and_then(|spec| spec.local.expires_at);
        let before = self.spec.change();
        let before = before.and_then(|change| change.before.local.expires_at);
        let has_expired = sqlx::query_scalar!(
            r#"select coalesce($1::timestamptz <= now(), false) as "has_expired!""#,
            after.filter(|_| after != before)
        )
        .fetch_one(connection)
        .await?;
        Ok(has_expired)
    }

    async fn accept(
        &self,
        connection: &mut PgConnection,
        deadline: Duration,
    ) -> Result<Accepted, StoreError> {
        let new = NewOperation {
            id: self.id,
            steps: Vec::new(),
            deadline,
            requested_by: self.requested_by.clone(),
            requested_for: self.requested_for.clone(),
            project: None,
            request_id: None,
            traceparent: None,
            idempotency_key: None,
            actor: None,
            approval: ApprovalState::Given,
        };
        if let Spec::DeleteCluster(spec) = &self.spec {
            let request = DeleteRequest {
                target: self.target.clone(),
                new,
                cluster: self.cluster.clone(),
                id: Some(self.cluster_id),
                spec: spec.clone(),
                versions: None,
                since: self.read_after,
            };
            return delete_in_transaction(connection, &request).await;
        }
        let change = Change {
            cluster: self.cluster.clone(),
            since: self.read_after.unwrap_or_default(),
            spec: self.spec.clone(),
        };
        change_in_transaction(connection, &self.target, &new, &change, None).await
    }

    /// Ends the operation without a call to AWS.
    async fn end(
        &self,
        connection: &mut PgConnection,
        reason: String,
        by: Option<&By>,
    ) -> Result<(), StoreError> {
        finish::end_steps(connection, self.id).await?;
        let cluster = EndingCluster {
            id: self.cluster_id,
            kind: self.spec.kind(),
            prior: None,
        };
        let fault = Fault::new(FaultClass::NotApproved, reason.clone());
        let ending = Ending {
            operation_id: self.id,
            status: Status::Cancelled,
            fault: Some(&fault),
            cluster: (!self.is_dormant).then_some(cluster),
            message: reason,
            by,
        };
        finish::operation(connection, ending).await?;
        sqlx::query!(
            "update clusters set version = version + 1 where id = $1 and $2",
            self.cluster_id,
            self.is_dormant
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}
