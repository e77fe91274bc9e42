//! Paging of lists: the parameters `limit` and `cursor`, and the `Link` to the next page.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, Datelike, Utc};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::{DeserializeOwned, Deserializer, Error};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::domain::validation::violation::RuleViolation;

use crate::api::http::api_error::ApiError;
use crate::api::http::query::{Parameters, by_rule};

/// Default number of items on a page.
pub(crate) const LIMIT_DEFAULT: i64 = 20;
/// Maximum number of items on a page.
const LIMIT_MAX: i64 = 100;

/// The paging parameters.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageParameters {
    /// Maximum number of items on the page.
    #[param(value_type = i64, required = false, minimum = 1, maximum = 100, default = 20)]
    #[serde(default, deserialize_with = "limit")]
    limit: Option<i64>,
    /// `next_cursor` of the previous page of the same list.
    #[param(value_type = String, required = false, max_length = 400, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

pub(crate) fn limit<'de, D: Deserializer<'de>>(text: D) -> Result<Option<i64>, D::Error> {
    by_rule(text, |text| {
        let limit = text.parse().ok();
        limit
            .filter(|limit| (1..=LIMIT_MAX).contains(limit))
            .ok_or_else(|| {
                RuleViolation::new("out_of_range", format!("must be between 1 and {LIMIT_MAX}"))
            })
    })
}

/// The query of a list without filters.
#[derive(Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoFilter {}

/// The requested part of a list whose items have positions of type `P`.
pub(crate) struct Page<P, F = NoFilter> {
    pub(crate) filter: F,
    /// Position of the last item of the previous page.
    pub(crate) after: Option<P>,
    limit: i64,
    path: String,
}

impl<S, P, F> FromRequestParts<S> for Page<P, F>
where
    S: Send + Sync,
    P: DeserializeOwned,
    F: DeserializeOwned + IntoParams,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let path = parts.uri.path().to_owned();
        let mut parameters = Parameters::of(parts)?;
        let filter = parameters.read();
        let PageParameters { limit, cursor } = parameters.read();
        let after = cursor.and_then(|cursor| {
            let after = decode(&path, &cursor);
            if after.is_none() {
                let detail = "must be a `next_cursor` of this list";
                parameters.reject("cursor", RuleViolation::new("invalid_format", detail));
            }
            after
        });
        parameters.finish()?;
        Ok(Self {
            filter,
            after,
            limit: limit.unwrap_or(LIMIT_DEFAULT),
            path,
        })
    }
}

impl<P: Serialize, F: Serialize> Page<P, F> {
    /// Number of rows to read: one more than the page holds, to detect a next page.
    pub(crate) fn rows(&self) -> i64 {
        self.limit + 1
    }

    /// Truncates the rows to the page. Returns the cursor of the next page, if there is one.
    pub(crate) fn cut<T>(&self, rows: &mut Vec<T>, position: impl Fn(&T) -> P) -> Option<String> {
        let limit = usize::try_from(self.limit).expect("a limit is between 1 and 100");
        if rows.len() <= limit {
            return None;
        }
        rows.truncate(limit);
        rows.last().map(|last| encode(&self.path, position(last)))
    }

    /// Sorts all rows of a list by position and removes those that are not on the page. Returns the
    /// cursor of the next page, if there is one.
    pub(crate) fn sort_and_cut<T>(
        &self,
        rows: &mut Vec<T>,
        position: impl Fn(&T) -> P,
    ) -> Option<String>
    where
        P: Ord,
    {
        rows.sort_by_key(&position);
        rows.retain(|row| {
            self.after
                .as_ref()
                .is_none_or(|after| position(row) > *after)
        });
        self.cut(rows, position)
    }

    /// The response: the list that `list` returns for `next_cursor`, with the `Link` to the next
    /// page.
    pub(crate) fn respond<L: Serialize>(
        &self,
        next_cursor: Option<String>,
        list: impl FnOnce(Option<String>) -> L,
    ) -> Response {
        let mut headers = HeaderMap::new();
        let link = next_cursor.as_deref().map(|next| self.link(next));
        if let Some(link) = link.and_then(|link| HeaderValue::try_from(link).ok()) {
            headers.insert(header::LINK, link);
        }
        (headers, Json(list(next_cursor))).into_response()
    }

    fn link(&self, next: &str) -> String {
        let filter = serde_json::to_value(&self.filter).expect("a filter has plain fields");
        let set = filter.as_object().into_iter().flatten();
        let filters: String = set
            .flat_map(|(name, value)| {
                let many = value
                    .as_array()
                    .map_or(std::slice::from_ref(value), Vec::as_slice);
                many.iter()
                    .filter_map(move |value| Some((name, value.as_str()?)))
            })
            .map(|(name, text)| format!("&{name}={}", utf8_percent_encode(text, NON_ALPHANUMERIC)))
            .collect();
        let (path, limit) = (&self.path, self.limit);
        format!("<{path}?limit={limit}{filters}&cursor={next}>; rel=\"next\"")
    }
}

