//! Estimate: when an operation should be done, by what its steps took lately.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::operation::{Operation, Status, StepRecord, StepStatus};

/// What the steps of a kind took lately, for clusters of so many nodes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StepDurations {
    /// The median of each step that has been done.
    pub medians: BTreeMap<String, Duration>,
    /// Whether a sandbox plays AWS: there the first guess is a second.
    pub in_sandbox: bool,
}

/// How long a step takes for which there is no experience, with one node. Source: whole lives of a small cluster (made,
/// looked at, deleted) in the acceptance tests of other provisioners took 641 to 851 s; the guide says "several minutes".
const FIRST_GUESSES: [(&str, u64); 8] = [
    ("create_cluster", 15),
    ("await_available", 480),
    ("await_cluster_gone", 240),
    ("await_nodes", 480),
    ("await_updated", 120),
    ("reboot_nodes", 120),
    ("reboot_waiting_nodes", 0),
    ("await_settled", 60),
];
/// What each further node adds, for the steps that take longer with more nodes.
const FURTHER_NODES: [(&str, u64); 3] = [
    ("await_available", 60),
    ("await_nodes", 60),
    ("reboot_nodes", 120),
];
/// A step that only asks, or sends one call.
const ONE_CALL: Duration = Duration::from_secs(1);

impl StepDurations {
    /// How long a step is likely to take.
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
        let Some(first) = seconds(&FIRST_GUESSES).filter(|_| !self.in_sandbox) else {
            return ONE_CALL;
        };
        let further =
            seconds(&FURTHER_NODES).unwrap_or_default() * u64::from(nodes.saturating_sub(1));
        Duration::from_secs(first + further)
    }

    /// How long steps of these names take, one after another.
    pub fn of_steps<'a>(&self, steps: impl IntoIterator<Item = &'a str>, nodes: u32) -> Duration {
        steps
            .into_iter()
            .map(|step| self.of_step(step, nodes))
            .sum()
    }

    /// When an operation should be done: `None` once it is over or while it is blocked, and when it takes longer than
    /// experience says.
    pub fn end_of(&self, operation: &Operation, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match operation.status {
            Status::Pending | Status::Running | Status::Cancelling | Status::RollingBack => {}
            Status::Blocked | Status::Succeeded | Status::Failed | Status::Cancelled => {
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

    /// What is left of a step; `None` if it should have been done already and takes long.
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
        let whole = self.of_step(&step.name, nodes);
        let spent = step
            .started_at
            .and_then(|at| (now - at).to_std().ok())
            .unwrap_or_default();
        let left = whole.checked_sub(spent);
        // A short step is soon over, however long it should have taken.
        left.or((whole <= ONE_CALL).then_some(Duration::ZERO))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn experience_counts_before_any_guess_and_more_nodes_take_longer() {
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
