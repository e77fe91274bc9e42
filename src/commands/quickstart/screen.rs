//! The screen: live progress on a terminal, plain lines elsewhere.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use crate::app::guards;
use crate::commands::say;

use super::wire::{Operation, Step};

/// Shows an operation again and again.
pub(super) struct Screen {
    /// Draw over what was drawn before, as only a terminal can.
    redraws: bool,
    /// The last drawing.
    drawn: String,
    /// The status of each step that was told last, where lines cannot be taken back.
    told: BTreeMap<String, String>,
}

impl Screen {
    pub(super) fn new(redraws: bool) -> Self {
        Self {
            redraws,
            drawn: String::new(),
            told: BTreeMap::new(),
        }
    }

    /// Shows the operation as it is now.
    pub(super) fn show(&mut self, operation: &Operation) {
        if self.redraws {
            let drawing = drawing(operation, guards::now());
            if drawing == self.drawn {
                return;
            }
            // Up to the first line of the last drawing, and clear everything below.
            let back = match self.drawn.lines().count() {
                0 => String::new(),
                lines => format!("\x1b[{lines}A\x1b[J"),
            };
            say(format_args!("{back}{}", drawing.trim_end()));
            self.drawn = drawing;
        } else {
            for line in self.news(operation) {
                say(line);
            }
        }
    }

    /// A line for each step that has come to something since the last look.
    fn news(&mut self, operation: &Operation) -> Vec<String> {
        let mut lines = Vec::new();
        for step in &operation.steps {
            let is_news = self
                .told
                .insert(step.name.clone(), step.status.clone())
                .as_ref()
                != Some(&step.status);
            if is_news && !["pending", "running"].contains(&step.status.as_str()) {
                lines.push(format!("  {} {}{}", step.name, step.status, took(step)));
            }
        }
        lines
    }
}

fn drawing(operation: &Operation, now: DateTime<Utc>) -> String {
    let mut text = String::new();
    for step in &operation.steps {
        let seconds = seconds(step, now)
            .map(|seconds| format!("{seconds:>6.1} s"))
            .unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{}",
            format!("  {} {:<32}{seconds}", mark(&step.status), step.name).trim_end()
        );
    }
    text
}

fn mark(status: &str) -> char {
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
    fn a_terminal_sees_every_step_with_its_seconds() {
        let now = "2026-11-23T12:00:03.500Z".parse().unwrap();
        let expected = "  ✓ create_service_role                0.2 s\n  \
                        ▸ create_cluster                     2.5 s\n  \
                        · await_available\n";
        assert_eq!(drawing(&operation("running"), now), expected);
    }

    #[test]
    fn elsewhere_each_step_is_told_once() {
        let mut screen = Screen::new(false);
        assert_eq!(
            screen.news(&operation("running")),
            ["  create_service_role succeeded in 0.2 s"]
        );
        assert!(screen.news(&operation("running")).is_empty());
        assert_eq!(
            screen.news(&operation("blocked")),
            ["  create_cluster blocked"]
        );
    }
}
