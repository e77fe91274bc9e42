//! Real processes: two services on one database share the work; one is killed, and the other goes on in time.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use local_postgres::LocalPostgres;
use serde_json::{Value, json};

/// The program.
pub const BINARY: &str = env!("CARGO_BIN_EXE_dax-provisioner");
const CLUSTERS: usize = 20;

/// A process that does not outlive the test.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the binary and reads its output until a line holds the word; returns the URL of that line.
pub fn start(arguments: &[&str], database: &str, word: &str) -> (Running, String) {
    let mut child = Command::new(BINARY)
        .args(arguments)
        .env("DATABASE_URL", database)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env_remove("AWS_ENDPOINT_URL")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (log_change, told) = std::sync::mpsc::channel();
    let (output, errors) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let from_output = log_change.clone();
    std::thread::spawn(move || {
        BufReader::new(output)
            .lines()
            .map_while(Result::ok)
            .for_each(|line| drop(from_output.send(line)))
    });
    std::thread::spawn(move || {
        BufReader::new(errors)
            .lines()
            .map_while(Result::ok)
            .for_each(|line| drop(log_change.send(line)))
    });
    let running = Running(child);
    let mut seen = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(30);
    while let Ok(line) = told.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        if let Some(at) = line.find("http://").filter(|_| line.contains(word)) {
            let url = line[at..]
                .split_whitespace()
                .next()
                .unwrap()
                .trim_end_matches(['.', ';', ','])
                .to_owned();
            // The rest of the output is drained by the threads.
            std::thread::spawn(move || told.iter().for_each(drop));
            return (running, url);
        }
        seen.push(line);
    }
    panic!("{arguments:?} did not say {word:?}: {seen:#?}");
}

pub async fn call(request: reqwest::RequestBuilder) -> Value {
    request.send().await.unwrap().json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_loses_nothing_and_its_work_goes_on_within_the_lease() {
    let settings = local_postgres::Settings {
        durable: true,
        ..local_postgres::Settings::for_tests("dax-provisioner-kill")
    };
    let postgres = tokio::task::spawn_blocking(move || LocalPostgres::start(&settings).unwrap())
        .await
        .unwrap();
    let database = postgres.url("postgres");
    assert!(
        Command::new(BINARY)
            .arg("migrate")
            .env("DATABASE_URL", &database)
            .status()
            .unwrap()
            .success()
    );
    let times = [
        "--creating-seconds",
        "0.5",
        "--propagation-seconds",
        "0",
        "--quota",
        "nodes=1000",
    ];
    let sandbox = [&["sandbox", "--port", "0"], times.as_slice()].concat();
    let (_sandbox, aws) = start(&sandbox, &database, "--endpoint-url");
    let serve = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--aws-endpoint",
        &aws,
        "--authentication",
        "off",
    ];
    let (mut first, one) = start(&serve, &database, "listening");
    let (_second, two) = start(&serve, &database, "listening");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut accepted = Vec::new();
    for number in 0..CLUSTERS {
        let url = if number % 2 == 0 { &one } else { &two };
        let body = json!({"name": format!("c{number}"), "node_type": "dax.t3.small", "replication_factor": 1,
            "service_role": {"access": "read_only", "tables": ["Orders"]}});
        let answer = call(client.post(format!("{url}/v1/clusters")).json(&body)).await;
        accepted.push(
            answer["id"]
                .as_str()
                .unwrap_or_else(|| panic!("{answer:#}"))
                .to_owned(),
        );
        if number == CLUSTERS / 2 {
            first.0.kill().unwrap();
            first.0.wait().unwrap();
            break;
        }
    }
    let killed = Instant::now();
    let mut slowest = Duration::ZERO;
    for id in &accepted {
        loop {
            let operation = call(client.get(format!("{two}/v1/operations/{id}"))).await;
            match operation["status"].as_str() {
                Some("succeeded") => break,
                Some("pending" | "running") => {}
                other => panic!("{other:?}: {operation:#}"),
            }
            assert!(
                killed.elapsed() < Duration::from_secs(120),
                "{id} is still not done"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        slowest = slowest.max(killed.elapsed());
    }
    println!(
        "kill -9: {} accepted operations, all succeeded, the last {:.1} s after the kill",
        accepted.len(),
        slowest.as_secs_f64()
    );
    let inventory = call(client.get(format!("{aws}/_sandbox/inventory"))).await;
    assert_eq!(
        inventory["clusters"].as_array().unwrap().len(),
        accepted.len()
    );
    // The lease is 15 s and the work takes about one; a busy machine gets some more.
    assert!(slowest < Duration::from_secs(60), "{slowest:?}");
}
