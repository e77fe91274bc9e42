//! Progress of an operation: redrawn on a terminal, otherwise one line per finished step.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use crate::app::guards;
use crate::commands::print_line;

use super::wire::{Operation, Step};

pub(super) struct ProgressDisplay {
    is_terminal: bool,
    /// The last output, on a terminal.
    drawn: String,
    /// The last status of each step, without a terminal.
    statuses: BTreeMap<String, String>,
}

impl ProgressDisplay {
    pub(super) fn new(is_terminal: bool) -> Self {
        Self {
            is_terminal,
            drawn: String::new(),
            statuses: BTreeMap::new(),
        }
    }

    pub(super) fn show(&mut self, operation: &Operation) {
        if self.is_terminal {
            let steps = all_steps(operation, guards::now());
            if steps == self.drawn {
                return;
            }
            // Moves to the first line of the last output and clears everything below.
            let back = match self.drawn.lines().count() {
                0 => String::new(),
                lines => format!("\x1b[{lines}A\x1b[J"),
            };
            print_line(format_args!("{back}{}", steps.trim_end()));
            self.drawn = steps;
        } else {
            for line in self.changed_steps(operation) {
                print_line(line);
            }
        }
    }

    /// One line for each step that has ended since the last call.
    fn changed_steps(&mut self, operation: &Operation) -> Vec<String> {
        let mut lines = Vec::new();
        for step in &operation.steps {
            let has_changed = self
                .statuses
                .insert(step.name.clone(), step.status.clone())
                .as_ref()
                != Some(&step.status);
            if has_changed && !["pending", "running"].contains(&step.status.as_str()) {
                lines.push(format!("  {} {}{}", step.name, step.status, took(step)));
            }
        }
        lines
    }
}

fn all_steps(operation: &Operation, now: DateTime<Utc>) -> String {
    let mut text = String::new();
    for step in &operation.steps {
        let seconds = seconds(step, now)
            .map(|seconds| format!("{seconds:>6.1} s"))
            .unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{}",
            format!("  {} {:<32}{seconds}", symbol(&step.status), step.name).trim_end()
        );
    }
    text
}

fn symbol(status: &str) -> char {
    match status {
        "succeeded" => '✓',
        "running" => '▸',
        "blocked" | "failed" => '✗',
        "skipped" => '-',
        "undone" => '↶',
        _ => '·',
    }
}

fn seconds(step: &Step, now: DateTime<Utc>) -> Option<f64> {
    if step.status == "skipped" {
        return None;
    }
    let elapsed = step.finished_at.unwrap_or(now) - step.started_at?;
    Some(elapsed.as_seconds_f64().max(0.0))
}

fn took(step: &Step) -> String {
    let seconds = step
        .finished_at
        .and_then(|finished_at| seconds(step, finished_at));
    seconds
        .map(|seconds| format!(" in {seconds:.1} s"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn operation(second: &str) -> Operation {
        serde_json::from_value(json!({
            "id": "1", "cluster": "demo-1", "status": "running", "problem": null,
            "steps": [
                {"name": "create_service_role", "status": "succeeded",
                 "started_at": "2026-11-23T12:00:00Z", "finished_at": "2026-11-23T12:00:00.250Z"},
                {"name": "create_cluster", "status": second, "started_at": "2026-11-23T12:00:01Z", "finished_at": null},
                {"name": "await_available", "status": "pending", "started_at": null, "finished_at": null},
            ],
        }))
        .unwrap()
    }

    #[test]
    fn a_terminal_shows_every_step_with_its_seconds() {
        let now = "2026-11-23T12:00:03.500Z".parse().unwrap();
        let expected = "  ✓ create_service_role                0.2 s\n  \
                        ▸ create_cluster                     2.5 s\n  \
                        · await_available\n";
        assert_eq!(all_steps(&operation("running"), now), expected);
    }

    #[test]
    fn without_a_terminal_each_step_is_printed_once() {
        let mut progress = ProgressDisplay::new(false);
        assert_eq!(
            progress.changed_steps(&operation("running")),
            ["  create_service_role succeeded in 0.2 s"]
        );
        assert!(progress.changed_steps(&operation("running")).is_empty());
        assert_eq!(
            progress.changed_steps(&operation("blocked")),
            ["  create_cluster blocked"]
        );
    }
}
