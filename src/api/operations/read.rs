//! Operations: list, read and retry.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::domain::estimate::StepDurations;
use crate::domain::names::ClusterName;
use crate::domain::operation::{self, Kind, Status};
use crate::domain::problems::problem_code::ProblemCode;
use crate::store::{OperationFilter, Retried, StoreError};

use crate::api::Api;
use crate::api::clusters::submit::{MutationHeaders, Submission};
use crate::api::http::api_error::ApiError;
use crate::api::http::enum_schemas::{OperationKindSchema, OperationStatusSchema};
use crate::api::http::paging::{ByAge, Page, PageParameters};
use crate::api::http::path::PathSegment;
use crate::api::http::prefer::Preference;
use crate::api::http::problem::Problem;
use crate::api::http::query::{Parameters, no_such_operation, operation_in_path, one_of};
use crate::api::http::responses;
use crate::api::http::responses::IfNoneMatch;
use crate::api::operations::view::Operation;

/// A page of operations, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct OperationList {
    items: Vec<Operation>,
    /// Cursor of the next page; null on the last page.
    next_cursor: Option<String>,
}

/// Filters of the list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "it documents the parameters for OpenAPI; the handler reads them"
)]
pub(crate) struct ListOperations {
    /// Only operations on this cluster, even if it is deleted.
    #[param(value_type = String, required = false, example = "orders-cache",
            min_length = 1, max_length = 20, pattern = "^[A-Za-z](-?[A-Za-z0-9])*$")]
    cluster: (),
    /// Only operations of this kind.
    #[param(value_type = OperationKindSchema, required = false)]
    kind: (),
    /// Only operations with this status.
    #[param(value_type = OperationStatusSchema, required = false)]
    status: (),
}

/// Headers of a request that reads a single resource.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(
    dead_code,
    reason = "it documents the header for OpenAPI; the extractor reads it"
)]
pub(crate) struct ReadHeaders {
    /// Entity tags that the caller has; 304 if the current one is among them.
    #[param(rename = "If-None-Match", value_type = String, required = false, example = "\"7\"")]
    if_none_match: (),
}

/// The header of a request whose response can be delayed.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(
    dead_code,
    reason = "it documents the header for OpenAPI; the extractor reads it"
)]
pub(crate) struct PreferHeader {
    /// Delays the response until the operation is finished or blocked, up to this many seconds. The
    /// maximum is 60.
    #[param(rename = "Prefer", value_type = String, required = false, example = "wait=30")]
    prefer: (),
}

/// Lists operations, newest first, including those on deleted clusters.
#[utoipa::path(
    get, path = "/v1/operations", tag = "operations", operation_id = "list_operations",
    params(ListOperations, PageParameters),
    responses((status = 200, description = "A page of operations.", body = OperationList, headers(
        ("Link" = String, description = "URL of the next page, `rel=\"next\"`, if there is one."),
    )))
)]
pub(crate) async fn list_operations(
    State(api): State<Api>,
    mut parameters: Parameters,
) -> Result<Response, ApiError> {
    let cluster = parameters
        .take("cluster", ClusterName::parse)
        .map(String::from);
    let kind = parameters.take("kind", one_of::<Kind>);
    let status = parameters.take("status", one_of::<Status>);
    let page = Page::<ByAge>::read(&mut parameters);
    parameters.finish()?;
    let before = page.after.map(|ByAge(at, id)| (at, id));
    let filter = OperationFilter {
        cluster: cluster.clone(),
        kind,
        status,
        before,
    };
    let mut operations = api.store.operations(&filter, page.rows()).await?;
    let next_cursor = page.cut(&mut operations, |operation| {
        ByAge(operation.created_at, operation.id)
    });
    let filters = [
        ("cluster", cluster.as_deref()),
        ("kind", kind.map(Kind::as_str)),
        ("status", status.map(Status::as_str)),
    ];
    let link = next_cursor
        .as_deref()
        .map(|next| page.link("/v1/operations", &filters, next));
    let items = api.operation_views(operations).await?;
    Ok(responses::list(
        &OperationList { items, next_cursor },
        link.as_deref(),
    ))
}

