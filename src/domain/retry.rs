//! Retry: delays before the next attempt.

use std::time::Duration;

/// Upper bound of the first delay.
const BASE: Duration = Duration::from_millis(500);
/// Upper bound of every delay.
const CAP: Duration = Duration::from_secs(20);

/// Delay before the next attempt. Exponential with jitter, so operations do not retry together.
///
/// `faults_in_row` is 1 after the first fault; `random` is in 0.0 to 1.0. The delay is at least a
/// tenth of its bound, so a retry is never immediate.
pub fn backoff(faults_in_row: u32, random: f64) -> Duration {
    let doublings = faults_in_row.saturating_sub(1).min(16);
    let bound = BASE.saturating_mul(1 << doublings).min(CAP);
    bound.mul_f64(0.1 + 0.9 * random.clamp(0.0, 1.0))
}

/// Delay before an operation that is blocked by a missing permission is re-checked: 10 s, 30 s,
/// then every minute.
pub fn recheck_permission(blocks_in_row: u32) -> Duration {
    match blocks_in_row {
        0 | 1 => Duration::from_secs(10),
        2 => Duration::from_secs(30),
        _ => Duration::from_secs(60),
    }
}

/// Delay before an operation that is blocked by a quota or by missing capacity is re-checked.
pub const RECHECK_QUOTA: Duration = Duration::from_secs(600);

/// Delay while DAX may not be able to assume a recently created role yet: 1, 2, 4, then 7.5 units.
pub fn recheck_role(faults_in_row: u32, unit: Duration) -> Duration {
    unit.saturating_mul(1 << faults_in_row.saturating_sub(1).min(3))
        .min(unit.mul_f64(7.5))
}

/// Varies a poll interval by ±20 %, so that processes do not poll together. `random` is in 0.0 to
/// 1.0.
pub fn jittered(interval: Duration, random: f64) -> Duration {
    interval.mul_f64(0.8 + 0.4 * random.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_grows_to_its_cap_and_is_never_immediate() {
        assert!(backoff(1, 0.0) >= Duration::from_millis(50));
        assert_eq!(backoff(1, 1.0), BASE);
        assert_eq!(backoff(3, 1.0), Duration::from_secs(2));
        assert_eq!(backoff(u32::MAX, 1.0), CAP);
    }

    #[test]
    fn a_missing_permission_is_rechecked_after_ten_then_thirty_then_sixty_seconds() {
        let seconds: Vec<u64> = (1..=4).map(|n| recheck_permission(n).as_secs()).collect();
        assert_eq!(seconds, [10, 30, 60, 60]);
    }

    #[test]
    fn a_recently_created_role_is_rechecked_after_two_four_eight_fifteen_seconds() {
        let seconds: Vec<u64> = (1..=5)
            .map(|n| recheck_role(n, Duration::from_secs(2)).as_secs())
            .collect();
        assert_eq!(seconds, [2, 4, 8, 15, 15]);
    }
}
