//! The life of one cluster over HTTP, by real processes: one that answers and one that works; the second one is also
//! killed again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dax_provisioner::aws::{Aws, Target};
use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::mutation::bodies::ClusterUpdate;
use local_postgres::LocalPostgres;
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::engine::processes::{BINARY, Running, call, start};

/// Longest an operation may take: a killed worker's lease is 15 s, and it may be killed in each of its turns.
const TIMEOUT: Duration = Duration::from_secs(240);
/// Most times the worker is killed.
const KILLS: usize = 10;

/// The service as its callers reach it, and the sandbox behind it.
struct LifeTest {
    client: Client,
    url: String,
    aws: String,
}

impl LifeTest {
    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self
            .client
            .request(method.clone(), format!("{}{path}", self.url));
        if method == Method::PATCH {
            request = request.header("if-match", "*");
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        (
            answer.status().as_u16(),
            answer.json().await.unwrap_or_default(),
        )
    }

    async fn get(&self, path: &str) -> Value {
        self.ask(Method::GET, path, None).await.1
    }

    /// Sends a change and reads its operation until it has succeeded.
    async fn change(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let (status, accepted) = self.ask(method.clone(), path, body).await;
        assert_eq!(status, 202, "{method} {path}: {accepted:#}");
        let id = accepted["id"].as_str().unwrap().to_owned();
        let began = Instant::now();
        loop {
            let operation = self.get(&format!("/v1/operations/{id}")).await;
            match operation["status"].as_str().unwrap() {
                "succeeded" => return operation,
                "pending" | "running" => {}
                other => panic!("{method} {path} is {other}: {operation:#}"),
            }
            assert!(
                began.elapsed() < TIMEOUT,
                "{method} {path} takes too long: {operation:#}"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// A change by the account's administrator, who is not the service.
    async fn change_from_outside(&self, update: ClusterUpdate) {
        let aws = Aws::open(&Target::Sandbox {
            endpoint: self.aws.clone(),
            region: "us-east-1".to_owned(),
            access_key_id: "sandbox".to_owned(),
            secret_access_key: "sandbox".to_owned(),
            sandbox_id: String::new(),
        })
        .await;
        let place = aws.place().await.unwrap();
        aws.send(&Mutation::UpdateCluster(Box::new(update)), &place)
            .await
            .unwrap();
    }
}

fn wanted() -> Value {
    json!({
        "name": "orders", "description": "read cache of the orders team", "node_type": "dax.t3.small",
        "replication_factor": 2, "availability_zones": ["us-east-1a", "us-east-1b"],
        "service_role": {"access": "read_write", "tables": ["Orders", "Customers"]},
        "parameters": {"record_ttl_millis": 60000, "query_ttl_millis": 60000},
        "encryption_at_rest": true, "encryption_in_transit": true, "maintenance_window": "sun:05:00-sun:06:00",
        "notification_topic_arn": "arn:aws:sns:us-east-1:123456789012:dax-events",
        "tags": {"team": "orders", "stage": "test"}, "deletion_protection": true, "on_failure": "hold",
    })
}

async fn live(life: &LifeTest) {
    let cluster = "/v1/clusters/orders";
    let to = |part: &str| format!("{cluster}/{part}");
    life.change(Method::POST, "/v1/clusters", Some(wanted()))
        .await;
    life.change(
        Method::POST,
        &to("scale"),
        Some(json!({"replication_factor": 4})),
    )
    .await;
    let patch =
        json!({"parameters": {"record_ttl_millis": 120000}, "reboot_nodes_if_needed": true});
    life.change(Method::PATCH, cluster, Some(patch)).await;
    life.change(Method::POST, &to("reboot"), None).await;
    let patch = json!({"tags": {"team": "payments", "stage": null}, "service_role": {"tables": ["Payments"]}});
    life.change(Method::PATCH, cluster, Some(patch)).await;
    life.change(
        Method::POST,
        &to("scale"),
        Some(json!({"replication_factor": 1})),
    )
    .await;
    let description = Some("somebody was here".to_owned());
    life.change_from_outside(ClusterUpdate {
        name: "orders".to_owned(),
        description,
        ..ClusterUpdate::default()
    })
    .await;
    let drift = until_drifted(life, &to("drift")).await;
    assert_eq!(drift["fields"][0]["field"], "description", "{drift:#}");
    life.change(Method::POST, &to("repair"), None).await;
    let view = life.get(cluster).await;
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
    let (status, refused) = life.ask(Method::DELETE, cluster, None).await;
    assert_eq!(
        (status, refused["code"].as_str()),
        (409, Some("deletion_protected"))
    );
    life.change(
        Method::PATCH,
        cluster,
        Some(json!({"deletion_protection": false})),
    )
    .await;
    life.change(Method::DELETE, cluster, None).await;
}

async fn until_drifted(life: &LifeTest, path: &str) -> Value {
    let began = Instant::now();
    loop {
        let drift = life.get(path).await;
        if drift["drifted"] == true {
            return drift;
        }
        assert!(began.elapsed() < TIMEOUT, "no drift is seen: {drift:#}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Names of what the service can have made, as the sandbox has them.
async fn left_over(life: &LifeTest) -> Vec<String> {
    let inventory = call(life.client.get(format!("{}/_sandbox/inventory", life.aws))).await;
    let text = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    let lists = [
        "clusters",
        "roles",
        "policies",
        "subnet_groups",
        "parameter_groups",
    ];
    let all = lists
        .iter()
        .flat_map(|list| inventory[*list].as_array().cloned().unwrap_or_default());
    all.map(|one| text(&one))
        .filter(|name| name.starts_with("dax-") || name == "orders")
        .collect()
}

/// Runs a life with a worker that is killed every second or so, or left alone. Returns how often it was killed.
async fn run(kills: usize) -> usize {
    let settings = local_postgres::Settings {
        durable: true,
        ..local_postgres::Settings::for_tests("dax-provisioner-life")
    };
    let postgres = tokio::task::spawn_blocking(move || LocalPostgres::start(&settings).unwrap())
        .await
        .unwrap();
    let database = postgres.url("postgres");
    let migrated = std::process::Command::new(BINARY)
        .arg("migrate")
        .env("DATABASE_URL", &database)
        .status();
    assert!(migrated.unwrap().success());
    let times = [
        "--creating-seconds",
        "0.5",
        "--propagation-seconds",
        "0.2",
        "--modifying-seconds",
        "0.3",
    ];
    let sandbox = [
        &["sandbox", "--port", "0", "--rebooting-seconds", "0.3"],
        times.as_slice(),
    ]
    .concat();
    let (_sandbox, aws) = start(&sandbox, &database, "--endpoint-url");
    let serve = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--aws-endpoint",
        &aws,
        "--authentication",
        "off",
        "--role",
    ];
    let (_api, url) = start(
        &[serve.as_slice(), &["api"]].concat(),
        &database,
        "listening",
    );
    let work = [serve.as_slice(), &["worker"]]
        .concat()
        .into_iter()
        .map(str::to_owned)
        .collect::<Vec<_>>();
    let (over, killed) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let (told, count) = (Arc::clone(&over), Arc::clone(&killed));
    let worker = std::thread::spawn(move || keep_working(&work, &database, kills, &told, &count));
    let life = LifeTest {
        client: Client::builder().no_proxy().build().unwrap(),
        url,
        aws,
    };
    live(&life).await;
    over.store(true, Ordering::SeqCst);
    worker.join().unwrap();
    assert_eq!(left_over(&life).await, Vec::<String>::new());
    let killed = killed.load(Ordering::SeqCst);
    let history = life.get("/v1/operations?cluster=orders&limit=100").await;
    let operations = history["items"].as_array().unwrap();
    assert!(
        operations.iter().all(|one| one["status"] == "succeeded"),
        "{history:#}"
    );
    println!(
        "life over HTTP: {} operations succeeded, the worker was killed {killed} times",
        operations.len()
    );
    killed
}

/// Runs a worker until the life is over, and kills it a few times on the way, at moments drawn at random.
fn keep_working(
    arguments: &[String],
    database: &str,
    kills: usize,
    over: &AtomicBool,
    killed: &AtomicUsize,
) {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    while !over.load(Ordering::SeqCst) {
        let (worker, _) = start(&arguments, database, "listening");
        let mortal = killed.load(Ordering::SeqCst) < kills;
        let until =
            Instant::now() + Duration::from_millis(500 + u64::from(rand::random::<u16>() % 1_000));
        while !over.load(Ordering::SeqCst) && (!mortal || Instant::now() <= until) {
            std::thread::park_timeout(Duration::from_millis(20));
        }
        if mortal && !over.load(Ordering::SeqCst) {
            killed.fetch_add(1, Ordering::SeqCst);
        }
        end(worker);
    }
}

fn end(worker: Running) {
    // Dropping it kills it with SIGKILL.
    drop(worker);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_lives_through_every_change_and_leaves_nothing() {
    assert_eq!(run(0).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_does_so_while_the_worker_is_killed_again_and_again() {
    assert!(run(KILLS).await > 0);
}
