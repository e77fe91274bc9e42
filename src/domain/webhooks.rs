//! Webhooks: which events they select, what is delivered, and when a delivery is repeated.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::names::ClusterName;
use super::operation::{Kind, Status};
use super::project::ProjectName;
use super::target::TargetName;

/// Pauses before the second and each further attempt. The last one ends three days after the first.
const PAUSES: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3_600),
    Duration::from_secs(5 * 3_600),
    Duration::from_secs(10 * 3_600),
    Duration::from_secs(14 * 3_600),
    Duration::from_secs(20 * 3_600),
    Duration::from_secs(24 * 3_600),
];

/// The event of a delivery that `POST /v1/webhooks/{id}/test` requests.
pub const TEST_EVENT: &str = "webhook.test";

/// An event that a webhook can select.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::VariantArray,
    strum::IntoStaticStr,
    strum::EnumString,
)]
pub enum WebhookEvent {
    /// Every event of this list, and those that later versions add.
    #[serde(rename = "*")]
    #[strum(serialize = "*")]
    All,
    /// An operation was accepted.
    #[serde(rename = "operation.accepted")]
    #[strum(serialize = "operation.accepted")]
    Accepted,
    /// It waits until people have approved it.
    #[serde(rename = "operation.awaiting_approval")]
    #[strum(serialize = "operation.awaiting_approval")]
    AwaitingApproval,
    /// It is blocked by a problem that can be fixed without a new request.
    #[serde(rename = "operation.blocked")]
    #[strum(serialize = "operation.blocked")]
    Blocked,
    /// The cause of the block is resolved.
    #[serde(rename = "operation.unblocked")]
    #[strum(serialize = "operation.unblocked")]
    Unblocked,
    /// A cancellation was requested.
    #[serde(rename = "operation.cancelling")]
    #[strum(serialize = "operation.cancelling")]
    Cancelling,
    /// A failure or a request rolls it back.
    #[serde(rename = "operation.rolling_back")]
    #[strum(serialize = "operation.rolling_back")]
    RollingBack,
    /// It ended with success.
    #[serde(rename = "operation.succeeded")]
    #[strum(serialize = "operation.succeeded")]
    Succeeded,
    /// It ended without success.
    #[serde(rename = "operation.failed")]
    #[strum(serialize = "operation.failed")]
    Failed,
    /// It ended by a cancel request, or a delete superseded it.
    #[serde(rename = "operation.cancelled")]
    #[strum(serialize = "operation.cancelled")]
    Cancelled,
    /// A cluster is deleted within 24 hours, or within one hour.
    #[serde(rename = "cluster.expiring")]
    #[strum(serialize = "cluster.expiring")]
    Expiring,
    /// Deletion protection holds the delete of an expired cluster off.
    #[serde(rename = "cluster.expiry_held")]
    #[strum(serialize = "cluster.expiry_held")]
    ExpiryHeld,
    /// A webhook was disabled because of its answers.
    #[serde(rename = "webhook.disabled")]
    #[strum(serialize = "webhook.disabled")]
    Disabled,
}

/// The event types of the feed that are delivered. The others are progress within an operation.
const FEED_TYPES: [(&str, WebhookEvent); 12] = [
    ("operation_accepted", WebhookEvent::Accepted),
    ("approval_requested", WebhookEvent::AwaitingApproval),
    ("blocked", WebhookEvent::Blocked),
    ("unblocked", WebhookEvent::Unblocked),
    ("cancel_requested", WebhookEvent::Cancelling),
    ("rolling_back", WebhookEvent::RollingBack),
    ("roll_back_requested", WebhookEvent::RollingBack),
    ("operation_succeeded", WebhookEvent::Succeeded),
    ("operation_failed", WebhookEvent::Failed),
    ("operation_cancelled", WebhookEvent::Cancelled),
    ("cluster_expiring", WebhookEvent::Expiring),
    ("cluster_expiry_held", WebhookEvent::ExpiryHeld),
];

