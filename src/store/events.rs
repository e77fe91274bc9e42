//! The events of operations. Each is written in the transaction of its change and numbered without
//! gaps.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::cluster::Cluster;
use crate::domain::history::Event as EventRecord;
use crate::domain::operation::Status;

use super::{Actor, Store, StoreError, rows};

/// Position in a cluster's timeline: timestamp, operation ID, sequence number.
pub type EventPosition = (DateTime<Utc>, Uuid, i64);

/// The caller of a request about an existing operation, as its events name them.
pub(super) struct By {
    caller: String,
    requested_for: Option<String>,
}

impl By {
    pub(super) fn of(caller: &str, actor: Option<&Actor>) -> Self {
        let identity = actor.and_then(Actor::identity);
        Self {
            caller: caller.to_owned(),
            requested_for: identity.and_then(|identity| identity.requested_for.clone()),
        }
    }

    /// For programs.
    pub(super) fn data(&self) -> Value {
        match &self.requested_for {
            Some(person) => json!({"requested_by": self.caller, "requested_for": person}),
            None => json!({"requested_by": self.caller}),
        }
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.caller)?;
        match &self.requested_for {
            Some(person) => write!(f, " for {person}"),
            None => Ok(()),
        }
    }
}

/// An event that is not yet inserted.
#[derive(Serialize)]
pub(super) struct Event {
    kind: String,
    message: String,
    data: Value,
}

impl Event {
    pub(super) fn new(kind: &str, message: String, data: Value) -> Self {
        Self {
            kind: kind.to_owned(),
            message,
            data,
        }
    }

    /// An event of a request about an existing operation, with the caller who sent it.
    pub(super) fn requested(kind: &str, what: &str, by: &By) -> Self {
        Self::new(kind, format!("{what} requested by {by}"), by.data())
    }

    /// An event without data for programs.
    pub(super) fn plain(kind: &str, message: impl Into<String>) -> Self {
        Self::new(kind, message.into(), json!({}))
    }
}

/// Inserts events after the given sequence number. All events are inserted here, except by
/// `accept_creates.sql` and `record_turns.sql`.
pub(super) async fn append(
    connection: &mut PgConnection,
    operation: Uuid,
    after: i64,
    events: &[Event],
) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let kinds: Vec<String> = events.iter().map(|event| event.kind.clone()).collect();
    let messages: Vec<String> = events.iter().map(|event| event.message.clone()).collect();
    let data: Vec<Value> = events.iter().map(|event| event.data.clone()).collect();
    sqlx::query!(
        "insert into operation_events (operation_id, sequence, type, message, data)
         select $1, $2 + event.ordinality, event.type, event.message, event.data
         from unnest($3::text[], $4::text[], $5::jsonb[]) with ordinality as event (type, message, data, ordinality)",
        operation,
        after,
        &kinds,
        &messages,
        &data
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    /// At most `limit` events of an operation after a sequence number, oldest first.
    pub async fn events(
        &self,
        operation: Uuid,
        after: i64,
        limit: i64,
    ) -> Result<Vec<EventRecord>, StoreError> {
        let rows = sqlx::query!(
            "select sequence, type as kind, message, data, at from operation_events
             where operation_id = $1 and sequence > $2
             order by sequence
             limit $3",
            operation,
            after,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| EventRecord {
                sequence: row.sequence,
                kind: row.kind,
                message: row.message,
                at: row.at,
                data: row.data,
            })
            .collect())
    }

    /// The sequence number of an operation's last event and its status, which a following reader
    /// compares.
    pub async fn history_end(&self, operation: Uuid) -> Result<Option<(i64, Status)>, StoreError> {
        let row = sqlx::query!(
            "select last_sequence, status from operations where id = $1",
            operation
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| Ok((row.last_sequence, rows::status(&row.status)?)))
            .transpose()
    }

    /// At most `limit` events of all operations on a cluster, newest first, each with its
    /// operation's ID. `before` limits them to older events. Events of an earlier cluster with the
    /// same name are not included.
    pub async fn events_of_cluster(
        &self,
        cluster: &Cluster,
        before: Option<EventPosition>,
        limit: i64,
    ) -> Result<Vec<(Uuid, EventRecord)>, StoreError> {
        let (at, operation, sequence) = before.map_or((None, None, None), |(at, id, number)| {
            (Some(at), Some(id), Some(number))
        });
        // The name uses the index; the ID excludes earlier clusters with this name.
        let found = sqlx::query!(
            "select e.operation_id, e.sequence, e.type as kind, e.message, e.data, e.at
             from operations o
             join operation_events e on e.operation_id = o.id
             where o.cluster_name = $1 and o.cluster_id = $2
               and ($3::timestamptz is null or (e.at, e.operation_id, e.sequence) < ($3, $4::uuid, $5::bigint))
             order by e.at desc, e.operation_id desc, e.sequence desc
             limit $6",
            cluster.name.as_str(),
            cluster.id,
            at,
            operation,
            sequence,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let event = |sequence, kind, message, at, data| EventRecord {
            sequence,
            kind,
            message,
            at,
            data,
        };
        Ok(found
            .into_iter()
            .map(|row| {
                (
                    row.operation_id,
                    event(row.sequence, row.kind, row.message, row.at, row.data),
                )
            })
            .collect())
    }
}
