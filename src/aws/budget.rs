//! The budget of AWS calls: one token bucket per service, shared by everything that uses the
//! clients of one account and Region: workers, poll, sweep and requests. IAM knows no Region, so its
//! bucket is that of the account.
//!
//! AWS publishes few of its rates, and other programs use the same account. So the rate adapts:
//! throttling cuts it below what was sent in the last second, and every second without throttling
//! raises it a little, up to a ceiling. Processes share an account's rate in this way without
//! knowing each other.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

/// Longest wait of one call for its place. A call with a longer wait is not sent.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// Factor of the rate at throttling.
const DECREASE: f64 = 0.7;
/// Share of the rate at the last throttling by which the rate rises in a second.
const INCREASE: f64 = 0.05;
/// Longest burst, in seconds of the rate.
const BURST_SECONDS: f64 = 2.0;
/// Lowest rate, in calls per second. AWS's sustained rates are above it, so one throttled call
/// among few costs little.
const RATE_MIN: f64 = 2.0;
/// The same for a sandbox.
const SANDBOX_RATE_MIN: f64 = 10.0;
/// Throttled responses within this time of a decrease belong to the calls sent before it.
const DECREASE_INTERVAL: Duration = Duration::from_millis(500);

/// Calls that share one limit of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Group {
    Iam,
    Dax,
    /// ListTags, TagResource and UntagResource of DAX (developer guide, "Quotas": 5 to 10 calls per
    /// second).
    DaxTags,
    Other,
}

impl Group {
    /// The group of a call by its SDK names.
    pub(super) fn of(service: &str, operation: &str) -> Self {
        match (service, operation) {
            ("IAM", _) => Self::Iam,
            ("DAX", "ListTags" | "TagResource" | "UntagResource") => Self::DaxTags,
            ("DAX", _) => Self::Dax,
            _ => Self::Other,
        }
    }

    /// Burst and highest rate, in calls and calls per second. IAM and the tag calls: practice of
    /// other provisioners; the rest is a guess that throttling corrects.
    fn ceiling(self) -> (f64, f64) {
        match self {
            Self::Iam => (20.0, 20.0),
            Self::Dax => (20.0, 50.0),
            Self::DaxTags => (5.0, 5.0),
            Self::Other => (50.0, 100.0),
        }
    }
}

/// A call that was not sent, because its wait would exceed the limit.
#[derive(Debug)]
pub(super) struct OverBudget;

impl fmt::Display for OverBudget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the budget of AWS calls is used up")
    }
}

impl std::error::Error for OverBudget {}

type Buckets = Arc<Mutex<HashMap<Group, Bucket>>>;

/// The budget of the services of one account that know no Region. The clients of each of its Regions
/// share it.
#[derive(Debug, Clone, Default)]
pub struct AccountBudget(Buckets);

/// The budget of one account and Region.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    account: AccountBudget,
    buckets: Buckets,
    /// Without a ceiling a bucket starts unlimited; throttling gives it a rate.
    has_ceiling: bool,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    rate: f64,
    burst: f64,
    ceiling: f64,
    floor: f64,
    /// The rate at the last throttling; the ceiling before any.
    knee: f64,
    refilled_at: Instant,
    decreased_at: Option<Instant>,
    /// Calls sent in the current second, and in the one before.
    sent: (u32, u32),
    second_from: Instant,
}

impl Bucket {
    fn new(burst: f64, ceiling: f64, floor: f64, now: Instant) -> Self {
        Self {
            tokens: burst,
            rate: ceiling,
            burst,
            ceiling,
            floor,
            knee: ceiling,
            refilled_at: now,
            decreased_at: None,
            sent: (0, 0),
            second_from: now,
        }
    }

    fn refill(&mut self, now: Instant) {
        let elapsed = now
            .saturating_duration_since(self.refilled_at)
            .as_secs_f64();
        self.refilled_at = now;
        self.rate = (self.rate + elapsed * INCREASE * self.knee).min(self.ceiling);
        let burst = (self.rate * BURST_SECONDS).max(1.0).min(self.burst);
        self.tokens = (self.tokens + elapsed * self.rate).min(burst);
        let seconds = now.saturating_duration_since(self.second_from).as_secs();
        if seconds > 0 {
            self.sent = (0, if seconds == 1 { self.sent.0 } else { 0 });
            self.second_from = now;
        }
    }

    /// Takes a place and returns how long to wait for it; `None` if that is too long.
    fn reserve(&mut self, now: Instant) -> Option<Duration> {
        self.refill(now);
        let missing = (1.0 - self.tokens).max(0.0);
        let wait = Duration::from_secs_f64(missing / self.rate);
        if wait > WAIT_MAX {
            return None;
        }
        self.tokens -= 1.0;
        self.sent.0 += 1;
        Some(wait)
    }

    fn decrease(&mut self, now: Instant) {
        self.refill(now);
        let is_recent = |at| now.saturating_duration_since(at) < DECREASE_INTERVAL;
        if self.decreased_at.is_some_and(is_recent) {
            return;
        }
        let sent = f64::from(self.sent.0.max(self.sent.1));
        self.knee = self.rate.min(sent).max(self.floor);
        self.rate = (self.knee * DECREASE).max(self.floor);
        self.tokens = self.tokens.min(0.0);
        self.decreased_at = Some(now);
    }
}

