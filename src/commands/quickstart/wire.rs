//! The fields of the API's bodies that the demo uses.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

/// The request of the demo: one small node, and a role with read access to one table.
pub(super) fn request(name: &str) -> Value {
    json!({
        "name": name,
        "node_type": "dax.t3.small",
        "replication_factor": 1,
        "service_role": {"access": "read_only", "tables": ["Orders"]},
    })
}

#[derive(Debug, Deserialize)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) next_cursor: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Cluster {
    pub(super) name: String,
    pub(super) status: String,
    pub(super) endpoint: Option<Endpoint>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Endpoint {
    pub(super) url: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) cluster: String,
    pub(super) status: String,
    pub(super) steps: Vec<Step>,
    pub(super) problem: Option<Problem>,
}

impl Operation {
    /// Whether the operation has finished or is blocked.
    pub(super) fn has_stopped(&self) -> bool {
        ["succeeded", "failed", "cancelled", "blocked"].contains(&self.status.as_str())
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) status: String,
    pub(super) started_at: Option<DateTime<Utc>>,
    pub(super) finished_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Problem {
    title: String,
    #[serde(default)]
    detail: Option<String>,
    #[serde(default)]
    errors: Vec<FieldError>,
    #[serde(default)]
    aws: Option<AwsError>,
    #[serde(default)]
    hints: Vec<Hint>,
}

#[derive(Debug, Deserialize)]
struct FieldError {
    #[serde(default)]
    pointer: Option<String>,
    detail: String,
}

#[derive(Debug, Deserialize)]
struct AwsError {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Hint {
    title: String,
    #[serde(default)]
    explanation: Option<String>,
    #[serde(default)]
    policy: Option<Value>,
    #[serde(default)]
    documentation: Option<String>,
}

impl Problem {
    /// The problem as text, with its hints.
    pub(super) fn readable(&self) -> String {
        let mut text = format!("{}\n", self.title);
        let mut line = |indent: &str, content: &str| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{indent}{content}");
        };
        if let Some(detail) = &self.detail {
            line("  ", detail);
        }
        for error in &self.errors {
            line(
                "  ",
                &format!(
                    "{}: {}",
                    error.pointer.as_deref().unwrap_or("(body)"),
                    error.detail
                ),
            );
        }
        if let Some(error) = &self.aws {
            let code = error.code.as_deref().unwrap_or("no code");
            line(
                "  ",
                &format!(
                    "AWS returned {code}: {}",
                    error.message.as_deref().unwrap_or("no message")
                ),
            );
        }
        for hint in &self.hints {
            line("", "");
            line("  Hint: ", &hint.title);
            for content in [&hint.explanation, &hint.documentation]
                .into_iter()
                .flatten()
            {
                line("    ", content);
            }
            if let Some(policy) = &hint.policy {
                line("    ", &format!("policy: {policy}"));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_rendered_as_text() {
        let problem: Problem = serde_json::from_value(json!({
            "type": "/problems/permission_missing",
            "title": "AWS denied an action: a permission is missing",
            "detail": "iam:CreatePolicy is not allowed for the service's identity",
            "aws": {"service": "iam", "code": "AccessDenied", "message": "User: x is not authorized"},
            "hints": [{"id": "h", "title": "Add iam:CreatePolicy to your user policy.", "policy": {"Version": "2012-10-17"}}],
        }))
        .unwrap();
        assert_eq!(
            problem.readable(),
            "AWS denied an action: a permission is missing\n  iam:CreatePolicy is not allowed for the service's identity\n  \
             AWS returned AccessDenied: User: x is not authorized\n\n  Hint: Add iam:CreatePolicy to your user policy.\n    \
             policy: {\"Version\":\"2012-10-17\"}\n"
        );
    }
}
