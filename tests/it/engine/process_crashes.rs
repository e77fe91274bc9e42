//! Every kind of change to one cluster over HTTP, by real processes: one serves the API, the other
//! runs the operations. The second one is also killed again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dax_provisioner::aws::{Aws, Target};
use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::mutation::bodies::ClusterUpdate;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::engine::processes::{call, start, start_database, wait_until_succeeded};

/// Limit of one operation, which may lose its worker in each of its turns.
const TIMEOUT: Duration = Duration::from_secs(240);
/// Limit of kills.
const KILLS: usize = 10;

/// A client of the service, and of the sandbox behind it.
struct ServiceClient {
    client: Client,
    url: String,
    aws: String,
}

impl ServiceClient {
    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self
            .client
            .request(method.clone(), format!("{}{path}", self.url));
        if method == Method::PATCH {
            request = request.header("if-match", "*");
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        (
            response.status().as_u16(),
            response.json().await.unwrap_or_default(),
        )
    }

    async fn get(&self, path: &str) -> Value {
        self.send(Method::GET, path, None).await.1
    }

    /// Sends a change and waits until its operation has succeeded.
    async fn change(&self, method: Method, path: &str, body: Option<Value>) {
        let (status, accepted) = self.send(method.clone(), path, body).await;
        assert_eq!(status, 202, "{method} {path}: {accepted:#}");
        let id = accepted["id"].as_str().unwrap();
        wait_until_succeeded(&self.client, &self.url, id, TIMEOUT).await;
    }

    /// Changes the cluster as the account's administrator.
    async fn change_in_aws(&self, update: ClusterUpdate) {
        let aws = Aws::open(&Target::Sandbox {
            endpoint: self.aws.clone(),
            region: "us-east-1".to_owned(),
            access_key_id: "sandbox".to_owned(),
            secret_access_key: "sandbox".to_owned(),
            sandbox_id: String::new(),
        })
        .await
        .unwrap();
        let account = aws.account().await.unwrap();
        aws.send(&Mutation::UpdateCluster(Box::new(update)), &account)
            .await
            .unwrap();
    }

