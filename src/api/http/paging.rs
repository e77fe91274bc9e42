//! Paging: `limit`, `cursor`, and the link to the next page.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::domain::timeline::Position;
use crate::domain::validation::violation::RuleViolation;

use crate::api::http::query::Parameters;

/// Items of a page unless asked otherwise.
const LIMIT_DEFAULT: i64 = 20;
/// Most items of a page.
const LIMIT_MAX: i64 = 100;
/// First byte of a cursor into a list by age.
const BY_AGE: u8 = 1;
/// First byte of a cursor into a history by number.
const BY_NUMBER: u8 = 2;
/// First byte of a cursor into a timeline.
const BY_PLACE: u8 = 3;
/// First byte of a cursor into a list by name.
const BY_NAME: u8 = 4;

/// What to say about pages in the API document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "it stands for the parameters in the API document; `Page::read` reads them"
)]
pub(crate) struct PageParameters {
    /// Most items of the page.
    #[param(value_type = i64, required = false, minimum = 1, maximum = 100, default = 20)]
    limit: (),
    /// `next_cursor` of the page before.
    #[param(value_type = String, required = false, max_length = 400, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: (),
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Page<C> {
    /// Most items.
    pub(crate) limit: i64,
    /// Behind which item it begins.
    pub(crate) after: Option<C>,
}

/// A place in a list, as an opaque text.
pub(crate) trait Cursor: Sized {
    /// As text.
    fn write(&self) -> String;
    /// From text.
    fn read(text: &str) -> Option<Self>;
}

/// A place in a list ordered by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByAge(pub(crate) DateTime<Utc>, pub(crate) Uuid);

/// A place in a history ordered by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByNumber(pub(crate) i64);

/// A place in a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByPosition(pub(crate) Position);

/// A place in a list ordered by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ByName(pub(crate) String);

impl<C: Cursor> Page<C> {
    /// Reads `limit` and `cursor`.
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
                RuleViolation::new("invalid_format", "must be the `next_cursor` of a page")
            })
        });
        Self {
            limit: limit.unwrap_or(LIMIT_DEFAULT),
            after,
        }
    }

    /// How many rows to ask for: one more than the page holds, to see whether there is a next one.
    pub(crate) fn rows(&self) -> i64 {
        self.limit + 1
    }

    /// Cuts the rows to the page, and says where the next one begins, if there is one.
    pub(crate) fn cut<T>(&self, rows: &mut Vec<T>, place: impl Fn(&T) -> C) -> Option<String> {
        let limit = usize::try_from(self.limit).expect("a limit is between 1 and 100");
        if rows.len() <= limit {
            return None;
        }
        rows.truncate(limit);
        rows.last().map(|last| place(last).write())
    }

    /// The `Link` header to the next page.
    pub(crate) fn link(&self, path: &str, filters: &[(&str, Option<&str>)], next: &str) -> String {
        let given = filters
            .iter()
            .filter_map(|(name, value)| value.map(|value| (*name, value)));
        let filters: String = given
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
        let (at, id) = moment(&bytes)?;
        Some(Self(at, Uuid::from_slice(id).ok()?))
    }
}

impl Cursor for ByPosition {
    fn write(&self) -> String {
        let mut bytes = vec![BY_PLACE];
        bytes.extend(self.0.at.timestamp_micros().to_be_bytes());
        bytes.extend(self.0.operation.as_bytes());
        bytes.extend(self.0.number.to_be_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    fn read(text: &str) -> Option<Self> {
        let bytes = payload(text, BY_PLACE)?;
        let (at, rest) = moment(&bytes)?;
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

/// The time at the beginning of a payload, and the rest.
fn moment(bytes: &[u8]) -> Option<(DateTime<Utc>, &[u8])> {
    let (micros, rest) = bytes.split_first_chunk::<8>()?;
    let at = DateTime::from_timestamp_micros(i64::from_be_bytes(*micros))?;
    // PostgreSQL's timestamps end before chrono's do; nothing of ours is older or younger than this.
    (0..=253_402_300_799)
        .contains(&at.timestamp())
        .then_some((at, rest))
}

fn payload(text: &str, version: u8) -> Option<Vec<u8>> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
    let (first, rest) = bytes.split_first()?;
    (*first == version).then(|| rest.to_vec())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_is_read_back(micros in 0..253_402_300_799_000_000_i64, id: u128, number: i64) {
            let place = ByAge(DateTime::from_timestamp_micros(micros).unwrap(), Uuid::from_u128(id));
            prop_assert_eq!(ByAge::read(&place.write()), Some(place));
            prop_assert_eq!(ByNumber::read(&place.write()), None);
            prop_assert_eq!(ByNumber::read(&ByNumber(number).write()), Some(ByNumber(number)));
            let place = ByPosition(Position { at: place.0, operation: place.1, number });
            prop_assert_eq!(ByPosition::read(&place.write()), Some(place));
        }

        #[test]
        fn a_name_is_read_back(name in ".{0,64}") {
            prop_assert_eq!(ByName::read(&ByName(name.clone()).write()), Some(ByName(name)));
        }

        #[test]
        fn no_text_breaks_the_reader(text in ".{0,64}") {
            ByAge::read(&text);
            ByNumber::read(&text);
            ByPosition::read(&text);
            ByName::read(&text);
        }
    }

    #[test]
    fn a_page_is_cut_and_linked() {
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
    fn cursors_of_impossible_times_are_refused() {
        for micros in [i64::MIN, -1, i64::MAX] {
            let mut bytes = vec![BY_AGE];
            bytes.extend(micros.to_be_bytes());
            bytes.extend([0; 16]);
            assert_eq!(ByAge::read(&BASE64_URL_SAFE_NO_PAD.encode(bytes)), None);
        }
    }
}
