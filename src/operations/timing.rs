//! Timing: the operator's settings for all operations, and the intervals between reads from AWS.

use std::time::Duration;

/// The operator's settings for all operations.
#[derive(Debug, Clone)]
pub struct Settings {
    /// ARN of the permissions boundary that every created service role gets.
    pub permissions_boundary: Option<String>,
    /// ARNs of the boundaries of other targets of the account.
    pub other_boundaries: Vec<String>,
    /// Intervals and timeouts.
    pub timing: Timing,
}

/// Intervals and timeouts. [`Timing::AWS`] suits AWS; [`Timing::SANDBOX`] is shorter.
#[derive(Debug, Clone)]
pub struct Timing {
    /// Between two reads of a cluster that is changing.
    pub cluster_poll: Duration,
    /// Between two attempts to remove a resource that is still in use.
    pub release_poll: Duration,
    /// First delay while DAX cannot assume a new role yet; the delay grows to 7.5 times this.
    pub role_recheck: Duration,
    /// Time after its creation during which a role may not be assumable yet: IAM is eventually
    /// consistent.
    pub propagation: Duration,
    /// Time after a call or a creation during which NotFound is not trusted.
    pub absence: Duration,
    /// Time for AWS to show and apply the effect of a call. A replaced policy is detached, and the
    /// next node is rebooted, only this long after the call before.
    pub settle: Duration,
    /// Between two reads of all clusters while no operation waits for one: the greatest age of a
    /// cluster that clients see.
    pub refresh: Duration,
    /// Between two reads of the tags and parameter values of a cluster.
    pub details: Duration,
}

impl Timing {
    /// For AWS: values from the developer guide and from other provisioners.
    pub const AWS: Self = Self {
        cluster_poll: Duration::from_secs(15),
        release_poll: Duration::from_secs(10),
        role_recheck: Duration::from_secs(2),
        propagation: Duration::from_secs(300),
        absence: Duration::from_secs(300),
        settle: Duration::from_secs(15),
        refresh: Duration::from_secs(60),
        details: Duration::from_secs(600),
    };

    /// For the sandbox, where every change takes about a second. `absence` is still longer than a
    /// call in flight.
    pub const SANDBOX: Self = Self {
        cluster_poll: Duration::from_millis(200),
        release_poll: Duration::from_millis(200),
        role_recheck: Duration::from_millis(100),
        propagation: Duration::from_secs(60),
        absence: Duration::from_secs(10),
        settle: Duration::from_millis(200),
        refresh: Duration::from_secs(2),
        details: Duration::from_secs(5),
    };

    /// Time without a poll of all clusters after which an operation reads its cluster itself.
    pub fn poll_timeout(&self) -> Duration {
        (self.cluster_poll * 3).max(Duration::from_secs(5))
    }
}
