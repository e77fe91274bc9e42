//! `GET /v1/events`.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::de::Deserializer;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::view::{FeedCursor, FeedFilters, FeedItem};
use crate::api::access::CallerApi;
use crate::api::http::api_error::ApiError;
use crate::api::http::paging::{LIMIT_DEFAULT, limit};
use crate::api::http::query::{Parameters, by_rule};

/// A part of the event feed.
#[derive(Serialize, ToSchema)]
pub(crate) struct FeedList {
    /// The events, oldest first. It can be empty although later events match the filters.
    items: Vec<FeedItem>,
    /// `after` of the next request. Without new events it is the `after` of this one.
    #[schema(value_type = String, example = "1.42")]
    next_cursor: String,
    /// Whether the feed continues at this moment.
    has_more: bool,
}

/// The part to read.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct FeedPosition {
    /// Maximum number of events.
    #[param(value_type = i64, required = false, minimum = 1, maximum = 100, default = 20)]
    #[serde(default, deserialize_with = "limit")]
    limit: Option<i64>,
    /// Cursor to continue after: `next_cursor` of the previous part, or the `cursor` of an event.
    /// Without it, the part starts with the oldest event.
    #[param(value_type = String, required = false, example = "1.0",
            pattern = "^[1-9][0-9]*\\.[0-9]+$")]
    #[serde(default, deserialize_with = "cursor")]
    after: Option<FeedCursor>,
}

pub(crate) fn cursor<'de, D: Deserializer<'de>>(text: D) -> Result<Option<FeedCursor>, D::Error> {
    by_rule(text, str::parse)
}

/// The query of the list.
pub(crate) struct FeedQuery {
    filters: FeedFilters,
    position: FeedPosition,
}

impl<S: Send + Sync> FromRequestParts<S> for FeedQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let mut parameters = Parameters::of(parts)?;
        let (filters, position) = (parameters.read(), parameters.read());
        parameters.finish()?;
        Ok(Self { filters, position })
    }
}

/// Lists the events of all operations, oldest first.
///
/// The order never changes and misses nothing: an event that is new has a later cursor than each
/// event that was read before. Keep `next_cursor` and continue with it as `after`. An event is
/// listed within about 200 ms. Events are deleted with their operation
/// (`--history-days`): a cursor before a deleted event is 410 `cursor_expired`, and so is one that
/// was issued before the database was restored from a backup.
#[utoipa::path(
    get, path = "/v1/events", tag = "events", operation_id = "list_events",
    params(FeedFilters, FeedPosition),
    responses((status = 200, description = "A part of the feed.", body = FeedList, headers(
        ("Link" = String, description = "URL of the next part, `rel=\"next\"`, if the feed continues."),
    )))
)]
pub(crate) async fn list_events(api: CallerApi, query: FeedQuery) -> Result<Response, ApiError> {
    let state = api.store.feed_state().await?;
    let after = match query.position.after {
        Some(cursor) => cursor.resume(&state)?,
        None => state.pruned_through,
    };
    let limit = query.position.limit.unwrap_or(LIMIT_DEFAULT);
    let next_link = |next: &str| {
        let filters = query.filters.as_query();
        format!("</v1/events?limit={limit}{filters}&after={next}>; rel=\"next\"")
    };
    let filter = query.filters.of_caller(&api).await?;
    let page = api.store.feed(state, after, limit, &filter).await?;
    let next_cursor = FeedCursor {
        generation: state.generation,
        position: page.through,
    }
    .to_string();
    let has_more = page.through < state.last;
    let mut headers = HeaderMap::new();
    if has_more && let Ok(link) = HeaderValue::try_from(next_link(&next_cursor)) {
        headers.insert(header::LINK, link);
    }
    let items = page.events.into_iter();
    let list = FeedList {
        items: items
            .map(|event| FeedItem::new(state.generation, event))
            .collect(),
        next_cursor,
        has_more,
    };
    Ok((headers, Json(list)).into_response())
}
