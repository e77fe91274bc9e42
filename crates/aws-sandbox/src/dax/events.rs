//! DescribeEvents.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::authorization::AccessRequest;
use crate::clock::epoch_seconds;
use crate::dax::messages::{invalid_combination, invalid_value};
use crate::dax::paging::page;
use crate::state::group::{Event, EventSource};
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::json::{read, write};

/// How long DAX keeps events.
const RETENTION: TimeDelta = TimeDelta::days(14);
/// The period of a request without a start and a duration.
const DEFAULT_PERIOD: TimeDelta = TimeDelta::days(1);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeEventsRequest {
    source_name: Option<String>,
    source_type: Option<String>,
    start_time: Option<f64>,
    end_time: Option<f64>,
    duration: Option<i64>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct EventView<'a> {
    source_name: &'a str,
    source_type: EventSource,
    message: &'a str,
    date: f64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeEventsResult<'a> {
    events: Vec<EventView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub(super) fn describe_events(turn: &mut Turn<'_>, body: &[u8]) -> Result<Vec<u8>, ServiceFault> {
    let request: DescribeEventsRequest = read(body)?;
    turn.authorize(&AccessRequest::anywhere("dax:DescribeEvents"))?;
    let source = match request.source_type.as_deref() {
        None => None,
        Some("CLUSTER") => Some(EventSource::Cluster),
        Some("PARAMETER_GROUP") => Some(EventSource::ParameterGroup),
        Some("SUBNET_GROUP") => Some(EventSource::SubnetGroup),
        Some(other) => return Err(invalid_value(format!("Invalid SourceType: {other}"))),
    };
    let (from, to) = period(&request, turn.now)?;
    let named = |event: &Event| {
        request
            .source_name
            .as_deref()
            .is_none_or(|name| name.eq_ignore_ascii_case(&event.source_name))
    };
    let shown = turn.state.events.iter().filter(|event| {
        (from..=to).contains(&event.date)
            && source.is_none_or(|source| source == event.source)
            && named(event)
    });
    // Newest first, and for equal times last written first. Page keys ascend, so both are inverted.
    let mut newest_first: Vec<(String, &Event)> = shown
        .enumerate()
        .map(|(index, event)| (descending_key(event.date, index), event))
        .collect();
    newest_first.sort_by(|one, other| one.0.cmp(&other.0));
    let (events, next_token) = page(
        request.max_results,
        request.next_token.as_deref(),
        newest_first,
        |(key, _)| key.clone(),
    )?;
    let events = events
        .into_iter()
        .map(|(_, event)| EventView {
            source_name: &event.source_name,
            source_type: event.source,
            message: &event.message,
            date: epoch_seconds(event.date),
        })
        .collect();
    write(&DescribeEventsResult { events, next_token })
}

fn descending_key(date: DateTime<Utc>, index: usize) -> String {
    format!(
        "{:020}-{:010}",
        i64::MAX - date.timestamp_millis(),
        usize::MAX - index
    )
}

/// The requested period: a start and an end, or a duration in minutes, or the last day.
fn period(
    request: &DescribeEventsRequest,
    now: DateTime<Utc>,
) -> Result<(DateTime<Utc>, DateTime<Utc>), ServiceFault> {
    let start = request.start_time.map(parse_time).transpose()?;
    let end = request.end_time.map(parse_time).transpose()?;
    let duration = match request.duration {
        None => None,
        Some(minutes) if (1..=RETENTION.num_minutes()).contains(&minutes) => {
            Some(TimeDelta::minutes(minutes))
        }
        Some(_) => {
            return Err(invalid_value(
                "Duration must be between 1 minute and 14 days.",
            ));
        }
    };
    let (start, end) = match (start, end, duration) {
        (Some(_), Some(_), Some(_)) => {
            return Err(invalid_combination(
                "StartTime, EndTime and Duration cannot be given together.",
            ));
        }
        (Some(start), Some(end), None) => (start, end),
        (Some(start), None, Some(duration)) => {
            (start, start.checked_add_signed(duration).unwrap_or(now))
        }
        (Some(start), None, None) => (start, now),
        (None, end, duration) => {
            let end = end.unwrap_or(now);
            (
                end.checked_sub_signed(duration.unwrap_or(DEFAULT_PERIOD))
                    .unwrap_or(end),
                end,
            )
        }
    };
    if start < now - RETENTION {
        return Err(invalid_value("StartTime must be within the last 14 days."));
    }
    if end < start {
        return Err(invalid_combination("EndTime must not be before StartTime."));
    }
    // Events with a date in the future have not happened yet.
    Ok((start, end.min(now)))
}

/// Parses a time of a request: fractional seconds since the Unix epoch.
fn parse_time(seconds: f64) -> Result<DateTime<Utc>, ServiceFault> {
    // Whole milliseconds are exact in an f64. A value beyond saturates and is rejected below.
    #[allow(clippy::cast_possible_truncation)]
    let milliseconds = (seconds * 1000.0).round() as i64;
    DateTime::from_timestamp_millis(milliseconds)
        .ok_or_else(|| invalid_value(format!("Invalid time: {seconds}")))
}
