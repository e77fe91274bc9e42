//! Bodies of requests that create or change a webhook.

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::project::ProjectName;
use crate::domain::target::TargetName;
use crate::domain::validation::violation::RuleViolation;
use crate::domain::webhooks::WebhookEvent;
use crate::outgoing::webhooks::parse_url;
use crate::store::WebhookChange;

use crate::api::enum_schemas::WebhookEventSchema;
use crate::api::http::body_schema;
use crate::api::http::problem::FieldError;

/// Maximum number of characters of a description.
const DESCRIPTION_CHARS_MAX: usize = 256;

/// A webhook to create.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookRequest {
    /// URL that deliveries are sent to: https, without user and fragment. Its address is checked at
    /// each attempt: only public addresses, and networks that the operator allows, are connected to.
    #[schema(value_type = String, format = "uri", max_length = 2048,
             example = "https://portal.example.com/hooks/dax")]
    url: Option<String>,
    /// Selected events; `*` selects all.
    #[schema(value_type = Vec<WebhookEventSchema>, min_items = 1,
             example = json!(["operation.succeeded", "operation.failed"]))]
    events: Option<Vec<WebhookEvent>>,
    /// Project whose events are delivered. Default: the caller's project, else the events of all. It
    /// cannot be changed.
    #[schema(value_type = String, required = false, min_length = 1, max_length = 40,
             pattern = "^[a-z][a-z0-9-]*$", example = "payments")]
    project: Option<String>,
    /// Target whose events are delivered, one of `GET /v1/targets`. Default: all targets.
    #[schema(value_type = String, required = false, min_length = 1, max_length = 40,
             pattern = "^[a-z][a-z0-9-]*$", example = "default")]
    target: Option<String>,
    /// Text for people.
    #[schema(value_type = String, required = false, max_length = 256,
             example = "order portal")]
    description: Option<String>,
}

/// A valid request.
pub(crate) struct ValidWebhook {
    pub(crate) url: String,
    pub(crate) events: Vec<String>,
    pub(crate) description: Option<String>,
}

impl WebhookRequest {
    pub(crate) fn read(body: Value) -> Result<ValidWebhook, Vec<FieldError>> {
        body_schema::validate(body, |request: Self, violations| {
            let url = violations.required("/url", request.url, check_url);
            let events = violations.required("/events", request.events, check_events);
            // Valid names are taken out before, because the right depends on them.
            let (project, target) = (request.project.as_deref(), request.target.as_deref());
            violations.optional("/project", project, ProjectName::parse);
            violations.optional("/target", target, TargetName::parse);
            let description =
                violations.optional("/description", request.description, check_description);
            Some(ValidWebhook {
                url: url?,
                events: events?,
                description,
            })
        })
    }
}

/// New settings of a webhook. An absent field keeps its value.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookPatch {
    /// URL that deliveries are sent to, those that are pending included.
    #[schema(value_type = String, format = "uri", required = false, max_length = 2048,
             example = "https://portal.example.com/hooks/dax")]
    url: Option<String>,
    /// Selected events; `*` selects all.
    #[schema(value_type = Vec<WebhookEventSchema>, required = false, min_items = 1,
             example = json!(["*"]))]
    events: Option<Vec<WebhookEvent>>,
    /// Target whose events are delivered; null: all targets.
    #[schema(value_type = Option<String>, required = false, min_length = 1, max_length = 40,
             pattern = "^[a-z][a-z0-9-]*$", example = "default")]
    #[serde(default, deserialize_with = "present")]
    target: Option<Option<String>>,
    /// Text for people; null removes it.
    #[schema(value_type = Option<String>, required = false, max_length = 256)]
    #[serde(default, deserialize_with = "present")]
    description: Option<Option<String>>,
    /// False stops all deliveries. True continues pending ones, and delivers the events from now on.
    #[schema(value_type = bool, required = false, example = true)]
    enabled: Option<bool>,
}

/// Distinguishes null from an absent field.
fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(value).map(Some)
}

impl WebhookPatch {
    pub(crate) fn read(body: Value) -> Result<WebhookChange, Vec<FieldError>> {
        body_schema::validate(body, |patch: Self, violations| {
            let description = patch.description.map(|text| {
                text.and_then(|text| violations.check("/description", check_description(text)))
            });
            let target = patch.target.map(|name| {
                name.and_then(|name| violations.check("/target", TargetName::parse(&name)))
            });
            Some(WebhookChange {
                url: violations.optional("/url", patch.url, check_url),
                events: violations.optional("/events", patch.events, check_events),
                target,
                description,
                enabled: patch.enabled,
            })
        })
    }
}

fn check_url(text: String) -> Result<String, RuleViolation> {
    // The form without tabs, dots and other spellings is what is connected to.
    parse_url(&text).map(String::from)
}

fn check_events(mut events: Vec<WebhookEvent>) -> Result<Vec<String>, RuleViolation> {
    events.sort_unstable();
    events.dedup();
    if events.is_empty() {
        let detail = "must name at least one event, or be [\"*\"]";
        return Err(RuleViolation::new("out_of_range", detail));
    }
    let names = events.into_iter().map(|event| event.as_str().to_owned());
    Ok(names.collect())
}

fn check_description(text: String) -> Result<String, RuleViolation> {
    let is_valid = text.chars().count() <= DESCRIPTION_CHARS_MAX && !text.contains('\0');
    let detail = format!("must have at most {DESCRIPTION_CHARS_MAX} characters");
    let rule = || RuleViolation::new("out_of_range", detail);
    is_valid.then_some(text).ok_or_else(rule)
}
