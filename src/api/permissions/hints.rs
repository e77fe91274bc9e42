//! `GET /v1/hints`: the troubleshooting table as data.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::problems::hints;

use crate::api::http::query::NoQuery;

/// The cause in rows about an action that the caller's identity policies do not allow.
const IDENTITY_POLICY: &str = "identity_policy";

/// The troubleshooting table.
#[derive(Serialize, ToSchema)]
pub(crate) struct HintList {
    /// All rows of the table.
    items: Vec<Hint>,
    /// Always null: the list has one page.
    next_cursor: Option<String>,
}

/// A row of the troubleshooting table: an AWS error, its meaning and its remedy.
#[derive(Serialize, ToSchema)]
pub(crate) struct Hint {
    /// Stable identifier of the hint.
    id: &'static str,
    /// AWS service, or `any`.
    #[schema(example = "iam")]
    service: &'static str,
    /// AWS error code.
    #[schema(example = "AccessDenied")]
    code: &'static str,
    /// Kind of policy that denied the call, in rows about permissions.
    #[schema(example = "identity_policy")]
    cause: Option<&'static str>,
    /// Denied IAM action, in rows about an action; `*` for every action without its own row.
    #[schema(example = "iam:CreateRole")]
    action: Option<&'static str>,
    /// Remedy in one sentence.
    title: &'static str,
    /// Cause and remedy in detail.
    explanation: &'static str,
    /// AWS documentation page.
    #[schema(format = "uri")]
    documentation: &'static str,
}

/// Lists the errors of the AWS calls of this service, with their remedies.
#[utoipa::path(
    get, path = "/v1/hints", tag = "permissions", operation_id = "list_hints",
    responses((status = 200, description = "The whole table.", body = HintList))
)]
pub(crate) async fn list_hints(_: NoQuery) -> Json<HintList> {
    let items = hints::all().map(|row| Hint {
        id: row.id,
        service: row.service,
        code: row.code,
        cause: row
            .cause
            .map(|cause| cause.as_str())
            .or(row.action.map(|_| IDENTITY_POLICY)),
        action: row.action,
        title: row.title,
        explanation: row.explanation,
        documentation: row.documentation,
    });
    Json(HintList {
        items: items.collect(),
        next_cursor: None,
    })
}