/// Returns an operation.
///
/// The response contains its steps, its progress, what it waits for and, if it is blocked, the
/// problem with the fix.
#[utoipa::path(
    get, path = "/v1/operations/{id}", tag = "operations", operation_id = "get_operation",
    params(("id" = uuid::Uuid, Path, description = "Operation ID."), PreferHeader, ReadHeaders),
    responses((
        status = 200,
        description = "The operation. 304 without a body if its version is in `If-None-Match`.",
        body = Operation,
        headers(
            ("ETag" = String, description = "The `version` in double quotes."),
            ("Retry-After" = i32,
             description = "Seconds until the next poll; absent once the operation is finished."),
            ("Preference-Applied" = String,
             description = "`wait=N` if the `Prefer` header was honoured."),
        ),
    ))
)]
pub(crate) async fn get_operation(
    State(api): State<Api>,
    PathSegment(id): PathSegment,
    parameters: Parameters,
    preference: Preference,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    parameters.finish()?;
    let id = operation_in_path(&id)?;
    let waited = api.wait_for(id, 0, preference).await?;
    let operation = api
        .store
        .operation(id)
        .await?
        .ok_or_else(|| no_such_operation(&id.to_string()))?;
    let retry_after = (!operation.status.is_finished())
        .then(|| responses::retry_after(operation.next_attempt_at));
    let version = operation.version;
    let mut response = responses::single(version, &api.operation_view(operation).await?, &known);
    responses::insert_polling_headers(response.headers_mut(), retry_after, &waited);
    Ok(response)
}

/// Retries a blocked operation at once.
///
/// The request is idempotent; an `Idempotency-Key` is accepted but not needed.
#[utoipa::path(
    post, path = "/v1/operations/{id}/retry", tag = "operations",
    operation_id = "retry_operation",
    params(("id" = uuid::Uuid, Path, description = "Operation ID."), MutationHeaders),
    responses((
        status = 202,
        description = "A worker retries it at once.",
        body = Operation,
        headers(
            ("Location" = String, description = "URL of the operation."),
            ("Retry-After" = i32, description = "Seconds until the next poll."),
            ("Preference-Applied" = String,
             description = "`wait=N` if the `Prefer` header was honoured."),
        ),
    ))
)]
pub(crate) async fn retry_operation(
    State(api): State<Api>,
    PathSegment(id): PathSegment,
    parameters: Parameters,
    submission: Submission,
) -> Result<Response, ApiError> {
    parameters.finish()?;
    let id = operation_in_path(&id)?;
    let missing = || no_such_operation(&id.to_string());
    let (version, _) = api.store.operation_version(id).await?.ok_or_else(missing)?;
    let rejected =
        |code, detail: &str| ApiError::from(Problem::new(code, detail).about_operation(id));
    match api.store.retry(id).await? {
        Retried::Woken => {
            api.store.announce_work();
            // The retry raises the version by one; only a later block ends the wait.
            api.answer_operation(id, version + 2, submission.preference)
                .await
        }
        Retried::NotBlocked => Err(rejected(
            ProblemCode::OperationNotBlocked,
            "the operation is not blocked; there is nothing to retry (to stop it: cancel)",
        )),
        Retried::Finished => Err(rejected(
            ProblemCode::OperationFinished,
            "the operation has finished; send a new request",
        )),
        Retried::NoSuchOperation => Err(missing()),
    }
}

impl Api {
    /// The view of an operation, with its estimate and its hints.
    pub(crate) async fn operation_view(
        &self,
        operation: operation::Operation,
    ) -> Result<Operation, StoreError> {
        let mut views = self.operation_views(vec![operation]).await?;
        Ok(views.pop().expect("there are as many views as operations"))
    }

    async fn operation_views(
        &self,
        operations: Vec<operation::Operation>,
    ) -> Result<Vec<Operation>, StoreError> {
        let mut durations = HashMap::new();
        for operation in operations
            .iter()
            .filter(|operation| !operation.status.is_finished())
        {
            let key = (operation.kind, operation.node_count);
            if let Entry::Vacant(entry) = durations.entry(key) {
                entry.insert(
                    self.step_durations(operation.kind, operation.node_count)
                        .await?,
                );
            }
        }
        let none = StepDurations::default();
        let account = self.account.borrow().clone();
        let (renderer, now) = (
            self.problem_renderer(account.as_ref()),
            responses::now(),
        );
        let view = |operation: operation::Operation| {
            let step_durations = durations
                .get(&(operation.kind, operation.node_count))
                .unwrap_or(&none);
            Operation::of(operation, step_durations, now, &renderer)
        };
        Ok(operations.into_iter().map(view).collect())
    }

    /// Median durations of the steps of a kind, for clusters with this number of nodes.
    pub(crate) async fn step_durations(
        &self,
        kind: Kind,
        nodes: Option<i32>,
    ) -> Result<StepDurations, StoreError> {
        let medians = self.store.medians_of_steps(kind, nodes).await?;
        let in_sandbox = self
            .account
            .borrow()
            .as_ref()
            .is_some_and(|account| account.sandbox_id.is_some());
        Ok(StepDurations {
            medians,
            in_sandbox,
        })
    }
}
