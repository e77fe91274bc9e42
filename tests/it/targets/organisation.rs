//! A process with an organisation: accounts that are entered, lost and found again, over HTTP.

use std::path::Path;
use std::time::{Duration, Instant};

use aws_sandbox::Sandbox;
use local_postgres::LocalPostgres;
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::task::AbortOnDropHandle;

use crate::engine::processes::{RunningProcess, call, start_database, start_with};
use crate::support::signed_calls::query_at;
use crate::targets::setup::{
    AccessRole, EXTERNAL_ID, MAIN, OTHER, PRINCIPAL, PRINCIPAL_ARN, administrator, allow,
    put_identity, set_up, trust_of, two_regions,
};

/// A service with an organisation of three targets: two accounts, and two Regions of one.
struct Service {
    sandbox: Sandbox,
    endpoint: String,
    roles: [AccessRole; 3],
    directory: TempDir,
    url: String,
    client: Client,
    _process: RunningProcess,
    _server: AbortOnDropHandle<()>,
    _postgres: LocalPostgres,
}

const NAMES: [&str; 3] = ["main", "payments", "payments-eu"];

fn table(name: &str, role: &AccessRole, account: &str, external_id: &str) -> String {
    format!(
        "[targets.{name}]\naccount_id = \"{account}\"\nregion = \"{}\"\nassume_role_arn = \"{}\"\n\
         external_id = \"{external_id}\"\npermissions_boundary = \"{}\"\n\n",
        role.account.region,
        role.arn.replace(&role.account.account_id, account),
        role.boundary.replace(&role.account.account_id, account),
    )
}

fn write(directory: &Path, text: &str) {
    let next = directory.join("next");
    std::fs::write(&next, text).unwrap();
    std::fs::rename(next, directory.join("organisation.toml")).unwrap();
}

