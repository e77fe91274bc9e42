//! Operations: list, read and retry.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use axum::response::Response;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::authorization::{Action, Subject};
use crate::domain::estimate::StepDurations;
use crate::domain::names::ClusterName;
use crate::domain::operation::{self, Kind, Status};
use crate::domain::problems::problem_code::ProblemCode;
use crate::domain::project::ProjectName;
use crate::domain::target::TargetName;
use crate::store::{OperationFilter, OperationVersion, Retried, StoreError};

use crate::api::access::CallerApi;
use crate::api::clusters::submit::AcceptedOperation;
use crate::api::enum_schemas::{OperationKindSchema, OperationStatusSchema};
use crate::api::http::api_error::ApiError;
use crate::api::http::authentication::Caller;
use crate::api::http::paging::{ByAge, Page, PageParameters};
use crate::api::http::path::{OperationPath, no_such_operation};
use crate::api::http::prefer::Preference;
use crate::api::http::problem::Problem;
use crate::api::http::query::{NoQuery, by_rule, one_of};
use crate::api::http::request_context::RequestContext;
use crate::api::http::responses;
use crate::api::http::responses::IfNoneMatch;
use crate::api::operations::view::Operation;
use crate::api::permissions::problem_renderer::ProblemRenderer;
use crate::api::targets::{project_name, target_name};

/// A page of operations, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct OperationList {
    items: Vec<Operation>,
    /// Cursor of the next page; null on the last page.
    next_cursor: Option<String>,
}

/// Filters of the list.
#[derive(Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListOperations {
    /// Only operations on this cluster, even if it is deleted.
    #[param(value_type = String, required = false, example = "orders-cache",
            min_length = 1, max_length = 20, pattern = "^[A-Za-z](-?[A-Za-z0-9])*$")]
    #[serde(default, deserialize_with = "cluster_name")]
    cluster: Option<ClusterName>,
    /// Only operations on clusters of this target.
    #[param(value_type = String, required = false, min_length = 1, max_length = 40,
            pattern = "^[a-z][a-z0-9-]*$")]
    #[serde(default, deserialize_with = "target_name")]
    target: Option<TargetName>,
    /// Only operations on clusters of this project.
    #[param(value_type = String, required = false, min_length = 1, max_length = 40,
            pattern = "^[a-z][a-z0-9-]*$")]
    #[serde(default, deserialize_with = "project_name")]
    project: Option<ProjectName>,
    /// Only operations of this kind.
    #[param(value_type = OperationKindSchema, required = false)]
    #[serde(default, deserialize_with = "one_of")]
    kind: Option<Kind>,
    /// Only operations with this status.
    #[param(value_type = OperationStatusSchema, required = false)]
    #[serde(default, deserialize_with = "one_of")]
    status: Option<Status>,
}

pub(crate) fn cluster_name<'de, D: Deserializer<'de>>(
    text: D,
) -> Result<Option<ClusterName>, D::Error> {
    by_rule(text, ClusterName::parse)
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
    api: CallerApi,
    page: Page<ByAge, ListOperations>,
) -> Result<Response, ApiError> {
    let filter = OperationFilter {
        target: page.filter.target.clone(),
        project: page.filter.project.clone(),
        scopes: api.scopes().await?,
        cluster: page.filter.cluster.clone().map(String::from),
        kind: page.filter.kind,
        status: page.filter.status,
        before: page.after.map(|ByAge(at, id)| (at, id)),
    };
    let mut operations = api.store.operations(&filter, page.rows()).await?;
    let next_cursor = page.cut(&mut operations, |operation| {
        ByAge(operation.created_at, operation.id)
    });
    let items = api.operation_views(operations).await?;
    Ok(page.respond(next_cursor, |next_cursor| OperationList {
        items,
        next_cursor,
    }))
}

