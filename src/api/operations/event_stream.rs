//! The event stream: the events of an operation as server-sent events (WHATWG HTML, "Server-sent
//! events").
//!
//! The stream polls the row, so it does not matter which process runs the operation. No database
//! connection is held between two polls. A stream ends after the last event of a finished
//! operation. It ends early when the service shuts down, or at its maximum lifetime; the client
//! reconnects with `Last-Event-ID`.

use std::error::Error;
use std::time::Duration;

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::sse::{Event as Message, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, TryStreamExt, stream};
use tokio::time::{Instant, sleep};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::domain::history::Event as EventRecord;
use crate::domain::problems::problem_code::ProblemCode;
use crate::domain::validation::violation::RuleViolation;
use crate::store::StoreError;

use super::events::Event;
use crate::api::Api;
use crate::api::http::api_error::ApiError;
use crate::api::http::authentication::Caller;
use crate::api::http::path::{OperationPath, no_such_operation};
use crate::api::http::problem::{FieldError, Problem};
use crate::api::http::query::NoQuery;
use crate::api::http::shares::Share;

/// Maximum number of concurrent streams.
pub(crate) const STREAMS_MAX: usize = 256;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Disables response buffering in nginx and compatible proxies.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// Pause between two polls of the row.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Interval of comments while there are no events.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Maximum lifetime of a stream: a reconnect checks the token, which can be revoked by then.
const LIFETIME_MAX: Duration = Duration::from_secs(15 * 60);
/// `Retry-After` while too many streams are open.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// Maximum number of events in one read.
const EVENTS_PER_READ: i64 = 100;

/// The sequence number of the last event that the client received, if it reconnects.
#[derive(IntoParams)]
#[into_params(names("Last-Event-ID"), parameter_in = Header)]
pub(crate) struct LastEventId(
    /// The `id` of the last event that the client received; the stream resumes after it.
    #[param(value_type = String, required = false, example = "7", pattern = "^[0-9]+$")]
    Option<i64>,
);

impl<S: Send + Sync> FromRequestParts<S> for LastEventId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let mut values = parts.headers.get_all(LAST_EVENT_ID).iter();
        let Some(first) = values.next() else {
            return Ok(Self(None));
        };
        let number = first
            .to_str()
            .ok()
            .and_then(|text| text.parse().ok())
            .filter(|number| *number >= 0);
        match number.filter(|_| values.next().is_none()) {
            Some(number) => Ok(Self(Some(number))),
            None => {
                let rule = RuleViolation::new(
                    "invalid_format",
                    "must be the `id` of an event of this stream",
                );
                Err(Problem::invalid(vec![FieldError::of_parameter("Last-Event-ID", rule)]).into())
            }
        }
    }
}

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
        description = "The events. 204 if `Last-Event-ID` is the last one of a finished operation.",
        body = String,
        content_type = "text/event-stream",
    ))
)]
pub(crate) async fn stream_operation_events(
    State(api): State<Api>,
    OperationPath(id): OperationPath,
    _: NoQuery,
    LastEventId(last): LastEventId,
    caller: Caller,
) -> Result<Response, ApiError> {
    let (end, status) = api
        .store
        .history_end(id)
        .await?
        .ok_or_else(|| no_such_operation(&id.to_string()))?;
    if status.is_finished() && last.is_some_and(|last| last >= end) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let Some(share) = api.streams.try_acquire(&caller) else {
        let detail = "too many event streams are open; retry later";
        return Err(ApiError::new(ProblemCode::Unavailable, detail).with_retry_after(RETRY_AFTER));
    };
    let reader = Reader {
        api,
        operation: id,
        last: last.unwrap_or(0),
        deadline: Instant::now() + LIFETIME_MAX,
        _share: share,
    };
    let heartbeat = KeepAlive::new().interval(HEARTBEAT).text("nothing new");
    let mut response = Sse::new(reader.messages())
        .keep_alive(heartbeat)
        .into_response();
    response
        .headers_mut()
        .insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    Ok(response)
}

/// The state of one stream.
struct Reader {
    api: Api,
    operation: Uuid,
    /// Sequence number of the last event that was sent.
    last: i64,
    deadline: Instant,
    _share: Share,
}

impl Reader {
    /// All remaining events. A database error ends the response.
    fn messages(self) -> impl Stream<Item = Result<Message, StoreError>> {
        let batches = stream::try_unfold(Some(self), Self::next);
        let log = |error: &StoreError| {
            tracing::warn!(
                error = error as &dyn Error,
                "event stream ended: database error"
            )
        };
        batches
            .inspect_err(log)
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
            let is_over = status.is_finished()
                || self.api.shutdown.is_cancelled()
                || Instant::now() >= self.deadline;
            if is_over {
                return Ok((Vec::new(), true));
            }
            tokio::select! {
                () = sleep(POLL_INTERVAL) => {}
                () = self.api.shutdown.cancelled() => {}
            }
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
