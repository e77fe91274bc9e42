//! The pool of connections, with a limit for each statement.
//!
//! The pool of sqlx 0.9 sends a message at each release of a connection and waits for the response
//! without a limit. Here a connection returns without a round trip: one whose use was cut short is
//! closed instead, so none returns with a statement or a transaction in flight.
//!
//! A database host that vanishes sends no reset: a statement on such a connection waits until the
//! operating system gives up, after minutes. A statement that exceeds its limit is abandoned here,
//! and its connection is closed without a goodbye, so its place in the pool is free again.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgDatabaseError, PgSeverity};
use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

mod executor;

/// Limit of the round trip that checks a connection.
const CHECK_TIMEOUT: Duration = Duration::from_millis(500);
/// Pause before another attempt to connect to a server that starts or has no free connection.
const CONNECT_RETRY: Duration = Duration::from_millis(50);
/// Age at which a connection is replaced: a server process keeps the memory of its caches.
const LIFETIME: Duration = Duration::from_secs(30 * 60);
/// How long an unused connection stays open.
const IDLE: Duration = Duration::from_secs(10 * 60);

/// A pool whose statements are limited. It is an [`Executor`]; transactions use a [`Lease`] in a
/// task with its own limit (`detached.rs`).
#[derive(Debug, Clone)]
pub(super) struct Pool {
    shared: Arc<Shared>,
    timeout: Duration,
    plans: Plans,
    is_background: bool,
}

/// How often the server plans a prepared statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plans {
    /// For the values of its parameters, until a plan for any values costs no more.
    PerValues,
    /// Once, for any values: only for statements whose plan does not depend on values.
    Once,
}

impl Plans {
    /// A statement that is planned once finds rows by index only. The cost keeps the planner from reading
    /// whole tables while they are small and were never analysed, because the plan stays when they have
    /// grown.
    fn setting(self) -> &'static str {
        match self {
            Self::PerValues => "reset plan_cache_mode; reset random_page_cost",
            Self::Once => "set plan_cache_mode = force_generic_plan; set random_page_cost = 0.1",
        }
    }
}

#[derive(Debug)]
struct Shared {
    options: PgConnectOptions,
    max_connections: u32,
    acquire_timeout: Duration,
    permits: Arc<Semaphore>,
    /// The permits that background work can have.
    background: Arc<Semaphore>,
    idle: Mutex<Idle>,
}

/// The unused connections, the last used one at the end.
#[derive(Debug, Default)]
struct Idle {
    connections: Vec<IdleConnection>,
    /// When a statement last exceeded its limit. Connections that were idle then may be dead as
    /// well.
    suspected_at: Option<Instant>,
}

#[derive(Debug)]
struct IdleConnection {
    connection: PgConnection,
    plans: Plans,
    opened_at: Instant,
    since: Instant,
}

/// A connection in use. Dropping it closes the connection; [`Self::release`] keeps it.
pub(super) struct Lease {
    connection: Option<PgConnection>,
    plans: Plans,
    opened_at: Instant,
    shared: Arc<Shared>,
    _permit: Permit,
}

/// The right to use a connection.
#[derive(Debug)]
pub(super) struct Permit {
    _connection: OwnedSemaphorePermit,
    _background: Option<OwnedSemaphorePermit>,
}

impl Pool {
    /// Creates the pool. Connections open on first use.
    pub(super) fn open(
        options: PgConnectOptions,
        max_connections: u32,
        acquire_timeout: Duration,
        timeout: Duration,
    ) -> Self {
        let background_max = max_connections - max_connections / 4;
        let shared = Shared {
            options,
            max_connections,
            acquire_timeout,
            permits: Arc::new(Semaphore::new(max_connections as usize)),
            background: Arc::new(Semaphore::new(background_max as usize)),
            idle: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
            timeout,
            plans: Plans::PerValues,
            is_background: false,
        }
    }

    /// The same connections for background work, which leaves some of them to requests: a turn whose commit
    /// hangs, because a standby is late, delays no read.
    pub(super) fn in_background(&self) -> Self {
        Self {
            is_background: true,
            ..self.clone()
        }
    }

    /// The same connections without that limit, for statements that hand work to other loops and processes.
    pub(super) fn in_foreground(&self) -> Self {
        Self {
            is_background: false,
            ..self.clone()
        }
    }

    /// The same connections with another limit for each statement.
    pub(super) fn with_timeout(&self, timeout: Duration) -> Self {
        Self {
            timeout,
            ..self.clone()
        }
    }

