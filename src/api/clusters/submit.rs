//! Accepting: from a believed request to an operation in the database, and the 202 that tells of it.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::Response;
use utoipa::{IntoParams, IntoResponses};
use uuid::Uuid;

use crate::domain::operation::Kind;
use crate::domain::problems::problem_code::ProblemCode;
use crate::operations;
use crate::store::{Accepted, IdempotencyKey, NewOperation};

use crate::api::Api;
use crate::api::http::api_error::ApiError;
use crate::api::http::authentication::Caller;
use crate::api::http::prefer::Preference;
use crate::api::http::problem::Problem;
use crate::api::http::query::{no_such_cluster, no_such_operation};
use crate::api::http::request_context::RequestContext;
use crate::api::http::responses;
use crate::api::operations::view::Operation;

/// Headers of a request that makes an operation.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(
    dead_code,
    reason = "it stands for the headers in the API document; the extractors read them"
)]
pub(crate) struct MutationHeaders {
    /// Delays the answer until the operation is finished or blocked, at most the given seconds: `wait=30`. At most 60.
    #[param(rename = "Prefer", value_type = String, required = false, example = "wait=30")]
    prefer: (),
    /// The caller's id of this request; made anew if absent.
    #[param(rename = "X-Request-Id", value_type = String, required = false, max_length = 128)]
    x_request_id: (),
    /// W3C Trace Context; made anew if absent.
    #[param(rename = "traceparent", value_type = String, required = false)]
    traceparent: (),
}

/// The header that makes a submission repeatable.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(
    dead_code,
    reason = "it stands for the header in the API document; the extractor reads it"
)]
pub(crate) struct IdempotencyHeader {
    /// A name of the caller's for this submission, kept for 30 days and as long as the operation lives. The same request
    /// under the same key is answered with the operation it made; another request is refused.
    #[param(rename = "Idempotency-Key", value_type = String, required = false, min_length = 1, max_length = 255,
            pattern = "^[!-~]+$")]
    idempotency_key: (),
}

/// The answer to every request that makes, or moves, an operation.
#[derive(IntoResponses)]
#[response(status = 202, description = "Accepted, durably.", headers(
    ("Location" = String, description = "Where to read the operation."),
    ("Retry-After" = i32, description = "In how many seconds to read it again."),
    ("Preference-Applied" = String, description = "`wait=N` if the answer was delayed by preference."),
))]
#[expect(
    dead_code,
    reason = "it stands for the answer in the API document; `responses::accepted` writes it"
)]
pub(crate) struct AcceptedOperation(Operation);

/// Who asks, by which request, and how long they would wait for it.
pub(crate) struct Submission {
    /// Who asks.
    pub(crate) caller: Caller,
    /// The request's ids.
    pub(crate) facts: RequestContext,
    /// How long they would wait.
    pub(crate) preference: Preference,
}

impl<S: Send + Sync> FromRequestParts<S> for Submission {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Ok(Self {
            caller: Caller::from_request_parts(parts, state).await?,
            facts: RequestContext::from_request_parts(parts, state).await?,
            preference: Preference::from_request_parts(parts, state).await?,
        })
    }
}

impl Submission {
    /// The operation to be accepted, with the steps of its kind as this program has them.
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
            request_id: Some(self.facts.request_id.clone()),
            traceparent: Some(self.facts.traceparent.clone()),
            idempotency_key,
        }
    }
}

impl Api {
    /// The answer to a request that was to start an operation.
    pub(crate) async fn answer_accepted(
        &self,
        accepted: Accepted,
        cluster: &str,
        preference: Preference,
    ) -> Result<Response, ApiError> {
        match accepted {
            Accepted::Created(id) => {
                self.store.announce_work();
                self.answer_operation(id, 0, preference).await
            }
            Accepted::Replayed(id) => self.answer_operation(id, 0, preference).await,
            Accepted::KeyReused => {
                let detail = "the Idempotency-Key was used with another method, path or body";
                Err(ApiError::new(ProblemCode::IdempotencyKeyReused, detail))
            }
            Accepted::ClusterExists => {
                let detail = format!("a cluster {cluster:?} is managed already");
                Err(ApiError::new(ProblemCode::ClusterExists, detail))
            }
            Accepted::InProgress(id) => Err(self.in_progress(id, cluster).await?),
            Accepted::NoSuchCluster => Err(no_such_cluster(cluster)),
            Accepted::ClusterFailed => Err(ApiError::new(
                ProblemCode::ClusterFailed,
                format!("the creation of {cluster:?} failed"),
            )),
            // The door reads the cluster again and again before it gives up.
            Accepted::Stale => Err(ApiError::new(
                ProblemCode::Unavailable,
                "other operations were faster; try again",
            )),
            Accepted::DeletionProtected => {
                let detail = format!("deletion_protection of {cluster:?} is on");
                Err(ApiError::new(ProblemCode::DeletionProtected, detail))
            }
        }
    }

    /// The 202 of an operation, after the wait its caller prefers: until it is over, or blocked at `version` or later.
    pub(crate) async fn answer_operation(
        &self,
        id: Uuid,
        version: i64,
        preference: Preference,
    ) -> Result<Response, ApiError> {
        let waited = self.wait_for(id, version, preference).await?;
        let operation = self
            .store
            .operation(id)
            .await?
            .ok_or_else(|| no_such_operation(&id.to_string()))?;
        let again = responses::ask_again(operation.next_attempt_at);
        let view = self.operation_view(operation).await?;
        Ok(responses::accepted(
            &format!("/v1/operations/{id}"),
            &view,
            again,
            &waited,
        ))
    }

    async fn in_progress(&self, id: Uuid, cluster: &str) -> Result<ApiError, ApiError> {
        let next_attempt_at = self
            .store
            .operation(id)
            .await?
            .and_then(|operation| operation.next_attempt_at);
        let detail = format!("another operation works on {cluster:?}");
        let problem = Problem::new(ProblemCode::OperationInProgress, detail).about_operation(id);
        Ok(ApiError::from(problem).come_back_in(responses::ask_again(next_attempt_at)))
    }
}
