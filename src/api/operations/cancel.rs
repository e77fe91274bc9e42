//! Cancelling an operation, and rolling back a blocked one.

use axum::response::Response;
use uuid::Uuid;

use crate::authorization::Action;
use crate::domain::operation::Kind;
use crate::domain::problems::problem_code::ProblemCode;
use crate::operations;
use crate::store::UndoRequested;

use crate::api::access::CallerApi;
use crate::api::clusters::submit::AcceptedOperation;
use crate::api::http::api_error::ApiError;
use crate::api::http::authentication::Caller;
use crate::api::http::path::{OperationPath, no_such_operation};
use crate::api::http::prefer::Preference;
use crate::api::http::query::NoQuery;
use crate::api::http::request_context::RequestContext;
use crate::api::operations::read::{finished, rejected};

/// Cancels a pending, running or blocked operation.
///
/// The operation stops, the resources it created are deleted, and it ends `cancelled`. Cancelling a
/// change of a cluster deletes only resources of that change; the desired settings become those
/// that AWS reports. The request is idempotent; an `Idempotency-Key` is accepted but not needed.
#[utoipa::path(
    post,
    path = "/v1/operations/{id}/cancel",
    tag = "operations",
    operation_id = "cancel_operation",
    params(OperationPath, Preference, RequestContext),
    responses(AcceptedOperation)
)]
pub(crate) async fn cancel_operation(
    api: CallerApi,
    OperationPath(id): OperationPath,
    _: NoQuery,
    caller: Caller,
    preference: Preference,
) -> Result<Response, ApiError> {
    let version = api.permitted_version(id, Action::CancelOperation).await?;
    let requested = api
        .store
        .cancel(id, &caller.requested_by(), undo_steps)
        .await?;
    api.answer_undo(id, version, requested, preference).await
}

/// Rolls back a blocked operation.
///
/// The resources it created are deleted, and it ends `failed` with the problem that blocked it. The
/// request is idempotent; an `Idempotency-Key` is accepted but not needed.
#[utoipa::path(
    post,
    path = "/v1/operations/{id}/roll_back",
    tag = "operations",
    operation_id = "roll_back_operation",
    params(OperationPath, Preference, RequestContext),
    responses(AcceptedOperation)
)]
pub(crate) async fn roll_back_operation(
    api: CallerApi,
    OperationPath(id): OperationPath,
    _: NoQuery,
    caller: Caller,
    preference: Preference,
) -> Result<Response, ApiError> {
    let version = api.permitted_version(id, Action::RollBackOperation).await?;
    let requested = api
        .store
        .roll_back(id, &caller.requested_by(), undo_steps)
        .await?;
    api.answer_undo(id, version, requested, preference).await
}

fn undo_steps(kind: Kind) -> Vec<&'static str> {
    operations::plan(kind).undo_names()
}

impl CallerApi {
    /// The response to a cancel or rollback of an operation that was at `version` before.
    async fn answer_undo(
        &self,
        id: Uuid,
        version: i64,
        requested: UndoRequested,
        preference: Preference,
    ) -> Result<Response, ApiError> {
        match requested {
            UndoRequested::Started => self.answer_woken(id, version, preference).await,
            UndoRequested::AlreadyUndoing => self.answer_operation(id, 0, preference).await,
            UndoRequested::TooLate => Err(rejected(
                id,
                ProblemCode::OperationNotCancellable,
                "cannot be cancelled: deletion has started, or another rollback is in progress",
            )),
            UndoRequested::NotBlocked => Err(rejected(
                id,
                ProblemCode::OperationNotBlocked,
                "the operation is not blocked; to stop it, cancel it",
            )),
            UndoRequested::Finished => Err(finished(id)),
            UndoRequested::NoSuchOperation => Err(no_such_operation(&id.to_string())),
        }
    }
}
