//! A world of its own for each test: a fresh database, a sandbox on a free port, and workers stepped by hand.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use aws_sandbox::Sandbox;
use dax_provisioner::aws::{Aws, Target};
use dax_provisioner::domain::installation::AwsAccount;
use dax_provisioner::domain::operation::{Kind, Operation, Status};
use dax_provisioner::domain::spec::{ClusterSpec, DeleteSpec};
use dax_provisioner::inspections::Inspector;
use dax_provisioner::operations;
use dax_provisioner::operations::timing::{Settings, Timing};
use dax_provisioner::store::{Accepted, Connection, Store};
use dax_provisioner::worker::{TurnResult, Worker};
use local_postgres::LocalPostgres;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::support::identity::{SERVICE, make_boundary};
use crate::support::requests::new_operation;

/// Most turns any test needs; more means that something goes round in circles.
const TURNS: usize = 2_000;

static SERVER: OnceLock<LocalPostgres> = OnceLock::new();
static TEMPLATE: OnceCell<()> = OnceCell::const_new();

/// One test's world.
pub struct TestEnv {
    pub store: Store,
    pub pool: PgPool,
    /// The URL of its database.
    pub url: String,
    pub sandbox: Sandbox,
    /// What serves the sandbox.
    pub server: tokio::task::AbortHandle,
    pub endpoint: String,
    /// AWS as the service meets it: its identity holds exactly the policy that is shipped, boundary included.
    pub aws: Aws,
    /// AWS as its administrator meets it, who makes what belongs to others.
    pub admin: Aws,
    pub place: AwsAccount,
    pub settings: Settings,
}

fn server() -> &'static LocalPostgres {
    SERVER.get_or_init(|| {
        LocalPostgres::start(&local_postgres::Settings::for_tests(
            "dax-provisioner-tests",
        ))
        .unwrap_or_else(|error| panic!("{error}"))
    })
}

/// The URL of a new database with every migration applied.
pub async fn new_database() -> String {
    let server = server();
    let admin = PgPoolOptions::new()
        .max_connections(1)
        .connect(&server.url("postgres"))
        .await
        .unwrap();
    TEMPLATE
        .get_or_init(|| async {
            sqlx::query("create database template_it")
                .execute(&admin)
                .await
                .unwrap();
            let store = open_store(&server.url("template_it"));
            store.migrate().await.unwrap();
            store.close().await;
        })
        .await;
    copy_of("template_it").await
}

