//! The few members of the API's bodies that the demonstration reads.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

/// The demonstration's request: one small node, and a role that may read one table.
pub(super) fn request(name: &str) -> Value {
    json!({
        "name": name,
        "node_type": "dax.t3.small",
        "replication_factor": 1,
        "service_role": {"access": "read_only", "tables": ["Orders"]},
    })
}

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) next_cursor: Option<String>,
}

/// A cluster.
#[derive(Debug, Deserialize)]
pub(super) struct Cluster {
    pub(super) name: String,
    pub(super) status: String,
    pub(super) endpoint: Option<Endpoint>,
}

/// Where a cluster is reached.
#[derive(Debug, Deserialize)]
pub(super) struct Endpoint {
    pub(super) url: String,
}

/// An operation.
#[derive(Debug, Deserialize)]
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) cluster: String,
    pub(super) status: String,
    pub(super) steps: Vec<Step>,
    pub(super) problem: Option<Problem>,
}

impl Operation {
    /// Whether nothing more happens without a person.
    pub(super) fn is_over(&self) -> bool {
        ["succeeded", "failed", "cancelled", "blocked"].contains(&self.status.as_str())
    }
}

/// A step of an operation.
#[derive(Debug, Deserialize)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) status: String,
    pub(super) started_at: Option<DateTime<Utc>>,
    pub(super) finished_at: Option<DateTime<Utc>>,
}

/// A problem.
#[derive(Debug, Deserialize)]
pub(super) struct Problem {
    title: String,
    #[serde(default)]
    detail: Option<String>,
    #[serde(default)]
    errors: Vec<FieldError>,
    #[serde(default)]
    aws: Option<ApiProblem>,
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
struct ApiProblem {
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
    /// The problem for people, with its hints.
    pub(super) fn readable(&self) -> String {
        let mut text = format!("{}\n", self.title);
        let mut line = |indent: &str, words: &str| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{indent}{words}");
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
        if let Some(refusal) = &self.aws {
            let code = refusal.code.as_deref().unwrap_or("no code");
            line(
                "  ",
                &format!(
                    "AWS said ({code}): {}",
                    refusal.message.as_deref().unwrap_or("nothing")
                ),
            );
        }
        for hint in &self.hints {
            line("", "");
            line("  Hint: ", &hint.title);
            for words in [&hint.explanation, &hint.documentation]
                .into_iter()
                .flatten()
            {
                line("    ", words);
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
    fn a_problem_reads_well() {
        let problem: Problem = serde_json::from_value(json!({
            "type": "/problems/permission_missing",
            "title": "AWS refused an action: a permission is missing",
            "detail": "iam:CreatePolicy is not allowed for the service's identity",
            "aws": {"service": "iam", "code": "AccessDenied", "message": "User: x is not authorized"},
            "hints": [{"id": "h", "title": "Add iam:CreatePolicy to your user policy.", "policy": {"Version": "2012-10-17"}}],
        }))
        .unwrap();
        assert_eq!(
            problem.readable(),
            "AWS refused an action: a permission is missing\n  iam:CreatePolicy is not allowed for the service's identity\n  \
             AWS said (AccessDenied): User: x is not authorized\n\n  Hint: Add iam:CreatePolicy to your user policy.\n    \
             policy: {\"Version\":\"2012-10-17\"}\n"
        );
    }
}
