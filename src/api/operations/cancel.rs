//! Giving up: cancel an operation, or roll back a blocked one.

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

/// Cancels a pending, running or blocked operation: nothing new is done, what it made is undone, and it ends `cancelled`.
///
/// A change of a cluster undoes only what it made itself; the desired settings become what AWS reports. Repeating it is
/// harmless, so an `Idempotency-Key` is accepted and not needed.
#[utoipa::path(
    post, path = "/v1/operations/{id}/cancel", tag = "operations", operation_id = "cancel_operation",
    params(("id" = uuid::Uuid, Path, description = "Its id."), MutationHeaders),
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
    api.answer_given_up(id, version, undo_requested, &submission)
        .await
}

/// Rolls a blocked operation back: what it made is undone, and it ends `failed` with the problem that blocked it.
///
/// Repeating it is harmless, so an `Idempotency-Key` is accepted and not needed.
#[utoipa::path(
    post, path = "/v1/operations/{id}/roll_back", tag = "operations", operation_id = "roll_back_operation",
    params(("id" = uuid::Uuid, Path, description = "Its id."), MutationHeaders),
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
    api.answer_given_up(id, version, undo_requested, &submission)
        .await
}

impl Api {
    async fn version(&self, id: Uuid) -> Result<i64, ApiError> {
        let found = self.store.operation_version(id).await?;
        found
            .map(|(version, _)| version)
            .ok_or_else(|| no_such_operation(&id.to_string()))
    }

    /// The answer to a request to give an operation up, which was at `version` before.
    async fn answer_given_up(
        &self,
        id: Uuid,
        version: i64,
        undo_requested: UndoRequested,
        submission: &Submission,
    ) -> Result<Response, ApiError> {
        let refused =
            |code, detail: &str| Err(Problem::new(code, detail).about_operation(id).into());
        match undo_requested {
            UndoRequested::Begun => {
                self.store.announce_work();
                // The request itself raises the version by one: blocked again is what comes after that.
                self.answer_operation(id, version + 2, submission.preference)
                    .await
            }
            UndoRequested::Already => self.answer_operation(id, 0, submission.preference).await,
            UndoRequested::TooLate => {
                let detail =
                    "the operation has gone too far: it deletes, or is being undone to another end";
                refused(ProblemCode::OperationNotCancellable, detail)
            }
            UndoRequested::NotBlocked => refused(
                ProblemCode::OperationNotBlocked,
                "the operation works by itself",
            ),
            UndoRequested::Finished => {
                refused(ProblemCode::OperationFinished, "the operation is over")
            }
            UndoRequested::NoSuchOperation => Err(no_such_operation(&id.to_string())),
        }
    }
}
