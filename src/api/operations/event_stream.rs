//! The event stream: the history of an operation as server-sent events (WHATWG HTML, "Server-sent events").
//!
//! The row is read again and again, so it works whichever process does the work. Between two looks nothing is held, no
//! connection least of all. A stream ends after the last event of a finished operation, and early when the service shuts
//! down or the stream has grown old; its reader then comes back with `Last-Event-ID`.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::sse::{Event as Message, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, TryStreamExt, stream};
use tokio::sync::OwnedSemaphorePermit;
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
use crate::api::http::path::PathSegment;
use crate::api::http::problem::{FieldError, Problem};
use crate::api::http::query::{Parameters, no_such_operation, operation_in_path};

/// Most streams at the same time.
pub(crate) const STREAMS_MAX: usize = 256;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Keeps nginx and those who follow its example from collecting the answer before they pass it on.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Between two signs of life while nothing happens.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Longest life of a stream: whoever comes back shows a token again, which may have been revoked meanwhile.
const LIFE: Duration = Duration::from_secs(15 * 60);
/// When to come back while there are too many streams.
const COME_BACK: Duration = Duration::from_secs(5);
/// Most events that are read in one look.
const EVENTS_AT_ONCE: i64 = 100;

/// The header of a reader that comes back.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(
    dead_code,
    reason = "it stands for the header in the API document; the extractor reads it"
)]
pub(crate) struct ResumeHeader {
    /// The `id` of the last event the reader has; the stream goes on behind it.
    #[param(rename = "Last-Event-ID", value_type = String, required = false, example = "7", pattern = "^[0-9]+$")]
    last_event_id: (),
}

/// The number of the last event that a reader has; none if it has not been here before.
pub(crate) struct LastEventId(Option<i64>);

impl<S: Send + Sync> FromRequestParts<S> for LastEventId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let mut given = parts.headers.get_all(LAST_EVENT_ID).iter();
        let Some(first) = given.next() else {
            return Ok(Self(None));
        };
        let number = first
            .to_str()
            .ok()
            .and_then(|text| text.parse().ok())
            .filter(|number| *number >= 0);
        match number.filter(|_| given.next().is_none()) {
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

/// Streams what happens in an operation, as server-sent events, from the first event or behind `Last-Event-ID`.
///
/// Each has the event's sequence number as `id`, its type as `event` and the `Event` as `data`. A comment is sent every 10
/// seconds while nothing happens. The stream ends after the last event of a finished operation; when it ends before, come
/// back with `Last-Event-ID`. A 204 tells an `EventSource` not to come again.
#[utoipa::path(
    get, path = "/v1/operations/{id}/events/stream", tag = "operations", operation_id = "stream_operation_events",
    params(("id" = uuid::Uuid, Path, description = "Its id."), ResumeHeader),
    responses((status = 200, description = "The events, one after another. A reader that has all of a finished operation gets 204.", body = String,
               content_type = "text/event-stream"))
)]
pub(crate) async fn stream_operation_events(
    State(api): State<Api>,
    PathSegment(id): PathSegment,
    parameters: Parameters,
    LastEventId(last): LastEventId,
) -> Result<Response, ApiError> {
    parameters.finish()?;
    let id = operation_in_path(&id)?;
    let (end, status) = api
        .store
        .history_end(id)
        .await?
        .ok_or_else(|| no_such_operation(&id.to_string()))?;
    if status.is_finished() && last.is_some_and(|last| last >= end) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let Ok(place) = Arc::clone(&api.streams).try_acquire_owned() else {
        let refusal = ApiError::new(ProblemCode::Unavailable, "too many event streams are open");
        return Err(refusal.come_back_in(COME_BACK));
    };
    let reader = Reader {
        api,
        operation: id,
        last: last.unwrap_or(0),
        until: Instant::now() + LIFE,
        _place: place,
    };
    let heartbeat = KeepAlive::new().interval(HEARTBEAT).text("nothing new");
    let mut answer = Sse::new(reader.messages())
        .keep_alive(heartbeat)
        .into_response();
    answer
        .headers_mut()
        .insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    Ok(answer)
}

/// Follows the history of one operation for one reader.
struct Reader {
    api: Api,
    operation: Uuid,
    /// The number of the last event that was sent.
    last: i64,
    until: Instant,
    _place: OwnedSemaphorePermit,
}

impl Reader {
    /// Every event from here to the end. A database that cannot be read breaks the answer off.
    fn messages(self) -> impl Stream<Item = Result<Message, StoreError>> {
        let looks = stream::try_unfold(Some(self), Self::next);
        let broken = |error: &StoreError| {
            tracing::warn!(
                error = error as &dyn Error,
                "an event stream was broken off"
            )
        };
        looks
            .inspect_err(broken)
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
        let (events, at_end) = reader.look().await?;
        Ok(Some((events, (!at_end).then_some(reader))))
    }

    /// Waits until there is something new or the stream is at its end, and says which.
    async fn look(&mut self) -> Result<(Vec<EventRecord>, bool), StoreError> {
        loop {
            // The end is read before the events: whatever an end that is final counts is there to be read.
            let Some((end, status)) = self.api.store.history_end(self.operation).await? else {
                return Ok((Vec::new(), true));
            };
            if end > self.last {
                let events = self
                    .api
                    .store
                    .events(self.operation, self.last, EVENTS_AT_ONCE)
                    .await?;
                self.last = events.last().map_or(end, |event| event.sequence);
                return Ok((events, status.is_finished() && self.last >= end));
            }
            let over = status.is_finished()
                || self.api.shutdown.is_cancelled()
                || Instant::now() >= self.until;
            if over {
                return Ok((Vec::new(), true));
            }
            tokio::select! {
                () = sleep(LOOK_EVERY) => {}
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
        .expect("an event holds only texts, numbers and JSON")
}
