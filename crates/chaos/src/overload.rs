//! Overload: more than the service can take, and how it answers.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::api::{Api, Request};
use crate::arena::Arena;
use crate::options::Options;
use crate::random::Random;
use crate::{checks, settle};

/// Share of requests that create a cluster; the others read.
const CREATES: f64 = 0.03;
/// The first rate of the search for what the service can take, in requests a second.
const FIRST_RATE: f64 = 200.0;
/// How long the search tries a rate, and by how much it raises it.
const STEP: Duration = Duration::from_secs(6);
const RAISE: f64 = 1.25;
/// The operations that have not ended.
const UNFINISHED: &str = "select id::text from operations where finished_at is null";
/// Most requests in flight: beyond it, this program would measure itself.
const IN_FLIGHT: usize = 4_000;
/// Limits, in seconds and in MiB.
const REJECTION: f64 = 0.1;
const RECOVERY: f64 = 5.0;
const GROWTH: f64 = 96.0;

/// An answered request.
#[derive(Debug, Clone, Copy)]
struct Sample {
    status: u16,
    seconds: f64,
}

struct Load {
    api: Arc<Api>,
    random: Random,
    number: usize,
}

impl Load {
    /// Sends one request. The names of creates never repeat.
    fn request(&mut self) -> impl Future<Output = Sample> + Send + use<> {
        self.number += 1;
        let (api, number) = (Arc::clone(&self.api), self.number);
        let creates = self.random.chance(CREATES);
        let mut random = Random::new(self.random.next(), 0);
        async move {
            let began = Instant::now();
            let body = json!({"name": format!("o{number}"), "node_type": "dax.t3.small",
                "replication_factor": 1, "target": "default",
                "service_role": {"arn": crate::aws::hand_made_role_arn()}});
            let request = match creates {
                true => Request::new("POST", "/v1/clusters", Some(&body)),
                false => Request::new("GET", "/v1/clusters/foreign-one?target=default", None),
            };
            let key = creates.then(|| format!("overload-{number}"));
            let answer = api
                .send(&mut random, number, &request, key.as_deref())
                .await;
            if let (Some(answer), Some(key)) = (&answer, &key)
                && answer.status == 202
            {
                api.accepted(answer, key);
            }
            Sample {
                status: answer.map_or(0, |answer| answer.status),
                seconds: began.elapsed().as_secs_f64(),
            }
        }
    }

    /// Raises the rate until not all requests are served, or the operations that they start do not end
    /// as fast as they come. Returns how many requests were served a second at that rate.
    async fn capacity(&mut self, arena: &Arena) -> Result<f64> {
        let (mut rate, mut before) = (FIRST_RATE, 0);
        loop {
            let samples = self.open(rate, STEP).await;
            let count = |what: fn(&Sample) -> bool| samples.iter().filter(|one| what(one)).count();
            let accepted = count(|sample| sample.status == 202);
            let served = as_number(count(is_served)) / STEP.as_secs_f64();
            let unfinished = arena.database.lock().await.rows(UNFINISHED).await?.len();
            print(&format!("{rate:.0} requests a second"), &samples);
            println!("  {unfinished} operations have not ended");
            if served < 0.95 * rate || unfinished > before + accepted / 3 {
                return Ok(served);
            }
            before = unfinished;
            rate *= RAISE;
        }
    }

