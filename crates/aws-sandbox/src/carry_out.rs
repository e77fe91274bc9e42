//! Carrying out one call: the fault or the effect, the journal, the record, the answer's fate.

use std::borrow::Cow;

use crate::call_log::CallRecord;
use crate::faults::{FaultKind, Injected};
use crate::identity::Caller;
use crate::sandbox::{Core, Sandbox};
use crate::state::Change;
use crate::turn::{Operation, Turn};
use crate::wire::codes;
use crate::wire::fault::ServiceFault;
use crate::wire::reply::{Fate, Output, Reply};
use crate::wire::request::{AwsRequest, Input};

/// A call that is known and whose caller is known: all that is left is to carry it out.
pub(crate) struct Ready {
    pub(crate) sandbox: Sandbox,
    pub(crate) request: AwsRequest,
    pub(crate) operation: &'static Operation,
    pub(crate) caller: Caller,
    pub(crate) injected: Option<Injected>,
}

/// Carries out a call: runs it, journals and applies its changes, records it.
pub(crate) fn carry_out(ready: &Ready) -> (Reply, Fate) {
    let service = ready.request.service;
    let mut core = ready.sandbox.core();
    let result = run(ready, &mut core);
    drop(core);
    let kind = ready.injected.as_ref().map(|injected| &injected.kind);
    let (result, fate) = match kind {
        Some(FaultKind::ErrorAfter) if result.is_ok() => {
            (Err(codes::internal(service)), Fate::Delivered)
        }
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
    let changes = if result.is_ok() {
        turn.changes
    } else {
        Vec::new()
    };
    let record = CallRecord {
        sequence: core.calls.next_sequence(),
        at: now,
        caller: ready.caller.arn.clone(),
        service: Cow::Borrowed(ready.request.service.as_str()),
        operation: Cow::Borrowed(ready.operation.call),
        target: if ready.operation.mutating {
            target_of(&ready.request.input)
        } else {
            None
        },
        mutating: ready.operation.mutating,
        effect: !changes.is_empty(),
        outcome: outcome(ready, &result),
    };
    record_and_commit(ready, core, record, changes).and(result)
}

/// Writes the changes and the record to the journal, and only then makes them true.
fn record_and_commit(
    ready: &Ready,
    core: &mut Core,
    mut record: CallRecord,
    changes: Vec<Change>,
) -> Result<(), ServiceFault> {
    let written = if changes.is_empty() {
        Ok(())
    } else {
        core.commit(Some(&record), changes)
    };
    if written.is_err() {
        // What the journal does not have has not happened.
        record.effect = false;
        record.outcome = Cow::Borrowed("journal_failed");
    }
    core.calls.push(record);
    written.map_err(|error| {
        let mut fault = codes::internal(ready.request.service);
        fault.message = format!("the sandbox could not write its journal: {error}");
        fault
    })
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
        Input::Form(form) => MEMBERS
            .iter()
            .find_map(|member| form.text(member))
            .map(str::to_owned),
        Input::Json(body) => {
            let body: serde_json::Value = serde_json::from_slice(body).ok()?;
            MEMBERS
                .iter()
                .find_map(|member| body.get(member)?.as_str().map(str::to_owned))
        }
    };
    found.map(|target| target.chars().take(300).collect())
}
