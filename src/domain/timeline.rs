//! Timeline: DAX's own events about a cluster and the events of its operations, in one order.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::history::Event;

/// Event kind of every DAX event: DAX itself reports only a message.
const DAX_EVENT: &str = "dax_event";

/// Where an event comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::VariantArray, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum EventSource {
    /// DAX, by `DescribeEvents`.
    Dax,
    /// An operation of this service.
    Operation,
}

/// An event about a cluster that DAX reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaxEvent {
    /// When it happened, by DAX's clock.
    pub at: DateTime<Utc>,
    /// DAX's message.
    pub message: String,
}

/// The unique position of an entry in a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// When it happened.
    pub at: DateTime<Utc>,
    /// ID of the operation; nil for an event of DAX.
    pub operation: Uuid,
    /// Sequence number in that operation's history, or among the DAX events with the same time.
    pub number: i64,
}

/// One entry of a timeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Position in the timeline.
    pub position: Position,
    /// Where the event comes from.
    pub source: EventSource,
    /// Stable name of what happened, such as `step_succeeded` or `dax_event`.
    pub kind: String,
    /// What happened, as a sentence.
    pub message: String,
    /// Machine-readable details, as a JSON object.
    pub data: Value,
}

impl Entry {
    /// Sequence number in the history of its operation; `None` for an event of DAX.
    pub fn sequence(&self) -> Option<i64> {
        match self.source {
            EventSource::Dax => None,
            EventSource::Operation => Some(self.position.number),
        }
    }

    /// An entry for an event of an operation, whose ID is added to the data.
    pub fn of_operation(operation: Uuid, event: Event) -> Self {
        let mut data = event.data;
        if let Some(data) = data.as_object_mut() {
            data.insert("operation_id".to_owned(), json!(operation));
        }
        Self {
            position: Position {
                at: event.at,
                operation,
                number: event.sequence,
            },
            source: EventSource::Operation,
            kind: event.kind,
            message: event.message,
            data,
        }
    }
}

/// DAX's events about a cluster as entries.
///
/// Events with the same time are numbered. The numbers are stable, because DAX never removes an
/// event.
pub fn entries_of_dax(mut events: Vec<DaxEvent>) -> Vec<Entry> {
    events.sort_by(|a, b| (a.at, &a.message).cmp(&(b.at, &b.message)));
    let mut entries: Vec<Entry> = Vec::with_capacity(events.len());
    for event in events {
        let number = match entries.last() {
            Some(last) if last.position.at == event.at => last.position.number + 1,
            Some(_) | None => 0,
        };
        entries.push(Entry {
            position: Position {
                at: event.at,
                operation: Uuid::nil(),
                number,
            },
            source: EventSource::Dax,
            kind: DAX_EVENT.to_owned(),
            message: event.message,
            data: json!({}),
        });
    }
    entries
}

/// Both kinds of entries, newest first; only those older than `before`, if given.
pub fn timeline(dax: Vec<Entry>, operations: Vec<Entry>, before: Option<Position>) -> Vec<Entry> {
    let mut entries = dax;
    entries.extend(operations);
    entries.retain(|entry| before.is_none_or(|before| entry.position < before));
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.position));
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).expect("a valid timestamp")
    }

    fn dax(seconds: i64, message: &str) -> DaxEvent {
        DaxEvent {
            at: at(seconds),
            message: message.to_owned(),
        }
    }

    fn operation_entry(seconds: i64, sequence: i64) -> Entry {
        let event = Event {
            sequence,
            kind: "x".to_owned(),
            message: format!("operation {sequence}"),
            at: at(seconds),
            data: json!({}),
        };
        Entry::of_operation(Uuid::from_u128(7), event)
    }

    #[test]
    fn entries_are_newest_first_and_a_page_can_start_after_any_of_them() {
        let dax = entries_of_dax(vec![dax(3, "b"), dax(3, "a"), dax(3, "a"), dax(1, "first")]);
        let operations = vec![
            operation_entry(2, 1),
            operation_entry(3, 2),
            operation_entry(3, 3),
        ];
        let all = timeline(dax.clone(), operations.clone(), None);
        let messages: Vec<&str> = all.iter().map(|entry| entry.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "operation 3",
                "operation 2",
                "b",
                "a",
                "a",
                "operation 1",
                "first"
            ]
        );
        for (index, entry) in all.iter().enumerate() {
            let rest = timeline(dax.clone(), operations.clone(), Some(entry.position));
            assert_eq!(rest, all[index + 1..], "{entry:?}");
        }
        assert_eq!((all[0].sequence(), all[2].sequence()), (Some(3), None));
        assert_eq!(all[0].data["operation_id"], json!(Uuid::from_u128(7)));
    }
}
