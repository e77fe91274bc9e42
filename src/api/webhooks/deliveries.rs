//! Deliveries of a webhook: their list, a redelivery, a test.

use axum::Json;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use crate::authorization::Action;
use crate::domain::webhooks::{DeliveryStatus, test_body};

use super::view::{WebhookDelivery, WebhookDeliveryList};
use super::{DeliveryPath, WebhookPath, check_enabled, no_such_delivery};
use crate::api::access::CallerApi;
use crate::api::clusters::empty_request::EmptyRequest;
use crate::api::enum_schemas::DeliveryStatusSchema;
use crate::api::http::api_error::ApiError;
use crate::api::http::paging::{ByAge, Page, PageParameters};
use crate::api::http::query::{NoQuery, one_of};
use crate::api::http::responses::now;

/// Filters of deliveries.
#[derive(Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeliveryFilters {
    /// Only deliveries with this status.
    #[param(value_type = DeliveryStatusSchema, required = false)]
    #[serde(default, deserialize_with = "one_of")]
    status: Option<DeliveryStatus>,
}

/// Lists the deliveries of a webhook, newest first. They are kept for 30 days.
#[utoipa::path(
    get, path = "/v1/webhooks/{id}/deliveries", tag = "webhooks",
    operation_id = "list_webhook_deliveries",
    params(WebhookPath, DeliveryFilters, PageParameters),
    responses((status = 200, description = "A page of deliveries.", body = WebhookDeliveryList, headers(
        ("Link" = String, description = "URL of the next page, `rel=\"next\"`, if there is one."),
    )))
)]
pub(crate) async fn list_webhook_deliveries(
    api: CallerApi,
    WebhookPath(id): WebhookPath,
    page: Page<ByAge, DeliveryFilters>,
) -> Result<Response, ApiError> {
    api.webhook(Action::ListWebhookDeliveries, id).await?;
    let before = page.after.map(|ByAge(at, id)| (at, id));
    let mut deliveries = api
        .store
        .deliveries(id, page.filter.status, before, page.rows())
        .await?;
    let next_cursor = page.cut(&mut deliveries, |delivery| {
        ByAge(delivery.created_at, delivery.id)
    });
    let items = deliveries.into_iter().map(WebhookDelivery::from).collect();
    Ok(
        page.respond(next_cursor, |next_cursor| WebhookDeliveryList {
            items,
            next_cursor,
        }),
    )
}

/// Delivers an event again, with the same `webhook-id` and body.
#[utoipa::path(
    post, path = "/v1/webhooks/{id}/deliveries/{delivery_id}/redeliver", tag = "webhooks",
    operation_id = "redeliver_webhook_delivery",
    params(DeliveryPath),
    request_body(content = EmptyRequest, description = "Empty; can be omitted."),
    responses((status = 200, description = "The delivery, which is due now.", body = WebhookDelivery))
)]
pub(crate) async fn redeliver_webhook_delivery(
    api: CallerApi,
    DeliveryPath(webhook, delivery): DeliveryPath,
    _: NoQuery,
    _: EmptyRequest,
) -> Result<Json<WebhookDelivery>, ApiError> {
    let webhook = api
        .webhook(Action::RedeliverWebhookDelivery, webhook)
        .await?;
    check_enabled(&webhook)?;
    let delivery = api.store.redeliver(webhook.id, delivery).await?;
    Ok(Json(delivery.ok_or_else(no_such_delivery)?.into()))
}

/// Sends a test delivery: an event `webhook.test` with `{"webhook_id"}` as `data`.
///
/// Read `deliveries` for the answer of the receiver.
#[utoipa::path(
    post, path = "/v1/webhooks/{id}/test", tag = "webhooks", operation_id = "test_webhook",
    params(WebhookPath),
    request_body(content = EmptyRequest, description = "Empty; can be omitted."),
    responses((status = 201, description = "The delivery, which is due now.", body = WebhookDelivery))
)]
pub(crate) async fn test_webhook(
    api: CallerApi,
    WebhookPath(id): WebhookPath,
    _: NoQuery,
    _: EmptyRequest,
) -> Result<(StatusCode, Json<WebhookDelivery>), ApiError> {
    let webhook = api.webhook(Action::TestWebhook, id).await?;
    check_enabled(&webhook)?;
    let body = test_body(id, now());
    let delivery = api.store.create_test_delivery(id, &body).await?;
    Ok((StatusCode::CREATED, Json(delivery.into())))
}
