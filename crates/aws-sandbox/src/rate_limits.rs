//! Rate limits as AWS has them: a token bucket for the calls of the account that match a pattern.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::faults::matches_call;
use crate::place::Place;

/// A limit on the rate of matching calls. A call that exceeds it has the service's throttling error
/// and no effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// The calls that share the limit: `iam:GetRole`, `iam:*` or `*`.
    pub call: String,
    /// How many calls are accepted at once.
    pub burst: f64,
    /// How many calls per second are accepted in the long run, by the sandbox's clock.
    pub per_second: f64,
}

/// Rate limits close to AWS's. Those of DAX's tag calls are published (DAX API reference). IAM's is
/// not, so the value is an estimate. The other calls have no known limit.
#[must_use]
pub fn aws_rate_limits() -> Vec<RateLimit> {
    let limit = |call: &str, burst, per_second| RateLimit {
        call: call.to_owned(),
        burst,
        per_second,
    };
    vec![
        limit("iam:*", 20.0, 5.0),
        limit("dax:TagResource", 5.0, 5.0),
        limit("dax:UntagResource", 5.0, 5.0),
        limit("dax:ListTags", 10.0, 10.0),
    ]
}

#[derive(Debug, Clone)]
struct Bucket {
    limit: RateLimit,
    tokens: f64,
    filled_at: DateTime<Utc>,
}

impl Bucket {
    fn refill(&mut self, now: DateTime<Utc>) {
        let elapsed = (now - self.filled_at).to_std().unwrap_or_default();
        let added = elapsed.as_secs_f64() * self.limit.per_second;
        self.tokens = (self.tokens + added).min(self.limit.burst);
        self.filled_at = now;
    }
}

/// The bucket of each limit, in each account and Region.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    full: Vec<Bucket>,
    places: BTreeMap<Place, Vec<Bucket>>,
}

impl RateLimiter {
    /// Starts with full buckets.
    pub(crate) fn new(limits: Vec<RateLimit>, now: DateTime<Utc>) -> RateLimiter {
        let full = |limit: RateLimit| Bucket {
            tokens: limit.burst,
            filled_at: now,
            limit,
        };
        RateLimiter {
            full: limits.into_iter().map(full).collect(),
            places: BTreeMap::new(),
        }
    }

    /// Whether the call is within all limits that match it. If so, takes a token of each.
    pub(crate) fn accept(&mut self, place: &Place, call: &str, now: DateTime<Utc>) -> bool {
        let buckets = self.places.entry(place.clone());
        let buckets = buckets.or_insert_with(|| self.full.clone());
        let mut matching: Vec<&mut Bucket> = buckets
            .iter_mut()
            .filter(|bucket| matches_call(&bucket.limit.call, call))
            .collect();
        for bucket in &mut matching {
            bucket.refill(now);
        }
        let is_accepted = matching.iter().all(|bucket| bucket.tokens >= 1.0);
        if is_accepted {
            for bucket in matching {
                bucket.tokens -= 1.0;
            }
        }
        is_accepted
    }
}

#[cfg(test)]
mod tests {
    use super::{RateLimiter, aws_rate_limits};
    use crate::place::Place;
    use chrono::{TimeDelta, Utc};

    #[test]
    fn a_burst_is_accepted_and_then_the_rate() {
        let now = Utc::now();
        let mut limiter = RateLimiter::new(aws_rate_limits(), now);
        let mut accepted = |call: &str, after: i64| {
            let at = now + TimeDelta::seconds(after);
            let place = Place::of_account("123456789012");
            (0..100)
                .filter(|_| limiter.accept(&place, call, at))
                .count()
        };
        assert_eq!(accepted("iam:GetRole", 0), 20);
        assert_eq!(accepted("iam:CreateRole", 0), 0);
        assert_eq!(accepted("iam:CreateRole", 1), 5);
        assert_eq!(accepted("iam:GetRole", 3600), 20);
        assert_eq!(accepted("dax:TagResource", 0), 5);
        assert_eq!(accepted("dax:ListTags", 0), 10);
        assert_eq!(accepted("dax:DescribeClusters", 0), 100);
    }
}
