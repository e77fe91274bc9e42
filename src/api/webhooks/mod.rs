//! Webhooks: receivers of events, their deliveries and secrets.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::domain::problems::problem_code::ProblemCode;
use crate::domain::target::TargetName;
use crate::domain::webhooks::Webhook;
use crate::outgoing::secrets::SecretsKey;

use crate::api::Api;
use crate::api::access::CallerApi;
use crate::api::http::api_error::ApiError;

pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod deliveries;
pub(crate) mod read;
pub(crate) mod requests;
pub(crate) mod view;

/// The webhook in the path. An invalid ID is a 404.
#[derive(IntoParams)]
#[into_params(names("id"), parameter_in = Path)]
pub(crate) struct WebhookPath(
    /// Webhook ID.
    pub(crate) Uuid,
);

impl<S: Send + Sync> FromRequestParts<S> for WebhookPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(id)) => Ok(Self(id)),
            Err(_) => Err(no_such_webhook()),
        }
    }
}

/// The delivery in the path. An invalid ID is a 404.
#[derive(IntoParams)]
#[into_params(names("id", "delivery_id"), parameter_in = Path)]
pub(crate) struct DeliveryPath(
    /// Webhook ID.
    pub(crate) Uuid,
    /// Delivery ID.
    pub(crate) Uuid,
);

impl<S: Send + Sync> FromRequestParts<S> for DeliveryPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path((webhook, delivery))) => Ok(Self(webhook, delivery)),
            Err(_) => Err(no_such_delivery()),
        }
    }
}

fn no_such_webhook() -> ApiError {
    ApiError::new(ProblemCode::NotFound, "there is no such webhook")
}

fn no_such_delivery() -> ApiError {
    ApiError::new(ProblemCode::NotFound, "there is no such delivery")
}

impl Api {
    async fn webhook(&self, id: Uuid) -> Result<Webhook, ApiError> {
        self.store.webhook(id).await?.ok_or_else(no_such_webhook)
    }

    /// A webhook that is enabled; a delivery to another one would wait.
    async fn enabled_webhook(&self, id: Uuid) -> Result<Webhook, ApiError> {
        let webhook = self.webhook(id).await?;
        match webhook.disabled_reason {
            None => Ok(webhook),
            Some(_) => Err(ApiError::new(
                ProblemCode::WebhookDisabled,
                "the webhook is disabled; enable it by a PATCH with `\"enabled\": true`",
            )),
        }
    }

    fn secrets_key(&self) -> Result<&SecretsKey, ApiError> {
        let key = self.settings.secrets_key.as_ref();
        key.ok_or_else(|| {
            ApiError::new(
                ProblemCode::SecretsKeyRequired,
                "the service runs without `--secrets-key-file`, so it cannot keep a secret",
            )
        })
    }
}

impl CallerApi {
    /// Fails if there is no target of this name.
    fn check_target(&self, name: Option<&TargetName>) -> Result<(), ApiError> {
        match name {
            Some(name) => self.to_read(Some(name)).map(drop),
            None => Ok(()),
        }
    }
}
