//! Measures start time, memory and throughput of a sandbox in a separate process:
//! `cargo run --release -p aws-sandbox --example benchmark`.
//!
//! The start time ends when the process prints its address. Memory is the resident set. Calls are
//! signed, and their signatures are checked. The load shares the machine's cores with the sandbox.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aws_sandbox::{Sandbox, Settings};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const CLUSTERS: usize = 1000;
const LOAD: Duration = Duration::from_secs(5);
const CONNECTIONS: usize = 4;
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"dax.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    if std::env::args().nth(1).as_deref() == Some("serve") {
        return runtime.block_on(serve());
    }
    runtime.block_on(measure())
}

/// Runs as the measured process.
async fn serve() -> Outcome<()> {
    let mut settings = Settings {
        creating_seconds: 0.0,
        propagation_seconds: 0.0,
        ..Settings::default()
    };
    for quota in ["nodes", "clusters"] {
        settings.quotas.set(quota, 10_000)?;
    }
    let sandbox = Sandbox::open(settings)?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("{}", listener.local_addr()?);
    sandbox.serve(listener, std::future::pending()).await?;
    Ok(())
}

/// The measured process, killed on drop.
struct Server {
    child: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // An error means that the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start() -> Outcome<Server> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .stdout(Stdio::piped())
            .spawn()?;
        let mut address = String::new();
        BufReader::new(child.stdout.take().ok_or("stdout is not piped")?)
            .read_line(&mut address)?;
        Ok(Server {
            child,
            address: address.trim().to_owned(),
        })
    }

    fn resident_kib(&self) -> Outcome<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .ok_or("/proc has no VmRSS line")?;
        Ok(line
            .split_whitespace()
            .nth(1)
            .ok_or("VmRSS has no value")?
            .parse()?)
    }
}

async fn measure() -> Outcome<()> {
    print_start_time()?;
    let server = Server::start()?;
    let mut connection = TcpStream::connect(&server.address).await?;
    println!(
        "memory when idle:            {:>8.2} MiB",
        mebibytes(server.resident_kib()?)
    );
    create_clusters(&server, &mut connection).await?;
    println!(
        "memory with {CLUSTERS} clusters:    {:>8.2} MiB (goal: 15)",
        mebibytes(server.resident_kib()?)
    );
    print_describe_time(&server, &mut connection).await?;
    println!(
        "DescribeClusters, one name:  {:>8.0} calls/s (goal: 5000)",
        throughput(&server).await?
    );
    println!(
        "memory after the load:       {:>8.2} MiB",
        mebibytes(server.resident_kib()?)
    );
    Ok(())
}

fn print_start_time() -> Outcome<()> {
    let mut starts = Vec::new();
    for _ in 0..20 {
        let started = Instant::now();
        let server = Server::start()?;
        starts.push(started.elapsed());
        drop(server);
    }
    starts.sort();
    println!(
        "start, median of {}:        {:>8.2} ms (goal: 5)",
        starts.len(),
        millis(starts[starts.len() / 2])
    );
    Ok(())
}

/// Creates `CLUSTERS` clusters of three nodes and their service role.
async fn create_clusters(server: &Server, connection: &mut TcpStream) -> Outcome<()> {
    let role = [
        ("Action", "CreateRole"),
        ("Version", "2010-05-08"),
        ("RoleName", "Service"),
        ("AssumeRolePolicyDocument", TRUST),
    ];
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(role)
        .finish();
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let request = signed(&server.address, "iam", kind, &form);
    expect_ok(&call(connection, &request).await?)?;
    for number in 0..CLUSTERS {
        let body = format!(
            r#"{{"ClusterName":"c{number}","NodeType":"dax.r5.large","ReplicationFactor":3,"IamRoleArn":"arn:aws:iam::123456789012:role/Service","Tags":[{{"Key":"team","Value":"orders"}}]}}"#
        );
        let request = dax(&server.address, "CreateCluster", &body);
        expect_ok(&call(connection, &request).await?)?;
    }
    Ok(())
}