impl Service {
    async fn start(name: &str) -> Self {
        let settings = aws_sandbox::Settings {
            creating_seconds: 0.3,
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

    async fn get(&self, path: &str) -> Value {
        call(self.client.get(format!("{}{path}", self.url))).await
    }

    async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Value {
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

    async fn await_status(&self, name: &str, status: &str) -> String {
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

    fn rewrite(&self, text: &str) {
        write(self.directory.path(), text);
    }

    async fn create(&self, name: &str, target: &str) -> String {
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

    async fn finished(&self, id: &str) -> Value {
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

    async fn succeeded(&self, id: &str) {
        let operation = self.finished(id).await;
        assert_eq!(operation["status"], "succeeded", "{operation:#}");
    }

    async fn waits_for(&self, id: &str, reason: &str) {
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

fn organisation(roles: &[AccessRole; 3]) -> String {
    let tables = NAMES.iter().zip(roles);
    let tables =
        tables.map(|(name, role)| table(name, role, &role.account.account_id, EXTERNAL_ID));
    tables.collect()
}

fn id_of(operation: &Value) -> String {
    operation["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{operation:#}"))
        .to_owned()
}

/// Every kind of operation on the cluster `orders` of a target, one after another.
async fn live(service: &Service, target: &str) {
    let path = |action: &str| format!("/v1/clusters/orders{action}?target={target}");
    service
        .succeeded(&service.create("orders", target).await)
        .await;
    let body = json!({"replication_factor": 3});
    let scale = service.send("POST", &path("/scale"), Some(body)).await;
    service.succeeded(&id_of(&scale)).await;
    let body = json!({"description": target});
    let update = service.send("PATCH", &path(""), Some(body)).await;
    service.succeeded(&id_of(&update)).await;
    let cluster = service.get(&path("")).await;
    assert_eq!(cluster["desired"]["description"], target, "{cluster:#}");
    for action in ["/reboot", "/repair", "/release", "/adopt"] {
        let accepted = service.send("POST", &path(action), None).await;
        service.succeeded(&id_of(&accepted)).await;
    }
    let delete = service.send("DELETE", &path(""), None).await;
    service.succeeded(&id_of(&delete)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_operation_runs_in_each_target_at_once() {
    let service = Service::start("dax-provisioner-targets").await;
    let lives = NAMES.map(|target| live(&service, target));
    futures_util::future::join_all(lives).await;
    let left = |account: &str, region: &str| {
        let inventory = service.sandbox.inventory_of(account, region);
        inventory.clusters.len()
    };
    assert_eq!(
        [
            left(MAIN, "us-east-1"),
            left(OTHER, "us-east-1"),
            left(OTHER, "eu-west-1")
        ],
        [0, 0, 0]
    );
}

/// The administrator of the account changes whom the access role trusts.
async fn set_trust(service: &Service, external_id: &str) {
    let trust = trust_of(PRINCIPAL_ARN, external_id);
    let input = [
        ("RoleName", "dax-provisioner-payments"),
        ("PolicyDocument", trust.as_str()),
    ];
    let call = "UpdateAssumeRolePolicy";
    let updated = query_at(&service.endpoint, (OTHER, OTHER), "iam", call, &input).await;
    assert_eq!(updated.status, 200, "{}", updated.text);
}

/// An invalid version is not taken.
async fn keeps_the_version_before_an_invalid_one(service: &Service) {
    service.rewrite("[targets.payments]\nregion = 1\n");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let metrics = service
        .client
        .get(format!("{}/metrics", service.url))
        .send()
        .await
        .unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(
        metrics.contains("dax_provisioner_organisation_valid 0"),
        "{metrics}"
    );
    assert_eq!(
        service.get("/v1/targets").await["items"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    // Both the versions that were taken and the one that was not are in the audit.
    let recorded = service.get("/v1/audit?action=take_organisation").await;
    let recorded = recorded["items"].as_array().unwrap();
    let (newest, oldest) = (&recorded[0], &recorded[recorded.len() - 1]);
    assert_eq!(
        (&newest["decision"], &newest["caller"]),
        (&json!("refused"), &json!("service"))
    );
    assert_eq!(oldest["decision"], "accepted");
    assert_eq!(oldest["organisation"].as_str().unwrap().len(), 64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_cannot_be_used_waits_and_recovers_by_itself() {
    let service = Service::start("dax-provisioner-states").await;
    service
        .succeeded(&service.create("before", "payments").await)
        .await;
    // The role loses its trust.
    set_trust(&service, "another").await;
    let reason = service.await_status("payments", "unreachable").await;
    assert!(
        reason.contains("AssumeRole failed (AccessDenied)"),
        "{reason}"
    );
    let held = service.create("held", "payments").await;
    service.waits_for(&held, "credentials").await;
    service
        .succeeded(&service.create("held", "main").await)
        .await;
    set_trust(&service, EXTERNAL_ID).await;
    service.await_status("payments", "ready").await;
    service.succeeded(&held).await;
    // An account number that is not what the file says: the role of another account.
    let wrong = organisation(&service.roles).replace(
        &table("payments", &service.roles[1], OTHER, EXTERNAL_ID),
        &table("payments", &service.roles[1], "333333333333", EXTERNAL_ID),
    );
    service.rewrite(&wrong);
    service.await_status("payments", "unreachable").await;
    keeps_the_version_before_an_invalid_one(&service).await;
    // A target that left the file keeps its clusters readable, and its operations wait.
    let mut tables: Vec<String> = Vec::new();
    for (name, role) in NAMES.iter().zip(&service.roles) {
        if *name != "payments" {
            tables.push(table(name, role, &role.account.account_id, EXTERNAL_ID));
        }
    }
    service.rewrite(&tables.concat());
    service.await_status("payments", "removed").await;
    let cluster = service.get("/v1/clusters/before?target=payments").await;
    assert_eq!(
        (&cluster["status"], &cluster["account_id"]),
        (&json!("available"), &json!(OTHER))
    );
    let delete = service
        .send("DELETE", "/v1/clusters/before?target=payments", None)
        .await;
    service.waits_for(&id_of(&delete), "operator").await;
    let account = service.sandbox.inventory_of(OTHER, "us-east-1");
    assert!(
        account
            .clusters
            .iter()
            .any(|cluster| cluster.name == "before")
    );
    service.rewrite(&organisation(&service.roles));
    service.await_status("payments", "ready").await;
    service.succeeded(&id_of(&delete)).await;
}
