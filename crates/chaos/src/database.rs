//! The primary and its standby, and what can happen to them.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rustix::process::Signal;
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};

use crate::postgres::{Programs, Server};
use crate::proxy::Proxy;

/// The database of the service.
pub(crate) const NAME: &str = "service";
/// The roles of an installation.
const ROLES: &str = include_str!("../../../docker/roles.sql");
/// How long a failover waits for the standby to have everything that was acknowledged.
const CATCH_UP: Duration = Duration::from_secs(20);
/// How far an asynchronous standby is behind at a failover.
const ASYNCHRONOUS_LAG: Duration = Duration::from_secs(2);

/// A primary with a streaming standby.
#[derive(Debug)]
pub(crate) struct Database {
    primary: Server,
    standby: Server,
    proxies: Vec<Proxy>,
    is_synchronous: bool,
    /// How the last standby was made.
    pub(crate) last_copy: &'static str,
}

impl Database {
    pub(crate) async fn start(
        root: &Path,
        megabytes: u64,
        settings: &'static [&'static str],
        is_synchronous: bool,
    ) -> Result<Self> {
        let programs = tokio::task::spawn_blocking(Programs::find).await??;
        let primary = Server::new(&programs, root, "postgres-a", megabytes, settings)?;
        let standby = Server::new(&programs, root, "postgres-b", megabytes, settings)?;
        let mut database = Self {
            primary,
            standby,
            proxies: Vec::new(),
            is_synchronous,
            last_copy: "",
        };
        database.primary.initialise().await?;
        database.primary.start().await?;
        let create = format!("create database {NAME}");
        database.primary.execute("postgres", &[&create]).await?;
        database.primary.execute(NAME, &[ROLES]).await?;
        database.attach_standby(false).await?;
        Ok(database)
    }

    /// These proxies lead to the primary from now on.
    pub(crate) fn route(&mut self, proxies: Vec<Proxy>) {
        self.proxies = proxies;
        self.redirect();
    }

    fn redirect(&self) {
        for proxy in &self.proxies {
            proxy.redirect(self.primary.port);
        }
    }

    pub(crate) fn url_as(&self, role: &str) -> String {
        self.primary.url(role, NAME)
    }

    pub(crate) fn port(&self) -> u16 {
        self.primary.port
    }

    pub(crate) fn has_own_disk(&self) -> bool {
        self.primary.has_own_disk()
    }

    pub(crate) async fn connect(&self) -> Result<PgConnection> {
        self.primary.connect(NAME).await
    }

    /// The rows of a query as JSON objects.
    pub(crate) async fn rows(&self, query: &str) -> Result<Vec<Value>> {
        let mut connection = self.connect().await?;
        rows(&mut connection, query).await
    }

    pub(crate) async fn execute(&self, statement: &str) -> Result<()> {
        self.primary.execute(NAME, &[statement]).await
    }

    /// Stops the primary with a signal and starts it again after a pause.
    pub(crate) async fn restart(&mut self, signal: Signal, pause: Duration) -> Result<()> {
        self.primary.stop(signal).await;
        tokio::time::sleep(pause).await;
        self.start_primary().await
    }

    async fn start_primary(&mut self) -> Result<()> {
        let mut outcome = Ok(());
        for _ in 0..20 {
            outcome = self.primary.start().await;
            if outcome.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        outcome
    }

    /// Starts what has ended by itself, for example on a full disk. Returns what that was.
    pub(crate) async fn supervise(&mut self) -> Result<Option<&'static str>> {
        if !self.primary.is_running() {
            self.start_primary().await?;
            return Ok(Some("the primary"));
        }
        if !self.standby.is_running() {
            if self.standby.start().await.is_err() {
                self.attach_standby(false).await?;
            }
            return Ok(Some("the standby"));
        }
        Ok(None)
    }

    /// Kills the primary and makes the standby the primary. The old one becomes the standby.
    ///
    /// As every manager of failovers, this waits before until the standby has what the primary
    /// acknowledged: after a crash, a primary shows commits that were never acknowledged and that
    /// the standby does not have yet.
    pub(crate) async fn fail_over(&mut self) -> Result<()> {
        if self.is_synchronous {
            self.await_standby().await?;
        } else {
            // What an asynchronous standby lacks when the network was slow for some time.
            self.standby.freeze(true);
            tokio::time::sleep(ASYNCHRONOUS_LAG).await;
        }
        self.primary.stop(Signal::KILL).await;
        self.standby.freeze(false);
        self.standby.promote().await?;
        std::mem::swap(&mut self.primary, &mut self.standby);
        // Until it has a standby, the new primary commits alone.
        self.set_synchronous(false).await?;
        self.redirect();
        Ok(())
    }

    /// Makes the old primary the standby of the new one.
    pub(crate) async fn attach_standby(&mut self, rewind: bool) -> Result<()> {
        self.standby.stop(Signal::QUIT).await;
        self.last_copy = self.standby.follow(&self.primary, rewind).await?;
        self.standby.start().await?;
        self.set_synchronous(self.is_synchronous).await?;
        self.await_standby().await
    }

    async fn set_synchronous(&self, on: bool) -> Result<()> {
        let names = if on { "*" } else { "" };
        let set = format!("alter system set synchronous_standby_names = '{names}'");
        let statements = [set.as_str(), "select pg_reload_conf()"];
        self.primary.execute("postgres", &statements).await
    }

    /// Waits until the standby has all that the primary has written until now.
    async fn await_standby(&self) -> Result<()> {
        let began = Instant::now();
        let mut connection = self.primary.connect("postgres").await?;
        let end = "select pg_current_wal_flush_lsn()::text";
        let end: String = sqlx::query_scalar(end).fetch_one(&mut connection).await?;
        let has_it = "select exists (select 1 from pg_stat_replication
            where state = 'streaming' and flush_lsn >= $1::pg_lsn)";
        while began.elapsed() < CATCH_UP {
            let query = sqlx::query_scalar(has_it).bind(&end);
            if query.fetch_one(&mut connection).await? {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("the standby did not catch up")
    }

    pub(crate) fn freeze_standby(&mut self, frozen: bool) {
        self.standby.freeze(frozen);
    }

    pub(crate) fn freeze_primary(&mut self, frozen: bool) {
        self.primary.freeze(frozen);
    }

    pub(crate) fn fill_disk(&self) {
        self.primary.fill_disk();
    }

    pub(crate) fn empty_disk(&self) {
        self.primary.empty_disk();
    }
}

/// The rows of a query as JSON objects.
pub(crate) async fn rows(connection: &mut PgConnection, query: &str) -> Result<Vec<Value>> {
    let text = format!("select coalesce(json_agg(t), '[]') from ({query}) t");
    let query = sqlx::query_scalar::<_, Value>(AssertSqlSafe(text));
    match query.fetch_one(connection).await? {
        Value::Array(rows) => Ok(rows),
        _ => Ok(Vec::new()),
    }
}
