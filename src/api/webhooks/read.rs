//! `GET /v1/webhooks` and `GET /v1/webhooks/{id}`.

use axum::response::Response;

use crate::authorization::Action;

use super::WebhookPath;
use super::view::{Webhook, WebhookList};
use crate::api::access::CallerApi;
use crate::api::http::api_error::ApiError;
use crate::api::http::paging::{ByAge, Page, PageParameters};
use crate::api::http::query::NoQuery;
use crate::api::http::responses::{IfNoneMatch, single};

/// Lists webhooks, newest first.
#[utoipa::path(
    get, path = "/v1/webhooks", tag = "webhooks", operation_id = "list_webhooks",
    params(PageParameters),
    responses((status = 200, description = "A page of webhooks.", body = WebhookList, headers(
        ("Link" = String, description = "URL of the next page, `rel=\"next\"`, if there is one."),
    )))
)]
pub(crate) async fn list_webhooks(api: CallerApi, page: Page<ByAge>) -> Result<Response, ApiError> {
    api.decide_everywhere(Action::ListWebhooks)?;
    let before = page.after.map(|ByAge(at, id)| (at, id));
    let mut webhooks = api.store.webhooks(before, page.rows()).await?;
    let next_cursor = page.cut(&mut webhooks, |webhook| {
        ByAge(webhook.created_at, webhook.id)
    });
    let items = webhooks.into_iter();
    let items = items.map(|webhook| Webhook::new(webhook, None)).collect();
    Ok(page.respond(next_cursor, |next_cursor| WebhookList {
        items,
        next_cursor,
    }))
}

/// Returns a webhook.
#[utoipa::path(
    get, path = "/v1/webhooks/{id}", tag = "webhooks", operation_id = "get_webhook",
    params(WebhookPath, IfNoneMatch),
    responses((status = 200, description = "The webhook.", body = Webhook, headers(
        ("ETag" = String, description = "Version of the webhook, for `If-Match`."),
    )))
)]
pub(crate) async fn get_webhook(
    api: CallerApi,
    WebhookPath(id): WebhookPath,
    _: NoQuery,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    api.decide_everywhere(Action::GetWebhook)?;
    let webhook = api.webhook(id).await?;
    Ok(single(
        webhook.version,
        &Webhook::new(webhook, None),
        &known,
    ))
}
