//! Log lines and metrics of verdicts.

use crate::domain::task::Task;
use crate::domain::verdict::Verdict;
use crate::domain::waiting::WaitingFor;

pub(super) fn count(verdict: &Verdict) {
    let (name, fault) = match verdict {
        Verdict::Next { .. } => ("next", None),
        Verdict::Again { fault, .. } => ("again", fault.as_ref()),
        Verdict::Block { fault, .. } => ("block", Some(fault)),
        Verdict::RollBack { fault } => ("roll_back", Some(fault)),
    };
    metrics::counter!("turns_total", "verdict" => name).increment(1);
    if let Some(fault) = fault {
        metrics::counter!("faults_total", "problem" => fault.problem_code().as_str()).increment(1);
    }
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
            tracing::info!(step.name = step, cluster.name = %cluster, "{message}");
            return;
        }
        Verdict::Again { fault: None, .. } => return,
        Verdict::Again {
            fault: Some(fault),
            waiting_for,
            ..
        } => {
            let is_expected = matches!(
                waiting_for,
                Some(WaitingFor::RolePropagation | WaitingFor::Release)
            );
            if !is_expected {
                let aws = fault.aws.as_ref();
                tracing::warn!(step.name = step, step.attempt = attempt, cluster.name = %cluster,
                    problem = fault.problem_code().as_str(),
                    aws.request_id = aws.and_then(|aws| aws.request_id.as_deref()), "will retry");
            }
            fault
        }
        Verdict::Block { fault, .. } => {
            tracing::warn!(step.name = step, cluster.name = %cluster,
                problem = fault.problem_code().as_str(), "blocked");
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
