//! The operations of the control API.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{Response, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::call_log::CallRecord;
use crate::control::read_body;
use crate::control::responses::{error_response, json_response, no_content};
use crate::dispatch;
use crate::faults::{FaultKind, FaultRule};
use crate::identity::Identity;
use crate::new_security_group::NewSecurityGroup;
use crate::new_subnet::NewSubnet;
use crate::rate_limits::RateLimit;
use crate::sandbox::Sandbox;
use crate::wire::service::Service;

/// The maximum of one advance of the clock: ten years.
const MAX_ADVANCE_SECONDS: f64 = 315_576_000.0;

pub(crate) async fn get_health(State(sandbox): State<Sandbox>) -> Response<Body> {
    let settings = sandbox.settings();
    let health =
        json!({"id": sandbox.id(), "account_id": settings.account_id, "region": settings.region});
    json_response(StatusCode::OK, &health)
}

pub(crate) async fn put_identity(
    State(sandbox): State<Sandbox>,
    Path(access_key_id): Path<String>,
    body: Body,
) -> Response<Body> {
    let identity: Identity = match read(body).await {
        Ok(identity) => identity,
        Err(rejection) => return *rejection,
    };
    let parts: Vec<&str> = identity.arn.splitn(6, ':').collect();
    let is_principal = matches!(parts[..], ["arn", _, "iam" | "sts", "", account, name]
        if account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) && !name.is_empty());
    if !is_principal {
        let error = format!(
            "arn: {:?} is not a principal of an account; use an ARN such as arn:aws:iam::{}:user/portal",
            identity.arn,
            sandbox.settings().account_id
        );
        return error_response(StatusCode::BAD_REQUEST, &error);
    }
    match sandbox.try_put_identity(&access_key_id, identity) {
        Ok(()) => no_content(),
        Err(error) => error_response(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

pub(crate) async fn put_table(
    State(sandbox): State<Sandbox>,
    Path(name): Path<String>,
) -> Response<Body> {
    sandbox.put_table(&name);
    no_content()
}

pub(crate) async fn put_subnet(
    State(sandbox): State<Sandbox>,
    Path(id): Path<String>,
    body: Body,
) -> Response<Body> {
    let subnet: NewSubnet = match read(body).await {
        Ok(subnet) => subnet,
        Err(rejection) => return *rejection,
    };
    match sandbox.put_subnet(&id, &subnet) {
        Ok(()) => no_content(),
        Err(error) => error_response(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

pub(crate) async fn put_security_group(
    State(sandbox): State<Sandbox>,
    Path(id): Path<String>,
    body: Body,
) -> Response<Body> {
    let group: NewSecurityGroup = match read(body).await {
        Ok(group) => group,
        Err(rejection) => return *rejection,
    };
    match sandbox.put_security_group(&id, &group) {
        Ok(()) => no_content(),
        Err(error) => error_response(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

pub(crate) async fn add_fault(State(sandbox): State<Sandbox>, body: Body) -> Response<Body> {
    let rule: FaultRule = match read(body).await {
        Ok(rule) => rule,
        Err(rejection) => return *rejection,
    };
    if let Err(error) = check_rule(&rule) {
        return error_response(StatusCode::BAD_REQUEST, &error);
    }
    sandbox.add_fault(rule);
    json_response(StatusCode::CREATED, &json!({"faults": sandbox.faults()}))
}

fn check_rule(rule: &FaultRule) -> Result<(), String> {
    if rule.fault != FaultKind::Deny {
        check_call(&rule.call)?;
    }
    if rule.rate.is_some_and(|rate| !(0.0..=1.0).contains(&rate)) {
        return Err("rate: must be between 0 and 1".to_owned());
    }
    if rule
        .seconds
        .is_some_and(|seconds| Duration::try_from_secs_f64(seconds).is_err())
    {
        return Err("seconds: must be zero or more".to_owned());
    }
    Ok(())
}

/// Checks that a call without `*` is an operation.
fn check_call(call: &str) -> Result<(), String> {
    if call.contains('*') {
        return Ok(());
    }
    let (service, operation) = call.split_once(':').unwrap_or((call, ""));
    let known = Service::ALL
        .into_iter()
        .find(|known| known.as_str() == service);
    match known.and_then(|service| dispatch::find(service, operation)) {
        Some(_) => Ok(()),
        None => Err(format!(
            "call: {call:?} is not an operation of this sandbox; use service:Operation, such as iam:CreateRole, dax:* or *"
        )),
    }
}

pub(crate) async fn put_rate_limits(State(sandbox): State<Sandbox>, body: Body) -> Response<Body> {
    let limits: Vec<RateLimit> = match read(body).await {
        Ok(limits) => limits,
        Err(rejection) => return *rejection,
    };
    if let Err(error) = limits.iter().try_for_each(check_limit) {
        return error_response(StatusCode::BAD_REQUEST, &error);
    }
    sandbox.set_rate_limits(limits);
    no_content()
}

fn check_limit(limit: &RateLimit) -> Result<(), String> {
    check_call(&limit.call)?;
    if limit.burst < 1.0 {
        return Err("burst: must be 1 or more".to_owned());
    }
    if limit.per_second < 0.0 {
        return Err("per_second: must be zero or more".to_owned());
    }
    Ok(())
}

pub(crate) async fn list_faults(State(sandbox): State<Sandbox>) -> Response<Body> {
    json_response(StatusCode::OK, &json!({"faults": sandbox.faults()}))
}

pub(crate) async fn clear_faults(State(sandbox): State<Sandbox>) -> Response<Body> {
    sandbox.clear_faults();
    no_content()
}

#[derive(Serialize)]
struct CallItem {
    call: String,
    #[serde(flatten)]
    record: CallRecord,
}

/// Which calls of the journal are asked for. Default: all.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JournalRange {
    /// Only calls with a higher sequence number.
    after: Option<u64>,
}

pub(crate) async fn list_calls(
    State(sandbox): State<Sandbox>,
    Query(range): Query<JournalRange>,
) -> Response<Body> {
    let after = range.after.unwrap_or(0);
    let item = |record: CallRecord| CallItem {
        call: record.operation.clone().into_owned(),
        record,
    };
    let calls = sandbox
        .calls()
        .into_iter()
        .filter(|record| record.sequence > after);
    let calls: Vec<CallItem> = calls.map(item).collect();
    json_response(StatusCode::OK, &json!({"calls": calls}))
}

/// The place whose inventory is asked for. Default: the first account and Region.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InventoryPlace {
    account_id: Option<String>,
    region: Option<String>,
}

pub(crate) async fn get_inventory(
    State(sandbox): State<Sandbox>,
    Query(place): Query<InventoryPlace>,
) -> Response<Body> {
    let settings = sandbox.settings();
    let account_id = place.account_id.as_ref().unwrap_or(&settings.account_id);
    let region = place.region.as_ref().unwrap_or(&settings.region);
    json_response(StatusCode::OK, &sandbox.inventory_of(account_id, region))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockMove {
    advance_seconds: f64,
}

pub(crate) async fn advance_clock(State(sandbox): State<Sandbox>, body: Body) -> Response<Body> {
    let ClockMove { advance_seconds } = match read(body).await {
        Ok(moved) => moved,
        Err(rejection) => return *rejection,
    };
    if !(0.0..=MAX_ADVANCE_SECONDS).contains(&advance_seconds) {
        let error = format!("advance_seconds: must be between 0 and {MAX_ADVANCE_SECONDS}");
        return error_response(StatusCode::BAD_REQUEST, &error);
    }
    sandbox.advance_clock(Duration::from_secs_f64(advance_seconds));
    no_content()
}

pub(crate) async fn reset(State(sandbox): State<Sandbox>) -> Response<Body> {
    sandbox.reset();
    json_response(StatusCode::OK, &json!({"id": sandbox.id()}))
}

/// Parses a JSON body of any content type. The error states the problem and its position.
async fn read<T: DeserializeOwned>(body: Body) -> Result<T, Box<Response<Body>>> {
    let reject = |status, error: &str| Box::new(error_response(status, error));
    let body = read_body(body)
        .await
        .map_err(|error| reject(StatusCode::PAYLOAD_TOO_LARGE, &error))?;
    serde_json::from_slice(&body).map_err(|error| {
        reject(
            StatusCode::BAD_REQUEST,
            &format!("invalid JSON body: {error}"),
        )
    })
}
