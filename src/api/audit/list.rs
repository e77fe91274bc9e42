//! `GET /v1/audit`.

use axum::response::Response;
use chrono::{DateTime, Datelike, Utc};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::authorization::Action;
use crate::domain::audit::{self, AuditDecision, Seal};
use crate::domain::validation::fields;
use crate::domain::validation::violation::RuleViolation;
use crate::store::AuditFilter;

use crate::api::access::CallerApi;
use crate::api::enum_schemas::AuditDecisionSchema;
use crate::api::http::api_error::ApiError;
use crate::api::http::paging::{ByTime, Page, PageParameters};
use crate::api::http::query::{by_rule, one_of};

/// A page of audit records.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditList {
    items: Vec<AuditRecord>,
    next_cursor: Option<String>,
    /// The last seal; null before the first one.
    seal: Option<AuditSeal>,
}

/// Who did what, and how it was decided.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditRecord {
    /// Position among all records, from 1 and dense.
    position: i64,
    at: DateTime<Utc>,
    /// The caller as shown with operations; null for failed authentications.
    #[schema(example = "token:portal")]
    caller: Option<String>,
    /// What identifies the caller.
    caller_id: Option<String>,
    /// The person for whom a portal sent the request.
    requested_for: Option<String>,
    /// The groups of the caller.
    #[schema(example = json!(["operators"]))]
    groups: Vec<String>,
    /// The ID of the operation of this API, the call to AWS, or the command.
    #[schema(example = "create_cluster")]
    action: String,
    #[schema(value_type = AuditDecisionSchema)]
    decision: String,
    target: Option<String>,
    project: Option<String>,
    cluster: Option<String>,
    operation_id: Option<Uuid>,
    /// What it is about, if it is no cluster: a resource of AWS, a webhook, a token.
    subject: Option<String>,
    /// The number that the two records of a call to AWS have in common.
    intent: Option<i64>,
    /// More than 1: so many requests of one minute.
    count: i64,
    /// IDs of the policies that permitted or forbade it.
    #[schema(example = json!(["operators"]))]
    policies: Vec<String>,
    /// Hash of the organisation whose policies decided.
    organisation: Option<String>,
    request_id: Option<String>,
    /// Address of the client.
    #[schema(example = "192.0.2.7")]
    address: Option<String>,
    /// What else is known, such as the rights of a new token.
    #[schema(value_type = Option<Object>)]
    details: Option<Value>,
}

/// A seal. Keep it elsewhere to find records that are removed later.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditSeal {
    number: i64,
    /// The last position that is sealed.
    last_position: i64,
    sealed_at: DateTime<Utc>,
    /// Whether it was made with a key. Without one, a person who can write to the database can
    /// change records and seals, and only a seal that was kept elsewhere shows it.
    keyed: bool,
    /// The seal as `audit verify --anchor` expects it.
    #[schema(example = "17:0d5f2c1e")]
    anchor: String,
}

impl From<audit::AuditRecord> for AuditRecord {
    fn from(record: audit::AuditRecord) -> Self {
        let names = |list: Option<Value>| {
            let list = list.map(serde_json::from_value).and_then(Result::ok);
            list.unwrap_or_default()
        };
        Self {
            position: record.position,
            at: record.at,
            caller: record.caller,
            caller_id: record.caller_id,
            requested_for: record.requested_for,
            groups: names(record.groups),
            action: record.action,
            decision: record.decision,
            target: record.target,
            project: record.project,
            cluster: record.cluster,
            operation_id: record.operation_id,
            subject: record.subject,
            intent: record.intent,
            count: record.count,
            policies: names(record.policies),
            organisation: record.organisation,
            request_id: record.request_id,
            address: record.address,
            details: record.details,
        }
    }
}

impl From<Seal> for AuditSeal {
    fn from(seal: Seal) -> Self {
        let content = seal.content();
        Self {
            number: content.number,
            last_position: content.last_position,
            sealed_at: content.sealed_at,
            keyed: content.key_id.is_some(),
            anchor: seal.anchor(),
        }
    }
}

