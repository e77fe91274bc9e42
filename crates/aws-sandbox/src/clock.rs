//! The sandbox's clock: the machine's clock plus an offset.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// The sandbox's time in whole milliseconds, `offset_ms` ahead of the machine's clock.
pub(crate) fn now(offset_ms: i64) -> DateTime<Utc> {
    let ahead = TimeDelta::milliseconds(offset_ms);
    let moment = Utc::now()
        .checked_add_signed(ahead)
        .unwrap_or(DateTime::<Utc>::MAX_UTC);
    DateTime::from_timestamp_millis(moment.timestamp_millis()).unwrap_or(moment)
}

/// `start` plus `seconds`. A negative number or NaN counts as zero.
pub(crate) fn after(start: DateTime<Utc>, seconds: f64) -> DateTime<Utc> {
    let span = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO);
    let delta = TimeDelta::from_std(span).unwrap_or(TimeDelta::zero());
    start.checked_add_signed(delta).unwrap_or(start)
}

/// `span` before `end`, or the earliest possible time.
pub(crate) fn before(end: DateTime<Utc>, span: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(span)
        .ok()
        .and_then(|delta| end.checked_sub_signed(delta))
        .unwrap_or(DateTime::<Utc>::MIN_UTC)
}

/// Fractional seconds since the Unix epoch, the time format of the JSON protocols.
pub(crate) fn epoch_seconds(moment: DateTime<Utc>) -> f64 {
    // A time of this century in milliseconds needs 41 bits, which an f64 holds exactly.
    #[allow(clippy::cast_precision_loss)]
    let milliseconds = moment.timestamp_millis() as f64;
    milliseconds / 1000.0
}

/// ISO 8601 in UTC with whole seconds, the time format of the query protocols.
pub(crate) fn iso_seconds(moment: DateTime<Utc>) -> String {
    moment.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}
