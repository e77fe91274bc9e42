//! Audit records: each is inserted in the transaction of what it is about, by [`record`] or by the
//! statement itself (creates, intents, turns). They are numbered as events are.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;
use sqlx::{Connection as _, PgConnection, PgExecutor};
use uuid::Uuid;

use crate::domain::caller::Identity;
use crate::domain::names::ClusterName;
use crate::domain::project::ProjectName;
use crate::domain::target::TargetName;

use super::rows::to_json;
use super::{Store, StoreError};

/// The caller of what a command of the operator writes.
pub(super) const COMMAND: &str = "command";

/// Who acts, and what was decided: what the records of one request have in common.
#[derive(Debug, Default)]
pub struct Actor {
    /// The operation ID of the API.
    pub action: Option<String>,
    request_id: Option<String>,
    /// The address of the client.
    pub address: Option<IpAddr>,
    identity: OnceLock<Arc<Identity>>,
    decided: Mutex<Decided>,
}

/// What was decided about, and by what.
#[derive(Debug, Clone, Default)]
struct Decided {
    target: Option<String>,
    project: Option<String>,
    cluster: Option<String>,
    operation: Option<Uuid>,
    policies: BTreeSet<String>,
    organisation: Option<String>,
}

impl Actor {
    /// An actor whose caller is not known yet.
    pub fn new(
        action: Option<String>,
        request_id: Option<String>,
        address: Option<IpAddr>,
    ) -> Self {
        Self {
            action,
            request_id,
            address,
            ..Self::default()
        }
    }

    /// A part of the service, or a command.
    pub fn named(name: &str) -> Arc<Self> {
        let actor = Self::default();
        actor.identify(Arc::new(Identity {
            id: name.to_owned(),
            shown_as: name.to_owned(),
            ..Identity::default()
        }));
        Arc::new(actor)
    }

    /// Sets the caller, once.
    pub fn identify(&self, identity: Arc<Identity>) {
        let _ = self.identity.set(identity);
    }

    /// The caller, once authenticated.
    pub fn identity(&self) -> Option<&Arc<Identity>> {
        self.identity.get()
    }

    /// Notes what a decision is about. A cluster of an earlier one is kept.
    pub fn note_subject(
        &self,
        target: Option<&TargetName>,
        project: Option<&ProjectName>,
        cluster: Option<&ClusterName>,
    ) {
        self.note(|decided| {
            decided.target = target.map(TargetName::to_string);
            decided.project = project.map(ProjectName::to_string);
            let cluster = cluster.map(ClusterName::to_string);
            decided.cluster = cluster.or(decided.cluster.take());
        });
    }

    /// Notes the operation that a decision is about.
    pub fn note_operation(&self, id: Uuid) {
        self.note(|decided| decided.operation = Some(id));
    }

    /// Notes the policies that permitted something, or asked for an approval of it, in addition to
    /// earlier ones.
    pub fn note_permits(&self, policies: impl IntoIterator<Item = String>) {
        self.note(|decided| decided.policies.extend(policies));
    }

    /// Notes the policies that forbade the request, none if no policy permits it.
    pub fn note_forbids(&self, policies: impl IntoIterator<Item = String>) {
        self.note(|decided| decided.policies = policies.into_iter().collect());
    }

    /// Notes the hash of the organisation whose policies decide.
    pub fn note_organisation(&self, hash: Option<&str>) {
        self.note(|decided| decided.organisation = hash.map(str::to_owned));
    }

