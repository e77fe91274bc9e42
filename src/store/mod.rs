//! Layer 1, the store: Postgres, and the only SQL. It depends on `domain` only and exchanges plain
//! data.
//!
//! Every write by a worker names its epoch and checks that it changed a row ([`record`],
//! [`intents`]). Every transaction runs in its own task, which a dropped caller cannot cancel
//! ([`detached`]). A request ends an operation in [`finish`], a turn in its [`record`]. Every event is
//! inserted by [`events`], except by three single statements: the acceptance of creates, the record of
//! a turn, and the announcement of expiries.
//!
//! Plans are kept for the life of a connection, and the first one may be made while a table is
//! empty. So a statement of a hot path finds a row by a unique key, without the condition of a
//! partial index, in a scalar subquery or under a `limit`, which no plan can read in another way.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use tokio::sync::Notify;

use crate::domain::target::TargetName;

use batches::Batches;
use pool::Pool;
use step_durations::MediansCache;
use wake::{Wakeup, WakeupsOfTargets};

mod accept;
mod approvals;
mod audit;
mod audit_log;
mod audit_reader;
mod batches;
mod change;
mod claims;
mod clusters;
mod create_queue;
mod detached;
mod event_feed;
mod events;
mod expiry;
mod finish;
mod idempotency;
mod insert;
mod intents;
mod inventory;
mod leases;
mod metrics;
mod operation_reads;
mod operations;
mod poll;
mod pool;
mod private;
mod projects;
mod record;
mod retention;
mod rows;
mod schema;
mod scopes;
mod shared_rules;
mod singleton_jobs;
mod step_durations;
mod supersede;
mod sweep;
mod targets;
mod tasks;
mod tokens;
mod undo;
mod waiting;
mod wake;
mod webhook_deliveries;
mod webhook_fan_out;
mod webhooks;

pub use accept::{Accepted, ApprovalState, NewOperation};
pub use approvals::{Awaiting, Vote, Voted};
pub use audit::{Actor, Entry};
pub use audit_log::AuditFilter;
pub use audit_reader::AuditReader;
pub use change::Change;
pub use claims::{Claim, Claimant, Claimed, LEASE};
pub use clusters::ClusterFilter;
pub use event_feed::{FeedEvent, FeedFilter, FeedPage, FeedState, Numbered};
pub use events::EventPosition;
pub use expiry::Expired;
pub use idempotency::IdempotencyKey;
pub use operations::{OperationFilter, OperationVersion};
pub use poll::DetailsDue;
pub use private::{PRIVATE_DATABASE, prepare_private_database};
pub use projects::Limit;
pub use record::{Continuation, Next, Recorded, SentCall, SentOutcome, TurnReport};
pub use schema::{Durability, SchemaState};
pub use singleton_jobs::SingletonJob;
pub use supersede::Retried;
pub use targets::Renamed;
pub use tokens::{StoredToken, TokenIdentity, TokenRecord, TokenRights, TokenState};
pub use undo::{UndoOf, UndoRequested};
pub use wake::Wakeups;
pub use webhook_deliveries::{AttemptResult, ClaimLimits, ClaimedDelivery, RunningAttempts};
pub use webhook_fan_out::FannedOut;
pub use webhooks::{NewWebhook, WebhookChange, WebhookSubject};

/// An error of the database or of its content.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another worker or a request has taken over the operation. Nothing was written.
    #[error("the operation was taken over by another worker")]
    Fenced,
    /// The database is unreachable or returned an error.
    #[error("database error")]
    Database(#[from] sqlx::Error),
    /// A column contains a value that this version of the program cannot parse.
    #[error("the database contains an invalid {what}: {detail}")]
    Unreadable {
        /// The column, as `table.column`.
        what: &'static str,
        /// The parse error.
        detail: String,
    },
    /// The task that ran the transaction panicked or was aborted.
    #[error("a task failed: {0}")]
    Task(String),
    /// The migrations could not be applied.
    #[error("the migrations failed")]
    Migration(#[from] sqlx::migrate::MigrateError),
}

impl StoreError {
    /// Whether the database is temporarily unusable: unreachable, overloaded, shutting down, or not
    /// yet migrated.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Database(error) => match error {
                sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed => true,
                sqlx::Error::Database(error) => {
                    error.code().is_some_and(|code| is_transient_state(&code))
                }
                _ => false,
            },
            Self::Fenced | Self::Unreadable { .. } | Self::Task(_) | Self::Migration(_) => false,
        }
    }

    /// Whether PostgreSQL rejected the statement, so that it has certainly had no effect. A pooler can report
    /// a lost connection as an error of the database, after a commit.
    fn is_rejection(&self) -> bool {
        let Self::Database(sqlx::Error::Database(error)) = self else {
            return false;
        };
        let Some(code) = error.code() else {
            return false;
        };
        let classes = ["08", "57", "58", "XX"];
        code != "40003" && !classes.iter().any(|class| code.starts_with(class))
    }

    /// The same failure for another caller of the same statement.
    fn repeated(&self) -> Self {
        if self.is_unavailable() {
            Self::Database(sqlx::Error::PoolTimedOut)
        } else {
            Self::Task(self.to_string())
        }
    }

    /// The name of the constraint that the write violated, if any.
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