/// Filters of audit records.
#[derive(Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditFilters {
    /// Only records of this caller, as shown with operations, such as `token:portal`.
    #[param(value_type = String, required = false, max_length = 400)]
    #[serde(default, deserialize_with = "at_most::<_, 400>")]
    caller: Option<String>,
    /// Only records of this action: the ID of an operation of this API, a call to AWS such as
    /// `iam:CreateRole`, or `authenticate`.
    #[param(value_type = String, required = false, max_length = 100)]
    #[serde(default, deserialize_with = "at_most::<_, 100>")]
    action: Option<String>,
    /// Only records with this decision.
    #[param(value_type = AuditDecisionSchema, required = false)]
    #[serde(default, deserialize_with = "one_of")]
    decision: Option<AuditDecision>,
    /// Only records about this target.
    #[param(value_type = String, required = false, max_length = 40)]
    #[serde(default, deserialize_with = "at_most::<_, 40>")]
    target: Option<String>,
    /// Only records about this project.
    #[param(value_type = String, required = false, max_length = 40)]
    #[serde(default, deserialize_with = "at_most::<_, 40>")]
    project: Option<String>,
    /// Only records about clusters of this name.
    #[param(value_type = String, required = false, max_length = 20)]
    #[serde(default, deserialize_with = "at_most::<_, 20>")]
    cluster: Option<String>,
    /// Only records of this operation.
    #[param(value_type = Uuid, required = false)]
    #[serde(default, deserialize_with = "operation_id")]
    operation_id: Option<Uuid>,
    /// Only records since this time.
    #[param(value_type = DateTime<Utc>, required = false, example = "2026-01-01T00:00:00Z")]
    #[serde(default, deserialize_with = "time")]
    since: Option<DateTime<Utc>>,
    /// Only records before this time.
    #[param(value_type = DateTime<Utc>, required = false, example = "2026-02-01T00:00:00Z")]
    #[serde(default, deserialize_with = "time")]
    until: Option<DateTime<Utc>>,
}

fn at_most<'de, D: Deserializer<'de>, const MOST: usize>(
    text: D,
) -> Result<Option<String>, D::Error> {
    by_rule(text, |text| fields::free_text(text, MOST))
}

fn operation_id<'de, D: Deserializer<'de>>(text: D) -> Result<Option<Uuid>, D::Error> {
    by_rule(text, |text| {
        let rule = |_| RuleViolation::new("invalid_format", "must be the ID of an operation");
        text.parse().map_err(rule)
    })
}

fn time<'de, D: Deserializer<'de>>(text: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    by_rule(text, |text| {
        let detail = "must be a time from 1970 to 9999 such as `2026-01-31T12:00:00Z`";
        let parsed = text.parse::<DateTime<Utc>>().ok();
        let valid = parsed.filter(|at| (1970..=9999).contains(&at.year()));
        valid.ok_or_else(|| RuleViolation::new("invalid_format", detail))
    })
}

/// Lists audit records, newest first: accepted requests, denials, failed authentications, and each
/// call to AWS that changes something, before it is sent (`intended`) and when its outcome is known.
///
/// A record is listed within about a second. `audit export` prints all of them, and `audit verify`
/// finds what was changed or removed since it was sealed.
#[utoipa::path(
    get, path = "/v1/audit", tag = "audit", operation_id = "list_audit",
    params(AuditFilters, PageParameters),
    responses((status = 200, description = "A page of records.", body = AuditList, headers(
        ("Link" = String, description = "URL of the next page, `rel=\"next\"`, if there is one."),
    )))
)]
pub(crate) async fn list_audit(
    api: CallerApi,
    page: Page<ByTime, AuditFilters>,
) -> Result<Response, ApiError> {
    api.decide_everywhere(Action::ListAudit)?;
    let filters = &page.filter;
    let filter = AuditFilter {
        caller: filters.caller.clone(),
        action: filters.action.clone(),
        decision: filters
            .decision
            .map(|decision| <&str>::from(decision).to_owned()),
        target: filters.target.clone(),
        project: filters.project.clone(),
        cluster: filters.cluster.clone(),
        operation: filters.operation_id,
        since: filters.since,
        until: filters.until,
        before: page.after.map(|ByTime(at, position)| (at, position)),
    };
    let mut records = api.store.audit_records(filter, page.rows()).await?;
    let seal = api.store.last_seal().await?.map(AuditSeal::from);
    let next_cursor = page.cut(&mut records, |record| ByTime(record.at, record.position));
    let items = records.into_iter().map(AuditRecord::from).collect();
    Ok(page.respond(next_cursor, |next_cursor| AuditList {
        items,
        next_cursor,
        seal,
    }))
}
