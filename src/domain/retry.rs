//! How long to wait before trying again.

use std::time::Duration;

/// Shortest upper bound of a retry's delay.
const BASE: Duration = Duration::from_millis(500);
/// Longest upper bound of a retry's delay.
const CAP: Duration = Duration::from_secs(20);

/// Delay before the next try: exponential with full jitter, so that many operations do not return together.
///
/// `faults_in_row` counts the faults so far (1 after the first), `random` lies in 0.0 to 1.0. The result is never under a
/// tenth of the bound, so that a retry is never immediate.
pub fn backoff(faults_in_row: u32, random: f64) -> Duration {
    let doublings = faults_in_row.saturating_sub(1).min(16);
    let bound = BASE.saturating_mul(1 << doublings).min(CAP);
    bound.mul_f64(0.1 + 0.9 * random.clamp(0.0, 1.0))
}

/// Delay before a blocked operation looks again whether its permission is there: 10 s, 30 s, then every minute.
pub fn recheck_permission(blocks_in_row: u32) -> Duration {
    match blocks_in_row {
        0 | 1 => Duration::from_secs(10),
        2 => Duration::from_secs(30),
        _ => Duration::from_secs(60),
    }
}

/// Delay before a blocked operation asks again for a quota or for capacity.
pub const RECHECK_QUOTA: Duration = Duration::from_secs(600);

/// Delay while DAX may not yet be able to assume a young role: 2, 4, 8, then every 15 seconds at most.
pub fn recheck_role(faults_in_row: u32, unit: Duration) -> Duration {
    unit.saturating_mul(1 << faults_in_row.saturating_sub(1).min(3))
        .min(unit.mul_f64(7.5))
}

/// Spreads a poll over ±20 %, so that pollers drift apart.
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
    fn a_blocked_operation_looks_again_after_ten_then_thirty_then_sixty_seconds() {
        let seconds: Vec<u64> = (1..=4).map(|n| recheck_permission(n).as_secs()).collect();
        assert_eq!(seconds, [10, 30, 60, 60]);
    }

    #[test]
    fn a_young_role_is_asked_again_after_two_four_eight_fifteen_seconds() {
        let seconds: Vec<u64> = (1..=5)
            .map(|n| recheck_role(n, Duration::from_secs(2)).as_secs())
            .collect();
        assert_eq!(seconds, [2, 4, 8, 15, 15]);
    }
}
