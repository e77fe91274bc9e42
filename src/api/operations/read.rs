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
use crate::api::http::query::{Parameters, no_such_operation, operation_in_path, word};
use crate::api::http::responses;
use crate::api::http::responses::IfNoneMatch;
use crate::api::operations::view::Operation;

/// Operations, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct OperationList {
    /// The operations of this page.
    items: Vec<Operation>,
    /// Where the next page begins; null on the last.
    next_cursor: Option<String>,
}

/// Filters of the list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "it stands for the parameters in the API document; the handler reads them"
)]
pub(crate) struct ListOperations {
    /// Only operations on this cluster, deleted ones included.
    #[param(value_type = String, required = false, example = "orders-cache", min_length = 1, max_length = 20,
            pattern = "^[A-Za-z](-?[A-Za-z0-9])*$")]
    cluster: (),
    /// Only operations of this kind.
    #[param(value_type = OperationKindSchema, required = false)]
    kind: (),
    /// Only operations of this status.
    #[param(value_type = OperationStatusSchema, required = false)]
    status: (),
}

/// Headers of a request that reads a single resource.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(
    dead_code,
    reason = "it stands for the header in the API document; the extractor reads it"
)]
pub(crate) struct ReadHeaders {
    /// The versions the caller has; 304 if the current one is among them.
    #[param(rename = "If-None-Match", value_type = String, required = false, example = "\"7\"")]
    if_none_match: (),
}

/// The header of a request that may be answered later.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(
    dead_code,
    reason = "it stands for the header in the API document; the extractor reads it"
)]
pub(crate) struct PreferHeader {
    /// Delays the answer until the operation is finished or blocked, at most the given seconds: `wait=30`. At most 60.
    #[param(rename = "Prefer", value_type = String, required = false, example = "wait=30")]
    prefer: (),
}

/// Lists operations, newest first; those on deleted clusters too.
#[utoipa::path(
    get, path = "/v1/operations", tag = "operations", operation_id = "list_operations",
    params(ListOperations, PageParameters),
    responses((status = 200, description = "A page of operations.", body = OperationList, headers(
        ("Link" = String, description = "The next page, `rel=\"next\"`, if there is one."),
    )))
)]
pub(crate) async fn list_operations(
    State(api): State<Api>,
    mut parameters: Parameters,
) -> Result<Response, ApiError> {
    let cluster = parameters
        .take("cluster", ClusterName::parse)
        .map(String::from);
    let kind = parameters.take("kind", word(Kind::parse));
    let status = parameters.take("status", word(Status::parse));
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

/// Reads an operation: its steps, how far it is, what it waits for, and what to do if it is blocked.
#[utoipa::path(
    get, path = "/v1/operations/{id}", tag = "operations", operation_id = "get_operation",
    params(("id" = uuid::Uuid, Path, description = "Its id."), PreferHeader, ReadHeaders),
    responses((status = 200, description = "The operation. A caller that has this version gets 304 and no body.",
               body = Operation, headers(
        ("ETag" = String, description = "Its version."),
        ("Retry-After" = i32, description = "In how many seconds to read it again, while it is not finished."),
        ("Preference-Applied" = String, description = "`wait=N` if the answer was delayed by preference."),
    )))
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
    let again =
        (!operation.status.is_finished()).then(|| responses::ask_again(operation.next_attempt_at));
    let version = operation.version;
    let mut answer = responses::single(version, &api.operation_view(operation).await?, &known);
    responses::insert_pace(answer.headers_mut(), again, &waited);
    Ok(answer)
}

/// Tries a blocked operation again, now.
///
/// Repeating it is harmless, so an `Idempotency-Key` is accepted and not needed.
#[utoipa::path(
    post, path = "/v1/operations/{id}/retry", tag = "operations", operation_id = "retry_operation",
    params(("id" = uuid::Uuid, Path, description = "Its id."), MutationHeaders),
    responses((status = 202, description = "A worker visits it at once.", body = Operation, headers(
        ("Location" = String, description = "Where to read the operation."),
        ("Retry-After" = i32, description = "In how many seconds to read it again."),
        ("Preference-Applied" = String, description = "`wait=N` if the answer was delayed by preference."),
    )))
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
    let refused =
        |code, detail: &str| ApiError::from(Problem::new(code, detail).about_operation(id));
    match api.store.retry(id).await? {
        Retried::Woken => {
            api.store.announce_work();
            // The retry itself raises the version by one: blocked again is what comes after that.
            api.answer_operation(id, version + 2, submission.preference)
                .await
        }
        Retried::NotBlocked => Err(refused(
            ProblemCode::OperationNotBlocked,
            "the operation works by itself",
        )),
        Retried::Finished => Err(refused(
            ProblemCode::OperationFinished,
            "the operation is over",
        )),
        Retried::NoSuchOperation => Err(missing()),
    }
}

impl Api {
    /// The view of an operation, with its estimate and its advice.
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
        let mut known = HashMap::new();
        for operation in operations
            .iter()
            .filter(|operation| !operation.status.is_finished())
        {
            let alike = (operation.kind, operation.node_count);
            if let Entry::Vacant(unknown) = known.entry(alike) {
                unknown.insert(
                    self.experience(operation.kind, operation.node_count)
                        .await?,
                );
            }
        }
        let none = StepDurations::default();
        let place = self.place.borrow().clone();
        let (advice, now) = (self.advice(place.as_ref()), responses::now());
        let view = |operation: operation::Operation| {
            let experience = known
                .get(&(operation.kind, operation.node_count))
                .unwrap_or(&none);
            Operation::of(operation, experience, now, &advice)
        };
        Ok(operations.into_iter().map(view).collect())
    }

    /// How long the steps of a kind take, with so many nodes.
    pub(crate) async fn experience(
        &self,
        kind: Kind,
        nodes: Option<i32>,
    ) -> Result<StepDurations, StoreError> {
        let medians = self.store.medians_of_steps(kind, nodes).await?;
        let in_sandbox = self
            .place
            .borrow()
            .as_ref()
            .is_some_and(|place| place.sandbox_id.is_some());
        Ok(StepDurations {
            medians,
            in_sandbox,
        })
    }
}
