//! The environment of one test: a new database, a sandbox on a free port, and workers that take
//! single turns.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sandbox::Sandbox;
use dax_provisioner::aws::{Aws, Target};
use dax_provisioner::domain::installation::AwsAccount;
use dax_provisioner::domain::operation::{Kind, Operation, Status};
use dax_provisioner::domain::spec::{ClusterSpec, DeleteSpec};
use dax_provisioner::inspections::Inspector;
use dax_provisioner::operations;
use dax_provisioner::operations::timing::{Settings, Timing};
use dax_provisioner::store::Store;
use dax_provisioner::worker::{TurnResult, Worker};
use sqlx::PgPool;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::support::database::TestDatabase;
use crate::support::identity::{SERVICE, create_boundary};
use crate::support::requests::new_operation;

/// Limit of turns; no test needs as many.
pub const TURNS: usize = 2_000;

/// Dropping it stops the sandbox and drops the database.
pub struct TestEnv {
    pub store: Store,
    pub pool: PgPool,
    pub database: TestDatabase,
    pub sandbox: Sandbox,
    _server: AbortOnDropHandle<()>,
    pub endpoint: String,
    /// AWS with the service's credentials: they have exactly the shipped policy.
    pub aws: Aws,
    /// AWS with the credentials of the account's administrator.
    pub admin: Aws,
    pub account: AwsAccount,
    pub settings: Settings,
}

