//! Webhooks: receivers of events, their deliveries and secrets.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::authorization::{Action, Denial, Subject};
use crate::domain::problems::problem_code::ProblemCode;
use crate::domain::project::Scope;
use crate::domain::target::TargetName;
use crate::domain::webhooks::Webhook;
use crate::outgoing::secrets::SecretsKey;
use crate::store::WebhookSubject;

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

/// Rejects a delivery to a webhook that is disabled: it would wait.
fn check_enabled(webhook: &Webhook) -> Result<(), ApiError> {
    match webhook.disabled_reason {
        None => Ok(()),
        Some(_) => Err(ApiError::new(
            ProblemCode::WebhookDisabled,
            "the webhook is disabled; enable it by a PATCH with `\"enabled\": true`",
        )),
    }
}

/// What the rules say of an action on webhooks.
enum Standing {
    Permitted,
    Denied(Denial),
    /// The caller may not read a scope whose events they receive.
    Hidden(Denial),
}

impl CallerApi {
    /// The webhook on which the caller may do this. One that the caller may not read does not exist.
    async fn webhook(&self, action: Action, id: Uuid) -> Result<Webhook, ApiError> {
        if let Some(webhook) = self.store.webhook(id).await? {
            let is_of_project = webhook.project.is_some();
            match self.standing(action, &subject_of(&webhook))? {
                Standing::Permitted => return Ok(webhook),
                Standing::Denied(denial) if is_of_project => {
                    return Err(self.denied(action, denial));
                }
                Standing::Denied(_) | Standing::Hidden(_) => {}
            }
        }
        self.decide_any_webhook(action)?;
        Err(no_such_webhook())
    }

    /// Rejects an action that the rules do not permit on webhooks for this subject.
    fn decide_webhooks(&self, action: Action, subject: &WebhookSubject) -> Result<(), ApiError> {
        match self.standing(action, subject)? {
            Standing::Permitted => Ok(()),
            Standing::Denied(denial) => Err(self.denied(action, denial)),
            Standing::Hidden(denial) => Err(self.denied(Action::Read, denial)),
        }
    }

    /// Rejects an action that the rules permit on no webhook, so that the response says nothing of one.
    fn decide_any_webhook(&self, action: Action) -> Result<(), ApiError> {
        let mut subjects = vec![WebhookSubject::default()];
        for project in self.rules.representative_projects(&self.caller) {
            for target in self.target_names() {
                subjects.push(WebhookSubject {
                    project: Some(project.clone()),
                    target: Some(target),
                });
            }
        }
        for subject in &subjects {
            if let Standing::Permitted = self.standing(action, subject)? {
                return Ok(());
            }
        }
        self.decide_webhooks(action, &WebhookSubject::default())
    }

    /// Decides an action on webhooks for a subject: those of a project for each scope whose events they
    /// receive, the others for every target, because they receive the events of every project.
    fn standing(&self, action: Action, subject: &WebhookSubject) -> Result<Standing, ApiError> {
        let targets = self.target_names();
        if targets.is_empty() && !self.rules.permit_everything() {
            let detail = "no target is known yet";
            return Err(ApiError::new(ProblemCode::Unavailable, detail));
        }
        let Some(project) = &subject.project else {
            let mut decided = targets
                .iter()
                .map(|name| self.decided(action, Subject::Target(name)));
            let denial = decided.find_map(Result::err);
            return Ok(denial.map_or(Standing::Permitted, Standing::Denied));
        };
        let targets = subject
            .target
            .as_ref()
            .map_or(targets, |target| vec![target.clone()]);
        let scopes = targets
            .iter()
            .map(|target| Scope::of(Some(project), target));
        let scopes: Vec<Scope> = scopes.collect();
        let decided = |action| {
            let mut all = scopes
                .iter()
                .map(|scope| self.decided(action, Subject::Scope(scope)));
            all.find_map(Result::err)
        };
        Ok(match (decided(Action::Read), decided(action)) {
            (Some(denial), _) => Standing::Hidden(denial),
            (None, Some(denial)) => Standing::Denied(denial),
            (None, None) => Standing::Permitted,
        })
    }

    fn target_names(&self) -> Vec<TargetName> {
        self.targets.borrow().keys().cloned().collect()
    }

    /// Fails if there is no target of this name.
    fn check_target(&self, name: Option<&TargetName>) -> Result<(), ApiError> {
        match name {
            Some(name) => self.to_read(Some(name)).map(drop),
            None => Ok(()),
        }
    }
}

/// Whose events a webhook receives.
fn subject_of(webhook: &Webhook) -> WebhookSubject {
    WebhookSubject {
        project: webhook.project.clone(),
        target: webhook.target.clone(),
    }
}
