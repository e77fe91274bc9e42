//! Everything that runs: the database, the sandbox, the replicas, and what was counted.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::sync::Mutex;

use crate::aws::Sandbox;
use crate::database::Database;
use crate::options::Options;
use crate::postgres;
use crate::service::{Installation, Replica};

pub(crate) const REPLICAS: usize = 3;
/// Connections of a replica to the database.
const CONNECTIONS: u32 = 16;
/// The same under overload: each is a process, and competes with the replicas for the same processors.
const OVERLOAD_CONNECTIONS: u32 = 4;
/// Size of the disk of a server under overload, which has PostgreSQL's defaults.
const OVERLOAD_MEGABYTES: u64 = 4_000;

#[derive(Debug)]
pub(crate) struct Arena {
    pub(crate) database: Mutex<Database>,
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) installation: Installation,
    pub(crate) replicas: Vec<Mutex<Replica>>,
    pub(crate) began: Instant,
    counts: StdMutex<BTreeMap<String, usize>>,
    violations: StdMutex<Vec<String>>,
}

impl Arena {
    pub(crate) async fn start(options: &Options, binary: &Path, root: &Path) -> Result<Self> {
        let has_faults = options.command.is_none();
        let minutes = options.duration.as_secs() / 60;
        let (megabytes, settings, connections) = match has_faults {
            true => (
                (600 + 25 * minutes).min(8_000),
                postgres::SMALL,
                CONNECTIONS,
            ),
            false => (OVERLOAD_MEGABYTES, [].as_slice(), OVERLOAD_CONNECTIONS),
        };
        let is_synchronous = !options.asynchronous;
        let mut database = Database::start(root, megabytes, settings, is_synchronous).await?;
        let sandbox = Arc::new(Sandbox::start(binary, root).await?);
        sandbox.create_foreign().await?;
        let url = |role: &str| database.url_as(role);
        let installation = Installation::set_up(binary, root, connections, url).await?;
        let mut replicas = Vec::new();
        for number in 0..REPLICAS {
            let name = format!("replica-{number}");
            let replica = Replica::new(&name, database.port(), sandbox.port, has_faults);
            replicas.push(replica.await?);
        }
        let proxies = replicas.iter().map(|replica| replica.database.clone());
        database.route(proxies.collect());
        let arena = Self {
            database: Mutex::new(database),
            sandbox,
            installation,
            replicas: replicas.into_iter().map(Mutex::new).collect(),
            began: Instant::now(),
            counts: StdMutex::default(),
            violations: StdMutex::default(),
        };
        for replica in &arena.replicas {
            replica.lock().await.start(&arena.installation)?;
        }
        for replica in &arena.replicas {
            replica
                .lock()
                .await
                .await_ready(Duration::from_secs(60))
                .await?;
        }
        Ok(arena)
    }

    pub(crate) async fn front_ports(&self) -> Vec<u16> {
        let mut ports = Vec::new();
        for replica in &self.replicas {
            ports.push(replica.lock().await.front.port);
        }
        ports
    }

    pub(crate) fn count(&self, what: &str, number: usize) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(what.to_owned()).or_default() += number;
    }

    pub(crate) fn counts(&self) -> BTreeMap<String, usize> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.clone()
    }

    pub(crate) fn violation(&self, what: String) {
        println!(
            "{:8.1} s  VIOLATION {what}",
            self.began.elapsed().as_secs_f64()
        );
        let mut violations = self
            .violations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        violations.push(what);
    }

    pub(crate) fn violations(&self) -> Vec<String> {
        let violations = self
            .violations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        violations.clone()
    }

    pub(crate) fn say(&self, what: &str) {
        println!("{:8.1} s  {what}", self.began.elapsed().as_secs_f64());
    }

    /// Starts again what has ended by itself. A replica never may.
    pub(crate) async fn supervise(&self) {
        if let Ok(mut database) = self.database.try_lock() {
            match database.supervise().await {
                Ok(None) => {}
                Ok(Some(what)) => self.say(&format!("{what} was started again")),
                Err(error) => self.violation(format!("harness: {error:#}")),
            }
        }
        for replica in &self.replicas {
            let Ok(mut replica) = replica.try_lock() else {
                continue;
            };
            if let Some(end) = replica.unexpected_end() {
                self.violation(end);
                if let Err(error) = replica.start(&self.installation) {
                    self.violation(format!("harness: {error:#}"));
                }
            }
        }
    }
}
