//! Accepting work on a cluster that exists: a change, or its adoption.

use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::domain::operation::ClusterStatus;
use crate::domain::spec::{ClusterSpec, Spec};

use super::accept::{Accepted, NewOperation};
use super::rows::{self, to_json};
use super::{Store, StoreError, insert};

/// A change as it was read against the cluster.
#[derive(Debug, Clone)]
pub struct Change {
    /// The cluster.
    pub cluster: String,
    /// The last operation on it when the request was read: settings change with operations only.
    pub since: Uuid,
    /// What to do.
    pub spec: Spec,
}

impl Store {
    /// Accepts a change of a managed cluster. The desired settings are the new ones from now on.
    pub async fn accept_change(
        &self,
        new: &NewOperation,
        change: &Change,
    ) -> Result<Accepted, StoreError> {
        if let Some(known) = self.known_request(new).await? {
            return Ok(known);
        }
        let (new_owned, owned) = (new.clone(), change.clone());
        let outcome = self
            .detached(|pool| async move { change_in_transaction(&pool, &new_owned, &owned).await })
            .await;
        self.or_twin(outcome, new, &change.cluster).await
    }

    /// Accepts the adoption of a cluster that exists in AWS; the name is taken from now on.
    pub async fn accept_adopt(
        &self,
        new: &NewOperation,
        seen: &ClusterSpec,
    ) -> Result<Accepted, StoreError> {
        if let Some(known) = self.known_request(new).await? {
            return Ok(known);
        }
        let (new_owned, owned) = (new.clone(), seen.clone());
        let outcome = self
            .detached(|pool| async move { adopt_in_transaction(&pool, &new_owned, &owned).await })
            .await;
        self.or_twin(outcome, new, seen.name.as_str()).await
    }

    /// What became of a request; where it was not accepted, a twin under the same key may have been faster.
    async fn or_twin(
        &self,
        outcome: Result<Accepted, StoreError>,
        new: &NewOperation,
        cluster: &str,
    ) -> Result<Accepted, StoreError> {
        match outcome {
            Ok(Accepted::Created(id)) => Ok(Accepted::Created(id)),
            Ok(refused) => Ok(self.known_request(new).await?.unwrap_or(refused)),
            Err(error) => self.explain_conflict(error, new, cluster).await,
        }
    }
}

/// The live operation on a cluster, locked: before the cluster, as a worker's record takes the two.
pub(super) async fn lock_live(
    connection: &mut PgConnection,
    cluster: &str,
) -> Result<Option<Uuid>, StoreError> {
    let live = sqlx::query_scalar!(
        "select id from operations where cluster_name = $1 and finished_at is null for update",
        cluster
    )
    .fetch_optional(connection)
    .await?;
    Ok(live)
}

async fn change_in_transaction(
    pool: &PgPool,
    new: &NewOperation,
    change: &Change,
) -> Result<Accepted, StoreError> {
    let mut transaction = pool.begin().await?;
    let live = lock_live(&mut transaction, &change.cluster).await?;
    let found = sqlx::query!(
        "select id, status, operation_id, desired from clusters where name = $1 and deleted_at is null for update",
        change.cluster
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(found) = found else {
        return Ok(Accepted::NoSuchCluster);
    };
    if let Some(live) = live {
        return Ok(Accepted::InProgress(live));
    }
    let prior = rows::cluster_status(&found.status)?;
    if prior == ClusterStatus::Failed {
        return Ok(Accepted::ClusterFailed);
    }
    // The settings can change while their last operation stays the same: at its end, when it was undone.
    let built_on = change.spec.change().map(|change| &change.before);
    let desired: ClusterSpec = rows::from_json("clusters.desired", found.desired)?;
    if found.operation_id != change.since || built_on.is_some_and(|before| *before != desired) {
        return Ok(Accepted::Stale);
    }
    let Change { cluster, spec, .. } = change;
    let becomes = ClusterStatus::Updating;
    let row = insert::Row {
        new,
        spec,
        cluster_id: found.id,
        cluster,
        prior: Some(prior),
        becomes,
    };
    insert::operation(&mut transaction, &row).await?;
    if let Some(after) = spec.change().map(|change| &change.after) {
        sqlx::query!(
            "update clusters set desired = $2 where id = $1",
            found.id,
            to_json(after)
        )
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await?;
    Ok(Accepted::Created(new.id))
}

async fn adopt_in_transaction(
    pool: &PgPool,
    new: &NewOperation,
    seen: &ClusterSpec,
) -> Result<Accepted, StoreError> {
    let mut transaction = pool.begin().await?;
    let name = seen.name.as_str();
    let live = lock_live(&mut transaction, name).await?;
    if let Some(live) = live {
        return Ok(Accepted::InProgress(live));
    }
    // The row of a failed create of that name is taken over: nothing is left of what it made.
    let row = sqlx::query!(
        "insert into clusters (id, name, status, desired, operation_id)
         values ($1, $2, 'updating', $3, $1)
         on conflict (name) where deleted_at is null do update
         set desired = excluded.desired, observed = null, observed_at = null, details = null, details_at = null,
             created_at = now()
         where clusters.status = 'failed'
         returning id",
        new.id,
        name,
        to_json(seen)
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(row) = row else {
        return Ok(Accepted::ClusterExists);
    };
    let spec = Spec::AdoptCluster(Box::new(seen.clone()));
    let becomes = ClusterStatus::Updating;
    let row = insert::Row {
        new,
        spec: &spec,
        cluster_id: row.id,
        cluster: name,
        prior: None,
        becomes,
    };
    insert::operation(&mut transaction, &row).await?;
    transaction.commit().await?;
    Ok(Accepted::Created(new.id))
}
