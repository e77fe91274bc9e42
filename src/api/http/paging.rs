//! Paging of lists: the parameters `limit` and `cursor`, and the `Link` to the next page.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::domain::timeline::Position;
use crate::domain::validation::violation::RuleViolation;

use crate::api::http::query::Parameters;

/// Default number of items on a page.
const LIMIT_DEFAULT: i64 = 20;
/// Maximum number of items on a page.
const LIMIT_MAX: i64 = 100;
/// First byte of a cursor into a list ordered by creation time.
const BY_AGE: u8 = 1;
/// First byte of a cursor into the events of an operation.
const BY_NUMBER: u8 = 2;
/// First byte of a cursor into a timeline.
const BY_POSITION: u8 = 3;
/// First byte of a cursor into a list ordered by name.
const BY_NAME: u8 = 4;

/// The paging parameters in the OpenAPI document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "it documents the parameters for OpenAPI; `Page::read` reads them"
)]
pub(crate) struct PageParameters {
    /// Maximum number of items on the page.
    #[param(value_type = i64, required = false, minimum = 1, maximum = 100, default = 20)]
    limit: (),
    /// `next_cursor` of the previous page of the same list.
    #[param(value_type = String, required = false, max_length = 400, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: (),
}

/// The requested part of a list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Page<C> {
    pub(crate) limit: i64,
    /// Position of the last item of the previous page.
    pub(crate) after: Option<C>,
}

/// A position in a list, encoded as an opaque string.
pub(crate) trait Cursor: Sized {
    fn write(&self) -> String;
    fn read(text: &str) -> Option<Self>;
}

/// A position in a list ordered by creation time, then by ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByAge(pub(crate) DateTime<Utc>, pub(crate) Uuid);

/// A position in the events of an operation: the sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByNumber(pub(crate) i64);

/// A position in a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByPosition(pub(crate) Position);

/// A position in a list ordered by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ByName(pub(crate) String);

impl<C: Cursor> Page<C> {
    /// Reads `limit` and `cursor` from the query.
    pub(crate) fn read(parameters: &mut Parameters) -> Self {
        let limit = parameters.take("limit", |text| {
            let limit = text
                .parse()
                .ok()
                .filter(|limit| (1..=LIMIT_MAX).contains(limit));
            limit.ok_or_else(|| {
                RuleViolation::new("out_of_range", format!("must be between 1 and {LIMIT_MAX}"))
            })
        });
        let after = parameters.take("cursor", |text| {
            C::read(text).ok_or_else(|| {
                RuleViolation::new("invalid_format", "must be a `next_cursor` of this list")
            })
        });
        Self {
            limit: limit.unwrap_or(LIMIT_DEFAULT),
            after,
        }
    }

    /// Number of rows to read: one more than the page holds, to detect a next page.
    pub(crate) fn rows(&self) -> i64 {
        self.limit + 1
    }

    /// Truncates the rows to the page. Returns the cursor of the next page, if there is one.
    pub(crate) fn cut<T>(&self, rows: &mut Vec<T>, position: impl Fn(&T) -> C) -> Option<String> {
        let limit = usize::try_from(self.limit).expect("a limit is between 1 and 100");
        if rows.len() <= limit {
            return None;
        }
        rows.truncate(limit);
        rows.last().map(|last| position(last).write())
    }

