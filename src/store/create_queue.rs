//! Creates that are accepted together, in [batches](super::batches).
//!
//! Each create has its own outcome. One with a name or an idempotency key that another one of the
//! same statement has waits for the next statement, which sees what the first one stored.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use serde_json::Value;
use sqlx::{Connection as _, PgExecutor};
use uuid::Uuid;

use crate::domain::spec::{ClusterSpec, SPEC_VERSION};
use crate::domain::target::TargetName;

use super::accept::{NewOperation, step_names};
use super::approvals;
use super::audit::ActorColumns;
use super::batches::Batched;
use super::pool::Pool;
use super::projects::{self, Limit};
use super::rows;
use super::{Store, StoreError};

/// A create that waits for a statement.
#[derive(Debug)]
pub(super) struct Create {
    target: TargetName,
    new: NewOperation,
    spec: ClusterSpec,
    /// The spec as JSON.
    settings: String,
}

/// The outcome of one create in a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inserted {
    /// It is stored, since this time.
    Created(DateTime<Utc>),
    /// Its idempotency key was used by an identical request, which created this operation.
    Replayed(Uuid),
    /// Its idempotency key was used by a different request.
    KeyReused,
    /// Its name is in use.
    NameTaken,
}

impl Create {
    fn new(store: &Store, new: &NewOperation, spec: &ClusterSpec) -> Self {
        Self {
            target: store.target.clone(),
            new: new.clone(),
            spec: spec.clone(),
            settings: serde_json::to_string(spec)
                .expect("settings have string keys, so they are JSON"),
        }
    }

    fn key(&self) -> Option<(&str, &str)> {
        let key = self.new.idempotency_key.as_ref();
        key.map(|key| (key.caller.as_str(), key.key.as_str()))
    }
}

impl Batched for Create {
    type Outcome = Inserted;

    const LARGEST_BATCH: usize = 64;

    fn fits(&self, other: &Self) -> bool {
        let has_key = self.new.idempotency_key.is_some();
        (&self.target, &self.spec.name) != (&other.target, &other.spec.name)
            && !(has_key && self.key() == other.key())
            && self.new.steps == other.new.steps
    }

    async fn execute(pool: &Pool, batch: &[&Self]) -> Result<Vec<Option<Inserted>>, StoreError> {
        let inserted = insert_creates(pool, batch).await?;
        Ok(inserted.into_iter().map(Some).collect())
    }
}

impl Store {
    /// Stores a create, in one statement with those that arrive at the same time. A dropped caller
    /// does not stop it.
    pub(super) async fn insert_create(
        &self,
        new: &NewOperation,
        spec: &ClusterSpec,
    ) -> Result<Inserted, StoreError> {
        let create = Create::new(self, new, spec);
        self.creates
            .execute(&self.pool.planned_once(), create)
            .await
    }

    /// Stores a create in a transaction of its own, if a limit on its project permits it, with the
    /// groups whose approval it waits for.
    pub(super) async fn insert_create_within(
        &self,
        new: &NewOperation,
        spec: &ClusterSpec,
        limit: Option<Limit>,
    ) -> Result<Option<(Inserted, BTreeSet<String>)>, StoreError> {
        let create = Create::new(self, new, spec);
        self.detached(move |connection| {
            async move {
                let mut transaction = connection.begin().await?;
                let name = create.spec.name.as_str();
                let Some(counted) = projects::permitted(&mut transaction, limit, name).await?
                else {
                    return Ok(None);
                };
                let outcome = insert_creates(&mut *transaction, &[&create]).await?[0];
                let groups = create.new.groups(counted);
                if matches!(outcome, Inserted::Created(_)) {
                    approvals::hold(&mut transaction, &create.new, &groups).await?;
                }
                transaction.commit().await?;
                Ok(Some((outcome, groups)))
            }
            .boxed()
        })
        .await
    }
}