    /// Sends requests at a fixed rate, whether or not earlier ones are answered.
    async fn open(&mut self, rate: f64, duration: Duration) -> Vec<Sample> {
        let began = Instant::now();
        let places = Arc::new(Semaphore::new(IN_FLIGHT));
        let mut tasks = JoinSet::new();
        let mut samples = Vec::new();
        let mut sent = 0.0;
        while began.elapsed() < duration {
            while sent < began.elapsed().as_secs_f64() * rate {
                sent += 1.0;
                let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                    continue;
                };
                let request = self.request();
                tasks.spawn(async move {
                    let sample = request.await;
                    drop(place);
                    sample
                });
            }
            while let Some(sample) = tasks.try_join_next() {
                samples.extend(sample.ok());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        while let Some(sample) = tasks.join_next().await {
            samples.extend(sample.ok());
        }
        samples
    }
}

pub(crate) async fn run(
    options: &Options,
    binary: &Path,
    root: &Path,
    seed: u64,
    overload: Duration,
    times: f64,
) -> Result<bool> {
    let arena = Arc::new(Arena::start(options, binary, root).await?);
    let tokens = arena.installation.tokens.clone();
    let api = Arc::new(Api::new(arena.front_ports().await, tokens)?);
    let mut load = Load {
        api: Arc::clone(&api),
        random: Random::new(seed, 2),
        number: 0,
    };
    load.open(FIRST_RATE, Duration::from_secs(3)).await;
    let capacity = load.capacity(&arena).await?;
    arena.say(&format!("it can take {capacity:.0} requests a second"));
    let before = memory(&arena).await;

    let samples = load.open(times * capacity, overload).await;
    print(&format!("{times} times the load"), &samples);
    let rejected = samples
        .iter()
        .filter(|sample| [429, 503].contains(&sample.status));
    let slowest = percentile(rejected.map(|sample| sample.seconds).collect(), 0.99);
    if slowest > REJECTION {
        let what = format!("99 % of the rejections took up to {slowest:.3} s");
        arena.violation(format!("overload: {what}, more than {REJECTION} s"));
    }
    let unanswered = samples.iter().filter(|sample| sample.status == 0).count();
    if unanswered > 0 {
        arena.violation(format!("overload: {unanswered} requests had no answer"));
    }
    let grown = memory(&arena).await - before;
    arena.say(&format!(
        "memory of the replicas: {before:.0} MiB, {grown:+.0} MiB by the overload"
    ));
    if grown > GROWTH {
        arena.violation(format!("overload: memory grew by {grown:.0} MiB"));
    }

    let recovery = recover(&mut load, capacity).await;
    arena.say(&format!("normal again after {recovery:.1} s"));
    if recovery > RECOVERY {
        arena.violation(format!("overload: normal only after {recovery:.1} s"));
    }
    // What was accepted still ends, and nothing else was stored.
    settle::await_quiet(&arena, &api).await?;
    checks::nothing_lost(&arena, &api, false).await?;
    let violations = arena.violations();
    println!("\nviolations: {}", violations.len());
    Ok(violations.is_empty())
}

/// Sends half of what the service can take. Returns when the last second with a rejection or a slow
/// answer ended.
async fn recover(load: &mut Load, capacity: f64) -> f64 {
    let began = Instant::now();
    let mut last = 0.0;
    println!("half the load: seconds since the overload, requests, rejected, seconds at 99 %");
    for _ in 1..=10 {
        let samples = load.open(capacity / 2.0, Duration::from_secs(1)).await;
        let slow = percentile(samples.iter().map(|sample| sample.seconds).collect(), 0.99);
        let rejected = samples.iter().filter(|sample| !is_served(sample)).count();
        let now = began.elapsed().as_secs_f64();
        println!(
            "  {now:>5.1} {:>6} {rejected:>6} {slow:>8.3}",
            samples.len()
        );
        if slow > 0.5 || rejected > 0 {
            last = now;
        }
    }
    last
}

fn is_served(sample: &Sample) -> bool {
    [200, 202, 404].contains(&sample.status)
}

fn print(what: &str, samples: &[Sample]) {
    let mut statuses: Vec<u16> = samples.iter().map(|sample| sample.status).collect();
    statuses.sort_unstable();
    statuses.dedup();
    println!("{what}: status, answers, seconds at 50 %, 99 %, 100 %");
    for status in statuses {
        let of_status = samples.iter().filter(|sample| sample.status == status);
        let seconds: Vec<f64> = of_status.map(|sample| sample.seconds).collect();
        let count = seconds.len();
        let at = |part| percentile(seconds.clone(), part);
        println!(
            "  {status:>3} {count:>8} {:>8.3} {:>8.3} {:>8.3}",
            at(0.5),
            at(0.99),
            at(1.0)
        );
    }
}

fn percentile(mut seconds: Vec<f64>, part: f64) -> f64 {
    seconds.sort_by(f64::total_cmp);
    let at = (as_number(seconds.len()) * part).floor();
    let at: usize = format!("{at:.0}").parse().unwrap_or(0);
    let last = seconds.len().saturating_sub(1);
    seconds.get(at.min(last)).copied().unwrap_or(0.0)
}

fn as_number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Resident memory of all replicas in MiB.
async fn memory(arena: &Arena) -> f64 {
    let mut pages = 0.0;
    for replica in &arena.replicas {
        let mut replica = replica.lock().await;
        let Some(process) = replica.process() else {
            continue;
        };
        let path = format!("/proc/{}/statm", process.pid());
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let resident = text
            .split(' ')
            .nth(1)
            .and_then(|pages| pages.parse::<u32>().ok());
        pages += f64::from(resident.unwrap_or(0));
    }
    pages * 4.0 / 1_024.0
}
