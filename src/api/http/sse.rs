//! Server-sent events (WHATWG HTML, "Server-sent events"): the limits of a stream and its response.

use std::error::Error;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, TryStreamExt};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::domain::problems::problem_code::ProblemCode;
use crate::domain::validation::violation::RuleViolation;
use crate::store::StoreError;

use super::api_error::ApiError;
use super::authentication::Caller;
use super::problem::{FieldError, Problem};
use super::shares::{Share, Shares};

/// Maximum number of concurrent streams.
pub(crate) const STREAMS_MAX: usize = 256;
/// Maximum number of events in one read.
pub(crate) const EVENTS_PER_READ: i64 = 100;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Disables response buffering in nginx and compatible proxies.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// Pause between two reads.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Interval of comments while there are no events.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Maximum lifetime of a stream: a reconnect checks the token, which can be revoked by then.
const LIFETIME_MAX: Duration = Duration::from_secs(15 * 60);
/// `Retry-After` while too many streams are open.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The text of `Last-Event-ID`, if the client reconnects. Each stream parses its own `id`.
pub(crate) struct LastEventIdText(Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for LastEventIdText {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let mut values = parts.headers.get_all(LAST_EVENT_ID).iter();
        let Some(first) = values.next() else {
            return Ok(Self(None));
        };
        match first.to_str().ok().filter(|_| values.next().is_none()) {
            Some(text) => Ok(Self(Some(text.to_owned()))),
            None => Err(invalid_last_event_id()),
        }
    }
}

impl LastEventIdText {
    /// The `id` of an event of the stream.
    pub(crate) fn parse<T>(
        self,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        let parse = |text: String| parse(&text).ok_or_else(invalid_last_event_id);
        self.0.map(parse).transpose()
    }
}

fn invalid_last_event_id() -> ApiError {
    let detail = "must be the `id` of an event of this stream";
    let rule = RuleViolation::new("invalid_format", detail);
    Problem::invalid(vec![FieldError::of_parameter("Last-Event-ID", rule)]).into()
}

/// The lifetime of one stream, and its place among all streams.
pub(crate) struct StreamLifetime {
    deadline: Instant,
    shutdown: CancellationToken,
    _share: Share,
}

impl StreamLifetime {
    /// An error if too many streams are open.
    pub(crate) fn begin(
        streams: &Shares,
        caller: &Caller,
        shutdown: &CancellationToken,
    ) -> Result<Self, ApiError> {
        let share = streams.try_acquire(caller).ok_or_else(|| {
            let detail = "too many event streams are open; retry later";
            ApiError::new(ProblemCode::Unavailable, detail).with_retry_after(RETRY_AFTER)
        })?;
        Ok(Self {
            deadline: Instant::now() + LIFETIME_MAX,
            shutdown: shutdown.clone(),
            _share: share,
        })
    }

    /// Whether the stream must end: the client reconnects.
    pub(crate) fn is_over(&self) -> bool {
        self.shutdown.is_cancelled() || Instant::now() >= self.deadline
    }

    /// Waits until the next read.
    pub(crate) async fn pause(&self) {
        let _ = self
            .shutdown
            .run_until_cancelled(sleep(POLL_INTERVAL))
            .await;
    }
}

/// The response. A database error ends it.
pub(crate) fn respond(
    messages: impl Stream<Item = Result<Event, StoreError>> + Send + 'static,
) -> Response {
    let log = |error: &StoreError| {
        tracing::warn!(
            error = error as &dyn Error,
            "event stream ended: database error"
        );
    };
    let heartbeat = KeepAlive::new().interval(HEARTBEAT).text("nothing new");
    let mut response = Sse::new(messages.inspect_err(log))
        .keep_alive(heartbeat)
        .into_response();
    let unbuffered = HeaderValue::from_static("no");
    response.headers_mut().insert(ACCEL_BUFFERING, unbuffered);
    response
}
