//! A process with an organisation of three targets: two accounts, and two Regions of one.

use std::path::Path;
use std::time::{Duration, Instant};

use aws_sandbox::Sandbox;
use local_postgres::LocalPostgres;
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::task::AbortOnDropHandle;

use crate::engine::processes::{RunningProcess, call, start_database, start_with};
use crate::targets::setup::{
    AccessRole, EXTERNAL_ID, MAIN, OTHER, PRINCIPAL, PRINCIPAL_ARN, administrator, allow,
    put_identity, set_up, two_regions,
};

/// The process, its sandbox and its directory.
pub struct Service {
    pub sandbox: Sandbox,
    pub endpoint: String,
    pub roles: [AccessRole; 3],
    pub directory: TempDir,
    pub url: String,
    pub client: Client,
    _process: RunningProcess,
    _server: AbortOnDropHandle<()>,
    _postgres: LocalPostgres,
}

pub const NAMES: [&str; 3] = ["main", "payments", "payments-eu"];

/// The table of a target.
pub fn table(name: &str, role: &AccessRole, account: &str, external_id: &str) -> String {
    format!(
        "[targets.{name}]\naccount_id = \"{account}\"\nregion = \"{}\"\nassume_role_arn = \"{}\"\n\
         external_id = \"{external_id}\"\npermissions_boundary = \"{}\"\n\n",
        role.account.region,
        role.arn.replace(&role.account.account_id, account),
        role.boundary.replace(&role.account.account_id, account),
    )
}

/// Replaces the file at once.
pub fn write(directory: &Path, text: &str) {
    let next = directory.join("next");
    std::fs::write(&next, text).unwrap();
    std::fs::rename(next, directory.join("organisation.toml")).unwrap();
}

impl Service {
    pub async fn start(name: &str) -> Self {
        Self::start_with_clusters_in(name, 0.3).await
    }

    /// The same, with the time that a cluster is `creating`.
    pub async fn start_with_clusters_in(name: &str, creating_seconds: f64) -> Self {
        let settings = aws_sandbox::Settings {
            creating_seconds,
            ..two_regions()
        };
        let sandbox = Sandbox::open(settings).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let served = sandbox.clone();
        let server = tokio::spawn(async move {
            let _ = served.serve(listener, std::future::pending()).await;
        });
        put_identity(
            &sandbox,
            PRINCIPAL,
            PRINCIPAL_ARN,
            vec![allow("sts:AssumeRole")],
        );
        let admin = administrator(&sandbox, &endpoint, OTHER, "us-east-1").await;
        let elsewhere = administrator(&sandbox, &endpoint, OTHER, "eu-west-1").await;
        let main = administrator(&sandbox, &endpoint, MAIN, "us-east-1").await;
        let roles = [
            set_up(&main, NAMES[0], &[]).await,
            set_up(&admin, NAMES[1], &[]).await,
            set_up(&elsewhere, NAMES[2], &[]).await,
        ];
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), &organisation(&roles));
        let (postgres, database) = start_database(name).await;
        let arguments = format!(
            "serve --aws-endpoint {endpoint} --organisation {} --listen 127.0.0.1:0 \
             --authentication off --sweep-seconds 1",
            directory.path().display()
        );
        let environment = [
            ("DATABASE_URL", database.as_str()),
            ("AWS_ACCESS_KEY_ID", PRINCIPAL),
            ("AWS_SECRET_ACCESS_KEY", PRINCIPAL),
        ];
        let (process, url) = start_with(&arguments, &environment, "listening on");
        let service = Self {
            sandbox,
            endpoint,
            roles,
            directory,
            url,
            client: Client::builder().no_proxy().build().unwrap(),
            _process: process,
            _server: AbortOnDropHandle::new(server),
            _postgres: postgres,
        };
        for name in NAMES {
            service.await_status(name, "ready").await;
        }
        service
    }

    pub async fn get(&self, path: &str) -> Value {
        call(self.client.get(format!("{}{path}", self.url))).await
    }

    pub async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.json(&body);
        }
        if path.contains("clusters/") {
            request = request.header("if-match", "*");
        }
        call(request).await
    }

    pub async fn await_status(&self, name: &str, status: &str) -> String {
        let begun = Instant::now();
        loop {
            let target = self.get(&format!("/v1/targets/{name}")).await;
            if target["status"] == status {
                return target["reason"].as_str().unwrap_or_default().to_owned();
            }
            assert!(
                begun.elapsed() < Duration::from_secs(40),
                "{status}: {target:#}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub fn rewrite(&self, text: &str) {
        write(self.directory.path(), text);
    }

    pub async fn create(&self, name: &str, target: &str) -> String {
        let body = json!({
            "name": name,
            "node_type": "dax.t3.small",
            "replication_factor": 2,
            "target": target,
            "service_role": {"access": "read_write", "tables": ["Orders"]},
            "parameters": {"record_ttl_millis": 60_000},
        });
        id_of(&self.send("POST", "/v1/clusters", Some(body)).await)
    }

    pub async fn finished(&self, id: &str) -> Value {
        let begun = Instant::now();
        loop {
            let operation = self.get(&format!("/v1/operations/{id}?")).await;
            match operation["status"].as_str() {
                Some("succeeded" | "failed" | "cancelled" | "blocked") => return operation,
                _ => assert!(begun.elapsed() < Duration::from_secs(60), "{operation:#}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn succeeded(&self, id: &str) {
        let operation = self.finished(id).await;
        assert_eq!(operation["status"], "succeeded", "{operation:#}");
    }

    pub async fn waits_for(&self, id: &str, reason: &str) {
        let begun = Instant::now();
        loop {
            let operation = self.get(&format!("/v1/operations/{id}")).await;
            if operation["waiting_for"] == reason && operation["status"] != "succeeded" {
                return;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(40),
                "{reason}: {operation:#}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The file of all three.
pub fn organisation(roles: &[AccessRole; 3]) -> String {
    let tables = NAMES.iter().zip(roles);
    let tables =
        tables.map(|(name, role)| table(name, role, &role.account.account_id, EXTERNAL_ID));
    tables.collect()
}

pub fn id_of(operation: &Value) -> String {
    operation["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{operation:#}"))
        .to_owned()
}
