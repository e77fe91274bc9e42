//! Submissions: headers of mutating requests, new operations, and the 202 response.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::Response;
use serde_json::Value;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::{IntoParams, IntoResponses};
use uuid::Uuid;

use crate::domain::operation::{Kind, Operation};
use crate::domain::problems::problem_code::ProblemCode;
use crate::operations;
use crate::store::{Accepted, Actor, ApprovalState, IdempotencyKey, NewOperation, Store};

use crate::api::access::CallerApi;
use crate::api::audit::recording::actor_of;
use crate::api::http::api_error::ApiError;
use crate::api::http::authentication::Caller;
use crate::api::http::idempotency::SentKey;
use crate::api::http::path::no_such_cluster;
use crate::api::http::prefer::{Preference, Waited};
use crate::api::http::problem::Problem;
use crate::api::http::request_context::RequestContext;
use crate::api::http::responses;
use crate::api::operations::view;
use crate::api::targets::TargetApi;

/// The response to a request that starts or changes an operation.
#[derive(IntoResponses)]
#[response(status = 202, description = "Accepted and stored durably.", headers(
    ("Location" = String, description = "URL of the operation."),
    ("Retry-After" = i32, description = "Seconds to wait before the next read of the operation."),
    ("Preference-Applied" = String, description = "`wait=N` if the preference was applied."),
    ("Idempotency-Replayed" = String,
     description = "`true` if an earlier request started the operation."),
))]
#[expect(
    dead_code,
    reason = "documents the response in the API document; `responses::accepted` builds it"
)]
pub(crate) struct AcceptedOperation(view::Operation);

/// The caller of a request that starts an operation, and the headers of the request.
pub(crate) struct Submission {
    pub(crate) preference: Preference,
    pub(crate) caller: Caller,
    context: RequestContext,
    key: SentKey,
    actor: Arc<Actor>,
}

impl<S: Send + Sync> FromRequestParts<S> for Submission {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Ok(Self {
            preference: Preference::from_request_parts(parts, state).await?,
            caller: Caller::from_request_parts(parts, state).await?,
            context: RequestContext::from_request_parts(parts, state).await?,
            key: SentKey::from_request_parts(parts, state).await?,
            actor: actor_of(parts)?,
        })
    }
}

impl IntoParams for Submission {
    fn into_params(location: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let mut headers = SentKey::into_params(&location);
        headers.extend(Preference::into_params(&location));
        headers.extend(RequestContext::into_params(&location));
        headers
    }
}

impl Submission {
    /// The idempotency key of the request, if one was sent.
    pub(crate) fn key(
        &self,
        api: &TargetApi,
        body: &Value,
    ) -> Result<Option<IdempotencyKey>, ApiError> {
        self.key.of_request(&self.caller, &api.target.name, body)
    }

    /// A new operation with the plan of its kind in this build.
    pub(crate) fn new_operation(
        &self,
        kind: Kind,
        idempotency_key: Option<IdempotencyKey>,
    ) -> NewOperation {
        let plan = operations::plan(kind);
        NewOperation {
            id: Uuid::now_v7(),
            steps: plan.step_names(),
            deadline: plan.deadline,
            requested_by: self.caller.requested_by(),
            requested_for: self.caller.requested_for.clone(),
            project: None,
            request_id: Some(self.context.request_id.clone()),
            traceparent: Some(self.context.traceparent.clone()),
            idempotency_key,
            actor: Some(Arc::clone(&self.actor)),
            approval: ApprovalState::NotNeeded,
        }
    }
}

