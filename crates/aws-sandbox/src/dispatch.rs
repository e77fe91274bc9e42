//! From a request to its answer: what is called, by whom, is it hit by a fault or held, carry it out.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::http::Response;
use axum::http::request::Parts;
use bytes::Bytes;

use crate::authenticate::authenticate;
use crate::call_log::CallRecord;
use crate::carry_out::{Ready, carry_out};
use crate::faults::FaultKind;
use crate::gates::Gate;
use crate::identity::Caller;
use crate::sandbox::Sandbox;
use crate::signature::credential_scope;
use crate::turn::Operation;
use crate::wire::codes;
use crate::wire::fault::ServiceFault;
use crate::wire::reply::{Fate, Reply};
use crate::wire::request::{self, AwsRequest};
use crate::wire::service::Service;
use crate::{dax, dynamodb, ec2, iam, sts};

/// Answers one AWS request.
pub(crate) async fn answer(sandbox: &Sandbox, parts: &Parts, body: Bytes) -> Response<Body> {
    let (request, operation, caller) = match recognise(sandbox, parts, &body) {
        Ok(recognised) => recognised,
        Err(refused) => return refuse(sandbox, *refused),
    };
    let (injected, gate) = {
        let mut core = sandbox.core();
        let now = core.settle();
        (
            core.rules.draw(operation.call, now),
            core.gates.take(operation.call),
        )
    };
    let ready = Ready {
        sandbox: sandbox.clone(),
        request,
        operation,
        caller,
        injected,
    };
    if ready.injected.is_none() && gate.is_none() {
        let (reply, fate) = carry_out(&ready);
        return reply.into_response(fate);
    }
    carry_out_apart(ready, gate).await
}

/// A request that is not carried out.
struct Refused {
    service: Service,
    operation: String,
    caller: String,
    fault: ServiceFault,
}

type Recognised = (AwsRequest, &'static Operation, Caller);

/// What is called, and by whom. The caller is asked for first: to nobody AWS tells which operations there are.
fn recognise(sandbox: &Sandbox, parts: &Parts, body: &Bytes) -> Result<Recognised, Box<Refused>> {
    let scope = credential_scope(parts);
    let scope_service = scope.as_ref().ok().map(|scope| scope.service.as_str());
    let refused = |service, operation: &str, caller: &str, fault| {
        Box::new(Refused {
            service,
            operation: operation.to_owned(),
            caller: caller.to_owned(),
            fault,
        })
    };
    let request = request::read(parts, body, scope_service)
        .map_err(|unreadable| refused(unreadable.service, "", "nobody", unreadable.fault))?;
    let (service, name) = (request.service, request.operation.as_str());
    let caller = authenticate(sandbox, service, scope.as_ref(), parts, body).map_err(|fault| {
        let key = scope
            .as_ref()
            .map_or("nobody", |scope| scope.access_key_id.as_str());
        refused(service, name, key, fault)
    })?;
    match find(service, name) {
        Some(operation) => Ok((request, operation, caller)),
        None => Err(refused(
            service,
            name,
            &caller.arn,
            codes::unknown_operation(service, name),
        )),
    }
}

/// Carries out a call that meets a fault or a gate, on its own: a client that gives up does not stop it, as it would
/// not stop AWS.
async fn carry_out_apart(ready: Ready, gate: Option<Arc<Gate>>) -> Response<Body> {
    let service = ready.request.service;
    let is = |kind: &FaultKind| {
        ready
            .injected
            .as_ref()
            .is_some_and(|injected| injected.kind == *kind)
    };
    let is_late = is(&FaultKind::Late);
    let delay = ready
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
        let answer = carry_out(&ready);
        if let Some(gate) = gate.filter(|gate| !gate.holds_before()) {
            gate.pass().await;
        }
        answer
    });
    let lost = || Reply::new(service, "", Err(codes::internal(service))).into_response(Fate::Lost);
    if is_late {
        return lost();
    }
    running
        .await
        .map_or_else(|_| lost(), |(reply, fate)| reply.into_response(fate))
}

/// The operation of that name.
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

/// Records and answers a request that is not carried out.
fn refuse(sandbox: &Sandbox, refused: Refused) -> Response<Body> {
    let Refused {
        service,
        operation: name,
        caller,
        fault,
    } = refused;
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
    Reply::new(service, &name, Err(fault)).into_response(Fate::Delivered)
}
