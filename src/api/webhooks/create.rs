//! `POST /v1/webhooks`, and the rotation of a webhook's secret.

use std::time::Duration;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use crate::authorization::Action;
use crate::outgoing::secrets::WebhookSecret;
use crate::store::{NewWebhook, WebhookSubject};

use super::requests::WebhookRequest;
use super::view::Webhook;
use super::{WebhookPath, no_such_webhook};
use crate::api::access::CallerApi;
use crate::api::clusters::empty_request::EmptyRequest;
use crate::api::clusters::rules::{take_project, take_target};
use crate::api::http::api_error::ApiError;
use crate::api::http::body::JsonBody;
use crate::api::http::problem::Problem;
use crate::api::http::query::NoQuery;
use crate::api::http::responses::etag;

/// How long deliveries are signed with the previous secret as well.
const OVERLAP: Duration = Duration::from_secs(24 * 3_600);

/// Creates a webhook, which receives the selected events from now on.
///
/// Deliveries follow the Standard Webhooks specification: the headers `webhook-id`,
/// `webhook-timestamp` and `webhook-signature` are verified with the secret, which only this response
/// contains. Each event is delivered at least once; an event that is delivered again has the same
/// `webhook-id`. Any 2xx answer within 15 seconds accepts it. A delivery that fails is attempted ten
/// times within three days. An answer 410, or five days of failures, disables the webhook.
///
/// The body of a delivery is `{"type", "timestamp", "data": {"operation_id", "kind", "status",
/// "cluster", "target", "project", "version", "problem_code"}}`. Read the operation for the rest.
/// `data` of `webhook.disabled` is `{"webhook_id", "reason"}`; it is delivered to the other webhooks of
/// the project, and to those of no project.
#[utoipa::path(
    post, path = "/v1/webhooks", tag = "webhooks", operation_id = "create_webhook",
    request_body(content = WebhookRequest, description = "The webhook."),
    responses((status = 201, description = "The webhook with its secret.", body = Webhook, headers(
        ("Location" = String, description = "URL of the webhook."),
        ("ETag" = String, description = "Version of the webhook, for `If-Match`."),
    )))
)]
pub(crate) async fn create_webhook(
    api: CallerApi,
    _: NoQuery,
    JsonBody(mut body): JsonBody,
) -> Result<Response, ApiError> {
    let target = take_target(&mut body);
    let project = take_project(&mut body);
    let project = project.or_else(|| api.caller.default_project().cloned());
    let subject = WebhookSubject { project, target };
    api.decide_webhooks(Action::CreateWebhook, &subject)?;
    let valid = WebhookRequest::read(body).map_err(Problem::invalid)?;
    api.check_target(subject.target.as_ref())?;
    let (id, secret) = (Uuid::now_v7(), WebhookSecret::generate());
    let new = NewWebhook {
        id,
        url: valid.url,
        description: valid.description,
        events: valid.events,
        project: subject.project,
        target: subject.target,
        secret: api.secrets_key()?.seal(id, &secret),
        created_by: api.caller.requested_by(),
    };
    let created = api.store.create_webhook(&new).await?;
    let headers = [
        (header::LOCATION, format!("/v1/webhooks/{id}")),
        (header::ETAG, etag(created.version)),
    ];
    let view = Webhook::new(created, Some(&secret));
    Ok((StatusCode::CREATED, headers, Json(view)).into_response())
}

/// Replaces the secret of a webhook.
///
/// For 24 hours each delivery has two signatures, by the new and by the previous secret, so that a
/// receiver can replace its secret without a gap.
#[utoipa::path(
    post, path = "/v1/webhooks/{id}/rotate_secret", tag = "webhooks",
    operation_id = "rotate_webhook_secret",
    params(WebhookPath),
    request_body(content = EmptyRequest, description = "Empty; can be omitted."),
    responses((status = 200, description = "The webhook with its new secret.", body = Webhook))
)]
pub(crate) async fn rotate_webhook_secret(
    api: CallerApi,
    WebhookPath(id): WebhookPath,
    _: NoQuery,
    _: EmptyRequest,
) -> Result<Json<Webhook>, ApiError> {
    api.webhook(Action::RotateWebhookSecret, id).await?;
    let secret = WebhookSecret::generate();
    let sealed = api.secrets_key()?.seal(id, &secret);
    let rotated = api
        .store
        .rotate_webhook_secret(id, &sealed, OVERLAP)
        .await?;
    let webhook = rotated.ok_or_else(no_such_webhook)?;
    Ok(Json(Webhook::new(webhook, Some(&secret))))
}
