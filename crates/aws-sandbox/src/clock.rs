//! The sandbox's own time: the machine's clock plus whatever it was advanced by.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// The time in the sandbox, to the millisecond, `offset_ms` ahead of the machine.
pub(crate) fn now(offset_ms: i64) -> DateTime<Utc> {
    let ahead = TimeDelta::milliseconds(offset_ms);
    let moment = Utc::now()
        .checked_add_signed(ahead)
        .unwrap_or(DateTime::<Utc>::MAX_UTC);
    DateTime::from_timestamp_millis(moment.timestamp_millis()).unwrap_or(moment)
}

/// `start` plus a number of seconds that may be zero; nonsense (negative, not a number) counts as zero.
pub(crate) fn after(start: DateTime<Utc>, seconds: f64) -> DateTime<Utc> {
    let span = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO);
    let delta = TimeDelta::from_std(span).unwrap_or(TimeDelta::zero());
    start.checked_add_signed(delta).unwrap_or(start)
}

/// Seconds since the epoch with a fraction, as the JSON protocols write a time.
pub(crate) fn epoch_seconds(moment: DateTime<Utc>) -> f64 {
    // A time of this century in milliseconds needs 41 bits, which an f64 holds exactly.
    #[allow(clippy::cast_precision_loss)]
    let milliseconds = moment.timestamp_millis() as f64;
    milliseconds / 1000.0
}

/// The ISO 8601 form of the query protocols, whole seconds in UTC.
pub(crate) fn iso_seconds(moment: DateTime<Utc>) -> String {
    moment.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}
