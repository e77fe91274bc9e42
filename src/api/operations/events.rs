//! Events: the history of an operation, and what an event looks like wherever one is shown.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::history;
use crate::domain::timeline::{Entry, EventSource};

use crate::api::Api;
use crate::api::http::api_error::ApiError;
use crate::api::http::enum_schemas::EventSourceSchema;
use crate::api::http::paging::{ByNumber, Page, PageParameters};
use crate::api::http::path::PathSegment;
use crate::api::http::query::{Parameters, no_such_operation, operation_in_path};
use crate::api::http::responses;

/// Entries of a history.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventList {
    /// The entries of this page.
    pub(crate) items: Vec<Event>,
    /// Where the next page begins; null on the last.
    pub(crate) next_cursor: Option<String>,
}

/// One entry of a history.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Event {
    /// Its place in the history of its operation, from 1 without gaps. Null for DAX's own events, which have none.
    #[schema(minimum = 1)]
    sequence: Option<i64>,
    /// Who tells it.
    #[schema(value_type = EventSourceSchema)]
    source: EventSource,
    /// What happened, as a stable word.
    #[serde(rename = "type")]
    #[schema(example = "step_succeeded")]
    type_: String,
    /// The same in a sentence.
    message: String,
    /// When.
    at: DateTime<Utc>,
    /// Details for programs.
    #[schema(value_type = Object)]
    data: Value,
}

/// Lists what happened in an operation, by sequence number, oldest first.
#[utoipa::path(
    get, path = "/v1/operations/{id}/events", tag = "operations", operation_id = "list_operation_events",
    params(("id" = uuid::Uuid, Path, description = "Its id."), PageParameters),
    responses((status = 200, description = "A page of the history.", body = EventList, headers(
        ("Link" = String, description = "The next page, `rel=\"next\"`, if there is one."),
    )))
)]
pub(crate) async fn list_operation_events(
    State(api): State<Api>,
    PathSegment(id): PathSegment,
    mut parameters: Parameters,
) -> Result<Response, ApiError> {
    let page = Page::<ByNumber>::read(&mut parameters);
    parameters.finish()?;
    let id = operation_in_path(&id)?;
    api.store
        .operation_version(id)
        .await?
        .ok_or_else(|| no_such_operation(&id.to_string()))?;
    let after = page.after.map_or(0, |ByNumber(sequence)| sequence);
    let mut events = api.store.events(id, after, page.rows()).await?;
    let next_cursor = page.cut(&mut events, |event| ByNumber(event.sequence));
    let link = next_cursor
        .as_deref()
        .map(|next| page.link(&format!("/v1/operations/{id}/events"), &[], next));
    let items = events.into_iter().map(Event::of_operation).collect();
    Ok(responses::list(
        &EventList { items, next_cursor },
        link.as_deref(),
    ))
}

impl Event {
    /// An entry of an operation's history.
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

    /// An entry of a timeline.
    pub(crate) fn of_entry(entry: Entry) -> Self {
        Self {
            sequence: entry.sequence(),
            source: entry.source,
            type_: entry.kind,
            message: entry.message,
            at: entry.place.at,
            data: entry.data,
        }
    }
}