    async fn wait_for_drift(&self, path: &str) -> Value {
        let began = Instant::now();
        loop {
            let drift = self.get(path).await;
            if drift["drifted"] == true {
                return drift;
            }
            assert!(began.elapsed() < TIMEOUT, "no drift: {drift:#}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Names of managed resources that are in the sandbox.
    async fn leftovers(&self) -> Vec<String> {
        let inventory = call(self.client.get(format!("{}/_sandbox/inventory", self.aws))).await;
        let lists = [
            "clusters",
            "roles",
            "policies",
            "subnet_groups",
            "parameter_groups",
        ];
        lists
            .iter()
            .flat_map(|list| inventory[*list].as_array().into_iter().flatten())
            .map(|one| one["name"].as_str().unwrap_or_default().to_owned())
            .filter(|name| name.starts_with("dax-") || name == "orders")
            .collect()
    }
}

fn request() -> Value {
    json!({
        "name": "orders",
        "description": "read cache of the orders team",
        "node_type": "dax.t3.small",
        "replication_factor": 2,
        "availability_zones": ["us-east-1a", "us-east-1b"],
        "service_role": {"access": "read_write", "tables": ["Orders", "Customers"]},
        "parameters": {"record_ttl_millis": 60000, "query_ttl_millis": 60000},
        "encryption_at_rest": true,
        "encryption_in_transit": true,
        "maintenance_window": "sun:05:00-sun:06:00",
        "notification_topic_arn": "arn:aws:sns:us-east-1:123456789012:dax-events",
        "tags": {"team": "orders", "stage": "test"},
        "deletion_protection": true,
        "on_failure": "hold",
    })
}

async fn run_every_change(service: &ServiceClient) {
    let cluster = "/v1/clusters/orders";
    let post = async |verb: &str, body| {
        let path = format!("{cluster}/{verb}");
        service.change(Method::POST, &path, body).await;
    };
    let patch = async |body| service.change(Method::PATCH, cluster, Some(body)).await;
    service
        .change(Method::POST, "/v1/clusters", Some(request()))
        .await;
    post("scale", Some(json!({"replication_factor": 4}))).await;
    patch(json!({"parameters": {"record_ttl_millis": 120000}, "reboot_nodes_if_needed": true}))
        .await;
    post("reboot", None).await;
    let service_role = json!({"tables": ["Payments"]});
    let tags = json!({"team": "payments", "stage": null});
    patch(json!({"tags": tags, "service_role": service_role})).await;
    post("scale", Some(json!({"replication_factor": 1}))).await;
    service
        .change_in_aws(ClusterUpdate {
            name: "orders".to_owned(),
            description: Some("changed by hand".to_owned()),
            ..ClusterUpdate::default()
        })
        .await;
    let drift = service.wait_for_drift(&format!("{cluster}/drift")).await;
    assert_eq!(drift["fields"][0]["field"], "description", "{drift:#}");
    post("repair", None).await;
    let view = service.get(cluster).await;
    assert_eq!(
        view["desired"]["tags"],
        json!({"team": "payments"}),
        "{view:#}"
    );
    assert_eq!(view["observed"]["total_nodes"], 1, "{view:#}");
    assert_eq!(
        view["observed"]["description"], "read cache of the orders team",
        "{view:#}"
    );
    let (status, rejected) = service.send(Method::DELETE, cluster, None).await;
    assert_eq!(
        (status, rejected["code"].as_str()),
        (409, Some("deletion_protected"))
    );
    patch(json!({"deletion_protection": false})).await;
    service.change(Method::DELETE, cluster, None).await;
}

/// Runs every change with a worker that is killed every other second, up to `kills` times. Returns
/// how often it was killed.
async fn run(kills: usize) -> usize {
    let (_postgres, database) = start_database("dax-provisioner-changes").await;
    let sandbox = "sandbox --port 0 --creating-seconds 0.5 --propagation-seconds 0.2 \
        --modifying-seconds 0.3 --rebooting-seconds 0.3";
    let (_sandbox, aws) = start(sandbox, &database, "--endpoint-url");
    let serve = format!("serve --listen 127.0.0.1:0 --aws-endpoint {aws} --authentication off");
    let (_api, url) = start(&format!("{serve} --role api"), &database, "listening");
    let worker = KilledWorker {
        arguments: format!("{serve} --role worker"),
        pool: PgPool::connect(&database).await.unwrap(),
        database,
        kills,
        stop: AtomicBool::new(false),
        killed: AtomicUsize::new(0),
    };
    let worker = Arc::new(worker);
    let (running, handle) = (Arc::clone(&worker), tokio::runtime::Handle::current());
    let thread = std::thread::spawn(move || running.run(&handle));
    let service = ServiceClient {
        client: Client::builder().no_proxy().build().unwrap(),
        url,
        aws,
    };
    run_every_change(&service).await;
    worker.stop.store(true, Ordering::SeqCst);
    tokio::task::spawn_blocking(move || thread.join().unwrap())
        .await
        .unwrap();
    assert_eq!(service.leftovers().await, Vec::<String>::new());
    let killed = worker.killed.load(Ordering::SeqCst);
    let history = service.get("/v1/operations?cluster=orders&limit=100").await;
    let operations = history["items"].as_array().unwrap();
    assert!(
        operations.iter().all(|one| one["status"] == "succeeded"),
        "{history:#}"
    );
    println!(
        "every change over HTTP: {} operations succeeded, the worker was killed {killed} times",
        operations.len()
    );
    killed
}

/// A worker process that is killed at random moments and started again.
struct KilledWorker {
    arguments: String,
    database: String,
    pool: PgPool,
    kills: usize,
    stop: AtomicBool,
    killed: AtomicUsize,
}

impl KilledWorker {
    /// Runs until it is stopped.
    fn run(&self, handle: &tokio::runtime::Handle) {
        let is_stopped = || self.stop.load(Ordering::SeqCst);
        while !is_stopped() {
            let (process, _) = start(&self.arguments, &self.database, "listening");
            let is_killed = self.killed.load(Ordering::SeqCst) < self.kills;
            let milliseconds = 1_000 + u64::from(rand::random::<u16>() % 1_000);
            let until = Instant::now() + Duration::from_millis(milliseconds);
            while !is_stopped() && (!is_killed || Instant::now() <= until) {
                #[expect(clippy::disallowed_methods, reason = "this thread runs no tasks")]
                std::thread::sleep(Duration::from_millis(20));
            }
            // Dropping it sends SIGKILL.
            drop(process);
            if is_killed && !is_stopped() {
                self.killed.fetch_add(1, Ordering::SeqCst);
                handle.block_on(self.expire_leases());
            }
        }
    }

    /// Ends the leases of the killed process, which take 15 s otherwise; `processes.rs` waits for
    /// one. Before, a call in flight has time to arrive.
    async fn expire_leases(&self) {
        tokio::time::sleep(Duration::from_millis(500)).await;
        sqlx::query(
            "update operations set wake_at = now(), lease_until = now()
             where finished_at is null and owner is not null",
        )
        .execute(&self.pool)
        .await
        .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_succeeds_and_leaves_nothing() {
    assert_eq!(run(0).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_succeeds_while_the_worker_is_killed_again_and_again() {
    assert!(run(KILLS).await > 0);
}
