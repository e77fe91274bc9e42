//! Estimate: when an operation should end, from the recent durations of its steps.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::operation::{Operation, Status, StepRecord, StepStatus};

/// Recent durations of the steps of one kind of operation, for clusters with the same node count.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StepDurations {
    /// Median duration by step name, for the steps that have completed before.
    pub medians: BTreeMap<String, Duration>,
    /// Whether AWS is the sandbox, where a step without a median takes about a second.
    pub in_sandbox: bool,
}

/// Default durations in seconds for a cluster of one node, for steps without a median.
///
/// Source: in acceptance tests of other provisioners, creating, reading and deleting a small
/// cluster took 641 to 851 s. The developer guide states "several minutes".
const DEFAULT_SECONDS: [(&str, u64); 8] = [
    ("create_cluster", 15),
    ("await_available", 480),
    ("await_cluster_gone", 240),
    ("await_nodes", 480),
    ("await_updated", 120),
    ("reboot_nodes", 120),
    ("reboot_waiting_nodes", 0),
    ("await_settled", 60),
];
/// Seconds that each further node adds, for the steps that depend on the number of nodes.
const SECONDS_PER_FURTHER_NODE: [(&str, u64); 3] = [
    ("await_available", 60),
    ("await_nodes", 60),
    ("reboot_nodes", 120),
];
/// Duration of a step that only reads, or sends one call.
const ONE_CALL: Duration = Duration::from_secs(1);

impl StepDurations {
    /// The expected duration of a step.
    pub fn of_step(&self, step: &str, nodes: u32) -> Duration {
        if let Some(median) = self.medians.get(step) {
            return *median;
        }
        let seconds = |table: &[(&str, u64)]| {
            table
                .iter()
                .find(|(name, _)| *name == step)
                .map(|(_, seconds)| *seconds)
        };
        let Some(first) = seconds(&DEFAULT_SECONDS).filter(|_| !self.in_sandbox) else {
            return ONE_CALL;
        };
        let per_node = seconds(&SECONDS_PER_FURTHER_NODE).unwrap_or_default();
        Duration::from_secs(first + per_node * u64::from(nodes.saturating_sub(1)))
    }

    /// The expected duration of several steps, one after another.
    pub fn of_steps<'a>(&self, steps: impl IntoIterator<Item = &'a str>, nodes: u32) -> Duration {
        steps
            .into_iter()
            .map(|step| self.of_step(step, nodes))
            .sum()
    }

    /// When an operation should end; `None` if it has ended, is blocked or is slower than expected.
    pub fn expected_end(&self, operation: &Operation, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match operation.status {
            Status::Pending | Status::Running | Status::Cancelling | Status::RollingBack => {}
            Status::AwaitingApproval
            | Status::Blocked
            | Status::Succeeded
            | Status::Failed
            | Status::Cancelled => {
                return None;
            }
        }
        let nodes = operation
            .node_count
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(1);
        let mut left = Duration::ZERO;
        for step in &operation.steps {
            left += self.left_of(step, nodes, now)?;
        }
        Some(now + TimeDelta::from_std(left).ok()?)
    }

    /// The expected remaining duration of a step; `None` if a long step is overdue.
    fn left_of(&self, step: &StepRecord, nodes: u32, now: DateTime<Utc>) -> Option<Duration> {
        match step.status {
            StepStatus::Succeeded
            | StepStatus::Skipped
            | StepStatus::Undone
            | StepStatus::Failed => {
                return Some(Duration::ZERO);
            }
            StepStatus::Pending | StepStatus::Running | StepStatus::Blocked => {}
        }
        let expected = self.of_step(&step.name, nodes);
        let elapsed = step
            .started_at
            .and_then(|at| (now - at).to_std().ok())
            .unwrap_or_default();
        let left = expected.checked_sub(elapsed);
        // An overdue short step is about to end; an overdue long one makes any estimate useless.
        left.or((expected <= ONE_CALL).then_some(Duration::ZERO))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_replace_defaults_and_more_nodes_take_longer() {
        let none = StepDurations::default();
        assert_eq!(none.of_step("await_available", 1), Duration::from_secs(480));
        assert_eq!(none.of_step("await_available", 4), Duration::from_secs(660));
        assert_eq!(none.of_step("prepare_subnet_group", 4), ONE_CALL);
        let sandbox = StepDurations {
            in_sandbox: true,
            ..StepDurations::default()
        };
        assert_eq!(
            sandbox.of_steps(["await_available", "find_service_role"], 3),
            Duration::from_secs(2)
        );
        let medians = BTreeMap::from([("await_available".to_owned(), Duration::from_secs(300))]);
        assert_eq!(
            StepDurations { medians, ..none }.of_step("await_available", 4),
            Duration::from_secs(300)
        );
    }
}
