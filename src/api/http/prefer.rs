//! Waiting: `Prefer: wait=N` (RFC 7240) delays an answer until the operation is finished or blocked.
//!
//! The row's version is read again and again, so it works whichever process does the work. Between two looks nothing is
//! held, no connection least of all. Beyond a number of waiters, and once the service shuts down, answers come at once.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::HeaderName;
use axum::http::request::Parts;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::domain::operation::Status;
use crate::store::StoreError;

use crate::api::Api;
use crate::api::http::api_error::ApiError;

const PREFER: HeaderName = HeaderName::from_static("prefer");
/// Longest wait; more is asked for in vain.
const WAIT_MAX_SECONDS: u64 = 60;
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Most requests that wait at the same time.
pub(crate) const WAITERS_MAX: usize = 256;

/// How long the caller would like to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Preference(Option<Duration>);

impl<S: Send + Sync> FromRequestParts<S> for Preference {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let values = parts
            .headers
            .get_all(PREFER)
            .iter()
            .filter_map(|value| value.to_str().ok());
        // The first of several equal preferences counts; one that cannot be read is as if it were not there.
        Ok(Self(
            values.flat_map(|value| value.split(',')).find_map(wait),
        ))
    }
}

fn wait(preference: &str) -> Option<Duration> {
    let preference = preference.split(';').next().unwrap_or_default();
    let (name, value) = preference.split_once('=')?;
    let value = value.trim().trim_matches('"');
    let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    let seconds = value
        .parse::<u64>()
        .unwrap_or(u64::MAX)
        .min(WAIT_MAX_SECONDS);
    (name.trim().eq_ignore_ascii_case("wait") && digits).then(|| Duration::from_secs(seconds))
}

/// What became of a preference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waited {
    /// The value of `Preference-Applied`, if the preference was heeded.
    pub(crate) applied: Option<String>,
}

impl Api {
    /// Waits as long as the caller prefers, at most until the operation is over, or blocked at `version` or later.
    pub(crate) async fn wait_for(
        &self,
        operation: Uuid,
        version: i64,
        preference: Preference,
    ) -> Result<Waited, StoreError> {
        let Some(wait) = preference.0 else {
            return Ok(Waited { applied: None });
        };
        let Ok(_place) = self.waiters.try_acquire() else {
            return Ok(Waited { applied: None });
        };
        let until = Instant::now() + wait;
        while let Some((current, status)) = self.store.operation_version(operation).await? {
            let blocked = status == Status::Blocked && current >= version;
            let left = until.saturating_duration_since(Instant::now());
            if status.is_finished() || blocked || left.is_zero() || self.shutdown.is_cancelled() {
                break;
            }
            tokio::select! {
                () = sleep(left.min(LOOK_EVERY)) => {}
                () = self.shutdown.cancelled() => {}
            }
        }
        Ok(Waited {
            applied: Some(format!("wait={}", wait.as_secs())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preference_is_read_as_the_standard_has_it() {
        let seconds = |text| wait(text).map(|wait| wait.as_secs());
        for (text, expected) in [
            ("wait=5", Some(5)),
            (" WAIT = 5 ; foo=bar", Some(5)),
            ("wait=\"7\"", Some(7)),
            ("wait=0", Some(0)),
            ("wait=61", Some(60)),
            ("wait=99999999999999999999999", Some(60)),
            ("wait", None),
            ("wait=", None),
            ("wait=-1", None),
            ("wait=1.5", None),
            ("respond-async", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
