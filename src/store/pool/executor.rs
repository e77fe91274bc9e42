//! A pool as an [`Executor`]: each statement on a connection of its own, for a limited time.

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt, TryFutureExt, TryStreamExt};
use sqlx::postgres::{PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{Either, Execute, Executor, Postgres, SqlStr};

use super::Pool;

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
        let rows = async move {
            let mut lease = self.acquire().await?;
            let rows = lease.fetch_many(query).try_collect::<Vec<_>>().await;
            lease.release_after(&rows);
            rows
        };
        let limited = async move {
            let rows = tokio::time::timeout(self.timeout, rows).await;
            let rows = rows.unwrap_or_else(|_| Err(self.exceeded()))?;
            Ok(stream::iter(rows.into_iter().map(Ok)))
        };
        limited.try_flatten_stream().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let row = async move {
            let mut lease = self.acquire().await?;
            let row = lease.fetch_optional(query).await;
            lease.release_after(&row);
            row
        };
        async move {
            let row = tokio::time::timeout(self.timeout, row).await;
            row.unwrap_or_else(|_| Err(self.exceeded()))
        }
        .boxed()
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, sqlx::Error>>
    where
        'p: 'e,
    {
        async move {
            let mut lease = self.acquire().await?;
            let prepared = lease.prepare_with(sql, parameters).await;
            lease.release_after(&prepared);
            prepared
        }
        .boxed()
    }

    fn describe<'e>(
        self,
        sql: SqlStr,
    ) -> BoxFuture<'e, Result<sqlx::Describe<Postgres>, sqlx::Error>>
    where
        'p: 'e,
    {
        async move {
            let mut lease = self.acquire().await?;
            let described = lease.describe(sql).await;
            lease.release_after(&described);
            described
        }
        .boxed()
    }
}
