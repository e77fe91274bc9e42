//! Real processes: two services share one database. One is killed, and the other continues its work
//! when the lease has ended.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use local_postgres::LocalPostgres;
use reqwest::Client;
use serde_json::{Value, json};

pub const BINARY: &str = env!("CARGO_BIN_EXE_dax-provisioner");
const CLUSTERS: usize = 11;

/// A process that is killed when this is dropped.
pub struct RunningProcess(pub Child);

impl RunningProcess {
    /// Ends the process by TERM: it finishes its turns and gives up its leases.
    pub fn stop(mut self) {
        let id = self.0.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status();
        assert!(sent.unwrap().success());
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for RunningProcess {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends every line of a process's output, and drains the output as long as the process runs.
fn send_lines(output: impl Read + Send + 'static, lines: Sender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let _ = lines.send(line);
        }
    });
}

/// An address of the loopback interface for a process that starts later. Its port is below those that Linux
/// assigns, so no other process is given it first.
pub fn free_address() -> SocketAddr {
    static NEXT: LazyLock<AtomicU32> = LazyLock::new(|| AtomicU32::new(rand::random()));
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(20_000 + number % 10_000).unwrap();
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            return listener.local_addr().unwrap();
        }
    }
}

/// Starts the binary with arguments that contain no spaces. Returns the URL in the first line of
/// its output that contains `word`.
pub fn start(arguments: &str, database: &str, word: &str) -> (RunningProcess, String) {
    start_with(arguments, &[("DATABASE_URL", database)], word)
}

/// The same with these variables.
pub fn start_with(
    arguments: &str,
    variables: &[(&str, &str)],
    word: &str,
) -> (RunningProcess, String) {
    let mut child = Command::new(BINARY)
        .args(arguments.split_whitespace())
        .envs(variables.iter().copied())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env_remove("AWS_ENDPOINT_URL")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (sender, lines) = std::sync::mpsc::channel();
    send_lines(child.stdout.take().unwrap(), sender.clone());
    send_lines(child.stderr.take().unwrap(), sender);
    let process = RunningProcess(child);
    let mut output = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(30);
    while let Ok(line) = lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        if let Some(at) = line.find("http://").filter(|_| line.contains(word)) {
            let url = line[at..].split_whitespace().next().unwrap();
            return (process, url.trim_end_matches(['.', ';', ',']).to_owned());
        }
        output.push(line);
    }
    panic!("{word:?} is missing in the output of `{arguments}`: {output:#?}");
}

/// Starts a durable PostgreSQL server with a migrated database. Returns the URL of the database.
pub async fn start_database(name: &str) -> (LocalPostgres, String) {
    let (postgres, url) = start_postgres(name).await;
    migrate(&url);
    (postgres, url)
}

/// Runs `migrate` on a database.
pub fn migrate(url: &str) {
    let migrated = Command::new(BINARY)
        .arg("migrate")
        .env("DATABASE_URL", url)
        .status();
    assert!(migrated.unwrap().success());
}

/// Starts a durable PostgreSQL server with an empty database. Returns the URL of the database.
pub async fn start_postgres(name: &str) -> (LocalPostgres, String) {
    let settings = local_postgres::Settings {
        durable: true,
        ..local_postgres::Settings::for_tests(name)
    };
    let postgres = tokio::task::spawn_blocking(move || LocalPostgres::start(&settings).unwrap())
        .await
        .unwrap();
    let url = postgres.url("postgres");
    (postgres, url)
}

pub async fn call(request: reqwest::RequestBuilder) -> Value {
    request.send().await.unwrap().json().await.unwrap()
}

/// Reads an operation until it has succeeded.
pub async fn wait_until_succeeded(client: &Client, url: &str, id: &str, timeout: Duration) {
    let began = Instant::now();
    loop {
        let operation = call(client.get(format!("{url}/v1/operations/{id}"))).await;
        match operation["status"].as_str() {
            Some("succeeded") => return,
            Some("pending" | "running") => {}
            other => panic!("{other:?}: {operation:#}"),
        }
        assert!(
            began.elapsed() < timeout,
            "not finished in {timeout:?}: {operation:#}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Creates clusters, by both servers in turn. Returns the IDs of the operations.
async fn create_clusters(client: &Client, urls: [&str; 2]) -> Vec<String> {
    let mut accepted = Vec::new();
    for number in 0..CLUSTERS {
        let body = json!({
            "name": format!("c{number}"),
            "node_type": "dax.t3.small",
            "replication_factor": 1,
            "service_role": {"access": "read_only", "tables": ["Orders"]},
        });
        let url = format!("{}/v1/clusters", urls[number % 2]);
        let operation = call(client.post(url).json(&body)).await;
        let id = operation["id"].as_str();
        accepted.push(id.unwrap_or_else(|| panic!("{operation:#}")).to_owned());
    }
    accepted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_work_of_a_killed_process_is_completed_by_another() {
    let (_postgres, database) = start_database("dax-provisioner-kill").await;
    let sandbox = "sandbox --port 0 --creating-seconds 0.5 --propagation-seconds 0 \
        --quota nodes=1000";
    let (_sandbox, aws) = start(sandbox, &database, "--endpoint-url");
    let serve = format!("serve --listen 127.0.0.1:0 --aws-endpoint {aws} --authentication off");
    let (mut first, one) = start(&serve, &database, "listening");
    let (_second, two) = start(&serve, &database, "listening");
    let client = Client::builder().no_proxy().build().unwrap();
    let accepted = create_clusters(&client, [&one, &two]).await;
    first.0.kill().unwrap();
    first.0.wait().unwrap();
    let killed = Instant::now();
    for id in &accepted {
        wait_until_succeeded(&client, &two, id, Duration::from_secs(120)).await;
    }
    let elapsed = killed.elapsed();
    println!(
        "kill -9: {} operations succeeded, the last one {:.1} s after the kill",
        accepted.len(),
        elapsed.as_secs_f64()
    );
    let inventory = call(client.get(format!("{aws}/_sandbox/inventory"))).await;
    assert_eq!(
        inventory["clusters"].as_array().unwrap().len(),
        accepted.len()
    );
    // The lease is 15 s and the work takes about 1 s; the rest is for a busy machine.
    assert!(elapsed < Duration::from_secs(60), "{elapsed:?}");
    let metrics = client.get(format!("{two}/metrics")).send().await.unwrap();
    check_metrics(&metrics.text().await.unwrap());
}

/// Every metric has the prefix of the service and a description.
fn check_metrics(text: &str) {
    let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    for sample in samples.iter().filter(|line| !line.is_empty()) {
        let name = sample.split(['{', ' ']).next().unwrap();
        let base = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix))
            .unwrap_or(name);
        assert!(name.starts_with("dax_provisioner_"), "{sample}");
        assert!(text.contains(&format!("# HELP {base} ")), "{base}");
    }
    let ended =
        "dax_provisioner_operations_ended_total{kind=\"create_cluster\",status=\"succeeded\"}";
    assert!(samples.iter().any(|line| line.starts_with(ended)), "{text}");
}
