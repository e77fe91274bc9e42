//! Timeline: what DAX says happened to a cluster, and what our operations did to it, in one order.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::history::Event;

/// What an event of DAX is called; DAX itself gives only a message.
const DAX_EVENT: &str = "dax_event";

/// Who tells an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventSource {
    /// DAX itself.
    Dax,
    /// One of our operations.
    Operation,
}

impl EventSource {
    /// The word used in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dax => "dax",
            Self::Operation => "operation",
        }
    }
}

/// Something that DAX says happened to a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaxEvent {
    /// When, by DAX's clock.
    pub at: DateTime<Utc>,
    /// What, in DAX's words.
    pub message: String,
}

/// A place in a timeline; no two entries have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// When it happened.
    pub at: DateTime<Utc>,
    /// In which operation; nil for an event of DAX.
    pub operation: Uuid,
    /// Its number in that operation's history, or among DAX's events of the same moment.
    pub number: i64,
}

/// One entry of a timeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Where it stands.
    pub place: Position,
    /// Who tells it.
    pub source: EventSource,
    /// What happened, as a stable word.
    pub kind: String,
    /// The same in a sentence.
    pub message: String,
    /// Details for programs.
    pub data: Value,
}

impl Entry {
    /// Its number in the history of its operation; an event of DAX has none.
    pub fn sequence(&self) -> Option<i64> {
        match self.source {
            EventSource::Dax => None,
            EventSource::Operation => Some(self.place.number),
        }
    }

    /// An event of an operation; its data say which.
    pub fn of_operation(operation: Uuid, event: Event) -> Self {
        let mut data = event.data;
        if let Some(data) = data.as_object_mut() {
            data.insert("operation_id".to_owned(), json!(operation));
        }
        Self {
            place: Position {
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

/// DAX's events about a cluster as entries. A number of its own tells events of one moment apart, the same in every
/// reading, because DAX never takes an event back.
pub fn entries_of_dax(mut events: Vec<DaxEvent>) -> Vec<Entry> {
    events.sort_by(|a, b| (a.at, &a.message).cmp(&(b.at, &b.message)));
    let mut entries: Vec<Entry> = Vec::with_capacity(events.len());
    for event in events {
        let number = match entries.last() {
            Some(before) if before.place.at == event.at => before.place.number + 1,
            Some(_) | None => 0,
        };
        entries.push(Entry {
            place: Position {
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

/// Both kinds of entries, newest first, older than a place if one is given.
pub fn timeline(dax: Vec<Entry>, operations: Vec<Entry>, before: Option<Position>) -> Vec<Entry> {
    let mut entries = dax;
    entries.extend(operations);
    entries.retain(|entry| before.is_none_or(|before| entry.place < before));
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.place));
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).expect("a time")
    }

    fn dax(seconds: i64, message: &str) -> DaxEvent {
        DaxEvent {
            at: at(seconds),
            message: message.to_owned(),
        }
    }

    fn managed(seconds: i64, sequence: i64) -> Entry {
        let event = Event {
            sequence,
            kind: "x".to_owned(),
            message: format!("ours {sequence}"),
            at: at(seconds),
            data: json!({}),
        };
        Entry::of_operation(Uuid::from_u128(7), event)
    }

    #[test]
    fn entries_are_newest_first_and_every_place_is_the_beginning_of_the_rest() {
        let dax = entries_of_dax(vec![dax(3, "b"), dax(3, "a"), dax(3, "a"), dax(1, "first")]);
        let operations = vec![managed(2, 1), managed(3, 2), managed(3, 3)];
        let all = timeline(dax.clone(), operations.clone(), None);
        let messages: Vec<&str> = all.iter().map(|entry| entry.message.as_str()).collect();
        assert_eq!(
            messages,
            ["ours 3", "ours 2", "b", "a", "a", "ours 1", "first"]
        );
        for (index, entry) in all.iter().enumerate() {
            let rest = timeline(dax.clone(), operations.clone(), Some(entry.place));
            assert_eq!(rest, all[index + 1..], "{entry:?}");
        }
        assert_eq!((all[0].sequence(), all[2].sequence()), (Some(3), None));
        assert_eq!(all[0].data["operation_id"], json!(Uuid::from_u128(7)));
    }
}
