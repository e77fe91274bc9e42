//! An operation's history: written with the change it tells of, numbered without gaps.

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::operation::Event as EventRecord;

use super::{Store, StoreError};

/// An entry about to be written.
pub(super) struct Event {
    kind: String,
    message: String,
    data: Value,
}

impl Event {
    pub(super) fn new(kind: &str, message: String, data: Value) -> Self {
        Self { kind: kind.to_owned(), message, data }
    }
}

/// Appends entries after the given sequence number.
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
    /// The history of an operation after a sequence number, oldest first.
    pub async fn events(&self, operation: Uuid, after: i64, limit: i64) -> Result<Vec<EventRecord>, StoreError> {
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
}
