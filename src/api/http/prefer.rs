//! `Prefer: wait=N` (RFC 7240): delays a response until the operation is finished or blocked.
//!
//! The wait polls the version of the row, so it does not matter which process runs the operation.
//! No database connection is held between two polls. Responses are immediate above a limit of
//! waiting requests, and once the service shuts down.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::HeaderName;
use axum::http::request::Parts;
use tokio::time::{Instant, sleep};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::domain::operation::Status;
use crate::store::StoreError;

use crate::api::Api;
use crate::api::http::api_error::ApiError;
use crate::api::http::authentication::Caller;
use crate::api::http::load;

const PREFER: HeaderName = HeaderName::from_static("prefer");
/// Maximum wait; larger values are clamped.
const WAIT_MAX_SECONDS: u64 = 60;
/// Limits of the pause between two polls of the row. It is a quarter of the time waited so far, so
/// the response to a short operation is not late.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);
/// Maximum number of requests that wait concurrently.
pub(crate) const WAITERS_MAX: usize = 256;

/// The wait that the caller prefers, if any.
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct Preference {
    /// `wait=N` delays the response until the operation is finished or blocked, for up to N
    /// seconds. The maximum is 60.
    #[param(rename = "Prefer", value_type = String, required = false, example = "wait=30")]
    wait: Option<Duration>,
    #[param(ignore)]
    caller: Caller,
}

impl<S: Send + Sync> FromRequestParts<S> for Preference {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, state).await?;
        let values = parts
            .headers
            .get_all(PREFER)
            .iter()
            .filter_map(|value| value.to_str().ok());
        // RFC 7240, section 2: the first of several equal preferences applies, and one that cannot
        // be parsed is ignored.
        let wait = values.flat_map(|value| value.split(',')).find_map(wait);
        Ok(Self { wait, caller })
    }
}

impl Preference {
    /// Whether the caller prefers to wait.
    pub(crate) fn waits(&self) -> bool {
        self.wait.is_some()
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

/// The outcome of a preference.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Waited {
    /// Value of `Preference-Applied`, if the preference was honoured.
    pub(crate) applied: Option<String>,
}

impl Api {
    /// Waits as long as the caller prefers, at most until the operation is finished, or blocked at
    /// `version` or later.
    pub(crate) async fn wait_for(
        &self,
        operation: Uuid,
        version: i64,
        preference: Preference,
    ) -> Result<Waited, StoreError> {
        let Some(wait) = preference.wait else {
            return Ok(Waited { applied: None });
        };
        let Some(_share) = self.waiters.try_acquire(&preference.caller) else {
            return Ok(Waited { applied: None });
        };
        load::leave();
        let began = Instant::now();
        let deadline = began + wait;
        while let Some(current) = self.store.operation_version(operation).await? {
            let status = current.status;
            let waits_for_people = [Status::Blocked, Status::AwaitingApproval].contains(&status);
            let blocked = waits_for_people && current.version >= version;
            let remaining = deadline.saturating_duration_since(Instant::now());
            let is_over = status.is_finished() || blocked || remaining.is_zero();
            if is_over || self.shutdown.is_cancelled() {
                break;
            }
            let pause = (began.elapsed() / 4).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
            tokio::select! {
                () = sleep(remaining.min(pause)) => {}
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
    fn the_preference_is_parsed_as_rfc_7240_requires() {
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