/// The URL of a new database that is a copy of another, to which nobody is connected.
pub async fn copy_of(template: &str) -> String {
    let server = server();
    let admin = PgPoolOptions::new()
        .max_connections(1)
        .connect(&server.url("postgres"))
        .await
        .unwrap();
    let name = format!("it_{}", Uuid::now_v7().simple());
    // Two copies of one template at once are refused, so a copy that meets another tries again.
    for _ in 0..200 {
        let copy = format!("create database {name} template {template} strategy file_copy");
        match sqlx::query(sqlx::AssertSqlSafe(copy)).execute(&admin).await {
            Ok(_) => {
                admin.close().await;
                return server.url(&name);
            }
            Err(error) if error.to_string().contains("being accessed by other users") => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the template database stayed busy");
}

/// Removes a database, whoever still uses it.
pub async fn drop_database(name: &str) {
    let admin = PgPoolOptions::new()
        .max_connections(1)
        .connect(&server().url("postgres"))
        .await
        .unwrap();
    let drop = format!("drop database {name} with (force)");
    sqlx::query(sqlx::AssertSqlSafe(drop))
        .execute(&admin)
        .await
        .unwrap();
    admin.close().await;
}

fn open_store(url: &str) -> Store {
    let acquire_timeout = Duration::from_secs(20);
    Store::open(&Connection {
        url: url.to_owned(),
        max_connections: 6,
        acquire_timeout,
    })
    .unwrap()
}

/// A sandbox whose states pass at once.
pub fn instant() -> aws_sandbox::Settings {
    aws_sandbox::Settings {
        creating_seconds: 0.0,
        deleting_seconds: 0.0,
        modifying_seconds: 0.0,
        rebooting_seconds: 0.0,
        propagation_seconds: 0.0,
        ..aws_sandbox::Settings::default()
    }
}

impl TestEnv {
    pub async fn new() -> Self {
        Self::with(instant()).await
    }

    pub async fn with(settings: aws_sandbox::Settings) -> Self {
        Self::over(Sandbox::open(settings).unwrap(), new_database().await, None).await
    }

    /// A world of this sandbox and this database. `boundary` is the one that an earlier world of theirs has made.
    pub async fn over(sandbox: Sandbox, url: String, boundary: Option<String>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let served = sandbox.clone();
        let server =
            tokio::spawn(async move { served.serve(listener, std::future::pending()).await })
                .abort_handle();
        let store = open_store(&url);
        let pool = PgPoolOptions::new()
            .max_connections(2)
            .connect(&url)
            .await
            .unwrap();
        let admin = aws_as(&sandbox, &endpoint, "sandbox", "sandbox").await;
        let place = admin.place().await.unwrap();
        let is_new = boundary.is_none();
        let boundary = match boundary {
            Some(boundary) => boundary,
            None => make_boundary(&admin, &place).await,
        };
        let aws = aws_as(&sandbox, &endpoint, SERVICE, SERVICE).await;
        store.claim_account(&place).await.unwrap();
        // No time is slept away: a test moves the operations' own clock by `hurry`.
        let timing = Timing {
            cluster_poll: Duration::from_millis(10),
            release_poll: Duration::from_millis(10),
            role_recheck: Duration::from_millis(10),
            propagation: Duration::from_secs(60),
            absence: Duration::from_millis(200),
            settle: Duration::from_millis(10),
            refresh: Duration::from_millis(100),
            details: Duration::from_millis(100),
        };
        let settings = Settings {
            permissions_boundary: Some(boundary),
            timing,
        };
        let world = Self {
            store,
            pool,
            url,
            sandbox,
            server,
            endpoint,
            aws,
            admin,
            place,
            settings,
        };
        if is_new {
            world.grant(&[], Vec::new());
        }
        world
    }

    /// A worker that has nothing to do with any other.
    pub fn worker(&self, name: &str) -> Worker {
        let world = operations::StepEnvironment {
            aws: self.aws.clone(),
            place: self.place.clone(),
            settings: self.settings.clone(),
        };
        Worker::new(
            self.store.clone(),
            world,
            Inspector::new(self.aws.clone()),
            name.to_owned(),
        )
    }

    pub async fn create(&self, spec: &ClusterSpec) -> Uuid {
        let new = new_operation(Kind::CreateCluster);
        assert_eq!(
            self.store.accept_create(&new, spec).await.unwrap(),
            Accepted::Created(new.id)
        );
        new.id
    }

    pub async fn delete(&self, name: &str) -> Uuid {
        let new = new_operation(Kind::DeleteCluster);
        let accepted = self
            .store
            .accept_delete(&new, name, &DeleteSpec::default())
            .await
            .unwrap();
        assert_eq!(accepted, Accepted::Created(new.id));
        new.id
    }

    pub async fn operation(&self, id: Uuid) -> Operation {
        self.store.operation(id).await.unwrap().unwrap()
    }

    /// Lets time pass for every operation that waits: each is due now. Operations that only a person wakes stay.
    pub async fn hurry(&self) {
        sqlx::query("update operations set wake_at = now() where finished_at is null and owner is null and wake_at <> 'infinity'")
            .execute(&self.pool)
            .await
            .unwrap();
    }

    /// Lets every lease end, as when its holder has died.
    pub async fn end_leases(&self) {
        sqlx::query("update operations set wake_at = now(), lease_until = now() where finished_at is null and owner is not null")
            .execute(&self.pool)
            .await
            .unwrap();
    }

    /// Steps a worker until an operation is finished or blocked.
    pub async fn settle(&self, worker: &Worker, id: Uuid) -> Operation {
        for _ in 0..TURNS {
            let operation = self.operation(id).await;
            if operation.status.is_finished() || operation.status == Status::Blocked {
                return operation;
            }
            self.hurry().await;
            worker.turn().await.unwrap();
        }
        panic!(
            "{:?} is not settled after {TURNS} turns",
            self.operation(id).await
        );
    }

    /// Steps a worker until an operation is finished; a blocked one is visited again.
    pub async fn finish(&self, worker: &Worker, id: Uuid) -> Operation {
        for _ in 0..TURNS {
            let operation = self.operation(id).await;
            if operation.status.is_finished() {
                return operation;
            }
            self.hurry().await;
            worker.turn().await.unwrap();
        }
        panic!(
            "{:?} is not finished after {TURNS} turns",
            self.operation(id).await
        );
    }

    /// Takes one turn that must find work.
    pub async fn one_turn(&self, worker: &Worker) {
        self.hurry().await;
        assert_ne!(worker.turn().await.unwrap(), TurnResult::Idle);
    }

    /// What exists in AWS beyond what a fresh account has and its service-linked role.
    pub fn made_in_aws(&self) -> Vec<String> {
        let boundary = self.settings.permissions_boundary.as_deref();
        let mut made = self.sandbox.inventory().made();
        made.retain(|arn| Some(arn.as_str()) != boundary);
        made
    }

    /// How often each mutating call took effect, by call and target.
    pub fn effects(&self) -> BTreeMap<(String, String), usize> {
        let mut effects = BTreeMap::new();
        for call in self.service_calls().into_iter().filter(|call| call.effect) {
            let target = call.target.unwrap_or_default();
            *effects
                .entry((call.operation.into_owned(), target))
                .or_default() += 1;
        }
        effects
    }

    /// How often a call was sent.
    pub fn sent(&self, call: &str) -> usize {
        self.service_calls()
            .iter()
            .filter(|one| one.operation == call)
            .count()
    }
}

/// Clients that sign with these keys.
pub async fn aws_as(sandbox: &Sandbox, endpoint: &str, key: &str, secret: &str) -> Aws {
    Aws::open(&Target::Sandbox {
        endpoint: endpoint.to_owned(),
        region: "us-east-1".to_owned(),
        access_key_id: key.to_owned(),
        secret_access_key: secret.to_owned(),
        sandbox_id: sandbox.id(),
    })
    .await
}
