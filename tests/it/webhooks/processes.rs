//! Real processes that deliver over TLS: one is killed during an attempt, and the other repeats it.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use tokio::sync::mpsc;

use crate::engine::processes::{RunningProcess, call, start, start_database, start_with};
use crate::support::python;
use crate::webhooks::receiver::make_deliveries_due;

/// Starts the receiver. Returns its port and its requests.
fn start_receiver(authority: &str) -> (RunningProcess, u16, mpsc::UnboundedReceiver<Value>) {
    let mut child = Command::new("python3")
        .arg(python::script("https_receiver.py"))
        .arg(authority)
        .env("PYTHONPATH", python::packages("webhooks"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let port = lines.next().unwrap().unwrap().parse().unwrap();
    let (sender, requests) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let _ = sender.send(serde_json::from_str(&line).unwrap());
        }
    });
    (RunningProcess(child), port, requests)
}

async fn next(requests: &mut mpsc::UnboundedReceiver<Value>) -> Value {
    let next = tokio::time::timeout(Duration::from_secs(90), requests.recv());
    next.await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_of_a_killed_process_is_repeated_by_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (authority, key) = (path("authority.pem"), path("key"));
    std::fs::write(&key, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let for_receiver = authority.clone();
    let started = tokio::task::spawn_blocking(move || start_receiver(&for_receiver));
    let (_receiver, port, mut requests) = started.await.unwrap();
    let (_postgres, database) = start_database("dax-provisioner-webhooks").await;
    let (_sandbox, aws) = start("sandbox --port 0", &database, "--endpoint-url");
    let serve = format!(
        "serve --listen 127.0.0.1:0 --aws-endpoint {aws} --authentication off \
         --secrets-key-file {key} --webhook-allow-network 127.0.0.1/32"
    );
    let variables = [
        ("DATABASE_URL", database.as_str()),
        ("SSL_CERT_FILE", authority.as_str()),
        // A proxy of the environment has no effect.
        ("HTTPS_PROXY", "http://127.0.0.1:9"),
    ];
    let (mut first, url) = start_with(&serve, &variables, "listening");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let body = json!({"url": format!("https://localhost:{port}/hook"), "events": ["*"]});
    let webhook = call(client.post(format!("{url}/v1/webhooks")).json(&body)).await;
    let path = format!("/v1/webhooks/{}", webhook["id"].as_str().unwrap());
    let delivery = call(client.post(format!("{url}{path}/test"))).await;
    let sent = next(&mut requests).await;
    assert_eq!(sent["headers"]["webhook-id"], delivery["id"]);
    first.0.kill().unwrap();
    first.0.wait().unwrap();
    // The lease of the attempt ends.
    let mut connection = PgConnection::connect(&database).await.unwrap();
    assert_eq!(make_deliveries_due(&mut connection).await, 1);
    let (_second, url) = start_with(&serve, &variables, "listening");
    let repeated = next(&mut requests).await;
    assert_eq!(repeated["headers"]["webhook-id"], delivery["id"]);
    assert_eq!(repeated["body"], sent["body"]);
    let deliveries = format!("{url}{path}/deliveries?status=succeeded");
    for _ in 0..100 {
        let list = call(client.get(&deliveries)).await;
        if let Some(ended) = list["items"].get(0) {
            assert_eq!(
                (&ended["attempts"], &ended["id"]),
                (&json!(2), &delivery["id"])
            );
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the second attempt was not recorded");
}
