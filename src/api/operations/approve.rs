//! Approving and rejecting an operation that awaits approval.

use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::authorization::{Action, Denial};
use crate::domain::operation::ApprovalDecision;
use crate::domain::problems::problem_code::ProblemCode;
use crate::domain::validation::fields;
use crate::operations;
use crate::store::{Awaiting, Vote, Voted};

use crate::api::access::CallerApi;
use crate::api::clusters::decisions::Pending;
use crate::api::clusters::submit::AcceptedOperation;
use crate::api::http::api_error::ApiError;
use crate::api::http::body::OptionalBody;
use crate::api::http::body_schema;
use crate::api::http::path::OperationPath;
use crate::api::http::prefer::Preference;
use crate::api::http::problem::Problem;
use crate::api::http::query::NoQuery;
use crate::api::http::request_context::RequestContext;
use crate::api::operations::read::{finished, rejected};

/// Maximum length of a comment.
const COMMENT_MAX: usize = 1_000;

/// A decision on an operation.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApprovalRequest {
    /// What the caller says about it, for the history.
    #[schema(value_type = String, required = false, max_length = 1000, example = "CHG-4711")]
    comment: Option<String>,
}

/// Approves an operation that awaits approval, for every group of the caller that it waits for.
///
/// Neither the caller who requested the operation nor the person for whom it was requested can approve
/// it. The last approval starts it: the rules decide again as if it was requested then by its
/// requester. If they no longer permit it, or the cluster was changed in between, it ends `cancelled`.
/// A repeated approval changes nothing.
#[utoipa::path(
    post, path = "/v1/operations/{id}/approve", tag = "operations", operation_id = "approve_operation",
    params(OperationPath, Preference, RequestContext),
    request_body(content = ApprovalRequest, description = "A comment; can be omitted."),
    responses(AcceptedOperation)
)]
pub(crate) async fn approve_operation(
    api: CallerApi,
    OperationPath(id): OperationPath,
    _: NoQuery,
    preference: Preference,
    OptionalBody(body): OptionalBody,
) -> Result<Response, ApiError> {
    let version = api.permitted_version(id, Action::ApproveOperation).await?;
    let decision = ApprovalDecision::Approved;
    api.vote(id, version, decision, body, preference).await
}

/// Rejects an operation that awaits approval: it ends `cancelled`.
#[utoipa::path(
    post, path = "/v1/operations/{id}/reject", tag = "operations", operation_id = "reject_operation",
    params(OperationPath, Preference, RequestContext),
    request_body(content = ApprovalRequest, description = "A comment; can be omitted."),
    responses(AcceptedOperation)
)]
pub(crate) async fn reject_operation(
    api: CallerApi,
    OperationPath(id): OperationPath,
    _: NoQuery,
    preference: Preference,
    OptionalBody(body): OptionalBody,
) -> Result<Response, ApiError> {
    let version = api.permitted_version(id, Action::RejectOperation).await?;
    let decision = ApprovalDecision::Rejected;
    api.vote(id, version, decision, body, preference).await
}

/// What the rules say of an operation now.
struct Reconsidered {
    needed: Result<Vec<String>, String>,
    pending: Option<Pending>,
}

