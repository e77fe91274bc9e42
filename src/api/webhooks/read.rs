//! `GET /v1/webhooks` and `GET /v1/webhooks/{id}`.

use axum::response::Response;

use crate::authorization::Action;
use crate::store::WebhookSubject;

use super::view::{Webhook, WebhookList};
use super::{Standing, WebhookPath};
use crate::api::access::CallerApi;
use crate::api::http::api_error::ApiError;
use crate::api::http::paging::{ByAge, Page, PageParameters};
use crate::api::http::query::NoQuery;
use crate::api::http::responses::{IfNoneMatch, single};

/// Lists the webhooks that the caller may manage, newest first.
#[utoipa::path(
    get, path = "/v1/webhooks", tag = "webhooks", operation_id = "list_webhooks",
    params(PageParameters),
    responses((status = 200, description = "A page of webhooks.", body = WebhookList, headers(
        ("Link" = String, description = "URL of the next page, `rel=\"next\"`, if there is one."),
    )))
)]
pub(crate) async fn list_webhooks(api: CallerApi, page: Page<ByAge>) -> Result<Response, ApiError> {
    api.decide_any_webhook(Action::ListWebhooks)?;
    let subjects = api.listed_subjects().await?;
    let before = page.after.map(|ByAge(at, id)| (at, id));
    let webhooks = api.store.webhooks(subjects.as_deref(), before, page.rows());
    let mut webhooks = webhooks.await?;
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
    let webhook = api.webhook(Action::GetWebhook, id).await?;
    Ok(single(
        webhook.version,
        &Webhook::new(webhook, None),
        &known,
    ))
}

impl CallerApi {
    /// What the webhooks of a list are for; `None` for everything.
    async fn listed_subjects(&self) -> Result<Option<Vec<WebhookSubject>>, ApiError> {
        if self.rules.permit_everything() {
            return Ok(None);
        }
        let mut listed = Vec::new();
        for subject in self.store.webhook_subjects().await? {
            if let Standing::Permitted = self.standing(Action::ListWebhooks, &subject)? {
                listed.push(subject);
            }
        }
        Ok(Some(listed))
    }
}