/// Stores creates in one statement. Returns their outcomes, in the same order.
async fn insert_creates<'e>(
    executor: impl PgExecutor<'e>,
    batch: &[&Create],
) -> Result<Vec<Inserted>, StoreError> {
    let rows = Columns::of(batch);
    let found = sqlx::query_file!(
        "src/store/sql/accept_creates.sql",
        &rows.ids,
        &rows.names,
        &rows.settings,
        &rows.addresses as &[Option<String>],
        &rows.steps,
        &rows.requested_by,
        &rows.request_ids as &[Option<String>],
        &rows.traceparents as &[Option<String>],
        &rows.deadlines,
        &rows.callers as &[Option<String>],
        &rows.keys as &[Option<String>],
        &rows.fingerprints as &[Option<Vec<u8>>],
        &rows.messages,
        &rows.node_counts,
        SPEC_VERSION,
        &rows.targets,
        &rows.projects,
        &rows.requested_for as &[Option<String>],
        &rows.caller_ids as &[Option<String>],
        &rows.groups as &[Option<Value>],
        &rows.policies as &[Option<Value>],
        &rows.organisations as &[Option<String>]
    )
    .fetch_all(executor)
    .await?;
    let outcomes: HashMap<Uuid, Inserted> = found
        .into_iter()
        .map(|row| {
            let outcome = match (row.created_at, row.known_operation, row.is_same) {
                (Some(created_at), _, _) => Inserted::Created(created_at),
                (None, Some(known), _) if crate::sabotage::is("request_of_key_not_compared") => {
                    Inserted::Replayed(known)
                }
                (None, Some(known), Some(true)) => Inserted::Replayed(known),
                (None, Some(_), _) => Inserted::KeyReused,
                (None, None, _) => Inserted::NameTaken,
            };
            (row.id, outcome)
        })
        .collect();
    let missing = || StoreError::Task("a create has no outcome".to_owned());
    batch
        .iter()
        .map(|create| outcomes.get(&create.new.id).copied().ok_or_else(missing))
        .collect()
}

/// The parameters of `accept_creates.sql`: one array for each column.
#[derive(Default)]
struct Columns {
    ids: Vec<Uuid>,
    targets: Vec<String>,
    projects: Vec<String>,
    requested_for: Vec<Option<String>>,
    names: Vec<String>,
    settings: Vec<String>,
    steps: Vec<String>,
    requested_by: Vec<String>,
    request_ids: Vec<Option<String>>,
    traceparents: Vec<Option<String>>,
    deadlines: Vec<f64>,
    callers: Vec<Option<String>>,
    keys: Vec<Option<String>>,
    fingerprints: Vec<Option<Vec<u8>>>,
    messages: Vec<String>,
    node_counts: Vec<i32>,
    caller_ids: Vec<Option<String>>,
    groups: Vec<Option<Value>>,
    policies: Vec<Option<Value>>,
    organisations: Vec<Option<String>>,
    addresses: Vec<Option<String>>,
}

impl Columns {
    fn of(batch: &[&Create]) -> Self {
        let mut columns = Self::default();
        for Create {
            target,
            new,
            spec,
            settings,
        } in batch
        {
            columns.steps = step_names(new);
            columns.ids.push(new.id);
            columns.targets.push(target.to_string());
            let project = rows::project_column(new.project.as_ref());
            columns.projects.push(project.to_owned());
            columns.requested_for.push(new.requested_for.clone());
            columns.names.push(spec.name.to_string());
            columns.settings.push(settings.clone());
            columns.requested_by.push(new.requested_by.clone());
            columns.request_ids.push(new.request_id.clone());
            columns.traceparents.push(new.traceparent.clone());
            columns.deadlines.push(new.deadline.as_secs_f64());
            let key = new.idempotency_key.as_ref();
            columns.callers.push(key.map(|key| key.caller.clone()));
            columns.keys.push(key.map(|key| key.key.clone()));
            let fingerprint = key.map(|key| key.fingerprint.clone());
            columns.fingerprints.push(fingerprint);
            let message = format!("create_cluster of {} accepted", spec.name);
            columns.messages.push(message);
            columns.node_counts.push(spec.replication_factor.into());
            let actor = ActorColumns::of(new.actor.as_deref());
            columns.caller_ids.push(actor.caller_id);
            columns.groups.push(actor.groups);
            columns.policies.push(actor.policies);
            columns.organisations.push(actor.organisation);
            columns.addresses.push(actor.address);
        }
        columns
    }
}