impl CallerApi {
    /// Records a decision on an operation that was at `version` before.
    async fn vote(
        &self,
        id: Uuid,
        version: i64,
        decision: ApprovalDecision,
        body: Value,
        preference: Preference,
    ) -> Result<Response, ApiError> {
        let comment = comment(body)?;
        let Some(awaiting) = self.store.awaiting(id).await? else {
            return self.answer_decided(id, version, decision, preference).await;
        };
        if awaiting.requester.shares_a_person_with(&self.caller) {
            let detail = "you requested the operation, or it was requested for you; another member of \
                the group must decide";
            return Err(rejected(id, ProblemCode::ApprovalNotAllowed, detail));
        }
        let plan = operations::plan(awaiting.spec.kind());
        let again = match decision {
            ApprovalDecision::Approved => self.reconsidered(&awaiting).await?,
            ApprovalDecision::Rejected => Reconsidered::default(),
        };
        let vote = Vote {
            operation: id,
            voter: (*self.caller).clone(),
            decision,
            comment,
            needed: again.needed,
            limit: again.pending.map(|pending| pending.split().0),
            deadline: plan.deadline,
        };
        match self.store.vote(vote).await? {
            Voted::Recorded => self.answer_woken(id, version, preference).await,
            Voted::NotAwaiting => self.answer_decided(id, version, decision, preference).await,
            Voted::NoneOfYours if self.has_voted(id, decision).await? => {
                self.answer_operation(id, version, preference).await
            }
            Voted::NoneOfYours => {
                let operation = self.operation(id).await?;
                let open = operation.approvals.into_iter();
                let open = open.filter(|approval| approval.decision.is_none());
                let groups: Vec<String> = open.map(|approval| approval.group).collect();
                let detail = format!(
                    "the operation waits for a member of {}; you are in none of these groups",
                    groups.join(" and of ")
                );
                Err(rejected(id, ProblemCode::ApprovalNotAllowed, &detail))
            }
        }
    }

    /// The answer for an operation that does not wait for an approval. A repeated decision is accepted.
    async fn answer_decided(
        &self,
        id: Uuid,
        version: i64,
        decision: ApprovalDecision,
        preference: Preference,
    ) -> Result<Response, ApiError> {
        if self.has_voted(id, decision).await? {
            return self.answer_operation(id, version, preference).await;
        }
        if self.operation_version(id).await?.status.is_finished() {
            return Err(finished(id));
        }
        let detail = "the operation does not wait for an approval; to stop it, cancel it";
        let code = ProblemCode::OperationNotAwaitingApproval;
        Err(rejected(id, code, detail))
    }

    async fn has_voted(&self, id: Uuid, decision: ApprovalDecision) -> Result<bool, ApiError> {
        Ok(self.store.has_voted(id, &self.caller, decision).await?)
    }

    /// Decides an operation again, as if its requester requested it now.
    async fn reconsidered(&self, awaiting: &Awaiting) -> Result<Reconsidered, ApiError> {
        let api = self.to_change(Some(&awaiting.scope.target))?;
        let api = api.seen_by(awaiting.requester.clone());
        api.account_soon().await?;
        let decided = api.decide_operation(&awaiting.cluster, &awaiting.scope, &awaiting.spec)?;
        match decided {
            Ok((approvals, pending)) => Ok(Reconsidered {
                needed: Ok(approvals.groups().collect()),
                pending,
            }),
            Err((action, denial @ Denial::Failed(_))) => Err(self.denied(action, denial)),
            Err((_, denial)) => Ok(Reconsidered {
                needed: Err(no_longer_permitted(denial)),
                pending: None,
            }),
        }
    }
}

impl Default for Reconsidered {
    fn default() -> Self {
        Self {
            needed: Ok(Vec::new()),
            pending: None,
        }
    }
}

fn no_longer_permitted(denial: Denial) -> String {
    let (Denial::Forbidden(by) | Denial::NeedsApproval(by)) = denial else {
        return "the policies could not be evaluated".to_owned();
    };
    let ids: Vec<String> = by.into_iter().map(|policy| policy.id).collect();
    match ids.as_slice() {
        [] => "no policy permits it any more".to_owned(),
        ids => format!("it is now forbidden by {}", ids.join(", ")),
    }
}

fn comment(body: Value) -> Result<Option<String>, ApiError> {
    let request = body_schema::validate(body, |request: ApprovalRequest, violations| {
        if let Some(comment) = &request.comment {
            violations.check("/comment", fields::free_text(comment, COMMENT_MAX));
        }
        Some(request)
    });
    let request = request.map_err(Problem::invalid)?;
    Ok(request.comment.filter(|comment| !comment.is_empty()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_comment_may_be_empty_and_has_a_longest_length() {
        let read = |text: &str| comment(json!({"comment": text}));
        assert!(read("").is_ok_and(|comment| comment.is_none()));
        let longest = "ä".repeat(COMMENT_MAX);
        assert!(read(&longest).is_ok_and(|comment| comment == Some(longest.clone())));
        assert!(read(&format!("{longest}a")).is_err());
    }
}
