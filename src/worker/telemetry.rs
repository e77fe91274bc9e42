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

pub(super) fn log(task: &Task, verdict: &Verdict) {
    let (step, cluster, attempt) = (&task.step.name, &task.cluster, task.step.attempts + 1);
    match verdict {
        Verdict::Next { skipped } => {
            let message = if *skipped {
                "step skipped"
            } else {
                "step finished"
            };
            tracing::info!(step.name = step, cluster.name = %cluster, "{message}")
        }
        Verdict::Again {
            fault: Some(fault),
            waiting_for,
            ..
        } => {
            let request_id = fault.aws.as_ref().and_then(|aws| aws.request_id.as_deref());
            let is_expected = matches!(
                waiting_for,
                Some(WaitingFor::RolePropagation | WaitingFor::Release)
            );
            if is_expected {
                tracing::debug!(step.name = step, step.attempt = attempt, cluster.name = %cluster,
                    aws.request_id = request_id, detail = fault.detail, "will retry");
            } else {
                tracing::warn!(step.name = step, step.attempt = attempt, cluster.name = %cluster,
                    aws.request_id = request_id, detail = fault.detail, "will retry");
            }
        }
        Verdict::Again { fault: None, .. } => {}
        Verdict::Block { fault, .. } => {
            tracing::warn!(step.name = step, cluster.name = %cluster, detail = fault.detail,
                "blocked");
        }
        Verdict::RollBack { fault } => {
            tracing::warn!(step.name = step, cluster.name = %cluster, detail = fault.detail,
                "rolling back");
        }
    }
}
