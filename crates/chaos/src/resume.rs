//! How long operations wait after a failure, measured without other faults.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::api::{Api, Request};
use crate::arena::Arena;
use crate::database::rows;
use crate::random::Random;
use crate::workload::text;

/// Limits of G9, in seconds: after kill -9 the lease and two seconds, then TERM, and a database
/// that accepts connections again, by a restart or a failover.
const AFTER_KILL: f64 = 17.0;
const AFTER_TERMINATION: f64 = 1.0;
const AFTER_DATABASE: f64 = 5.0;
/// Calls of AWS take so long here that a worker holds an operation most of the time.
const SLOW_CALL: f64 = 0.25;
const PATIENCE: Duration = Duration::from_secs(40);

/// The measured times of one kind, in seconds.
#[derive(Debug, Default)]
pub(crate) struct Times {
    limit: f64,
    measured: Vec<f64>,
}

pub(crate) type Measured = BTreeMap<&'static str, Times>;

/// Measures every kind `rounds` times, while clients send requests.
pub(crate) async fn measure(arena: &Arc<Arena>, api: &Arc<Api>, rounds: usize) -> Result<Measured> {
    let slow = json!({"call": "*", "fault": "slow", "seconds": SLOW_CALL, "rate": 1.0});
    arena.sandbox.control("POST", "faults", Some(&slow)).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut all = Measured::new();
    for round in 0..rounds {
        let replica = round % arena.replicas.len();
        let after = end_replica(arena, replica, Signal::KILL).await?;
        add(&mut all, "kill -9, to the next claim", AFTER_KILL, after);
        let after = end_replica(arena, replica, Signal::TERM).await?;
        add(
            &mut all,
            "TERM, from its end to the next claim",
            AFTER_TERMINATION,
            after,
        );
    }
    for round in 0..rounds.div_ceil(2) {
        let signal = if round % 2 == 0 {
            Signal::QUIT
        } else {
            Signal::INT
        };
        let mut database = arena.database.lock().await;
        database.restart(signal, Duration::from_secs(1)).await?;
        let began = Instant::now();
        drop(database);
        let (accepted, worked) = after_database(arena, api, began).await?;
        add(
            &mut all,
            "database back, to the next 202",
            AFTER_DATABASE,
            vec![accepted],
        );
        add(
            &mut all,
            "database back, to the next turn",
            AFTER_DATABASE,
            vec![worked],
        );
    }
    let mut database = arena.database.lock().await;
    database.fail_over().await?;
    let began = Instant::now();
    drop(database);
    let (accepted, worked) = after_database(arena, api, began).await?;
    add(
        &mut all,
        "failover, to the next 202",
        AFTER_DATABASE,
        vec![accepted],
    );
    add(
        &mut all,
        "failover, to the next turn",
        AFTER_DATABASE,
        vec![worked],
    );
    arena.database.lock().await.attach_standby(true).await?;
    arena.sandbox.control("DELETE", "faults", None).await?;
    Ok(all)
}

fn add(all: &mut Measured, what: &'static str, limit: f64, seconds: Vec<f64>) {
    let times = all.entry(what).or_default();
    times.limit = limit;
    times.measured.extend(seconds);
}

/// Ends a replica and measures for each operation that it held when it was claimed again.
async fn end_replica(arena: &Arena, replica: usize, signal: Signal) -> Result<Vec<f64>> {
    let mut replica = arena.replicas[replica].lock().await;
    let Some(mut process) = replica.take() else {
        return Ok(Vec::new());
    };
    let mut connection = arena.database.lock().await.connect().await?;
    let held = format!(
        "select id::text, epoch from operations where finished_at is null and owner like '{}-%'",
        process.pid()
    );
    let mut held_rows = rows(&mut connection, &held).await?;
    process.signal(signal);
    process.wait(Duration::from_secs(12)).await;
    let began = Instant::now();
    if signal == Signal::KILL {
        held_rows = rows(&mut connection, &held).await?;
    } else {
        // A terminated process ends its turns first: what is due at its end must not wait.
        for operation in rows(&mut connection, &held).await? {
            arena.violation(format!(
                "a terminated replica kept its claim of {operation}"
            ));
        }
        let due = "select id::text, epoch from operations where finished_at is null
            and wake_at <= now() + interval '0.1 s'";
        let due = rows(&mut connection, due).await?;
        let is_due = |held: &Value| due.iter().find(|due| due["id"] == held["id"]).cloned();
        held_rows = held_rows.iter().filter_map(is_due).collect();
    }
    replica.start(&arena.installation)?;
    let mut times = Vec::new();
    while !held_rows.is_empty() && began.elapsed() < PATIENCE {
        let now = rows(
            &mut connection,
            "select id::text, epoch from operations where finished_at is null",
        )
        .await?;
        let epochs: BTreeMap<&str, &Value> = now
            .iter()
            .map(|row| (text(row, "id"), &row["epoch"]))
            .collect();
        held_rows.retain(|row| {
            let waits = epochs.get(text(row, "id")) == Some(&&row["epoch"]);
            if !waits {
                times.push(began.elapsed().as_secs_f64());
            }
            waits
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for operation in held_rows {
        arena.violation(format!("not resumed within 40 s: {operation}"));
    }
    replica.await_ready(Duration::from_secs(20)).await?;
    Ok(times)
}

/// The times from `began` until a request is accepted, and until a worker takes a turn.
async fn after_database(arena: &Arena, api: &Arc<Api>, began: Instant) -> Result<(f64, f64)> {
    let requesting = Arc::clone(api);
    let key = format!("resume-{}", arena.began.elapsed().as_millis());
    let accepted = tokio::spawn(async move {
        let body = json!({"name": format!("r{}", &key[7..]), "target": "default",
            "node_type": "dax.t3.small", "replication_factor": 1,
            "service_role": {"arn": crate::aws::hand_made_role_arn()}});
        let request = Request::new("POST", "/v1/clusters", Some(&body));
        let mut random = Random::new(0, 8);
        let _ = requesting.submit(&mut random, 0, &request, &key).await;
        began.elapsed().as_secs_f64()
    });
    let mut connection = arena.database.lock().await.connect().await?;
    let epochs = "select coalesce(sum(epoch), 0) as epochs from operations";
    let before = rows(&mut connection, epochs).await?;
    while rows(&mut connection, epochs).await? == before && began.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let worked = began.elapsed().as_secs_f64();
    Ok((accepted.await?, worked))
}

/// Prints the times. Returns what exceeds its limit.
pub(crate) fn print(all: &mut Measured) -> Vec<String> {
    let mut violations = Vec::new();
    println!("\nresume times in seconds                count    p50    p99    max  limit");
    for (what, times) in all {
        times.measured.sort_by(f64::total_cmp);
        let count = times.measured.len();
        if count == 0 {
            println!("{what:<38} {count:>5}");
            continue;
        }
        let at = |percent: usize| times.measured[(count * percent / 100).min(count - 1)];
        let (most, limit) = (times.measured[count - 1], times.limit);
        println!(
            "{what:<38} {count:>5} {:>6.2} {:>6.2} {most:>6.2} {limit:>6.1}",
            at(50),
            at(99)
        );
        if most > limit {
            violations.push(format!(
                "resume: {what} took {most:.2} s, more than {limit} s"
            ));
        }
    }
    violations
}
