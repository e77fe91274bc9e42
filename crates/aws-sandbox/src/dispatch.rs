//! From a request to its answer: who calls what, is it hit by a fault, carry it out, record it.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::Response;
use axum::http::request::Parts;
use bytes::Bytes;

use crate::authenticate::authenticate;
use crate::call_log::CallRecord;
use crate::faults::{FaultKind, Injected};
use crate::identity::Caller;
use crate::sandbox::{Core, Sandbox};
use crate::signature::credential_scope;
use crate::turn::{Operation, Turn};
use crate::wire::codes;
use crate::wire::fault::ServiceFault;
use crate::wire::reply::{Fate, Output, Reply};
use crate::wire::request::{self, AwsRequest, Input};
use crate::wire::service::Service;
use crate::{dax, dynamodb, ec2, iam, sts};

/// A call that is known and whose caller is known: all that is left is to carry it out.
struct Ready {
    sandbox: Sandbox,
    request: AwsRequest,
    operation: &'static Operation,
    caller: Caller,
    injected: Option<Injected>,
}

/// Answers one AWS request.
pub(crate) async fn answer(sandbox: &Sandbox, parts: &Parts, body: Bytes) -> Response<Body> {
    let scope = credential_scope(parts);
    let request = match request::read(parts, &body, scope.as_ref().ok().map(|scope| scope.service.as_str())) {
        Ok(request) => request,
        Err(unreadable) => {
            return refuse(sandbox, unreadable.service, "", "nobody", unreadable.fault);
        }
    };
    let service = request.service;
    let caller = match authenticate(sandbox, service, scope.as_ref(), parts, &body) {
        Ok(caller) => caller,
        Err(fault) => {
            let key = scope.map_or_else(|_| "nobody".to_owned(), |scope| scope.access_key_id);
            return refuse(sandbox, service, &request.operation, &key, fault);
        }
    };
    let Some(operation) = find(service, &request.operation) else {
        let fault = codes::unknown_operation(service, &request.operation);
        return refuse(sandbox, service, &request.operation, &caller.arn, fault);
    };
    let (injected, gate) = {
        let mut core = sandbox.core();
        let now = core.settle();
        (core.rules.draw(operation.call, now), core.gates.take(operation.call))
    };
    let ready = Ready { sandbox: sandbox.clone(), request, operation, caller, injected };
    if ready.injected.is_none() && gate.is_none() {
        let (reply, fate) = carry_out(&ready);
        return reply.into_response(fate);
    }
    // A client that gives up must not stop the call: AWS would not notice either. So it runs on its own.
    let is_late = ready.injected.as_ref().is_some_and(|injected| injected.kind == FaultKind::Late);
    let running = tokio::spawn(async move {
        if let Some(injected) = &ready.injected
            && matches!(injected.kind, FaultKind::Slow | FaultKind::Late)
        {
            tokio::time::sleep(injected.delay()).await;
        }
        match gate {
            None => carry_out(&ready),
            Some(gate) if gate.holds_before() => {
                gate.pass().await;
                carry_out(&ready)
            }
            Some(gate) => {
                let answer = carry_out(&ready);
                gate.pass().await;
                answer
            }
        }
    });
    let lost = || Reply::new(service, "", Err(codes::internal(service))).into_response(Fate::Lost);
    if is_late {
        return lost();
    }
    running.await.map_or_else(|_| lost(), |(reply, fate)| reply.into_response(fate))
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

fn refuse(sandbox: &Sandbox, service: Service, operation: &str, caller: &str, fault: ServiceFault) -> Response<Body> {
    let mut core = sandbox.core();
    let record = CallRecord {
        sequence: core.calls.next_sequence(),
        at: core.settle(),
        caller: caller.chars().take(200).collect(),
        service: Cow::Borrowed(service.as_str()),
        operation: match find(service, operation) {
            Some(operation) => Cow::Borrowed(operation.call),
            None => Cow::Owned(format!("{}:{}", service.as_str(), operation.chars().take(100).collect::<String>())),
        },
        target: None,
        mutating: find(service, operation).is_some_and(|operation| operation.mutating),
        effect: false,
        outcome: fault.code.clone(),
    };
    core.calls.push(record);
    drop(core);
    Reply::new(service, operation, Err(fault)).into_response(Fate::Delivered)
}

/// Carries out a call: runs it, journals and applies its changes, records it.
fn carry_out(ready: &Ready) -> (Reply, Fate) {
    let service = ready.request.service;
    let mut core = ready.sandbox.core();
    let result = run(ready, &mut core);
    drop(core);
    let kind = ready.injected.as_ref().map(|injected| &injected.kind);
    let (result, fate) = match kind {
        Some(FaultKind::ErrorAfter) if result.is_ok() => (Err(codes::internal(service)), Fate::Delivered),
        Some(FaultKind::LoseAnswer | FaultKind::Late) => (result, Fate::Lost),
        Some(FaultKind::CutAnswer) => (result, Fate::Cut),
        Some(FaultKind::Garbage) => (result, Fate::Garbled),
        _ => (result, Fate::Delivered),
    };
    (Reply::new(service, ready.operation.name, result), fate)
}

fn run(ready: &Ready, core: &mut Core) -> Result<Output, ServiceFault> {
    let now = core.settle();
    let mut turn = Turn {
        service: ready.request.service,
        state: &core.state,
        settings: ready.sandbox.settings(),
        caller: &ready.caller,
        now,
        rules: &mut core.rules,
        injected: ready.injected.as_ref(),
        changes: Vec::new(),
    };
    let result = match instead(ready) {
        Some(fault) => Err(fault),
        None => ready.operation.run(&mut turn, &ready.request.input),
    };
    let changes = if result.is_ok() { turn.changes } else { Vec::new() };
    let mut record = CallRecord {
        sequence: core.calls.next_sequence(),
        at: now,
        caller: ready.caller.arn.clone(),
        service: Cow::Borrowed(ready.request.service.as_str()),
        operation: Cow::Borrowed(ready.operation.call),
        target: if ready.operation.mutating { target_of(&ready.request.input) } else { None },
        mutating: ready.operation.mutating,
        effect: !changes.is_empty(),
        outcome: outcome(ready, &result),
    };
    let written = if changes.is_empty() { Ok(()) } else { core.commit(Some(&record), changes) };
    let result = match written {
        Ok(()) => result,
        Err(error) => {
            // What the journal does not have has not happened.
            record.effect = false;
            record.outcome = Cow::Borrowed("journal_failed");
            let mut fault = codes::internal(ready.request.service);
            fault.message = format!("the sandbox could not write its journal: {error}");
            Err(fault)
        }
    };
    core.calls.push(record);
    result
}

/// The fault that is answered instead of running the call.
fn instead(ready: &Ready) -> Option<ServiceFault> {
    let service = ready.request.service;
    match &ready.injected.as_ref()?.kind {
        FaultKind::Throttle => Some(codes::throttled(service)),
        FaultKind::ErrorBefore => Some(codes::internal(service)),
        FaultKind::Quota(code) | FaultKind::Error(code) => Some(codes::injected(code)),
        FaultKind::Capacity => Some(codes::injected("InsufficientClusterCapacityFault")),
        _ => None,
    }
}

fn outcome(ready: &Ready, result: &Result<Output, ServiceFault>) -> Cow<'static, str> {
    match (&ready.injected, result) {
        (Some(injected), _) => Cow::Owned(injected.kind.to_string()),
        (None, Ok(_)) => Cow::Borrowed("ok"),
        (None, Err(fault)) => fault.code.clone(),
    }
}

/// The name or ARN that a call is about: the first of these members that it has.
fn target_of(input: &Input) -> Option<String> {
    const MEMBERS: [&str; 10] = [
        "ClusterName",
        "SubnetGroupName",
        "ParameterGroupName",
        "ResourceName",
        "TableName",
        "RoleName",
        "PolicyArn",
        "PolicyName",
        "AWSServiceName",
        "GroupId",
    ];
    let found = match input {
        Input::Form(form) => MEMBERS.iter().find_map(|member| form.text(member)).map(str::to_owned),
        Input::Json(body) => {
            let body: serde_json::Value = serde_json::from_slice(body).ok()?;
            MEMBERS.iter().find_map(|member| body.get(member)?.as_str().map(str::to_owned))
        }
    };
    found.map(|target| target.chars().take(300).collect())
}
