//! Accepting work: one statement, one round trip, one commit.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::domain::spec::{ClusterSpec, Spec};

use super::idempotency::{IdempotencyKey, Replay};
use super::rows::to_json;
use super::{Store, StoreError};

/// An operation that the door has let in.
#[derive(Debug, Clone)]
pub struct NewOperation {
    /// Its id, a UUIDv7 made by this process.
    pub id: Uuid,
    /// The names of its steps, in order; a deploy cannot change them any more.
    pub steps: Vec<&'static str>,
    /// How long it may take.
    pub deadline: std::time::Duration,
    /// Who asks: `token:<name>` or `anonymous`.
    pub requested_by: String,
    /// The request's id.
    pub request_id: Option<String>,
    /// The request's `traceparent`.
    pub traceparent: Option<String>,
    /// The caller's key for this request, if it sent one.
    pub idempotency_key: Option<IdempotencyKey>,
}

/// What became of a request to start an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// A new operation is in the database, durably.
    Created(Uuid),
    /// The same request was accepted before, as this operation.
    Replayed(Uuid),
    /// The key belongs to another request.
    KeyReused,
    /// The cluster exists and is managed by us.
    ClusterExists,
    /// Another operation works on the cluster.
    InProgress(Uuid),
    /// There is no such cluster.
    NoSuchCluster,
    /// The cluster is protected against deletion.
    DeletionProtected,
    /// The create of the cluster failed: there is nothing to change.
    ClusterFailed,
    /// Another operation has ended since the request was read against the cluster: read it again.
    Stale,
}

impl Store {
    /// Accepts a create: the operation, its steps, its first event, the visible cluster and the idempotency key, in one
    /// statement. When this returns `Created`, the operation survives every crash.
    pub async fn accept_create(
        &self,
        new: &NewOperation,
        spec: &ClusterSpec,
    ) -> Result<Accepted, StoreError> {
        if let Some(known) = self.known_request(new).await? {
            return Ok(known);
        }
        let (new_owned, spec_owned) = (new.clone(), spec.clone());
        let inserted = self
            .detached(|pool| async move { insert_create(&pool, &new_owned, &spec_owned).await })
            .await;
        match inserted {
            Ok(true) => Ok(Accepted::Created(new.id)),
            Ok(false) => self.explain_taken(new, spec.name.as_str()).await,
            Err(error) => self.explain_conflict(error, new, spec.name.as_str()).await,
        }
    }

    /// Turns a broken constraint into what it means.
    pub(super) async fn explain_conflict(
        &self,
        error: StoreError,
        new: &NewOperation,
        cluster: &str,
    ) -> Result<Accepted, StoreError> {
        match error.constraint() {
            Some("idempotency_keys_pkey" | "operations_one_live" | "clusters_name") => {
                self.explain_taken(new, cluster).await
            }
            _ => Err(error),
        }
    }

    /// What the key of a request says of it, if it was used before.
    pub(super) async fn known_request(
        &self,
        new: &NewOperation,
    ) -> Result<Option<Accepted>, StoreError> {
        match &new.idempotency_key {
            Some(key) => self.known_key(key).await,
            None => Ok(None),
        }
    }

    /// What a key says of the request it came with, if it was used before.
    pub async fn known_key(&self, key: &IdempotencyKey) -> Result<Option<Accepted>, StoreError> {
        Ok(match self.replay(key).await? {
            Replay::Same(id) => Some(Accepted::Replayed(id)),
            Replay::Other => Some(Accepted::KeyReused),
            Replay::Unknown => None,
        })
    }

    /// Why nothing was inserted: a twin of this request was faster, or the name is in use.
    async fn explain_taken(
        &self,
        new: &NewOperation,
        cluster: &str,
    ) -> Result<Accepted, StoreError> {
        if let Some(known) = self.known_request(new).await? {
            return Ok(known);
        }
        let live = self.live_operation(cluster).await?;
        Ok(live.map_or(Accepted::ClusterExists, Accepted::InProgress))
    }

    /// The operation that works on a cluster right now.
    pub async fn live_operation(&self, cluster: &str) -> Result<Option<Uuid>, StoreError> {
        let id = sqlx::query_scalar!(
            "select id from operations where cluster_name = $1 and finished_at is null",
            cluster
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(id)
    }
}

/// Step names as a column.
pub(super) fn step_names(new: &NewOperation) -> Vec<String> {
    new.steps.iter().map(|&name| name.to_owned()).collect()
}

/// The idempotency key as two columns and the caller.
pub(super) fn key_columns(new: &NewOperation) -> (Option<&str>, Option<&str>, Option<&[u8]>) {
    let key = new.idempotency_key.as_ref();
    (
        key.map(|k| k.caller.as_str()),
        key.map(|k| k.key.as_str()),
        key.map(|k| k.fingerprint.as_slice()),
    )
}

async fn insert_create(
    pool: &sqlx::PgPool,
    new: &NewOperation,
    spec: &ClusterSpec,
) -> Result<bool, StoreError> {
    let stored: Value = to_json(&Spec::CreateCluster(Box::new(spec.clone())));
    let desired: Value = to_json(spec);
    let steps = step_names(new);
    let (caller, key, fingerprint) = key_columns(new);
    let message = format!("create_cluster of {} accepted", spec.name);
    let inserted: Option<DateTime<Utc>> = sqlx::query_file_scalar!(
        "src/store/sql/accept_create.sql",
        new.id,
        spec.name.as_str(),
        desired,
        stored,
        &steps,
        new.requested_by,
        new.request_id,
        new.traceparent,
        new.deadline.as_secs_f64(),
        caller,
        key,
        fingerprint,
        message,
        i32::from(spec.replication_factor),
    )
    .fetch_optional(pool)
    .await?;
    Ok(inserted.is_some())
}
