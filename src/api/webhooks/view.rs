//! Shapes of webhooks and deliveries in responses.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::project::ProjectName;
use crate::domain::target::TargetName;
use crate::domain::webhooks::{self, DeliveryStatus, DisabledReason, WebhookEvent};
use crate::outgoing::secrets::WebhookSecret;

use crate::api::enum_schemas::{DeliveryStatusSchema, DisabledReasonSchema, WebhookEventSchema};

/// A receiver of events.
#[derive(Serialize, ToSchema)]
pub(crate) struct Webhook {
    id: Uuid,
    /// URL that deliveries are sent to.
    #[schema(format = "uri", example = "https://portal.example.com/hooks/dax")]
    url: String,
    /// Text of the caller.
    description: Option<String>,
    /// Selected events.
    #[schema(value_type = Vec<WebhookEventSchema>)]
    events: Vec<WebhookEvent>,
    /// Project whose events are delivered; null: the events of all.
    #[schema(value_type = Option<String>, example = "payments")]
    project: Option<ProjectName>,
    /// Target whose events are delivered; null: all targets.
    #[schema(value_type = Option<String>, example = "default")]
    target: Option<TargetName>,
    /// Whether events are delivered.
    enabled: bool,
    /// Why it is disabled.
    #[schema(value_type = Option<DisabledReasonSchema>)]
    disabled_reason: Option<DisabledReason>,
    /// Time of the first failed attempt since the last successful one. After five days the webhook
    /// is disabled.
    failing_since: Option<DateTime<Utc>>,
    /// End of the pause that the receiver last asked for by `Retry-After`.
    paused_until: Option<DateTime<Utc>>,
    /// Secret of the signatures, `whsec_…`. Only the responses of a create and of a rotation contain
    /// it.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: Option<String>,
    /// End of the time in which deliveries have a second signature, by the previous secret.
    previous_secret_until: Option<DateTime<Utc>>,
    /// The caller that created it.
    #[schema(example = "token:portal")]
    created_by: String,
    created_at: DateTime<Utc>,
}

impl Webhook {
    pub(crate) fn new(webhook: webhooks::Webhook, secret: Option<&WebhookSecret>) -> Self {
        Self {
            id: webhook.id,
            url: webhook.url,
            description: webhook.description,
            events: webhook.events,
            project: webhook.project,
            target: webhook.target,
            enabled: webhook.disabled_reason.is_none(),
            disabled_reason: webhook.disabled_reason,
            failing_since: webhook.failing_since,
            paused_until: webhook.paused_until,
            secret: secret.map(WebhookSecret::expose),
            previous_secret_until: webhook.previous_secret_until,
            created_by: webhook.created_by,
            created_at: webhook.created_at,
        }
    }
}

/// A page of webhooks.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookList {
    pub(crate) items: Vec<Webhook>,
    /// Cursor of the next page; null on the last page.
    pub(crate) next_cursor: Option<String>,
}

/// One event for one webhook, with the answer to the last attempt to deliver it.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookDelivery {
    /// The header `webhook-id` of each attempt.
    id: Uuid,
    /// One of the events that a webhook can select, or `webhook.test`.
    #[schema(example = "operation.succeeded")]
    event: String,
    /// ID of the operation; null if the event is about a webhook.
    operation_id: Option<Uuid>,
    #[schema(value_type = DeliveryStatusSchema)]
    status: DeliveryStatus,
    /// Number of attempts since its creation or redelivery.
    #[schema(minimum = 0)]
    attempts: i32,
    /// When the next attempt is due. During an attempt, when it is repeated if its result is lost.
    next_attempt_at: Option<DateTime<Utc>>,
    last_attempt_at: Option<DateTime<Utc>>,
    /// HTTP status of the last answer.
    #[schema(example = 200)]
    response_status: Option<i32>,
    /// The first 1,024 bytes of the last answer.
    response_body: Option<String>,
    /// Why the last attempt got no answer.
    #[schema(example = "the address is not allowed")]
    error: Option<String>,
    created_at: DateTime<Utc>,
}

impl From<webhooks::Delivery> for WebhookDelivery {
    fn from(delivery: webhooks::Delivery) -> Self {
        Self {
            id: delivery.id,
            event: delivery.event,
            operation_id: delivery.operation_id,
            status: delivery.status,
            attempts: delivery.attempts,
            next_attempt_at: delivery.next_attempt_at,
            last_attempt_at: delivery.last_attempt_at,
            response_status: delivery.response_status,
            response_body: delivery.response_body,
            error: delivery.error,
            created_at: delivery.created_at,
        }
    }
}

/// A page of deliveries.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookDeliveryList {
    pub(crate) items: Vec<WebhookDelivery>,
    /// Cursor of the next page; null on the last page.
    pub(crate) next_cursor: Option<String>,
}
