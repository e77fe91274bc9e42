//! The pool of connections, with a limit for each statement.
//!
//! A database host that vanishes sends no reset: a statement on such a connection waits until the
//! operating system gives up, after minutes. A statement that exceeds its limit is abandoned here.
//! Its connection is then rolled back within a limit, or closed without a goodbye, so its place in
//! the pool is free again.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};
use sqlx::postgres::{
    PgConnectOptions, PgPoolOptions, PgQueryResult, PgRow, PgStatement, PgTypeInfo,
};
use sqlx::{Either, Execute, Executor, PgConnection, PgPool, Postgres, SqlStr};

/// Limit of the statements that check a connection.
const CHECK_TIMEOUT: Duration = Duration::from_millis(500);

/// A pool whose statements are limited. It is an [`Executor`]; transactions use [`Self::inner`] in
/// a task with its own limit (`detached.rs`).
#[derive(Debug, Clone)]
pub(super) struct Pool {
    inner: PgPool,
    timeout: Duration,
    suspicion: Arc<Suspicion>,
}

/// When a statement last exceeded its limit. Connections that were idle then may be dead as well.
#[derive(Debug, Default)]
struct Suspicion(Mutex<Option<Instant>>);

impl Suspicion {
    fn raise(&self) {
        let mut raised = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *raised = Some(Instant::now());
    }

    /// Whether it was raised while a connection was idle.
    fn covers(&self, idle_for: Duration) -> bool {
        let raised = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        raised.is_some_and(|raised| raised.elapsed() <= idle_for)
    }
}

impl Pool {
    pub(super) fn open(options: PgConnectOptions, pool: PgPoolOptions, timeout: Duration) -> Self {
        let suspicion = Arc::<Suspicion>::default();
        let raised = Arc::clone(&suspicion);
        let inner = pool
            .test_before_acquire(false)
            .before_acquire(move |connection, idle| {
                let is_suspect = raised.covers(idle.idle_for);
                Box::pin(async move {
                    if is_suspect {
                        limited(CHECK_TIMEOUT, sqlx::Connection::ping(connection)).await?;
                    }
                    Ok(true)
                })
            })
            .after_release(|connection, _| Box::pin(end_leaked_transaction(connection)))
            .connect_lazy_with(options);
        Self {
            inner,
            timeout,
            suspicion,
        }
    }

    /// The same connections with another limit for each statement.
    pub(super) fn with_timeout(&self, timeout: Duration) -> Self {
        Self {
            timeout,
            ..self.clone()
        }
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(super) fn inner(&self) -> &PgPool {
        &self.inner
    }

    /// Marks every idle connection as suspect: a statement on one like it exceeded its limit.
    pub(super) fn suspect_idle(&self) {
        self.suspicion.raise();
    }

    fn exceeded(&self) -> sqlx::Error {
        self.suspect_idle();
        timed_out("a statement exceeded its limit")
    }
}

/// Runs a future with a limit.
pub(super) async fn limited<T>(
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

/// Hook for connections that return to the pool: ends a transaction left open by a cancelled
/// `begin()`, or by a statement that was abandoned. An error closes the connection.
///
/// `begin; rollback` is silent where no transaction is open. In a failed transaction `begin` is an
/// error, which closes the connection.
async fn end_leaked_transaction(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    limited(CHECK_TIMEOUT, connection.execute("begin; rollback")).await?;
    Ok(true)
}

impl<'p> Executor<'p> for &'p Pool {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let deadline = tokio::time::Instant::now() + self.timeout;
        let rows = (&self.inner).fetch_many(query);
        stream::unfold(Some(rows), move |rows| async move {
            let mut rows = rows?;
            match tokio::time::timeout_at(deadline, rows.next()).await {
                Ok(row) => row.map(|row| (row, Some(rows))),
                Err(_) => Some((Err(self.exceeded()), None)),
            }
        })
        .boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let row = tokio::time::timeout(self.timeout, (&self.inner).fetch_optional(query));
        async move { row.await.unwrap_or_else(|_| Err(self.exceeded())) }.boxed()
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, sqlx::Error>>
    where
        'p: 'e,
    {
        (&self.inner).prepare_with(sql, parameters)
    }

    fn describe<'e>(
        self,
        sql: SqlStr,
    ) -> BoxFuture<'e, Result<sqlx::Describe<Postgres>, sqlx::Error>>
    where
        'p: 'e,
    {
        (&self.inner).describe(sql)
    }
}
