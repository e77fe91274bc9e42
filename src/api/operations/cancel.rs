//! Cancelling an operation, and rolling back a blocked one.

use axum::extract::State;
use axum::response::Response;
use uuid::Uuid;

use crate::domain::problems::problem_code::ProblemCode;
use crate::operations;
use crate::store::UndoRequested;

use crate::api::Api;
use crate::api::clusters::submit::{AcceptedOperation, MutationHeaders, Submission};
use crate::api::http::api_error::ApiError;
use crate::api::http::path::PathSegment;
use crate::api::http::problem::Problem;
use crate::api::http::query::{Parameters, no_such_operation, operation_in_path};

/// Cancels a pending, running or blocked operation.
///
/// The operation stops, the resources it created are deleted, and it ends `cancelled`. Cancelling a
/// change of a cluster deletes only resources of that change; the desired settings become those
/// that AWS reports. The request is idempotent; an `Idempotency-Key` is accepted but not needed.
#[utoipa::path(
    post, path = "/v1/operations/{id}/cancel", tag = "operations",
    operation_id = "cancel_operation",
    params(("id" = uuid::Uuid, Path, description = "Operation ID."), MutationHeaders),
    responses(AcceptedOperation)
)]
pub(crate) async fn cancel_operation(
    State(api): State<Api>,
    PathSegment(id): PathSegment,
    parameters: Parameters,
    submission: Submission,
) -> Result<Response, ApiError> {
    parameters.finish()?;
    let id = operation_in_path(&id)?;
    let version = api.version(id).await?;
    let undo_requested = api
        .store
        .cancel(id, |kind| operations::plan(kind).undo_names())
        .await?;
    api.undo_response(id, version, undo_requested, &submission)
        .await
}

/// Rolls back a blocked operation.
///
/// The resources it created are deleted, and it ends `failed` with the problem that blocked it. The
/// request is idempotent; an `Idempotency-Key` is accepted but not needed.
#[utoipa::path(
    post, path = "/v1/operations/{id}/roll_back", tag = "operations",
    operation_id = "roll_back_operation",
    params(("id" = uuid::Uuid, Path, description = "Operation ID."), MutationHeaders),
    responses(AcceptedOperation)
)]
pub(crate) async fn roll_back_operation(
    State(api): State<Api>,
    PathSegment(id): PathSegment,
    parameters: Parameters,
    submission: Submission,
) -> Result<Response, ApiError> {
    parameters.finish()?;
    let id = operation_in_path(&id)?;
    let version = api.version(id).await?;
    let undo_requested = api
        .store
        .roll_back(id, |kind| operations::plan(kind).undo_names())
        .await?;
    api.undo_response(id, version, undo_requested, &submission)
        .await
}

impl Api {
    async fn version(&self, id: Uuid) -> Result<i64, ApiError> {
        let (version, _) = self
            .store
            .operation_version(id)
            .await?
            .ok_or_else(|| no_such_operation(&id.to_string()))?;
        Ok(version)
    }

    /// The response to a cancel or rollback of an operation that was at `version` before.
    async fn undo_response(
        &self,
        id: Uuid,
        version: i64,
        undo_requested: UndoRequested,
        submission: &Submission,
    ) -> Result<Response, ApiError> {
        let rejected =
            |code, detail: &str| Err(Problem::new(code, detail).about_operation(id).into());
        match undo_requested {
            UndoRequested::Started => {
                self.store.announce_work();
                // The request raises the version by one; only a later block ends the wait.
                self.answer_operation(id, version + 2, submission.preference)
                    .await
            }
            UndoRequested::AlreadyUndoing => {
                self.answer_operation(id, 0, submission.preference).await
            }
            UndoRequested::TooLate => {
                let detail =
                    "cannot be cancelled: deletion has started, or another rollback is in progress";
                rejected(ProblemCode::OperationNotCancellable, detail)
            }
            UndoRequested::NotBlocked => rejected(
                ProblemCode::OperationNotBlocked,
                "the operation is not blocked; to stop it, cancel it",
            ),
            UndoRequested::Finished => rejected(
                ProblemCode::OperationFinished,
                "the operation has finished; send a new request",
            ),
            UndoRequested::NoSuchOperation => Err(no_such_operation(&id.to_string())),
        }
    }
}
