//! The weekly maintenance window.

use crate::dax::messages::invalid_value;
use crate::wire::fault::ServiceFault;

const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const WEEK_MINUTES: u32 = 7 * 24 * 60;

/// Validates a window of at least an hour and at most a day, and returns it lower-cased.
pub(super) fn check_window(window: &str) -> Result<String, ServiceFault> {
    let window = window.to_ascii_lowercase();
    let ends = window
        .split_once('-')
        .and_then(|(from, to)| Some((minute_of_week(from)?, minute_of_week(to)?)));
    let Some((from, to)) = ends else {
        let message = format!(
            "Invalid maintenance window: {window}. The format is ddd:hh24:mi-ddd:hh24:mi, in UTC."
        );
        return Err(invalid_value(message));
    };
    match (to + WEEK_MINUTES - from) % WEEK_MINUTES {
        60..=1440 => Ok(window),
        _ => Err(invalid_value(
            "The maintenance window must be at least 60 minutes and at most 24 hours.",
        )),
    }
}

fn minute_of_week(text: &str) -> Option<u32> {
    let (day, time) = text.split_once(':')?;
    let (hour, minute) = time.split_once(':')?;
    let day = u32::try_from(DAYS.iter().position(|known| *known == day)?).ok()?;
    let two_digits = |text: &str, max: u32| {
        let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u32>()
            .ok()
            .filter(|number| is_number && *number <= max)
    };
    Some(day * 24 * 60 + two_digits(hour, 23)? * 60 + two_digits(minute, 59)?)
}

/// The window that DAX assigns by default: a random hour of the week between 03:00 and 11:00 UTC,
/// the block of us-east-1.
pub(super) fn random_window() -> String {
    let random = uuid::Uuid::new_v4().into_bytes();
    let day = DAYS[usize::from(random[0]) % 7];
    let hour = 3 + random[1] % 8;
    format!("{day}:{hour:02}:00-{day}:{:02}:00", hour + 1)
}

#[cfg(test)]
mod tests {
    use super::{check_window, random_window};

    #[test]
    fn windows_last_between_an_hour_and_a_day() {
        for valid in [
            "sun:05:00-sun:06:00",
            "SAT:23:30-sun:00:30",
            "mon:00:00-tue:00:00",
        ] {
            assert_eq!(check_window(valid), Ok(valid.to_ascii_lowercase()));
        }
        for wrong in [
            "sun:05:00-sun:05:59",
            "mon:00:00-tue:00:01",
            "sun:5:00-sun:06:00",
            "sun:24:00-mon:01:00",
            "x",
            "sun:05:00-sun:+6:00",
        ] {
            assert!(check_window(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn random_windows_are_valid() {
        for _ in 0..50 {
            assert!(check_window(&random_window()).is_ok());
        }
    }
}
