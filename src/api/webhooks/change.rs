//! `PATCH` and `DELETE /v1/webhooks/{id}`.

use axum::http::StatusCode;
use axum::response::Response;

use crate::authorization::Action;
use crate::domain::problems::problem_code::ProblemCode;
use crate::store::WebhookSubject;

use super::requests::WebhookPatch;
use super::view::Webhook;
use super::{WebhookPath, no_such_webhook};
use crate::api::access::CallerApi;
use crate::api::http::api_error::ApiError;
use crate::api::http::body::PatchBody;
use crate::api::http::problem::Problem;
use crate::api::http::query::NoQuery;
use crate::api::http::responses::{IfMatch, IfNoneMatch, RequiredIfMatch, other_version, single};

/// Changes a webhook, by a JSON merge patch.
///
/// A disabled webhook is enabled by `"enabled": true`. Events of the time in which it was disabled
/// are not delivered; `GET /v1/events` lists them.
#[utoipa::path(
    patch, path = "/v1/webhooks/{id}", tag = "webhooks", operation_id = "update_webhook",
    params(WebhookPath, RequiredIfMatch),
    request_body(
        description = "The new settings.",
        content(
            (WebhookPatch = "application/merge-patch+json"),
            (WebhookPatch = "application/json"),
        ),
    ),
    responses((status = 200, description = "The changed webhook.", body = Webhook, headers(
        ("ETag" = String, description = "Version of the webhook, for `If-Match`."),
    )))
)]
pub(crate) async fn update_webhook(
    api: CallerApi,
    WebhookPath(id): WebhookPath,
    _: NoQuery,
    if_match: IfMatch,
    PatchBody(body): PatchBody,
) -> Result<Response, ApiError> {
    let webhook = api.webhook(Action::UpdateWebhook, id).await?;
    if if_match == IfMatch::Absent {
        let detail = "send `If-Match` with the `ETag` of the webhook as last read";
        return Err(ApiError::new(ProblemCode::PreconditionRequired, detail));
    }
    let change = WebhookPatch::read(body).map_err(Problem::invalid)?;
    if_match.check(webhook.version)?;
    if let Some(target) = &change.target {
        let project = webhook.project.clone();
        let target = target.clone();
        let subject = WebhookSubject { project, target };
        api.decide_webhooks(Action::UpdateWebhook, &subject)?;
        api.check_target(subject.target.as_ref())?;
    }
    let changed = api
        .store
        .change_webhook(id, webhook.version, &change)
        .await?;
    let Some(changed) = changed else {
        // Another request, or a result of a delivery, was faster.
        let webhook = api.webhook(Action::UpdateWebhook, id).await?;
        return Err(other_version(webhook.version));
    };
    let (version, view) = (changed.version, Webhook::new(changed, None));
    Ok(single(version, &view, &IfNoneMatch::default()))
}

/// Deletes a webhook with its deliveries. An attempt that is running is not stopped.
#[utoipa::path(
    delete, path = "/v1/webhooks/{id}", tag = "webhooks", operation_id = "delete_webhook",
    params(WebhookPath),
    responses((status = 204, description = "The webhook is deleted."))
)]
pub(crate) async fn delete_webhook(
    api: CallerApi,
    WebhookPath(id): WebhookPath,
    _: NoQuery,
) -> Result<StatusCode, ApiError> {
    api.webhook(Action::DeleteWebhook, id).await?;
    if api.store.delete_webhook(id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(no_such_webhook())
    }
}
