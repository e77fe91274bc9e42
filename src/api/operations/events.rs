//! Events: the list of an operation's events, and the shape of an event in all responses.

use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::history;
use crate::domain::timeline::{Entry, EventSource};

use crate::api::access::CallerApi;
use crate::api::enum_schemas::EventSourceSchema;
use crate::api::http::api_error::ApiError;
use crate::api::http::paging::{Page, PageParameters};
use crate::api::http::path::OperationPath;

/// A page of events.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventList {
    pub(crate) items: Vec<Event>,
    /// Cursor of the next page; null on the last page.
    pub(crate) next_cursor: Option<String>,
}

/// An event of an operation or of DAX.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Event {
    /// Sequence number within its operation, from 1 without gaps. Null for events of DAX.
    #[schema(minimum = 1)]
    sequence: Option<i64>,
    #[schema(value_type = EventSourceSchema)]
    source: EventSource,
    /// Machine-readable event type.
    #[serde(rename = "type")]
    #[schema(example = "step_succeeded")]
    type_: String,
    /// Description of the event.
    message: String,
    /// Time of the event.
    at: DateTime<Utc>,
    /// Machine-readable details; the fields depend on `type`.
    #[schema(value_type = Object)]
    data: Value,
}

/// Lists the events of an operation by sequence number, oldest first.
#[utoipa::path(
    get, path = "/v1/operations/{id}/events", tag = "operations",
    operation_id = "list_operation_events",
    params(OperationPath, PageParameters),
    responses((status = 200, description = "A page of events.", body = EventList, headers(
        ("Link" = String, description = "URL of the next page, `rel=\"next\"`, if there is one."),
    )))
)]
pub(crate) async fn list_operation_events(
    api: CallerApi,
    OperationPath(id): OperationPath,
    page: Page<i64>,
) -> Result<Response, ApiError> {
    api.operation_version(id).await?;
    let after = page.after.unwrap_or(0);
    let mut events = api.store.events(id, after, page.rows()).await?;
    let next_cursor = page.cut(&mut events, |event| event.sequence);
    let items = events.into_iter().map(Event::of_operation).collect();
    Ok(page.respond(next_cursor, |next_cursor| EventList { items, next_cursor }))
}

impl Event {
    /// The view of an operation's event.
    pub(crate) fn of_operation(event: history::Event) -> Self {
        Self {
            sequence: Some(event.sequence),
            source: EventSource::Operation,
            type_: event.kind,
            message: event.message,
            at: event.at,
            data: event.data,
        }
    }

    /// The type, such as `step_succeeded`.
    pub(crate) fn type_name(&self) -> &str {
        &self.type_
    }

    /// The view of an entry of a cluster's timeline.
    pub(crate) fn of_entry(entry: Entry) -> Self {
        Self {
            sequence: entry.sequence(),
            source: entry.source,
            type_: entry.kind,
            message: entry.message,
            at: entry.position.at,
            data: entry.data,
        }
    }
}
