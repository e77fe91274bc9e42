//! From a request to its response: identifies operation and caller, draws a fault, takes a gate and
//! executes the call.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::http::Response;
use axum::http::request::Parts;
use bytes::Bytes;

use crate::authenticate::authenticate;
use crate::call_log::CallRecord;
use crate::execute::{AuthenticatedCall, execute};
use crate::faults::{FaultKind, Injected};
use crate::gates::Gate;
use crate::identity::Caller;
use crate::place::Place;
use crate::sandbox::Sandbox;
use crate::signature::credential_scope;
use crate::turn::Operation;
use crate::wire::codes;
use crate::wire::fault::ServiceFault;
use crate::wire::reply::{Delivery, Reply};
use crate::wire::request::{self, AwsRequest, Input};
use crate::wire::service::Service;
use crate::{dax, dynamodb, ec2, iam, sts};

/// The caller in the call log if a request has no readable access key.
const ANONYMOUS: &str = "anonymous";

/// Returns the response to one AWS request.
pub(crate) async fn respond(sandbox: &Sandbox, parts: &Parts, body: Bytes) -> Response<Body> {
    let (request, operation, caller) = match identify(sandbox, parts, &body) {
        Ok(identified) => identified,
        Err(rejected) => return reject(sandbox, *rejected),
    };
    let place = place_of(sandbox, &request, &caller, parts);
    let (injected, gate) = {
        let mut core = sandbox.core();
        let now = core.settle();
        core.open_place(&place, now);
        let injected = if core.rate_limiter.accept(&place, operation.call, now) {
            core.rules
                .draw(operation.call, &place.account_id, now, |kind| {
                    kind.applies_to(operation.call, operation.mutating, &request.input)
                })
        } else {
            Some(Injected::throttle())
        };
        (injected, core.gates.take(operation.call))
    };
    let call = AuthenticatedCall {
        sandbox: sandbox.clone(),
        request,
        operation,
        caller,
        place,
        injected,
    };
    if call.injected.is_none() && gate.is_none() {
        let (reply, delivery) = execute(&call);
        return reply.into_response(delivery);
    }
    execute_detached(call, gate).await
}

/// The account and Region of a call. A role is assumed in its own account; everything else happens in
/// the account of the caller.
fn place_of(sandbox: &Sandbox, request: &AwsRequest, caller: &Caller, parts: &Parts) -> Place {
    let scope = credential_scope(parts).ok();
    let known = |region: &&str| sandbox.settings().regions().any(|one| one == *region);
    let region = scope.as_ref().map(|scope| scope.region.as_str());
    let region = region.filter(known).unwrap_or(&sandbox.settings().region);
    let role = match &request.input {
        Input::Form(form) if request.service == Service::Sts => form.text("RoleArn"),
        Input::Form(_) | Input::Json(_) => None,
    };
    let role_account = role
        .and_then(|arn| arn.split(':').nth(4))
        .filter(|id| id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit()));
    let account_id = role_account.unwrap_or_else(|| caller.account_id());
    Place::of(request.service, account_id, region)
}

/// A request that is rejected before execution.
struct RejectedCall {
    service: Service,
    operation: String,
    caller: String,
    fault: ServiceFault,
}

type Identified = (AwsRequest, &'static Operation, Caller);

/// Identifies the operation and the caller. Authentication comes first: AWS reports an unknown
/// operation to authenticated callers only.
fn identify(
    sandbox: &Sandbox,
    parts: &Parts,
    body: &Bytes,
) -> Result<Identified, Box<RejectedCall>> {
    let scope = credential_scope(parts);
    let scope_service = scope.as_ref().ok().map(|scope| scope.service.as_str());
    let rejected = |service, operation: &str, caller: &str, fault| {
        Box::new(RejectedCall {
            service,
            operation: operation.to_owned(),
            caller: caller.to_owned(),
            fault,
        })
    };
    let request = request::read(parts, body, scope_service)
        .map_err(|unreadable| rejected(unreadable.service, "", ANONYMOUS, unreadable.fault))?;
    let (service, name) = (request.service, request.operation.as_str());
    let caller = authenticate(sandbox, service, scope.as_ref(), parts, body).map_err(|fault| {
        let key = scope
            .as_ref()
            .map_or(ANONYMOUS, |scope| scope.access_key_id.as_str());
        rejected(service, name, key, fault)
    })?;
    match find(service, name) {
        Some(operation) => Ok((request, operation, caller)),
        None => Err(rejected(
            service,
            name,
            &caller.arn,
            codes::unknown_operation(service, name),
        )),
    }
}

/// Executes a call that has a fault or a gate, in a task of its own: as in AWS, a client that
/// disconnects does not stop it.
async fn execute_detached(call: AuthenticatedCall, gate: Option<Arc<Gate>>) -> Response<Body> {
    let service = call.request.service;
    let is = |kind: &FaultKind| {
        call.injected
            .as_ref()
            .is_some_and(|injected| injected.kind == *kind)
    };
    let is_late = is(&FaultKind::Late);
    let delay = call
        .injected
        .as_ref()
        .filter(|_| is_late || is(&FaultKind::Slow))
        .map(|injected| injected.delay());
    let running = tokio::spawn(async move {
        if let Some(delay) = delay {
            tokio::time::sleep(delay).await;
        }
        if let Some(gate) = gate.as_ref().filter(|gate| gate.holds_before()) {
            gate.pass().await;
        }
        let response = execute(&call);
        if let Some(gate) = gate.filter(|gate| !gate.holds_before()) {
            gate.pass().await;
        }
        response
    });
    let lost =
        || Reply::new(service, "", Err(codes::internal(service))).into_response(Delivery::Lost);
    if is_late {
        return lost();
    }
    running.await.map_or_else(
        |_| lost(),
        |(reply, delivery)| reply.into_response(delivery),
    )
}

pub(crate) fn find(service: Service, name: &str) -> Option<&'static Operation> {
    let operations: &'static [Operation] = match service {
        Service::Dax => &dax::OPERATIONS,
        Service::Iam => &iam::OPERATIONS,
        Service::Sts => &sts::OPERATIONS,
        Service::Ec2 => &ec2::OPERATIONS,
        Service::DynamoDb => &dynamodb::OPERATIONS,
    };
    operations.iter().find(|operation| operation.name == name)
}

/// Records a rejected request and returns its error.
fn reject(sandbox: &Sandbox, rejected: RejectedCall) -> Response<Body> {
    let RejectedCall {
        service,
        operation: name,
        caller,
        fault,
    } = rejected;
    let operation = find(service, &name);
    let unknown = || {
        format!(
            "{}:{}",
            service.as_str(),
            name.chars().take(100).collect::<String>()
        )
    };
    let mut core = sandbox.core();
    let record = CallRecord {
        sequence: core.calls.next_sequence(),
        at: core.settle(),
        caller: caller.chars().take(200).collect(),
        service: Cow::Borrowed(service.as_str()),
        operation: operation.map_or_else(
            || Cow::Owned(unknown()),
            |operation| Cow::Borrowed(operation.call),
        ),
        target: None,
        mutating: operation.is_some_and(|operation| operation.mutating),
        effect: false,
        outcome: fault.code.clone(),
    };
    core.calls.push(record);
    drop(core);
    Reply::new(service, &name, Err(fault)).into_response(Delivery::Complete)
}