impl TargetApi {
    /// The response to a request that asked to start an operation.
    pub(crate) async fn answer_accepted(
        &self,
        accepted: Accepted,
        cluster: &str,
        preference: Preference,
    ) -> Result<Response, ApiError> {
        match accepted {
            Accepted::Created(operation) => {
                self.store.announce_work();
                tracing::info!(
                    operation.kind = operation.kind.as_str(),
                    cluster.name = cluster,
                    caller = operation.requested_by,
                    "operation accepted"
                );
                if preference.waits() {
                    self.answer_operation(operation.id, 0, preference).await
                } else {
                    self.respond_accepted(*operation, &Waited::default()).await
                }
            }
            Accepted::Replayed(id) => {
                // What the key stands for may have become unreadable for the caller.
                self.operation_version(id).await?;
                let response = self.answer_operation(id, 0, preference).await?;
                Ok(responses::replayed(response))
            }
            Accepted::KeyReused => {
                let detail = "this `Idempotency-Key` was used with another method, path or body; \
                    use a new key";
                Err(ApiError::new(ProblemCode::IdempotencyKeyReused, detail))
            }
            Accepted::ClusterExists => Err(self.name_taken(&self.store, cluster).await?),
            Accepted::InProgress(id) => Err(self.in_progress(&self.store, id, cluster).await?),
            Accepted::NotPermitted => Err(ApiError::new(
                ProblemCode::Forbidden,
                "a limit on the project does not permit the request",
            )),
            Accepted::NoSuchCluster => Err(no_such_cluster(cluster)),
            Accepted::ClusterFailed => Err(cluster_failed(cluster)),
            // Returned only after several attempts.
            Accepted::Stale => Err(ApiError::new(
                ProblemCode::Unavailable,
                "the cluster was changed by concurrent requests; retry",
            )),
            Accepted::OtherVersion(version) => Err(responses::other_version(version)),
            Accepted::DeletionProtected => Err(deletion_protected(cluster)),
        }
    }
}

impl CallerApi {
    /// The 202 response of an operation, after the wait that the caller prefers: until it is
    /// finished, or blocked at `version` or later.
    pub(crate) async fn answer_operation(
        &self,
        id: Uuid,
        version: i64,
        preference: Preference,
    ) -> Result<Response, ApiError> {
        let waited = self.wait_for(id, version, preference).await?;
        let operation = self.operation(id).await?;
        self.respond_accepted(operation, &waited).await
    }

    async fn respond_accepted(
        &self,
        operation: Operation,
        waited: &Waited,
    ) -> Result<Response, ApiError> {
        let location = format!("/v1/operations/{}", operation.id);
        let view = self.operation_view(operation).await?;
        let again = view.retry_after().unwrap_or(responses::RETRY_AFTER_MIN);
        Ok(responses::accepted(&location, &view, again, waited))
    }

    /// The response to a request for a name that is in use. It says nothing of a cluster that the
    /// caller may not read.
    async fn name_taken(&self, target: &Store, cluster: &str) -> Result<ApiError, ApiError> {
        let detail = format!("cluster {cluster:?} already exists");
        let problem = Problem::new(ProblemCode::ClusterExists, detail);
        let existing = target.cluster_version(cluster).await?;
        let is_visible = existing.is_some_and(|(_, scope)| self.may_read(&scope));
        let path = format!("/v1/clusters/{cluster}");
        Ok(if is_visible {
            problem.at(path)
        } else {
            problem
        }
        .into())
    }

    pub(crate) async fn in_progress(
        &self,
        target: &Store,
        id: Uuid,
        cluster: &str,
    ) -> Result<ApiError, ApiError> {
        let live = self.store.operation(id).await?;
        if live
            .as_ref()
            .is_some_and(|live| !self.may_read(&live.scope()))
        {
            return self.name_taken(target, cluster).await;
        }
        let view = match live {
            Some(operation) => Some(self.operation_view(operation).await?),
            None => None,
        };
        let again = view.and_then(|view| view.retry_after());
        let detail = format!("another operation is in progress on {cluster:?}; see `instance`");
        let problem = Problem::new(ProblemCode::OperationInProgress, detail).about_operation(id);
        Ok(ApiError::from(problem).with_retry_after(again.unwrap_or(responses::RETRY_AFTER_MIN)))
    }
}

/// The response to a change of a cluster that was never created.
pub(crate) fn cluster_failed(cluster: &str) -> ApiError {
    let detail = format!("the creation of {cluster:?} failed; delete the cluster first");
    ApiError::new(ProblemCode::ClusterFailed, detail)
}

/// The response to a delete under deletion protection.
pub(crate) fn deletion_protected(cluster: &str) -> ApiError {
    let detail = format!(
        "deletion protection of {cluster:?} is on; PATCH {{\"deletion_protection\": false}} first"
    );
    ApiError::new(ProblemCode::DeletionProtected, detail)
}