/// The cursor of a position. It contains the path of its list, so that no other list accepts it.
fn encode<P: Serialize>(list: &str, position: P) -> String {
    let json = serde_json::to_vec(&(list, position)).expect("a position has plain fields");
    BASE64_URL_SAFE_NO_PAD.encode(json)
}

fn decode<P: DeserializeOwned>(list: &str, cursor: &str) -> Option<P> {
    let json = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (own_list, position): (String, P) = serde_json::from_slice(&json).ok()?;
    (own_list == list).then_some(position)
}

/// A position in a list ordered by creation time, then by ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct ByAge(
    #[serde(deserialize_with = "time")] pub(crate) DateTime<Utc>,
    pub(crate) Uuid,
);

/// A position in a timeline: time, operation and sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ByPosition(
    #[serde(deserialize_with = "time")] pub(crate) DateTime<Utc>,
    pub(crate) Uuid,
    pub(crate) i64,
);

/// A position in a list ordered by time, then by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ByTime(
    #[serde(deserialize_with = "time")] pub(crate) DateTime<Utc>,
    pub(crate) i64,
);

/// A time from 1970 to 9999: PostgreSQL's range of timestamps is smaller than chrono's.
fn time<'de, D: Deserializer<'de>>(text: D) -> Result<DateTime<Utc>, D::Error> {
    let at = DateTime::<Utc>::deserialize(text)?;
    if (1970..=9999).contains(&at.year()) {
        Ok(at)
    } else {
        Err(D::Error::custom("out of range"))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const LIST: &str = "/v1/operations";

    fn round_trips<P: Serialize + DeserializeOwned + Clone + PartialEq>(position: P) -> bool {
        let cursor = encode(LIST, position.clone());
        decode::<P>("/v1/clusters", &cursor).is_none() && decode(LIST, &cursor) == Some(position)
    }

    proptest! {
        #[test]
        fn a_cursor_round_trips_in_its_list_only(
            micros in 0..253_402_300_799_000_000_i64, id: u128, number: i64, name in ".{0,64}",
        ) {
            let (at, id) = (DateTime::from_timestamp_micros(micros).unwrap(), Uuid::from_u128(id));
            prop_assert!(round_trips(ByAge(at, id)));
            prop_assert!(round_trips(ByPosition(at, id, number)));
            prop_assert!(round_trips(number));
            prop_assert!(round_trips(name));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,64}", json in ".{0,64}") {
            for cursor in [text, BASE64_URL_SAFE_NO_PAD.encode(json)] {
                decode::<ByAge>(LIST, &cursor);
                decode::<ByPosition>(LIST, &cursor);
                decode::<i64>(LIST, &cursor);
                decode::<String>(LIST, &cursor);
            }
        }
    }

    #[derive(Serialize)]
    struct Filter {
        cluster: Option<String>,
        kind: Option<String>,
    }

    #[test]
    fn a_page_is_truncated_and_linked() {
        let page = Page {
            filter: Filter {
                cluster: Some("a-b".to_owned()),
                kind: None,
            },
            after: None,
            limit: 2,
            path: LIST.to_owned(),
        };
        let mut rows = vec![1, 2, 3];
        assert_eq!(page.cut(&mut rows, |row| *row), Some(encode(LIST, 2)));
        assert_eq!(rows, [1, 2]);
        assert_eq!(page.cut(&mut rows, |row| *row), None);
        let link = "</v1/operations?limit=2&cluster=a%2Db&cursor=xyz>; rel=\"next\"";
        let next = Some("xyz".to_owned());
        let response = page.respond(next, |next_cursor| json!(next_cursor));
        assert_eq!(response.headers()[header::LINK], link);
        let last = page.respond(None, |next_cursor| json!(next_cursor));
        assert!(!last.headers().contains_key(header::LINK));
    }

    async fn page_of(list: &str) -> Result<Page<i64>, ApiError> {
        let uri = format!("{list}?limit=2&cursor={}", encode(LIST, 2));
        let (mut parts, ()) = Request::get(uri).body(()).unwrap().into_parts();
        Page::from_request_parts(&mut parts, &()).await
    }

    #[tokio::test]
    async fn rows_in_memory_are_sorted_and_start_after_the_cursor() {
        assert!(page_of("/v1/clusters").await.is_err());
        let page = page_of(LIST).await.unwrap();
        let mut rows = vec![4, 1, 5, 3, 2];
        let next = page.sort_and_cut(&mut rows, |row| *row);
        assert_eq!((rows, next), (vec![3, 4], Some(encode(LIST, 4))));
    }

    #[test]
    fn cursors_with_impossible_times_are_rejected() {
        for at in [
            "1969-12-31T23:59:59Z",
            "-0001-01-01T00:00:00Z",
            "+10000-01-01T00:00:00Z",
        ] {
            let cursor = encode(LIST, json!([at, Uuid::nil()]));
            assert_eq!(decode::<ByAge>(LIST, &cursor), None, "{at}");
        }
    }
}
