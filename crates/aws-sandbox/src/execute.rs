//! Executes one call: its effect or the injected fault, the journal and the call log.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use crate::call_log::CallRecord;
use crate::clock;
use crate::faults::{FaultKind, Injected, lists};
use crate::identity::Caller;
use crate::place::Place;
use crate::sandbox::{Core, Sandbox};
use crate::state::{Change, State};
use crate::turn::{Operation, Turn};
use crate::wire::codes;
use crate::wire::fault::ServiceFault;
use crate::wire::reply::{Delivery, Output, Reply};
use crate::wire::request::{AwsRequest, Input};

/// A call whose operation and caller are known.
pub(crate) struct AuthenticatedCall {
    pub(crate) sandbox: Sandbox,
    pub(crate) request: AwsRequest,
    pub(crate) operation: &'static Operation,
    pub(crate) caller: Caller,
    pub(crate) place: Place,
    pub(crate) injected: Option<Injected>,
}

/// Executes a call: runs it, journals and applies its changes, and records it in the call log.
pub(crate) fn execute(call: &AuthenticatedCall) -> (Reply, Delivery) {
    let service = call.request.service;
    let mut core = call.sandbox.core();
    let result = run(call, &mut core);
    drop(core);
    let kind = call.injected.as_ref().map(|injected| &injected.kind);
    let (result, delivery) = match kind {
        Some(FaultKind::ErrorAfter) if result.is_ok() => {
            (Err(codes::internal(service)), Delivery::Complete)
        }
        Some(FaultKind::LoseAnswer | FaultKind::Late) => (result, Delivery::Lost),
        Some(FaultKind::CutAnswer) => (result, Delivery::Cut),
        Some(FaultKind::Garbage) => (result, Delivery::Garbled),
        _ => (
            result.map(|output| edit_list(call, output)),
            Delivery::Complete,
        ),
    };
    (Reply::new(service, call.operation.name, result), delivery)
}

fn run(call: &AuthenticatedCall, core: &mut Core) -> Result<Output, ServiceFault> {
    let now = core.settle();
    let earlier = earlier_state(call, core, now);
    let (first, state_time) = earlier
        .as_ref()
        .map_or((&core.state, now), |(state, time)| (state, *time));
    // A state of before the first call to a place does not have it yet.
    let at = |place: &Place| first.at(place).or_else(|| core.state.at(place));
    let account = Place::of_account(&call.place.account_id);
    let places = (at(&call.place), at(&account), core.state.at(&call.place));
    let (Some(state), Some(iam), Some(current_state)) = places else {
        return Err(codes::internal(call.request.service));
    };
    let mut turn = Turn {
        service: call.request.service,
        state,
        iam,
        first,
        settings: call.sandbox.settings(),
        caller: &call.caller,
        now: state_time,
        current_state,
        current_time: now,
        rules: &mut core.rules,
        injected: call.injected.as_ref(),
        changes: Vec::new(),
    };
    let result = match injected_error(call) {
        Some(fault) => Err(fault),
        None => call.operation.run(&mut turn, &call.request.input),
    };
    let changes = if result.is_ok() {
        turn.changes
    } else {
        Vec::new()
    };
    let changes = changes
        .into_iter()
        .map(|change| change.at(&call.place, &core.state))
        .collect::<Vec<_>>();
    let record = CallRecord {
        sequence: core.calls.next_sequence(),
        at: now,
        caller: call.caller.arn.clone(),
        service: Cow::Borrowed(call.request.service.as_str()),
        operation: Cow::Borrowed(call.operation.call),
        target: if call.operation.mutating {
            target_of(&call.request.input)
        } else {
            None
        },
        mutating: call.operation.mutating,
        effect: !changes.is_empty(),
        outcome: outcome(call, &result),
    };
    record_and_commit(call, core, record, changes).and(result)
}

/// The state that a call with the fault `lag` reads, and its time.
fn earlier_state(
    call: &AuthenticatedCall,
    core: &Core,
    now: DateTime<Utc>,
) -> Option<(State, DateTime<Utc>)> {
    let injected = call.injected.as_ref();
    let lag = injected.filter(|injected| injected.kind == FaultKind::Lag)?;
    core.history.state_at(clock::before(now, lag.delay()))
}

/// Removes what the faults `gap` and `no_member` omit from the response.
fn edit_list(call: &AuthenticatedCall, output: Output) -> Output {
    match (&call.injected, lists::list_of(call.operation.call)) {
        (Some(injected), Some(list)) if injected.kind == FaultKind::Gap => {
            lists::remove_member(output, list, injected.seed.unwrap_or(0))
        }
        (Some(injected), Some(list)) if injected.kind == FaultKind::NoMember => {
            lists::remove_list(output, list)
        }
        _ => output,
    }
}

/// Writes the changes and the record to the journal, and only then applies the changes.
fn record_and_commit(
    call: &AuthenticatedCall,
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
        // Changes that are not in the journal are not applied.
        record.effect = false;
        record.outcome = Cow::Borrowed("journal_failed");
    }
    core.calls.push(record);
    written.map_err(|error| {
        let mut fault = codes::internal(call.request.service);
        fault.message = format!("the sandbox could not write its journal: {error}");
        fault
    })
}

/// The error that the injected fault returns instead of running the call.
fn injected_error(call: &AuthenticatedCall) -> Option<ServiceFault> {
    let service = call.request.service;
    match &call.injected.as_ref()?.kind {
        FaultKind::Throttle => Some(codes::throttled(service)),
        FaultKind::ErrorBefore => Some(codes::internal(service)),
        FaultKind::Quota(code) | FaultKind::Error(code) => Some(codes::injected(code)),
        FaultKind::Capacity => Some(codes::injected("InsufficientClusterCapacityFault")),
        _ => None,
    }
}

fn outcome(call: &AuthenticatedCall, result: &Result<Output, ServiceFault>) -> Cow<'static, str> {
    match (&call.injected, result) {
        (Some(injected), _) => Cow::Owned(injected.kind.to_string()),
        (None, Ok(_)) => Cow::Borrowed("ok"),
        (None, Err(fault)) => fault.code.clone(),
    }
}

/// The name or ARN of the resource that a call names: the first of `MEMBERS` in its input.
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
