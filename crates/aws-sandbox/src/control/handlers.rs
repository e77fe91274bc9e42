//! The operations of the control API.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::call_log::CallRecord;
use crate::control::answers::{answer, done, refuse};
use crate::control::read_body;
use crate::dispatch;
use crate::faults::{FaultKind, FaultRule};
use crate::identity::Identity;
use crate::new_security_group::NewSecurityGroup;
use crate::new_subnet::NewSubnet;
use crate::sandbox::Sandbox;
use crate::wire::service::Service;

/// The clock moves at most this far at once: ten years.
const FARTHEST_ADVANCE_SECONDS: f64 = 315_576_000.0;

pub(crate) async fn get_health(State(sandbox): State<Sandbox>) -> Response<Body> {
    let settings = sandbox.settings();
    let health =
        json!({"id": sandbox.id(), "account_id": settings.account_id, "region": settings.region});
    answer(StatusCode::OK, &health)
}

pub(crate) async fn put_identity(
    State(sandbox): State<Sandbox>,
    Path(access_key_id): Path<String>,
    body: Body,
) -> Response<Body> {
    let identity: Identity = match read(body).await {
        Ok(identity) => identity,
        Err(refusal) => return *refusal,
    };
    let parts: Vec<&str> = identity.arn.splitn(6, ':').collect();
    let is_principal = matches!(parts[..], ["arn", _, "iam" | "sts", "", account, name]
        if account == sandbox.settings().account_id && !name.is_empty());
    if !is_principal {
        let error = format!(
            "arn: {:?} is no principal of account {}, such as arn:aws:iam::{}:user/portal",
            identity.arn,
            sandbox.settings().account_id,
            sandbox.settings().account_id
        );
        return refuse(StatusCode::BAD_REQUEST, &error);
    }
    match sandbox.try_put_identity(&access_key_id, identity) {
        Ok(()) => done(),
        Err(error) => refuse(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

pub(crate) async fn put_table(
    State(sandbox): State<Sandbox>,
    Path(name): Path<String>,
) -> Response<Body> {
    sandbox.put_table(&name);
    done()
}

pub(crate) async fn put_subnet(
    State(sandbox): State<Sandbox>,
    Path(id): Path<String>,
    body: Body,
) -> Response<Body> {
    let subnet: NewSubnet = match read(body).await {
        Ok(subnet) => subnet,
        Err(refusal) => return *refusal,
    };
    match sandbox.put_subnet(&id, &subnet) {
        Ok(()) => done(),
        Err(error) => refuse(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

pub(crate) async fn put_security_group(
    State(sandbox): State<Sandbox>,
    Path(id): Path<String>,
    body: Body,
) -> Response<Body> {
    let group: NewSecurityGroup = match read(body).await {
        Ok(group) => group,
        Err(refusal) => return *refusal,
    };
    match sandbox.put_security_group(&id, &group) {
        Ok(()) => done(),
        Err(error) => refuse(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

pub(crate) async fn add_fault(State(sandbox): State<Sandbox>, body: Body) -> Response<Body> {
    let rule: FaultRule = match read(body).await {
        Ok(rule) => rule,
        Err(refusal) => return *refusal,
    };
    if let Err(error) = check_rule(&rule) {
        return refuse(StatusCode::BAD_REQUEST, &error);
    }
    sandbox.add_fault(rule);
    answer(StatusCode::CREATED, &json!({"faults": sandbox.faults()}))
}

fn check_rule(rule: &FaultRule) -> Result<(), String> {
    if !rule.call.contains('*') && rule.fault != FaultKind::Deny {
        let (service, operation) = rule.call.split_once(':').unwrap_or((&rule.call, ""));
        let known = Service::ALL
            .into_iter()
            .find(|known| known.as_str() == service);
        if known
            .and_then(|service| dispatch::find(service, operation))
            .is_none()
        {
            return Err(format!(
                "call: {:?} is no call of this sandbox; write service:Operation, such as iam:CreateRole, dax:* or *",
                rule.call
            ));
        }
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

pub(crate) async fn list_faults(State(sandbox): State<Sandbox>) -> Response<Body> {
    answer(StatusCode::OK, &json!({"faults": sandbox.faults()}))
}

pub(crate) async fn clear_faults(State(sandbox): State<Sandbox>) -> Response<Body> {
    sandbox.clear_faults();
    done()
}

#[derive(Serialize)]
struct CallItem {
    call: String,
    #[serde(flatten)]
    record: CallRecord,
}

pub(crate) async fn list_calls(State(sandbox): State<Sandbox>) -> Response<Body> {
    let item = |record: CallRecord| CallItem {
        call: record.operation.clone().into_owned(),
        record,
    };
    let calls: Vec<CallItem> = sandbox.calls().into_iter().map(item).collect();
    answer(StatusCode::OK, &json!({"calls": calls}))
}

pub(crate) async fn get_inventory(State(sandbox): State<Sandbox>) -> Response<Body> {
    answer(StatusCode::OK, &sandbox.inventory())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockMove {
    advance_seconds: f64,
}

pub(crate) async fn advance_clock(State(sandbox): State<Sandbox>, body: Body) -> Response<Body> {
    let ClockMove { advance_seconds } = match read(body).await {
        Ok(moved) => moved,
        Err(refusal) => return *refusal,
    };
    if !(0.0..=FARTHEST_ADVANCE_SECONDS).contains(&advance_seconds) {
        let error = format!("advance_seconds: must be between 0 and {FARTHEST_ADVANCE_SECONDS}");
        return refuse(StatusCode::BAD_REQUEST, &error);
    }
    sandbox.advance_clock(Duration::from_secs_f64(advance_seconds));
    done()
}

pub(crate) async fn reset(State(sandbox): State<Sandbox>) -> Response<Body> {
    sandbox.reset();
    answer(StatusCode::OK, &json!({"id": sandbox.id()}))
}

/// Reads a JSON body whatever its content type says; the refusal names what is wrong and where.
async fn read<T: DeserializeOwned>(body: Body) -> Result<T, Box<Response<Body>>> {
    let refused = |status, error: &str| Box::new(refuse(status, error));
    let body = read_body(body)
        .await
        .map_err(|error| refused(StatusCode::PAYLOAD_TOO_LARGE, &error))?;
    serde_json::from_slice(&body).map_err(|error| {
        refused(
            StatusCode::BAD_REQUEST,
            &format!("reading the JSON body: {error}"),
        )
    })
}