impl WebhookEvent {
    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The event of an event type of the feed, if it is delivered.
    pub fn of_feed(feed_type: &str) -> Option<Self> {
        let mut types = FEED_TYPES.into_iter();
        types.find_map(|(name, event)| (name == feed_type).then_some(event))
    }

    /// The event types of the feed that are delivered.
    pub fn feed_types() -> Vec<String> {
        FEED_TYPES.map(|(name, _)| name.to_owned()).to_vec()
    }

    /// The status of the operation right after the event.
    fn status(self) -> Option<Status> {
        match self {
            Self::All | Self::Expiring | Self::ExpiryHeld | Self::Disabled => None,
            Self::Accepted => Some(Status::Pending),
            Self::AwaitingApproval => Some(Status::AwaitingApproval),
            Self::Blocked => Some(Status::Blocked),
            Self::Unblocked => Some(Status::Running),
            Self::Cancelling => Some(Status::Cancelling),
            Self::RollingBack => Some(Status::RollingBack),
            Self::Succeeded => Some(Status::Succeeded),
            Self::Failed => Some(Status::Failed),
            Self::Cancelled => Some(Status::Cancelled),
        }
    }
}

/// What a delivery reports about an operation. The receiver reads the rest with its own rights.
#[derive(Debug, Clone)]
pub struct OperationEvent {
    /// The event.
    pub event: WebhookEvent,
    /// The time of the event.
    pub at: DateTime<Utc>,
    /// The operation.
    pub operation_id: Uuid,
    /// The kind of the operation.
    pub kind: Kind,
    /// The target of the cluster.
    pub target: TargetName,
    /// The project of the cluster, if it belongs to one.
    pub project: Option<ProjectName>,
    /// The cluster of the operation.
    pub cluster: ClusterName,
    /// The version of the operation at the event or later.
    pub version: i64,
    /// The problem that blocked or ended the operation.
    pub problem_code: Option<String>,
}

impl OperationEvent {
    /// The body of the delivery. It is the same in each attempt.
    pub fn body(&self) -> String {
        let data = json!({
            "operation_id": self.operation_id,
            "kind": self.kind.as_str(),
            "status": self.event.status().map(Status::as_str),
            "cluster": self.cluster.as_str(),
            "target": self.target.as_str(),
            "project": self.project.as_ref().map(ProjectName::as_str),
            "version": self.version,
            "problem_code": self.problem_code,
        });
        body(self.event.as_str(), self.at, data)
    }
}

/// The body of a test delivery.
pub fn test_body(webhook: Uuid, at: DateTime<Utc>) -> String {
    body(TEST_EVENT, at, json!({ "webhook_id": webhook }))
}

/// The body of a delivery that reports a disabled webhook.
pub fn disabled_body(webhook: Uuid, reason: DisabledReason, at: DateTime<Utc>) -> String {
    let data = json!({ "webhook_id": webhook, "reason": reason });
    body(WebhookEvent::Disabled.as_str(), at, data)
}

fn body(event: &str, at: DateTime<Utc>, data: Value) -> String {
    json!({ "type": event, "timestamp": at, "data": data }).to_string()
}

/// Why a webhook is disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::VariantArray, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum DisabledReason {
    /// A request disabled it.
    Requested,
    /// The receiver answered 410 Gone.
    Gone,
    /// Every attempt of five days failed.
    Failing,
}

/// How a receiver responded to the last attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Responsiveness {
    /// It answered within a second, with any status, or refused the connection. A new receiver counts
    /// as quick.
    #[default]
    Quick,
    /// It accepted the delivery later.
    Slow,
    /// It did not accept the delivery, and took longer than a second.
    Silent,
}

