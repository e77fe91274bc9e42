//! Acceptance of a change of a managed cluster, and of an adoption.

use std::collections::BTreeSet;

use futures_util::FutureExt;
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use crate::domain::operation::ClusterStatus;
use crate::domain::project::ProjectName;
use crate::domain::spec::{ClusterSpec, Spec};
use crate::domain::target::TargetName;

use super::accept::{Accepted, NewOperation};
use super::projects::Limit;
use super::rows::{self, to_json};
use super::{Store, StoreError, approvals, insert, projects};

/// A change that was validated against the current state of the cluster.
#[derive(Debug, Clone)]
pub struct Change {
    /// The name of the cluster.
    pub cluster: String,
    /// The cluster's last operation at validation. Settings change only with operations.
    pub since: Uuid,
    /// The spec of the new operation.
    pub spec: Spec,
}

impl Store {
    /// Accepts a change of a managed cluster and stores its new desired settings.
    pub async fn accept_change(
        &self,
        new: &NewOperation,
        change: &Change,
        limit: Option<Limit>,
    ) -> Result<Accepted, StoreError> {
        if let Some(known) = self.known_request(new).await? {
            return Ok(known);
        }
        let scope = limit.as_ref().map(|limit| limit.scope.clone());
        let _turn = self.turn(scope).await?;
        let (target, new_owned, owned) = (self.target.clone(), new.clone(), change.clone());
        let outcome = self
            .detached(|connection| {
                async move {
                    change_in_transaction(connection, &target, &new_owned, &owned, limit).await
                }
                .boxed()
            })
            .await;
        self.or_replay(outcome, new, &change.cluster).await
    }

    /// Accepts the adoption of an existing cluster. `observed` holds its settings in AWS.
    pub async fn accept_adopt(
        &self,
        new: &NewOperation,
        observed: &ClusterSpec,
        limit: Option<Limit>,
    ) -> Result<Accepted, StoreError> {
        if let Some(known) = self.known_request(new).await? {
            return Ok(known);
        }
        let scope = limit.as_ref().map(|limit| limit.scope.clone());
        let _turn = self.turn(scope).await?;
        let (target, new_owned, owned) = (self.target.clone(), new.clone(), observed.clone());
        let outcome = self
            .detached(|connection| {
                async move {
                    adopt_in_transaction(connection, &target, &new_owned, &owned, limit).await
                }
                .boxed()
            })
            .await;
        self.or_replay(outcome, new, observed.name.as_str()).await
    }

    /// The outcome of a request. If it was rejected, an identical concurrent request may have been
    /// accepted.
    async fn or_replay(
        &self,
        outcome: Result<Accepted, StoreError>,
        new: &NewOperation,
        cluster: &str,
    ) -> Result<Accepted, StoreError> {
        match outcome {
            Ok(created @ Accepted::Created(_)) => Ok(created),
            Ok(rejected) => Ok(self.known_request(new).await?.unwrap_or(rejected)),
            Err(error) => self.explain_conflict(error, new, cluster).await,
        }
    }
}

/// Locks and returns the unfinished operation on a cluster. It is locked before the cluster, in the
/// same order as by the worker's record.
pub(super) async fn lock_live(
    connection: &mut PgConnection,
    target: &TargetName,
    cluster: &str,
) -> Result<Option<Uuid>, StoreError> {
    let live = sqlx::query_scalar!(
        "select id from operations where target = $1 and cluster_name = $2 and finished_at is null and not dormant for update",
        target.as_str(),
        cluster
    )
    .fetch_optional(connection)
    .await?;
    Ok(live)
}

/// Locks the operations on a cluster that wait for an approval, before the live one, as a vote does.
async fn lock_dormant(
    connection: &mut PgConnection,
    target: &TargetName,
    cluster: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "select id from operations
         where target = $1 and cluster_name = $2 and finished_at is null and dormant
         order by id
         for update",
        target.as_str(),
        cluster
    )
    .fetch_all(connection)
    .await?;
    Ok(())
}