/// Sandbox settings without delays between states.
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
        let sandbox = Sandbox::open(settings).unwrap();
        Self::open(sandbox, TestDatabase::new().await, None).await
    }

    /// `boundary` is the permissions boundary that the sandbox already has; without one, the
    /// account is set up for the service.
    pub async fn open(sandbox: Sandbox, database: TestDatabase, boundary: Option<String>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let served = sandbox.clone();
        let server = tokio::spawn(async move {
            let _ = served.serve(listener, std::future::pending()).await;
        });
        let store = database.open_store(6);
        let pool = database.open_pool(2).await;
        let admin = aws_as(&sandbox, &endpoint, "sandbox", "sandbox").await;
        let account = admin.account().await.unwrap();
        let is_new = boundary.is_none();
        let boundary = match boundary {
            Some(boundary) => boundary,
            None => create_boundary(&admin, &account).await,
        };
        let aws = aws_as(&sandbox, &endpoint, SERVICE, SERVICE).await;
        store.claim_account(&account).await.unwrap();
        let env = Self {
            store,
            pool,
            database,
            sandbox,
            _server: AbortOnDropHandle::new(server),
            endpoint,
            aws,
            admin,
            account,
            settings: Settings {
                permissions_boundary: Some(boundary),
                other_boundaries: Vec::new(),
                timing: short_timing(),
            },
        };
        if is_new {
            env.grant(&[], Vec::new());
        }
        env
    }

    /// A worker that shares nothing with other workers but the store.
    pub fn worker(&self, name: &str) -> Worker {
        self.worker_on(self.store.clone(), name)
    }

    /// The same on another store.
    pub fn worker_on(&self, store: Store, name: &str) -> Worker {
        let env = operations::StepEnvironment {
            aws: self.aws.clone(),
            account: self.account.clone(),
            settings: self.settings.clone(),
            candidates: operations::RoleCandidates::default(),
        };
        let inspector = Inspector::new(self.aws.clone());
        Worker::new(store, env, inspector, name.to_owned())
    }

    /// Accepts the create of a cluster.
    pub async fn create(&self, spec: &ClusterSpec) -> Uuid {
        let new = new_operation(Kind::CreateCluster);
        let accepted = self.store.accept_create(&new, spec).await.unwrap();
        assert_eq!(accepted.created(), Some(new.id), "{accepted:?}");
        new.id
    }

    /// Accepts the delete of a cluster.
    pub async fn delete(&self, name: &str) -> Uuid {
        let new = new_operation(Kind::DeleteCluster);
        let accepted = self
            .store
            .accept_delete(&new, name, &DeleteSpec::default())
            .await
            .unwrap();
        assert_eq!(accepted.created(), Some(new.id), "{accepted:?}");
        new.id
    }

    pub async fn operation(&self, id: Uuid) -> Operation {
        self.store.operation(id).await.unwrap().unwrap()
    }

    pub async fn status(&self, id: Uuid) -> Status {
        let name: String = sqlx::query_scalar("select status from operations where id = $1")
            .bind(id)
            .fetch_one(&self.pool)
            .await
            .unwrap();
        name.parse().unwrap()
    }

    /// The sequential scans of these tables, and the rows read, by queries on a store of their own: a
    /// connection reports what it has read when it is closed.
    pub async fn reads_of(&self, tables: &[&str], queries: impl AsyncFnOnce(&Store)) -> (i64, i64) {
        let reads = async || {
            sqlx::query_as::<_, (i64, i64)>(
                "select sum(seq_scan)::bigint,
                        sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint
                 from pg_stat_user_tables where relname = any($1)",
            )
            .bind(tables)
            .fetch_one(&self.pool)
            .await
            .unwrap()
        };
        let before = reads().await;
        let store = self.database.open_store(1);
        queries(&store).await;
        drop(store);
        for _ in 0..200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let after = reads().await;
            if after != before {
                return (after.0 - before.0, after.1 - before.1);
            }
        }
        panic!("the connection reported no reads");
    }

    /// Ends the waits of all operations, except of those that only a retry request wakes.
    pub async fn make_due(&self) {
        sqlx::query(
            "update operations set wake_at = now()
             where finished_at is null and owner is null and wake_at <> 'infinity'",
        )
        .execute(&self.pool)
        .await
        .unwrap();
    }

    /// Ends every lease, as time does when the worker has crashed.
    pub async fn expire_leases(&self) {
        sqlx::query(
            "update operations set wake_at = now(), lease_until = now()
             where finished_at is null and owner is not null",
        )
        .execute(&self.pool)
        .await
        .unwrap();
    }

    /// Makes every singleton job due: the poll and the sweep.
    pub async fn make_jobs_due(&self) {
        sqlx::query("update duties set due_at = now()")
            .execute(&self.pool)
            .await
            .unwrap();
    }

    /// Makes the last poll of all clusters this old.
    pub async fn set_last_poll(&self, seconds_ago: f64) {
        let query = "update duties set done_at = now() - $1::float8 * interval '1 second'
                     where name = 'poll'";
        let query = sqlx::query(query).bind(seconds_ago);
        query.execute(&self.pool).await.unwrap();
    }

    /// Takes turns until an operation is finished or blocked. No process polls: an operation reads its
    /// cluster itself.
    pub async fn settle(&self, worker: &Worker, id: Uuid) -> Operation {
        self.set_last_poll(3_600.0).await;
        self.turns_until(worker, id, |status| {
            status.is_finished() || status == Status::Blocked
        })
        .await
    }

    /// Takes turns until an operation is finished. A blocked one gets turns as well. An operation waits
    /// for the next poll if the last one was recent.
    pub async fn finish(&self, worker: &Worker, id: Uuid) -> Operation {
        self.turns_until(worker, id, Status::is_finished).await
    }

    async fn turns_until(
        &self,
        worker: &Worker,
        id: Uuid,
        is_reached: impl Fn(Status) -> bool,
    ) -> Operation {
        for _ in 0..TURNS {
            if is_reached(self.status(id).await) {
                return self.operation(id).await;
            }
            self.make_due().await;
            worker.turn().await.unwrap();
        }
        panic!("{TURNS} turns: {:#?}", self.operation(id).await);
    }

    /// Takes one turn that must find a due operation.
    pub async fn one_turn(&self, worker: &Worker) {
        self.make_due().await;
        assert_ne!(worker.turn().await.unwrap(), TurnResult::Idle);
    }

    /// Gives a position to every event that is committed now. Other tests use the same server, so
    /// their transactions can delay it.
    pub async fn number_events(&self) {
        for _ in 0..1_000 {
            let numbered = self.store.number_events().await.unwrap();
            if numbered.is_some_and(|numbered| !numbered.is_behind) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("the events of ended transactions got no position");
    }

    /// The resources that a new account does not have, without the service-linked role and the
    /// permissions boundary.
    pub fn created_in_aws(&self) -> Vec<String> {
        let boundary = self.settings.permissions_boundary.as_deref();
        let mut created = self.sandbox.inventory().created();
        created.retain(|arn| Some(arn.as_str()) != boundary);
        created
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

    /// How often the service sent a call.
    pub fn sent(&self, call: &str) -> usize {
        self.service_calls()
            .iter()
            .filter(|one| one.operation == call)
            .count()
    }
}

/// Delays so short that no test sleeps for them; `make_due` ends the rest.
fn short_timing() -> Timing {
    Timing {
        cluster_poll: Duration::from_millis(10),
        release_poll: Duration::from_millis(10),
        role_recheck: Duration::from_millis(10),
        propagation: Duration::from_secs(60),
        absence: Duration::from_millis(200),
        settle: Duration::from_millis(10),
        refresh: Duration::from_millis(100),
        details: Duration::from_millis(100),
    }
}

/// AWS clients that sign with these keys.
pub async fn aws_as(sandbox: &Sandbox, endpoint: &str, key: &str, secret: &str) -> Aws {
    Aws::open(&Target::Sandbox {
        endpoint: endpoint.to_owned(),
        region: "us-east-1".to_owned(),
        access_key_id: key.to_owned(),
        secret_access_key: secret.to_owned(),
        sandbox_id: sandbox.id(),
    })
    .await
    .unwrap()
}