async fn print_describe_time(server: &Server, connection: &mut TcpStream) -> Outcome<()> {
    let names: Vec<String> = (0..100)
        .map(|number| format!("\"c{}\"", number * 10))
        .collect();
    let body = format!(r#"{{"ClusterNames":[{}]}}"#, names.join(","));
    let request = dax(&server.address, "DescribeClusters", &body);
    let mut times = Vec::new();
    for _ in 0..200 {
        let started = Instant::now();
        expect_ok(&call(connection, &request).await?)?;
        times.push(started.elapsed());
    }
    times.sort();
    println!(
        "DescribeClusters, 100 names: {:>8.2} ms median, {:.2} ms at 99 % (goal: 5)",
        millis(times[100]),
        millis(times[198])
    );
    Ok(())
}

/// Calls per second over `CONNECTIONS` keep-alive connections.
async fn throughput(server: &Server) -> Outcome<f64> {
    let request = dax(
        &server.address,
        "DescribeClusters",
        r#"{"ClusterNames":["c7"]}"#,
    );
    let started = Instant::now();
    let mut loads = Vec::new();
    for _ in 0..CONNECTIONS {
        let (address, request) = (server.address.clone(), request.clone());
        loads.push(tokio::spawn(async move {
            let mut connection = TcpStream::connect(&address).await?;
            let mut calls = 0_u32;
            while started.elapsed() < LOAD {
                let response = call(&mut connection, &request).await?;
                assert!(
                    response.starts_with(b"HTTP/1.1 200"),
                    "a call failed under load"
                );
                calls += 1;
            }
            Ok::<u32, std::io::Error>(calls)
        }));
    }
    let mut calls = 0;
    for load in loads {
        calls += load.await??;
    }
    Ok(f64::from(calls) / started.elapsed().as_secs_f64())
}

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}

fn mebibytes(kib: u64) -> f64 {
    u32::try_from(kib).map_or(f64::NAN, f64::from) / 1024.0
}

fn dax(address: &str, operation: &str, body: &str) -> Vec<u8> {
    signed(
        address,
        "dax",
        ("x-amz-target", &format!("AmazonDAXV3.{operation}")),
        body,
    )
}

/// A request signed by the administrator, with one additional header.
fn signed(address: &str, service: &str, header: (&str, &str), body: &str) -> Vec<u8> {
    let now = chrono::Utc::now();
    let (date, time) = (
        now.format("%Y%m%d").to_string(),
        now.format("%Y%m%dT%H%M%SZ").to_string(),
    );
    let mut headers = [header, ("host", address), ("x-amz-date", &time)];
    headers.sort_unstable();
    let canonical_headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}:{value}\n"))
        .collect();
    let names = headers.map(|(name, _)| name).join(";");
    let hash = hex::encode(Sha256::digest(body));
    let canonical = format!("POST\n/\n\n{canonical_headers}\n{names}\n{hash}");
    let scope = format!("{date}/us-east-1/{service}/aws4_request");
    let text = format!(
        "AWS4-HMAC-SHA256\n{time}\n{scope}\n{}",
        hex::encode(Sha256::digest(canonical))
    );
    let key = [date.as_str(), "us-east-1", service, "aws4_request"];
    let key = key
        .iter()
        .fold(b"AWS4sandbox".to_vec(), |key, part| hmac(&key, part));
    let signature = hex::encode(hmac(&key, &text));
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=sandbox/{scope}, SignedHeaders={names}, Signature={signature}"
    );
    let sent: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let length = body.len();
    format!("POST / HTTP/1.1\r\n{sent}authorization: {authorization}\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// Sends a request and reads its complete response.
async fn call(connection: &mut TcpStream, request: &[u8]) -> std::io::Result<Vec<u8>> {
    connection.write_all(request).await?;
    let mut response = Vec::with_capacity(4096);
    loop {
        if connection.read_buf(&mut response).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let Some(end) = response.windows(4).position(|window| window == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&response[..end]).to_ascii_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        if length.is_some_and(|length| response.len() >= end + 4 + length) {
            return Ok(response);
        }
    }
}

fn expect_ok(response: &[u8]) -> Outcome<()> {
    match response.starts_with(b"HTTP/1.1 200") {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(response).into_owned().into()),
    }
}
