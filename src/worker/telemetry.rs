//! Log lines and metrics of verdicts, and the spans of turns.

use metrics::{counter, histogram};
use tracing::Span;

use crate::domain::operation::Status;
use crate::domain::task::Task;
use crate::domain::verdict::Verdict;
use crate::domain::waiting::WaitingFor;
use crate::store::Claim;
use crate::traces;

/// Whether a fault is a wait that the plan expects: a new role is not visible everywhere yet, or a
/// resource is being released.
fn is_expected(waiting_for: Option<WaitingFor>) -> bool {
    matches!(
        waiting_for,
        Some(WaitingFor::RolePropagation | WaitingFor::Release)
    )
}

/// The span of a turn, in the trace of the request that started the operation.
pub(super) fn span(claim: &Claim, task: Option<&Task>) -> Span {
    let span = tracing::error_span!("turn", operation.id = %claim.operation_id);
    let traceparent = task.and_then(|task| task.traceparent.as_deref());
    traces::continue_operation(&span, claim.operation_id, traceparent);
    if let Some(task) = task {
        traces::note(&span, "operation.kind", task.kind.as_str());
        traces::note(&span, "cluster.name", task.cluster.to_string());
        traces::note(&span, "step.name", task.step.name.clone());
    }
    span
}

pub(super) fn count(verdict: &Verdict) {
    let (name, fault) = match verdict {
        Verdict::Next { .. } => ("next", None),
        Verdict::Again { waiting_for, .. } if is_expected(*waiting_for) => ("again", None),
        Verdict::Again { fault, .. } => ("again", fault.as_ref()),
        Verdict::Block { fault, .. } => ("block", Some(fault)),
        Verdict::RollBack { fault } => ("roll_back", Some(fault)),
    };
    counter!("dax_provisioner_turns_total", "verdict" => name).increment(1);
    if let Some(fault) = fault {
        counter!("dax_provisioner_faults_total", "problem" => fault.problem_code().as_str())
            .increment(1);
    }
}

/// Logs and counts the end of an operation, if this status is one.
pub(super) fn ended(task: &Task, status: Status) {
    if !status.is_finished() {
        return;
    }
    let labels = [("kind", task.kind.as_str()), ("status", status.as_str())];
    counter!("dax_provisioner_operations_ended_total", &labels).increment(1);
    let seconds = age(task);
    histogram!("dax_provisioner_operation_duration_seconds", &labels).record(seconds);
    tracing::info!(operation.kind = task.kind.as_str(), cluster.name = %task.cluster,
        caller = task.requested_by, operation.status = status.as_str(), duration_s = seconds,
        "operation ended");
}

/// Seconds since the operation was accepted.
fn age(task: &Task) -> f64 {
    (task.now - task.created_at).as_seconds_f64().max(0.0)
}

/// Logs a verdict. What AWS said of a fault names accounts and roles, so it is a line of its own, at
/// `debug`.
pub(super) fn log(task: &Task, verdict: &Verdict) {
    let (step, cluster, attempt) = (&task.step.name, &task.cluster, task.step.attempts + 1);
    let fault = match verdict {
        Verdict::Next { skipped } => {
            let message = if *skipped {
                "step skipped"
            } else {
                "step finished"
            };
            tracing::debug!(step.name = step, cluster.name = %cluster, "{message}");
            return;
        }
        Verdict::Again { fault: None, .. } => return,
        Verdict::Again {
            fault: Some(fault),
            waiting_for,
            ..
        } => {
            if !is_expected(*waiting_for) {
                let aws = fault.aws.as_ref();
                tracing::warn!(step.name = step, step.attempt = attempt, cluster.name = %cluster,
                    problem = fault.problem_code().as_str(),
                    aws.request_id = aws.and_then(|aws| aws.request_id.as_deref()), "will retry");
            }
            fault
        }
        Verdict::Block { fault, .. } => {
            let last = task.step.last_fault.as_ref();
            let is_new = task.status != Status::Blocked
                || last.is_none_or(|last| last.problem_code() != fault.problem_code());
            if is_new {
                tracing::warn!(operation.kind = task.kind.as_str(), cluster.name = %cluster,
                    caller = task.requested_by, step.name = step, duration_s = age(task),
                    problem = fault.problem_code().as_str(), "operation blocked");
            }
            fault
        }
        Verdict::RollBack { fault } => {
            tracing::warn!(step.name = step, cluster.name = %cluster,
                problem = fault.problem_code().as_str(), "rolling back");
            fault
        }
    };
    tracing::debug!(step.name = step, step.attempt = attempt, cluster.name = %cluster,
        detail = fault.detail, "fault");
}