impl Budget {
    /// A budget with the ceilings of AWS, or without any: a sandbox has no limits of its own.
    pub(super) fn new(has_ceiling: bool, account: AccountBudget) -> Self {
        Self {
            account,
            buckets: Arc::default(),
            has_ceiling,
        }
    }

    fn with_bucket<T>(&self, group: Group, work: impl FnOnce(&mut Bucket) -> T) -> T {
        let buckets = match group {
            Group::Iam => &self.account.0,
            Group::Dax | Group::DaxTags | Group::Other => &self.buckets,
        };
        let mut buckets = buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry(group).or_insert_with(|| {
            let ((burst, rate), floor) = if self.has_ceiling {
                (group.ceiling(), RATE_MIN)
            } else {
                ((10_000.0, 10_000.0), SANDBOX_RATE_MIN)
            };
            Bucket::new(burst, rate, floor, Instant::now())
        });
        work(bucket)
    }

    /// Notes that AWS throttled a call of the group.
    pub(super) fn throttled(&self, group: Group) {
        self.with_bucket(group, |bucket| bucket.decrease(Instant::now()));
    }

    async fn wait(&self, group: Group) -> Result<(), OverBudget> {
        let wait = self.with_bucket(group, |bucket| bucket.reserve(Instant::now()));
        tokio::time::sleep(wait.ok_or(OverBudget)?).await;
        Ok(())
    }

    /// An HTTP client that sends each request of a service within the budget.
    pub(super) fn client(&self, inner: SharedHttpClient) -> SharedHttpClient {
        SharedHttpClient::new(BudgetedClient {
            inner,
            budget: self.clone(),
        })
    }
}

#[derive(Debug)]
struct BudgetedClient {
    inner: SharedHttpClient,
    budget: Budget,
}

impl HttpClient for BudgetedClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(BudgetedConnector {
            inner: self.inner.http_connector(settings, components),
            budget: self.budget.clone(),
        })
    }
}

#[derive(Debug)]
struct BudgetedConnector {
    inner: SharedHttpConnector,
    budget: Budget,
}

impl HttpConnector for BudgetedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let group = group_of(&request);
        let (inner, budget) = (self.inner.clone(), self.budget.clone());
        HttpConnectorFuture::new(async move {
            budget
                .wait(group)
                .await
                .map_err(|error| ConnectorError::user(error.into()))?;
            inner.call(request).await
        })
    }
}

/// The group of a signed request: the signature names the service, the target header the call.
fn group_of(request: &HttpRequest) -> Group {
    let authorization = request.headers().get("authorization").unwrap_or_default();
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default();
    // Credential=<key>/<date>/<Region>/<service>/aws4_request
    match authorization.split('/').nth(3) {
        Some("iam") => Group::Iam,
        Some("dax") => Group::of("DAX", operation),
        _ => Group::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(start: Instant, milliseconds: u64) -> Instant {
        start + Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_burst_is_sent_at_once_and_more_waits_for_the_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(5.0, 10.0, 1.0, start);
        let waits: Vec<u128> = (0..7)
            .map(|_| bucket.reserve(start).unwrap().as_millis())
            .collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 100, 200]);
        assert_eq!(bucket.reserve(after(start, 500)).unwrap().as_millis(), 0);
    }

    #[test]
    fn a_call_that_would_wait_too_long_is_not_sent_and_takes_no_place() {
        let start = Instant::now();
        let mut bucket = Bucket::new(1.0, 1.0, 1.0, start);
        assert_eq!(bucket.reserve(start), Some(Duration::ZERO));
        assert_eq!(bucket.reserve(start), Some(Duration::from_secs(1)));
        assert_eq!(bucket.reserve(start), None);
        assert!(bucket.reserve(after(start, 1_100)).is_some());
    }

    #[test]
    fn throttling_cuts_the_rate_below_what_was_sent_once_per_interval() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10_000.0, 10_000.0, 1.0, start);
        for _ in 0..100 {
            bucket.reserve(start).unwrap();
        }
        bucket.decrease(after(start, 100));
        let rate = bucket.rate;
        assert!((60.0..75.0).contains(&rate), "{rate}");
        bucket.decrease(after(start, 200));
        assert!(bucket.rate >= rate, "one decrease per interval");
    }

    #[test]
    fn the_rate_recovers_to_its_ceiling() {
        let start = Instant::now();
        let mut bucket = Bucket::new(20.0, 20.0, 1.0, start);
        for _ in 0..10 {
            bucket.reserve(start).unwrap();
        }
        bucket.decrease(start);
        assert!((bucket.rate - 7.0).abs() < 0.01, "{}", bucket.rate);
        bucket.refill(after(start, 6_000));
        assert!((bucket.rate - 10.0).abs() < 0.01, "{}", bucket.rate);
        bucket.refill(after(start, 60_000));
        assert!((bucket.rate - 20.0).abs() < 0.01, "{}", bucket.rate);
    }
}