/// Whether an SQLSTATE (PostgreSQL manual, appendix A) describes a temporary state.
fn is_transient_state(code: &str) -> bool {
    let classes = ["08", "25", "28", "40", "53", "57"];
    // Lock timeout; no such database or table, which last until an operator creates and migrates
    // the database; no such column or unique columns, after the migration of a newer version, until
    // this process is replaced.
    classes.iter().any(|class| code.starts_with(class))
        || ["55P03", "3D000", "42P01", "42703", "42P10"].contains(&code)
}

/// How the sessions of the service are named in the database.
const APPLICATION: &str = "dax-provisioner";

/// A pool of connections to one database, and the target whose clusters, operations and jobs it reads
/// and writes by name. What an ID names is found in every target.
#[derive(Debug, Clone)]
pub struct Store {
    pool: Pool,
    target: TargetName,
    wakeup: Arc<Wakeup>,
    wakeups: Arc<WakeupsOfTargets>,
    uses_in_flight: tokens::UsesInFlight,
    events: Arc<Notify>,
    medians: Arc<MediansCache>,
    creates: Arc<Batches<batches::Waiting<create_queue::Create>>>,
    records: Arc<Batches<batches::Waiting<record::Turn>>>,
    claims: Arc<Batches<batches::Waiting<claims::Claiming>>>,
    operation_reads: Arc<Batches<operation_reads::Waiting>>,
    turns: projects::Turns,
    actor: Option<Arc<Actor>>,
}

/// Settings of the connection pool.
#[derive(Debug, Clone)]
pub struct Connection {
    /// A `postgres://` URL.
    pub url: String,
    /// Maximum number of connections of this process.
    pub max_connections: u32,
    /// Maximum wait for a free connection.
    pub acquire_timeout: Duration,
    /// Limit of each statement and of each transaction. Longer ones are abandoned, because the
    /// database host may have vanished.
    pub statement_timeout: Duration,
}

impl Store {
    /// Creates the pool. Connections open on first use, so this succeeds while the database is
    /// unreachable. An invalid URL is an error.
    pub fn open(connection: &Connection) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(&connection.url)?
            .application_name(APPLICATION)
            .options([
                ("statement_timeout", "5s"),
                ("lock_timeout", "2s"),
                ("idle_in_transaction_session_timeout", "5s"),
                // Compiling a query of a list takes longer than its rows.
                ("jit", "off"),
            ]);
        let (target, wakeups) = (TargetName::default(), WakeupsOfTargets::default());
        Ok(Self {
            wakeup: wakeups.of(&target),
            wakeups: Arc::new(wakeups),
            target,
            pool: Pool::open(
                options,
                connection.max_connections,
                connection.acquire_timeout,
                connection.statement_timeout,
            ),
            uses_in_flight: tokens::UsesInFlight::default(),
            events: Arc::default(),
            medians: Arc::default(),
            creates: Arc::default(),
            records: Arc::default(),
            claims: Arc::default(),
            operation_reads: Arc::default(),
            turns: projects::Turns::default(),
            actor: None,
        })
    }

    /// The same pool for another target, whose turns and claims wait for no other target.
    pub fn of_target(&self, target: &TargetName) -> Self {
        Self {
            target: target.clone(),
            wakeup: self.wakeups.of(target),
            claims: Arc::default(),
            records: Arc::default(),
            ..self.clone()
        }
    }

    /// The target of this store.
    pub fn target(&self) -> &TargetName {
        &self.target
    }

    /// The same pool for readers and writers that must answer sooner.
    pub fn with_statement_timeout(&self, timeout: Duration) -> Self {
        Self {
            pool: self.pool.with_timeout(timeout),
            ..self.clone()
        }
    }

    /// The same pool for background work, which leaves a quarter of the connections to requests.
    pub fn in_background(&self) -> Self {
        Self {
            pool: self.pool.in_background(),
            ..self.clone()
        }
    }

    /// The same pool for statements that are planned once.
    fn planned_once(&self) -> Self {
        Self {
            pool: self.pool.planned_once(),
            ..self.clone()
        }
    }

    /// Checks that the database responds. It opens its own connection, because the pool reports
    /// only a timeout.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let probe = async {
            let connection = PgConnection::connect_with(self.pool.options()).await?;
            connection.close().await
        };
        let probed = tokio::time::timeout(self.pool.acquire_timeout(), probe).await;
        Ok(probed.unwrap_or(Err(sqlx::Error::PoolTimedOut))?)
    }

    /// Waits for running statements and closes every connection.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Runs work on the database in its own task, which finishes even if the caller is dropped.
    async fn detached<T: Send + 'static>(
        &self,
        work: impl for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, StoreError>>
        + Send
        + 'static,
    ) -> Result<T, StoreError> {
        let outcome = detached::run(self.pool.clone(), self.pool.timeout(), work).await;
        if matches!(
            outcome,
            Err(StoreError::Database(sqlx::Error::PoolTimedOut))
        ) {
            self.pool.suspect_idle();
        }
        self.events.notify_one();
        outcome
    }
}
