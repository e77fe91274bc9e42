//! What hostile bodies cost, from their bytes to the bytes of the answer.
//!
//! `cargo test --release --lib hostile_bodies -- --ignored --nocapture` prints one line for each.

use std::time::{Duration, Instant};

use axum::body::HttpBody;
use axum::response::IntoResponse;

use super::*;
use crate::api::http::api_error::ApiError;
use crate::api::http::problem::Problem;
use crate::api::http::strict_json;

/// Limit of the cost of one body in a release build.
const COST_MAX: Duration = Duration::from_millis(10);
/// Rounds of which the fastest counts: the machine can be busy.
const ROUNDS: usize = 20;
const VALID: &str = r#""name": "orders", "node_type": "dax.t3.small", "replication_factor": 1"#;

/// As many fragments, separated by commas, as a body of the maximum size has room for.
fn filled(open: &str, fragment: impl Fn(usize) -> String, close: &str) -> String {
    let mut body = format!("{{{VALID}, {open}{}", fragment(0));
    for n in 1.. {
        let next = fragment(n);
        if body.len() + next.len() + close.len() + 2 > crate::api::BODY_BYTES_MAX {
            break;
        }
        body.push(',');
        body.push_str(&next);
    }
    body + close + "}"
}

fn shapes() -> Vec<(&'static str, String)> {
    let same = |text: &'static str| move |_| text.to_owned();
    let tables = r#""service_role": {"access": "read_only", "tables": ["#;
    let zones = r#""availability_zones": ["#;
    let both = format!("{zones}{}\"\"], {tables}", r#""","#.repeat(9_000));
    let tags = r#""tags": {"#;
    let long = |n| format!(r#""{}{n}": 1"#, "/".repeat(15_000));
    vec![
        ("numbers as tables", filled(tables, same("1"), "]}")),
        ("empty tables", filled(tables, same(r#""""#), "]}")),
        ("wrong tables", filled(tables, same(r#""!""#), "]}")),
        (
            "many tables",
            filled(tables, |n| format!(r#""T{n:04}""#), "]}"),
        ),
        ("one table", filled(tables, same(r#""Tab""#), "]}")),
        ("zones and numbers", filled(&both, same("1"), "]}")),
        ("empty zones", filled(zones, same(r#""""#), "]")),
        ("tags", filled(tags, |n| format!(r#""{n}":"""#), "}")),
        (
            "numbers as tags",
            filled(tags, |n| format!(r#""{n}":1"#), "}"),
        ),
        (
            "reserved tags",
            filled(tags, |n| format!(r#""aws:{n}":"""#), "}"),
        ),
        (
            "lists as tags",
            filled(r#""tags": ["#, same("[[[[[[]]]]]]"), "]"),
        ),
        ("unknown fields", filled("", |n| format!(r#""{n}":1"#), "")),
        ("long names", filled("", long, "")),
        (
            "one description",
            filled(r#""description": ""#, same("é"), r#"""#),
        ),
    ]
}

/// The size of the answer to a body.
fn answer(body: &str) -> u64 {
    let body = strict_json::read(body.as_bytes()).unwrap();
    let errors = read(body).expect_err("the body is invalid");
    let response = ApiError::from(Problem::invalid(errors)).into_response();
    response.body().size_hint().exact().unwrap()
}

#[test]
#[ignore = "a benchmark, for a release build"]
fn hostile_bodies_cost_little() {
    for (name, body) in shapes() {
        let mut costs: Vec<Duration> = Vec::new();
        for _ in 0..ROUNDS {
            let started = Instant::now();
            answer(&body);
            costs.push(started.elapsed());
        }
        let least = costs.into_iter().min().unwrap();
        let (sent, received) = (body.len(), answer(&body));
        println!("{name:18} {least:9.2?}, {sent} bytes sent, {received} received");
        let is_limited = !cfg!(debug_assertions);
        assert!(!is_limited || least <= COST_MAX, "{name}: {least:?}");
    }
}