    fn note(&self, change: impl FnOnce(&mut Decided)) {
        change(&mut self.decided.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// The columns of a record that its actor gives.
#[derive(Debug, Default)]
pub(super) struct ActorColumns {
    pub(super) caller: Option<String>,
    pub(super) caller_id: Option<String>,
    pub(super) requested_for: Option<String>,
    pub(super) groups: Option<Value>,
    pub(super) policies: Option<Value>,
    pub(super) organisation: Option<String>,
    pub(super) address: Option<String>,
    decided: Decided,
}

impl ActorColumns {
    pub(super) fn of(actor: Option<&Actor>) -> Self {
        let Some(actor) = actor else {
            return Self::default();
        };
        let decided = actor.decided.lock().unwrap_or_else(PoisonError::into_inner);
        let decided = decided.clone();
        let identity = actor.identity.get();
        let list = |names: &[String]| (!names.is_empty()).then(|| to_json(&names));
        let policies: Vec<String> = decided.policies.iter().cloned().collect();
        Self {
            caller: identity.map(|identity| identity.shown_as.clone()),
            caller_id: identity.map(|identity| identity.id.clone()),
            requested_for: identity.and_then(|identity| identity.requested_for.clone()),
            groups: identity.and_then(|identity| list(&identity.groups)),
            policies: list(&policies),
            organisation: decided.organisation.clone(),
            address: actor.address.map(|address| address.to_string()),
            decided,
        }
    }
}

/// What a record is about. Its caller and its action are those of the actor, unless it has none.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    /// The action, if it is not that of the actor.
    pub action: Option<&'static str>,
    /// `accepted`, `denied`, `failed` or `refused`; empty for `accepted`.
    pub decision: &'static str,
    /// The operation, which also gives cluster, project and target.
    pub operation: Option<Uuid>,
    /// What it is about, if it is no cluster.
    pub subject: Option<String>,
    /// So many requests, if it is not one.
    pub count: Option<i64>,
    /// Hash of the organisation, if it is not the one that decided.
    pub organisation: Option<String>,
    /// What else is known. No secrets.
    pub details: Option<Value>,
}

impl Entry {
    /// The acceptance of a request about an operation.
    pub fn of_operation(id: Uuid) -> Self {
        Self {
            operation: Some(id),
            ..Self::default()
        }
    }

    /// The acceptance of a request about something else.
    pub fn of(action: &'static str, subject: impl ToString) -> Self {
        Self {
            action: Some(action),
            subject: Some(subject.to_string()),
            ..Self::default()
        }
    }
}

/// Inserts a record, in the transaction of what it is about. Without an actor the caller and the
/// action are those of the operation.
pub(super) async fn record(
    executor: impl PgExecutor<'_>,
    actor: Option<&Actor>,
    entry: &Entry,
) -> Result<(), StoreError> {
    let columns = ActorColumns::of(actor);
    let decision = match entry.decision {
        "" => "accepted",
        decision => decision,
    };
    let action = entry.action.map(str::to_owned);
    let action = action.or_else(|| actor.and_then(|actor| actor.action.clone()));
    sqlx::query!(
        "insert into audit_records (caller, caller_id, requested_for, groups, action, decision, target, project, cluster,
                                    operation_id, subject, count, policies, organisation, request_id, address, details)
         select coalesce($1, o.requested_by), $2, coalesce($3, case when $1::text is null then o.requested_for end), $4,
                coalesce($5, o.kind, 'unknown'), $6, coalesce(o.target, $7), coalesce(nullif(o.project, ''), $8),
                coalesce(o.cluster_name, $9), $10, $11, coalesce($12::bigint, 1), $13, $14, coalesce($15, o.request_id), $16, $17
         from (select 1) one
         left join operations o on o.id = $10",
        columns.caller,
        columns.caller_id,
        columns.requested_for,
        columns.groups,
        action,
        decision,
        columns.decided.target,
        columns.decided.project,
        columns.decided.cluster,
        entry.operation.or(columns.decided.operation),
        entry.subject,
        entry.count,
        columns.policies,
        entry.organisation.as_ref().or(columns.organisation.as_ref()),
        actor.and_then(|actor| actor.request_id.as_deref()),
        columns.address,
        entry.details
    )
    .execute(executor)
    .await?;
    Ok(())
}

impl Store {
    /// The same store for an actor, whose writes it records.
    pub fn acting(&self, actor: Arc<Actor>) -> Self {
        Self {
            actor: Some(actor),
            ..self.clone()
        }
    }

    /// Records what no other write is about, such as a denial.
    pub async fn record_entry(&self, actor: Arc<Actor>, entry: Entry) -> Result<(), StoreError> {
        self.detached(move |connection| {
            async move { record(connection, Some(&actor), &entry).await }.boxed()
        })
        .await
    }

    /// Runs a write and records it, in one transaction. `None`: nothing was written.
    pub(super) async fn audited<T: Send + 'static>(
        &self,
        entry: Entry,
        write: impl for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<Option<T>, StoreError>>
        + Send
        + 'static,
    ) -> Result<Option<T>, StoreError> {
        let actor = self.actor.clone();
        self.detached(move |connection| {
            async move {
                let mut transaction = connection.begin().await?;
                let written = write(&mut transaction).await?;
                if written.is_some() {
                    record(&mut *transaction, actor.as_deref(), &entry).await?;
                    transaction.commit().await?;
                }
                Ok(written)
            }
            .boxed()
        })
        .await
    }
}
