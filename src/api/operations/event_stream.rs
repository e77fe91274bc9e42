//! The event stream: the events of an operation as server-sent events (WHATWG HTML, "Server-sent
//! events").
//!
//! The stream polls the row, so it does not matter which process runs the operation. No database
//! connection is held between two polls. A stream ends after the last event of a finished
//! operation. It ends early when the service shuts down, or at its maximum lifetime; the client
//! reconnects with `Last-Event-ID`.

use axum::http::StatusCode;
use axum::response::sse::Event as Message;
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, TryStreamExt, stream};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::domain::history::Event as EventRecord;
use crate::store::StoreError;

use super::events::Event;
use crate::api::access::CallerApi;
use crate::api::http::api_error::ApiError;
use crate::api::http::authentication::Caller;
use crate::api::http::path::{OperationPath, no_such_operation};
use crate::api::http::query::NoQuery;
use crate::api::http::sse::{self, EVENTS_PER_READ, LastEventIdText, StreamLifetime};

/// The sequence number of the last event that the client received, if it reconnects.
#[derive(IntoParams)]
#[into_params(names("Last-Event-ID"), parameter_in = Header)]
pub(crate) struct LastEventId(
    /// The `id` of the last event that the client received; the stream resumes after it.
    #[param(value_type = String, required = false, example = "7", pattern = "^[0-9]+$")]
    #[expect(dead_code, reason = "documents the header")]
    Option<i64>,
);

/// Streams the events of an operation as server-sent events.
///
/// The stream starts with the first event, or after `Last-Event-ID`. Each message has the sequence
/// number as `id`, the type as `event` and an `Event` as `data`. A comment is sent every 10 seconds
/// while there are no events. The stream ends after the last event of a finished operation; if it
/// ends earlier, reconnect with `Last-Event-ID`. A 204 stops an `EventSource` from reconnecting.
#[utoipa::path(
    get, path = "/v1/operations/{id}/events/stream", tag = "operations",
    operation_id = "stream_operation_events",
    params(OperationPath, LastEventId),
    responses((
        status = 200,
        description = "The events.",
        body = String,
        content_type = "text/event-stream",
    ))
)]
pub(crate) async fn stream_operation_events(
    api: CallerApi,
    OperationPath(id): OperationPath,
    _: NoQuery,
    last: LastEventIdText,
    caller: Caller,
) -> Result<Response, ApiError> {
    let number = |text: &str| text.parse().ok().filter(|number: &i64| *number >= 0);
    let last = last.parse(number)?;
    api.operation_version(id).await?;
    let (end, status) = api
        .store
        .history_end(id)
        .await?
        .ok_or_else(|| no_such_operation(&id.to_string()))?;
    if status.is_finished() && last.is_some_and(|last| last >= end) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let lifetime = StreamLifetime::begin(&api.streams, &caller, &api.shutdown)?;
    let reader = Reader {
        api,
        operation: id,
        last: last.unwrap_or(0),
        lifetime,
    };
    Ok(sse::respond(reader.messages()))
}

/// The state of one stream.
struct Reader {
    api: CallerApi,
    operation: Uuid,
    /// Sequence number of the last event that was sent.
    last: i64,
    lifetime: StreamLifetime,
}

impl Reader {
    /// All remaining events.
    fn messages(self) -> impl Stream<Item = Result<Message, StoreError>> {
        stream::try_unfold(Some(self), Self::next)
            .map_ok(|events| stream::iter(events.into_iter().map(Ok)))
            .try_flatten()
            .map_ok(message)
    }

    async fn next(
        reader: Option<Self>,
    ) -> Result<Option<(Vec<EventRecord>, Option<Self>)>, StoreError> {
        let Some(mut reader) = reader else {
            return Ok(None);
        };
        let (events, at_end) = reader.poll().await?;
        Ok(Some((events, (!at_end).then_some(reader))))
    }

    /// Waits for new events or the end of the stream. Returns the events, and whether it ends.
    async fn poll(&mut self) -> Result<(Vec<EventRecord>, bool), StoreError> {
        loop {
            // The rights of the caller may have changed since the last read.
            self.api.take_new_rules();
            match self.api.store.operation_version(self.operation).await? {
                Some(current) if self.api.may_read(&current.scope) => {}
                Some(_) | None => return Ok((Vec::new(), true)),
            }
            // The end is read before the events, so all events up to a final end are visible.
            let Some((end, status)) = self.api.store.history_end(self.operation).await? else {
                return Ok((Vec::new(), true));
            };
            if end > self.last {
                let events = self
                    .api
                    .store
                    .events(self.operation, self.last, EVENTS_PER_READ)
                    .await?;
                self.last = events.last().map_or(end, |event| event.sequence);
                return Ok((events, status.is_finished() && self.last >= end));
            }
            if status.is_finished() || self.lifetime.is_over() {
                return Ok((Vec::new(), true));
            }
            self.lifetime.pause().await;
        }
    }
}

fn message(event: EventRecord) -> Message {
    let message = Message::default()
        .id(event.sequence.to_string())
        .event(&event.kind);
    message
        .json_data(Event::of_operation(event))
        .expect("an event contains only strings, numbers and JSON")
}