pub(super) async fn change_in_transaction(
    connection: &mut PgConnection,
    target: &TargetName,
    new: &NewOperation,
    change: &Change,
    limit: Option<Limit>,
) -> Result<Accepted, StoreError> {
    let mut transaction = connection.begin().await?;
    // The project is locked before rows, in the same order by every request.
    let counted = projects::permitted(&mut transaction, limit, &change.cluster).await?;
    let Some(counted) = counted else {
        return Ok(Accepted::NotPermitted);
    };
    let groups = new.groups(counted);
    if change
        .spec
        .change()
        .is_some_and(|change| change.project.is_some())
    {
        lock_dormant(&mut transaction, target, &change.cluster).await?;
    }
    let live = lock_live(&mut transaction, target, &change.cluster).await?;
    let row = sqlx::query!(
        "select id, status, operation_id, desired from clusters
         where target = $1 and name = $2 and deleted_at is null for update",
        target.as_str(),
        change.cluster
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(row) = row else {
        return Ok(Accepted::NoSuchCluster);
    };
    if let Some(live) = live {
        return Ok(Accepted::InProgress(live));
    }
    let prior = rows::cluster_status(&row.status)?;
    if prior == ClusterStatus::Failed {
        return Ok(Accepted::ClusterFailed);
    }
    // An undone operation restores the settings when it ends, so the operation's ID alone is not
    // enough.
    let built_on = change.spec.change().map(|change| &change.before);
    let desired: ClusterSpec = rows::from_json("clusters.desired", row.desired)?;
    if row.operation_id != change.since || built_on.is_some_and(|before| *before != desired) {
        return Ok(Accepted::Stale);
    }
    let operation = insert::Row {
        target,
        new,
        spec: &change.spec,
        cluster_id: row.id,
        cluster: &change.cluster,
        prior: Some(prior),
        becomes: ClusterStatus::Updating,
        groups,
    };
    let accepted = accept(&mut transaction, &operation).await?;
    transaction.commit().await?;
    Ok(accepted)
}

/// Inserts the operation and stores the new desired settings of the cluster, unless it waits for an
/// approval.
async fn accept(
    connection: &mut PgConnection,
    operation: &insert::Row<'_>,
) -> Result<Accepted, StoreError> {
    if !operation.groups.is_empty() {
        return insert::operation(connection, operation).await;
    }
    let change = operation.spec.change();
    if let Some(project) = change.and_then(|change| change.project.as_ref())
        && !assign_project(connection, operation.cluster_id, project).await?
    {
        return Ok(Accepted::Stale);
    }
    let accepted = insert::operation(connection, operation).await?;
    if let Some(after) = change.map(|change| &change.after) {
        sqlx::query!(
            "update clusters
             set expiry_stage = case when desired ->> 'expires_at' is distinct from $2::jsonb ->> 'expires_at' then 0
                                     else expiry_stage end,
                 desired = $2
             where id = $1",
            operation.cluster_id,
            to_json(after)
        )
        .execute(connection)
        .await?;
    }
    Ok(accepted)
}

/// Puts a cluster of no project, with its operations, into a project. Returns whether it was in none.
async fn assign_project(
    connection: &mut PgConnection,
    cluster: Uuid,
    project: &ProjectName,
) -> Result<bool, StoreError> {
    projects::record(connection, project.as_str()).await?;
    let assigned = sqlx::query!(
        "update clusters set project = $2 where id = $1 and project = ''",
        cluster,
        project.as_str()
    )
    .execute(&mut *connection)
    .await?;
    if assigned.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!(
        "update operations set project = $2 where cluster_id = $1",
        cluster,
        project.as_str()
    )
    .execute(connection)
    .await?;
    Ok(true)
}

async fn adopt_in_transaction(
    connection: &mut PgConnection,
    target: &TargetName,
    new: &NewOperation,
    observed: &ClusterSpec,
    limit: Option<Limit>,
) -> Result<Accepted, StoreError> {
    let mut transaction = connection.begin().await?;
    let name = observed.name.as_str();
    let Some(counted) = projects::permitted(&mut transaction, limit, name).await? else {
        return Ok(Accepted::NotPermitted);
    };
    let groups = new.groups(counted);
    let live = lock_live(&mut transaction, target, name).await?;
    if let Some(live) = live {
        return Ok(Accepted::InProgress(live));
    }
    let project = rows::project_column(new.project.as_ref());
    if !project.is_empty() {
        projects::record(&mut transaction, project).await?;
    }
    // The row of a failed create with this name is reused: none of its resources is left.
    let row = sqlx::query!(
        "insert into clusters (id, target, name, status, desired, operation_id, project, created_by)
         values ($1, $4, $2, 'updating', $3, $1, $5, $6)
         on conflict (target, name) where deleted_at is null do update
         set desired = excluded.desired, created_by = excluded.created_by, observed = null, observed_at = null, observed_order = null, missing_at = null,
             missing_order = null, details = null, details_at = null, created_at = now(), expiry_stage = 0
         where clusters.status = 'failed' and clusters.project = excluded.project
         returning id",
        new.id,
        name,
        to_json(observed),
        target.as_str(),
        project,
        new.requested_by
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(row) = row else {
        return Ok(Accepted::ClusterExists);
    };
    let spec = Spec::AdoptCluster(Box::new(observed.clone()));
    let becomes = ClusterStatus::Updating;
    let row = insert::Row {
        target,
        new,
        spec: &spec,
        cluster_id: row.id,
        cluster: name,
        prior: None,
        becomes,
        groups: BTreeSet::new(),
    };
    let accepted = insert::operation(&mut transaction, &row).await?;
    approvals::hold(&mut transaction, new, &groups).await?;
    transaction.commit().await?;
    Ok(accepted.awaiting(&groups))
}
