//! Floor 1, the store: Postgres, and the only SQL. Operations and steps never enter; they get plain data.
//!
//! Every write of a worker names its epoch and checks that a row was touched ([`record`], [`intents`]). Every
//! transaction runs in a task of its own that a dropped caller cannot cancel ([`detached`]).

use std::future::Future;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};

mod accept;
mod change;
mod claims;
mod clusters;
mod detached;
mod events;
mod idempotency;
mod insert;
mod intents;
mod inventory;
mod leases;
mod metrics;
mod operations;
mod poll;
mod private;
mod record;
mod rows;
mod schema;
mod singleton_jobs;
mod step_durations;
mod supersede;
mod sweep;
mod tasks;
mod tokens;
mod undo;
mod waiting;
mod wake;

pub use accept::{Accepted, NewOperation};
pub use change::Change;
pub use claims::{Claim, LEASE};
pub use clusters::ClusterFilter;
pub use events::EventPosition;
pub use idempotency::IdempotencyKey;
pub use metrics::Unfinished;
pub use operations::OperationFilter;
pub use poll::DetailsDue;
pub use private::{PRIVATE_DATABASE, prepare_private_database};
pub use record::{Recorded, SentCall, SentOutcome, TurnReport};
pub use schema::{Durability, SchemaState};
pub use singleton_jobs::SingletonJob;
pub use supersede::Retried;
pub use tokens::{StoredToken, TokenRecord};
pub use undo::{UndoOf, UndoRequested};
pub use wake::Wakeups;

/// A fault of the database or of what it holds.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another worker, or a delete, has taken the operation over: nothing was written.
    #[error("the operation was taken over by another worker")]
    Fenced,
    /// The database did not answer, or refused.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// A row holds what no version of this program writes.
    #[error("the database holds an unreadable {what}: {detail}")]
    Unreadable {
        /// Which column.
        what: &'static str,
        /// Why.
        detail: String,
    },
    /// The task that ran the transaction ended early.
    #[error("the transaction's task failed: {0}")]
    Task(String),
    /// The migrations could not be applied.
    #[error("the migrations failed")]
    Migration(#[from] sqlx::migrate::MigrateError),
}

impl StoreError {
    /// Whether the database cannot be used right now, for a reason that passes: it is away, overloaded, shutting down, or
    /// not migrated yet.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Database(error) => match error {
                sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed => true,
                sqlx::Error::Database(error) => {
                    error.code().is_some_and(|code| is_passing_state(&code))
                }
                _ => false,
            },
            Self::Fenced | Self::Unreadable { .. } | Self::Task(_) | Self::Migration(_) => false,
        }
    }

    /// The constraint that a write would have broken, if that is what happened.
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Database(sqlx::Error::Database(error)) => error.constraint(),
            Self::Database(_)
            | Self::Fenced
            | Self::Unreadable { .. }
            | Self::Task(_)
            | Self::Migration(_) => None,
        }
    }
}

/// Whether an SQLSTATE (PostgreSQL manual, appendix A) tells of a state that passes.
fn is_passing_state(code: &str) -> bool {
    let classes = ["08", "25", "28", "40", "53", "57"];
    // Lock timeout, no such database, no such table: the last two until somebody has made and migrated them.
    classes.iter().any(|class| code.starts_with(class))
        || ["55P03", "3D000", "42P01"].contains(&code)
}

/// The store: a pool of connections to one database.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
    announcing: Arc<AtomicBool>,
}

/// How to reach the database.
#[derive(Debug, Clone)]
pub struct Connection {
    /// A `postgres://` URL.
    pub url: String,
    /// Most connections of this process.
    pub max_connections: u32,
    /// Longest wait for a free connection.
    pub acquire_timeout: Duration,
}

impl Store {
    /// Prepares the pool. Connections are made when they are needed, so this succeeds while the database is away; a URL
    /// that cannot be read is an error.
    pub fn open(connection: &Connection) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(&connection.url)?
            .application_name("dax-provisioner")
            .options([
                ("statement_timeout", "5s"),
                ("lock_timeout", "2s"),
                ("idle_in_transaction_session_timeout", "5s"),
            ]);
        let pool = PgPoolOptions::new()
            .max_connections(connection.max_connections)
            .acquire_timeout(connection.acquire_timeout)
            .test_before_acquire(false)
            .after_release(|connection, _| Box::pin(detached::end_leaked_transaction(connection)))
            .connect_lazy_with(options);
        Ok(Self {
            pool,
            announcing: Arc::default(),
        })
    }

    /// Whether the database answers, by a connection of its own: a pool would only say that it waited in vain.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let options = self.pool.connect_options();
        let greeting = async { PgConnection::connect_with(&options).await?.close().await };
        let timeout = self.pool.options().get_acquire_timeout();
        let greeted = tokio::time::timeout(timeout, greeting).await;
        Ok(greeted.unwrap_or(Err(sqlx::Error::PoolTimedOut))?)
    }

    /// Waits for running statements and closes every connection.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Runs work on the database in a task of its own, which finishes even if the caller is dropped.
    async fn detached<T, F>(&self, work: impl FnOnce(PgPool) -> F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        detached::run(work(self.pool.clone())).await
    }
}
