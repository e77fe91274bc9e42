//! `GET /v1/events/stream`: the feed as server-sent events.
//!
//! The stream reads the feed, so it does not matter which process writes the events. No database
//! connection is held between two reads.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::Response;
use axum::response::sse::Event as Message;
use futures_util::{Stream, TryStreamExt, stream};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::store::StoreError;

use super::list::cursor;
use super::view::{FeedCursor, FeedFilters, FeedItem};
use crate::api::access::CallerApi;
use crate::api::http::api_error::ApiError;
use crate::api::http::authentication::Caller;
use crate::api::http::query::Parameters;
use crate::api::http::sse::{self, EVENTS_PER_READ, LastEventIdText, StreamLifetime};

/// Where the stream starts.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct StreamStart {
    /// Cursor to start after. `Last-Event-ID` takes precedence. Without both, the stream starts
    /// with the oldest event.
    #[param(value_type = String, required = false, example = "1.0",
            pattern = "^[1-9][0-9]*\\.[0-9]+$")]
    #[serde(default, deserialize_with = "cursor")]
    after: Option<FeedCursor>,
}

/// The cursor of the last event that the client received, if it reconnects.
#[derive(IntoParams)]
#[into_params(names("Last-Event-ID"), parameter_in = Header)]
pub(crate) struct LastCursor(
    /// The `id` of the last event that the client received; the stream resumes after it.
    #[param(value_type = String, required = false, example = "1.0",
            pattern = "^[1-9][0-9]*\\.[0-9]+$")]
    #[expect(dead_code, reason = "documents the header")]
    Option<FeedCursor>,
);

/// The query of the stream.
pub(crate) struct StreamQuery {
    filters: FeedFilters,
    start: StreamStart,
}

impl<S: Send + Sync> FromRequestParts<S> for StreamQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let mut parameters = Parameters::of(parts)?;
        let (filters, start) = (parameters.read(), parameters.read());
        parameters.finish()?;
        Ok(Self { filters, start })
    }
}

/// Streams the events of all operations as server-sent events, oldest first.
///
/// Each message has the cursor as `id`, the type as `event` and a `FeedItem` as `data`. A comment is
/// sent every 10 seconds while there are no events. The stream ends after 15 minutes at the latest;
/// reconnect with `Last-Event-ID`.
#[utoipa::path(
    get, path = "/v1/events/stream", tag = "events", operation_id = "stream_events",
    params(FeedFilters, StreamStart, LastCursor),
    responses((
        status = 200,
        description = "The events.",
        body = String,
        content_type = "text/event-stream",
    ))
)]
pub(crate) async fn stream_events(
    api: CallerApi,
    query: StreamQuery,
    last: LastEventIdText,
    caller: Caller,
) -> Result<Response, ApiError> {
    let last = last.parse(|text| text.parse::<FeedCursor>().ok())?;
    let state = api.store.feed_state().await?;
    let after = match last.or(query.start.after) {
        Some(cursor) => cursor.resume(&state)?,
        None => state.pruned_through,
    };
    let lifetime = StreamLifetime::begin(&api.streams, &caller, &api.shutdown)?;
    let reader = Reader {
        api,
        filters: query.filters,
        generation: state.generation,
        after,
        lifetime,
    };
    Ok(sse::respond(reader.messages()))
}

/// The state of one stream.
struct Reader {
    api: CallerApi,
    filters: FeedFilters,
    generation: i32,
    /// The position up to which the feed was read.
    after: i64,
    lifetime: StreamLifetime,
}

impl Reader {
    fn messages(self) -> impl Stream<Item = Result<Message, StoreError>> {
        stream::try_unfold(self, Self::next)
            .map_ok(|items| stream::iter(items.into_iter().map(Ok)))
            .try_flatten()
            .map_ok(|item| message(&item))
    }

    /// The next events. `None` ends the stream.
    async fn next(mut self) -> Result<Option<(Vec<FeedItem>, Self)>, StoreError> {
        loop {
            if self.lifetime.is_over() {
                return Ok(None);
            }
            let state = self.api.store.feed_state().await?;
            // A reconnect learns that events after its cursor are gone.
            if state.generation != self.generation || state.pruned_through > self.after {
                return Ok(None);
            }
            if state.last == self.after {
                self.lifetime.pause().await;
                continue;
            }
            // The rights of the caller may have changed since the last read.
            self.api.take_new_rules();
            let filter = self.filters.of_caller(&self.api).await?;
            let store = &self.api.store;
            let page = store
                .feed(state, self.after, EVENTS_PER_READ, &filter)
                .await?;
            self.after = page.through;
            if !page.events.is_empty() {
                let item = |event| FeedItem::new(state.generation, event);
                return Ok(Some((page.events.into_iter().map(item).collect(), self)));
            }
        }
    }
}

fn message(item: &FeedItem) -> Message {
    let message = Message::default()
        .id(item.cursor())
        .event(item.event_type());
    message
        .json_data(item)
        .expect("an event contains only strings, numbers and JSON")
}