/// A webhook, without its secret.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Its ID.
    pub id: Uuid,
    /// The URL that deliveries are sent to.
    pub url: String,
    /// The caller's text.
    pub description: Option<String>,
    /// The selected events.
    pub events: Vec<WebhookEvent>,
    /// The project whose events it receives; `None` for those of every project.
    pub project: Option<ProjectName>,
    /// The target whose events it receives; `None` for those of every target.
    pub target: Option<TargetName>,
    /// The end of the time in which deliveries are signed with the previous secret as well.
    pub previous_secret_until: Option<DateTime<Utc>>,
    /// The first failed attempt since the last successful one.
    pub failing_since: Option<DateTime<Utc>>,
    /// The receiver asked for this pause by `Retry-After`.
    pub paused_until: Option<DateTime<Utc>>,
    /// Why it is disabled; `None` if it is enabled.
    pub disabled_reason: Option<DisabledReason>,
    /// The caller that created it.
    pub created_by: String,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// Raised by each change.
    pub version: i64,
}

/// The status of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::VariantArray, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum DeliveryStatus {
    /// An attempt is due, now or later.
    Pending,
    /// The receiver answered with 2xx.
    Succeeded,
    /// The last attempt failed, or the receiver answered 410.
    Failed,
}

/// One event for one webhook, and the answer to the last attempt to deliver it.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its ID, which is the `webhook-id` of each attempt.
    pub id: Uuid,
    /// The name of the event.
    pub event: String,
    /// The operation; `None` for a test.
    pub operation_id: Option<Uuid>,
    /// Its status.
    pub status: DeliveryStatus,
    /// The number of attempts since its creation or redelivery.
    pub attempts: i32,
    /// When the next attempt is due. During an attempt: when it is repeated if its result is lost.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When the last attempt began.
    pub last_attempt_at: Option<DateTime<Utc>>,
    /// The status of the last answer.
    pub response_status: Option<i32>,
    /// The start of the last answer.
    pub response_body: Option<String>,
    /// Why the last attempt got no answer.
    pub error: Option<String>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
}

/// The pause after this number of failed attempts; `None` if there is no further attempt.
pub fn pause_after(attempts: i32) -> Option<Duration> {
    let index = usize::try_from(attempts).ok()?.checked_sub(1)?;
    PAUSES.get(index).copied()
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    #[test]
    fn each_event_has_a_type_in_the_feed() {
        for &event in WebhookEvent::VARIANTS {
            let is_delivered = FEED_TYPES.iter().any(|(_, delivered)| *delivered == event);
            let is_own = [WebhookEvent::All, WebhookEvent::Disabled].contains(&event);
            assert_eq!(is_delivered, !is_own, "{event:?}");
            assert_eq!(serde_json::to_value(event).unwrap(), event.as_str());
        }
        assert_eq!(WebhookEvent::of_feed("step_started"), None);
    }

    #[test]
    fn ten_attempts_are_made_in_three_days() {
        assert_eq!(pause_after(0), None);
        assert_eq!(pause_after(1), Some(Duration::from_secs(5)));
        assert_eq!(pause_after(9), Some(Duration::from_secs(86_400)));
        assert_eq!(pause_after(10), None);
        let all: Duration = PAUSES.iter().sum();
        assert_eq!(all.as_secs(), 5 + 300 + 1_800 + 75 * 3_600);
    }

    #[test]
    fn a_body_is_thin() {
        let event = OperationEvent {
            event: WebhookEvent::Failed,
            at: DateTime::from_timestamp(1, 0).unwrap(),
            operation_id: Uuid::nil(),
            kind: Kind::CreateCluster,
            target: TargetName::default(),
            project: Some(ProjectName::parse("payments").unwrap()),
            cluster: ClusterName::parse("orders").unwrap(),
            version: 7,
            problem_code: Some("quota_exceeded".to_owned()),
        };
        let expected = json!({
            "type": "operation.failed",
            "timestamp": "1970-01-01T00:00:01Z",
            "data": {
                "operation_id": Uuid::nil(),
                "kind": "create_cluster",
                "status": "failed",
                "cluster": "orders",
                "target": "default",
                "project": "payments",
                "version": 7,
                "problem_code": "quota_exceeded",
            },
        });
        assert_eq!(
            serde_json::from_str::<Value>(&event.body()).unwrap(),
            expected
        );
    }
}