    /// The same connections for statements that are planned once: planning a long statement takes
    /// longer than executing it.
    pub(super) fn planned_once(&self) -> Self {
        Self {
            plans: Plans::Once,
            ..self.clone()
        }
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(super) fn acquire_timeout(&self) -> Duration {
        self.shared.acquire_timeout
    }

    pub(super) fn options(&self) -> &PgConnectOptions {
        &self.shared.options
    }

    /// A connection, after a limited wait.
    pub(super) async fn acquire(&self) -> Result<Lease, sqlx::Error> {
        let lease = async {
            let permit = self.permit().await?;
            self.shared.lease(permit, self.plans).await
        };
        tokio::time::timeout(self.shared.acquire_timeout, lease)
            .await
            .unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    /// The right to use a connection, or to open one outside of the pool, which counts as one of the
    /// pool's.
    pub(super) async fn permit(&self) -> Result<Permit, sqlx::Error> {
        let take = async |permits: &Arc<Semaphore>| {
            let permit = Arc::clone(permits).acquire_owned().await;
            permit.map_err(|_| sqlx::Error::PoolClosed)
        };
        // First, so that work that waits for it holds no connection.
        let background = match self.is_background {
            true => Some(take(&self.shared.background).await?),
            false => None,
        };
        Ok(Permit {
            _connection: take(&self.shared.permits).await?,
            _background: background,
        })
    }

    /// Marks every idle connection as suspect: a statement on one like it exceeded its limit.
    pub(super) fn suspect_idle(&self) {
        self.shared.idle().suspected_at = Some(Instant::now());
    }

    /// Waits for all uses to end and closes every connection.
    pub(super) async fn close(&self) {
        let all = self
            .shared
            .permits
            .acquire_many(self.shared.max_connections);
        // An error means that the pool is closed already.
        let _all = all.await;
        self.shared.permits.close();
        let idle = std::mem::take(&mut self.shared.idle().connections);
        for IdleConnection { connection, .. } in idle {
            let _ = limited(CHECK_TIMEOUT, connection.close()).await;
        }
    }

    fn exceeded(&self) -> sqlx::Error {
        self.suspect_idle();
        timed_out("a statement exceeded its limit")
    }
}

impl Shared {
    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn lease(self: &Arc<Self>, permit: Permit, plans: Plans) -> Result<Lease, sqlx::Error> {
        let mut idle = match self.reuse(plans).await {
            Some(idle) => idle,
            None => IdleConnection {
                connection: self.connect().await?,
                plans: Plans::PerValues,
                opened_at: Instant::now(),
                since: Instant::now(),
            },
        };
        if idle.plans != plans {
            idle.connection.execute(plans.setting()).await?;
        }
        Ok(Lease {
            connection: Some(idle.connection),
            plans,
            opened_at: idle.opened_at,
            shared: Arc::clone(self),
            _permit: permit,
        })
    }

    /// The usable idle connection that was used last, if possible one with these plans.
    async fn reuse(&self, plans: Plans) -> Option<IdleConnection> {
        loop {
            let (mut idle, suspected_at) = {
                let mut state = self.idle();
                let all = &mut state.connections;
                let last = all.iter().rposition(|idle| idle.plans == plans);
                // With room for one more connection, none changes its plans.
                let in_use = self.max_connections as usize - self.permits.available_permits();
                if last.is_none() && all.len() + in_use <= self.max_connections as usize {
                    return None;
                }
                let last = last.unwrap_or(all.len().checked_sub(1)?);
                (all.remove(last), state.suspected_at)
            };
            if idle.opened_at.elapsed() > LIFETIME || idle.since.elapsed() > IDLE {
                continue;
            }
            let is_suspect = suspected_at.is_some_and(|at| at >= idle.since);
            if is_suspect
                && limited(CHECK_TIMEOUT, idle.connection.ping())
                    .await
                    .is_err()
            {
                // The others are dead as well.
                let all = &mut self.idle().connections;
                all.retain(|idle| suspected_at.is_none_or(|at| at < idle.since));
                continue;
            }
            return Some(idle);
        }
    }

    async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        loop {
            match PgConnection::connect_with(&self.options).await {
                Err(error) if is_starting(&error) => tokio::time::sleep(CONNECT_RETRY).await,
                connected => return connected,
            }
        }
    }

    fn put_back(&self, connection: PgConnection, plans: Plans, opened_at: Instant) {
        let mut idle = self.idle();
        let unused = idle.connections.first();
        if unused.is_some_and(|unused| unused.since.elapsed() > IDLE) {
            idle.connections.remove(0);
        }
        idle.connections.push(IdleConnection {
            connection,
            plans,
            opened_at,
            since: Instant::now(),
        });
    }
}

/// Whether the server cannot accept a connection yet: it does not listen, it starts, or it has no
/// free connection.
fn is_starting(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        sqlx::Error::Database(error) => error
            .code()
            .is_some_and(|code| ["57P03", "53300"].contains(&code.as_ref())),
        _ => false,
    }
}

impl Lease {
    /// Returns the connection to the pool. No statement and no transaction may be in flight.
    pub(super) fn release(mut self) {
        if let Some(connection) = self.connection.take() {
            self.shared.put_back(connection, self.plans, self.opened_at);
        }
    }

    /// Returns the connection to the pool if its statement has ended: with a result, or with an
    /// error after which the server continues.
    fn release_after<T>(self, outcome: &Result<T, sqlx::Error>) {
        let is_usable = match outcome {
            Ok(_) => true,
            Err(sqlx::Error::Database(error)) => {
                let error = error.try_downcast_ref::<PgDatabaseError>();
                error.is_some_and(|error| error.severity() == PgSeverity::Error)
            }
            Err(_) => false,
        };
        if is_usable || crate::sabotage::is("broken_connection_kept") {
            self.release();
        }
    }

    /// Returns the connection to the pool after its transactions have ended: sqlx only queues the
    /// rollback of a dropped transaction.
    pub(super) async fn release_after_transactions(mut self) {
        if limited(CHECK_TIMEOUT, self.ping()).await.is_ok() {
            self.release();
        }
    }
}

impl Deref for Lease {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.connection
            .as_ref()
            .expect("`release` consumes the lease, so the connection is present")
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.connection
            .as_mut()
            .expect("`release` consumes the lease, so the connection is present")
    }
}

/// Runs a future with a limit.
async fn limited<T>(
    timeout: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    tokio::time::timeout(timeout, work)
        .await
        .unwrap_or_else(|_| Err(timed_out("a connection does not respond")))
}

fn timed_out(what: &'static str) -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, what))
}