/// Returns an operation.
///
/// The response contains its steps, its progress, what it waits for and, if it is blocked, the
/// problem with the fix.
#[utoipa::path(
    get, path = "/v1/operations/{id}", tag = "operations", operation_id = "get_operation",
    params(OperationPath, Preference, IfNoneMatch),
    responses((
        status = 200,
        description = "The operation.",
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
    api: CallerApi,
    OperationPath(id): OperationPath,
    _: NoQuery,
    preference: Preference,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    if preference.waits() {
        api.operation_version(id).await?;
    }
    let waited = api.wait_for(id, 0, preference).await?;
    if known.is_present()
        && let current = api.operation_version(id).await?
        && let Some(mut response) = responses::not_modified(current.version, &known)
    {
        let is_finished = current.status.is_finished();
        let retry_after =
            (!is_finished).then(|| responses::retry_after(current.next_attempt_at, None));
        responses::insert_polling_headers(response.headers_mut(), retry_after, &waited);
        return Ok(response);
    }
    let operation = api.operation(id).await?;
    let version = operation.version;
    let view = api.operation_view(operation).await?;
    let mut response = responses::single(version, &view, &known);
    responses::insert_polling_headers(response.headers_mut(), view.retry_after(), &waited);
    Ok(response)
}

/// Retries a blocked operation at once.
///
/// An operation can be retried every 5 seconds; an earlier retry is a 429. An `Idempotency-Key` is
/// accepted but not needed.
#[utoipa::path(
    post,
    path = "/v1/operations/{id}/retry",
    tag = "operations",
    operation_id = "retry_operation",
    params(OperationPath, Preference, RequestContext),
    responses(AcceptedOperation)
)]
pub(crate) async fn retry_operation(
    api: CallerApi,
    OperationPath(id): OperationPath,
    _: NoQuery,
    caller: Caller,
    preference: Preference,
) -> Result<Response, ApiError> {
    let version = api.permitted_version(id, Action::RetryOperation).await?;
    match api.store.retry(id, &caller.requested_by()).await? {
        Retried::Woken => api.answer_woken(id, version, preference).await,
        Retried::TooSoon { seconds } => {
            let detail = "the operation was retried a moment ago; retry it again later";
            let error = rejected(id, ProblemCode::TooManyRequests, detail);
            Err(error.with_retry_after(Duration::from_secs(seconds)))
        }
        Retried::NotBlocked => Err(rejected(
            id,
            ProblemCode::OperationNotBlocked,
            "the operation is not blocked; there is nothing to retry (to stop it: cancel)",
        )),
        Retried::Finished => Err(finished(id)),
        Retried::NoSuchOperation => Err(no_such_operation(&id.to_string())),
    }
}

/// The rejection of a retry, a cancel or a rollback.
pub(crate) fn rejected(id: Uuid, code: ProblemCode, detail: &str) -> ApiError {
    Problem::new(code, detail).about_operation(id).into()
}

pub(crate) fn finished(id: Uuid) -> ApiError {
    let detail = "the operation has finished; send a new request";
    rejected(id, ProblemCode::OperationFinished, detail)
}

impl CallerApi {
    pub(crate) async fn operation(&self, id: Uuid) -> Result<operation::Operation, ApiError> {
        let operation = self.store.operation(id).await?;
        let readable = operation.filter(|operation| self.may_read(&operation.scope()));
        readable.ok_or_else(|| no_such_operation(&id.to_string()))
    }

    pub(crate) async fn operation_version(&self, id: Uuid) -> Result<OperationVersion, ApiError> {
        let version = self.store.operation_version(id).await?;
        let readable = version.filter(|current| self.may_read(&current.scope));
        readable.ok_or_else(|| no_such_operation(&id.to_string()))
    }

    /// The version of an operation on whose cluster the rules permit the action.
    pub(crate) async fn permitted_version(
        &self,
        id: Uuid,
        action: Action,
    ) -> Result<i64, ApiError> {
        let current = self.operation_version(id).await?;
        self.actor.note_operation(id);
        let subject = Subject::Cluster(&current.cluster, &current.scope);
        self.decide(action, subject)?;
        Ok(current.version)
    }

    /// The 202 response to a retry, a cancel or a rollback that changed the operation, which was at
    /// `version` before.
    pub(crate) async fn answer_woken(
        &self,
        id: Uuid,
        version: i64,
        preference: Preference,
    ) -> Result<Response, ApiError> {
        self.store.announce_work_anywhere();
        // The change raises the version by one; only a later block ends the wait.
        self.answer_operation(id, version + 2, preference).await
    }

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
        let now = responses::now();
        let view = |operation: operation::Operation| {
            let step_durations = durations
                .get(&(operation.kind, operation.node_count))
                .unwrap_or(&none);
            let target = self.of_row(&operation.target).ok();
            let account = target.as_ref().and_then(|target| target.account().ok());
            let renderer = target
                .as_ref()
                .map_or_else(ProblemRenderer::without_account, |target| {
                    target.problem_renderer(account.as_ref())
                });
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
        // The targets of one installation are all in one sandbox, or all in AWS.
        let in_sandbox = self.targets.borrow().values().any(|target| {
            let account = target.account.borrow();
            account
                .as_ref()
                .is_some_and(|account| account.sandbox_id.is_some())
        });
        Ok(StepDurations {
            medians,
            in_sandbox,
        })
    }
}