    /// The `Link` header to the next page.
    pub(crate) fn link(&self, path: &str, filters: &[(&str, Option<&str>)], next: &str) -> String {
        let set = filters
            .iter()
            .filter_map(|(name, value)| value.map(|value| (*name, value)));
        let filters: String = set
            .map(|(name, value)| {
                format!("&{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC))
            })
            .collect();
        format!(
            "<{path}?limit={}{filters}&cursor={next}>; rel=\"next\"",
            self.limit
        )
    }
}

impl Cursor for ByAge {
    fn write(&self) -> String {
        let mut bytes = vec![BY_AGE];
        bytes.extend(self.0.timestamp_micros().to_be_bytes());
        bytes.extend(self.1.as_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    fn read(text: &str) -> Option<Self> {
        let bytes = payload(text, BY_AGE)?;
        let (at, id) = split_timestamp(&bytes)?;
        Some(Self(at, Uuid::from_slice(id).ok()?))
    }
}

impl Cursor for ByPosition {
    fn write(&self) -> String {
        let mut bytes = vec![BY_POSITION];
        bytes.extend(self.0.at.timestamp_micros().to_be_bytes());
        bytes.extend(self.0.operation.as_bytes());
        bytes.extend(self.0.number.to_be_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    fn read(text: &str) -> Option<Self> {
        let bytes = payload(text, BY_POSITION)?;
        let (at, rest) = split_timestamp(&bytes)?;
        let (operation, number) = rest.split_first_chunk::<16>()?;
        let number = i64::from_be_bytes(number.try_into().ok()?);
        Some(Self(Position {
            at,
            operation: Uuid::from_bytes(*operation),
            number,
        }))
    }
}

impl Cursor for ByName {
    fn write(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode([&[BY_NAME], self.0.as_bytes()].concat())
    }

    fn read(text: &str) -> Option<Self> {
        payload(text, BY_NAME)
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .map(Self)
    }
}

impl Cursor for ByNumber {
    fn write(&self) -> String {
        let mut bytes = vec![BY_NUMBER];
        bytes.extend(self.0.to_be_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    fn read(text: &str) -> Option<Self> {
        let bytes = payload(text, BY_NUMBER)?;
        bytes
            .try_into()
            .ok()
            .map(|number| Self(i64::from_be_bytes(number)))
    }
}

/// Splits a payload into its leading timestamp and the rest.
fn split_timestamp(bytes: &[u8]) -> Option<(DateTime<Utc>, &[u8])> {
    let (micros, rest) = bytes.split_first_chunk::<8>()?;
    let at = DateTime::from_timestamp_micros(i64::from_be_bytes(*micros))?;
    // From 1970 to 9999: PostgreSQL's range of timestamps is smaller than chrono's.
    (0..=253_402_300_799)
        .contains(&at.timestamp())
        .then_some((at, rest))
}

fn payload(text: &str, list: u8) -> Option<Vec<u8>> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
    let (first, rest) = bytes.split_first()?;
    (*first == list).then(|| rest.to_vec())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_round_trips(micros in 0..253_402_300_799_000_000_i64, id: u128, number: i64) {
            let at = DateTime::from_timestamp_micros(micros).unwrap();
            let by_age = ByAge(at, Uuid::from_u128(id));
            prop_assert_eq!(ByAge::read(&by_age.write()), Some(by_age));
            prop_assert_eq!(ByNumber::read(&by_age.write()), None);
            prop_assert_eq!(ByNumber::read(&ByNumber(number).write()), Some(ByNumber(number)));
            let position = Position { at, operation: by_age.1, number };
            let cursor = ByPosition(position);
            prop_assert_eq!(ByPosition::read(&cursor.write()), Some(cursor));
        }

        #[test]
        fn a_cursor_by_name_round_trips(name in ".{0,64}") {
            prop_assert_eq!(ByName::read(&ByName(name.clone()).write()), Some(ByName(name)));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,64}") {
            ByAge::read(&text);
            ByNumber::read(&text);
            ByPosition::read(&text);
            ByName::read(&text);
        }
    }

    #[test]
    fn a_page_is_truncated_and_linked() {
        let page = Page {
            limit: 2,
            after: None::<ByNumber>,
        };
        let mut rows = vec![1, 2, 3];
        assert_eq!(
            page.cut(&mut rows, |row| ByNumber(*row)),
            Some(ByNumber(2).write())
        );
        assert_eq!(rows, [1, 2]);
        assert_eq!(page.cut(&mut rows, |row| ByNumber(*row)), None);
        let link = page.link(
            "/v1/operations",
            &[("cluster", Some("a-b")), ("kind", None)],
            "xyz",
        );
        assert_eq!(
            link,
            "</v1/operations?limit=2&cluster=a%2Db&cursor=xyz>; rel=\"next\""
        );
    }

    #[test]
    fn cursors_with_impossible_times_are_rejected() {
        for micros in [i64::MIN, -1, i64::MAX] {
            let mut bytes = vec![BY_AGE];
            bytes.extend(micros.to_be_bytes());
            bytes.extend([0; 16]);
            assert_eq!(ByAge::read(&BASE64_URL_SAFE_NO_PAD.encode(bytes)), None);
        }
    }
}
