//! Pace: what the operator has set for all operations, and how long to wait for what.

use std::time::Duration;

/// What the operator has set for all operations.
#[derive(Debug, Clone)]
pub struct Settings {
    /// ARN of the permissions boundary that every role of ours is made with.
    pub permissions_boundary: Option<String>,
    /// How long to wait for what.
    pub timing: Timing,
}

/// How long to wait for what. AWS's pace by default; the sandbox lives faster.
#[derive(Debug, Clone)]
pub struct Timing {
    /// Between two looks at a cluster that changes.
    pub cluster_poll: Duration,
    /// Between two looks at something that is still in use.
    pub release_poll: Duration,
    /// First wait when DAX cannot assume a young role yet; it grows to 7.5 times this.
    pub role_recheck: Duration,
    /// How long after its creation a role may be too young to be assumed (IAM is eventually consistent).
    pub propagation: Duration,
    /// How long after a lost answer "it is not there" is not believed.
    pub absence: Duration,
    /// How long AWS may take to show, and to heed, what a call has changed: a policy is detached, and the next node is
    /// rebooted, only so long after the call before.
    pub settle: Duration,
    /// Between two looks at all clusters while no operation waits for one: how old what is shown of a cluster may be.
    pub refresh: Duration,
    /// How old what is known of a cluster's tags and parameter values may be.
    pub details: Duration,
}

impl Timing {
    /// AWS's pace: facts and practice in the developer guide and in other provisioners.
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

    /// The sandbox's pace: everything there takes a second or so. Absence still outlasts a call in flight.
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

    /// How long the poll for all clusters may be silent before an operation asks by itself.
    pub fn poll_timeout(&self) -> Duration {
        (self.cluster_poll * 3).max(Duration::from_secs(5))
    }
}
