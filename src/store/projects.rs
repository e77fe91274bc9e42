//! Projects: their names, and what limits on a project count.
//!
//! What counts is computed from the clusters, so it is always true. While a request is decided on
//! it, a lock on the project keeps other requests of the project waiting, in every process. In this
//! process they wait without a connection, so that those of one project cannot take the whole pool.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::{PgConnection, PgExecutor};
use tokio::sync::OwnedMutexGuard;

use crate::domain::project::{ProjectName, ProjectUsage, Scope, UsagePart};

use super::{Store, StoreError, rows};

/// A decision on what a project has.
pub struct Limit {
    /// The project and the target of the cluster.
    pub scope: Scope,
    /// The groups whose approval the request needs when its project has this without the cluster;
    /// `None`: it is not permitted.
    pub permits: Box<PermitsOf>,
}

type PermitsOf = dyn FnOnce(&ProjectUsage) -> Option<Vec<String>> + Send + Sync;

/// For each project, the turn of the requests that are decided on its clusters.
#[derive(Debug, Clone, Default)]
pub(super) struct Turns(Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>>);

impl Turns {
    /// Waits for the turn of a project.
    async fn of(&self, project: &str) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Only the map has one that no request waits for or holds.
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(turns.entry(project.to_owned()).or_default())
        };
        turn.lock_owned().await
    }
}

impl Store {
    /// Every project that a cluster ever had.
    pub async fn projects(&self) -> Result<BTreeSet<ProjectName>, StoreError> {
        let names = sqlx::query_scalar!("select name from projects")
            .fetch_all(&self.pool)
            .await?;
        let parsed = names.iter().map(|name| rows::project(name));
        let parsed: Vec<Option<ProjectName>> = parsed.collect::<Result<_, _>>()?;
        Ok(parsed.into_iter().flatten().collect())
    }

    /// What a project has at this moment, without one cluster.
    pub async fn project_usage(
        &self,
        scope: &Scope,
        except: &str,
    ) -> Result<ProjectUsage, StoreError> {
        usage(&self.pool, scope, except).await
    }

    /// Waits for the turn of a limited request in this process.
    pub(super) async fn turn(
        &self,
        scope: Option<Scope>,
    ) -> Result<Option<OwnedMutexGuard<()>>, StoreError> {
        let Some(scope) = scope else {
            return Ok(None);
        };
        let project = rows::project_column(scope.project.as_ref());
        let turn = tokio::time::timeout(self.pool.timeout(), self.turns.of(project)).await;
        turn.map(Some)
            .map_err(|_| StoreError::Database(sqlx::Error::PoolTimedOut))
    }
}

/// Records the name of a project.
pub(super) async fn record(connection: &mut PgConnection, project: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into projects (name) values ($1) on conflict do nothing",
        project
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The groups whose approval a request for a cluster needs because of the counts of its project;
/// `None`: it is not permitted. The project stays locked until the end of the transaction.
pub(super) async fn permitted(
    connection: &mut PgConnection,
    limit: Option<Limit>,
    cluster: &str,
) -> Result<Option<Vec<String>>, StoreError> {
    let Some(limit) = limit else {
        return Ok(Some(Vec::new()));
    };
    let usage = lock_usage(connection, &limit.scope, cluster).await?;
    Ok((limit.permits)(&usage))
}

/// Locks a project until the end of the transaction, and returns what it has without one cluster.
/// Failed and deleted clusters do not count.
async fn lock_usage(
    connection: &mut PgConnection,
    scope: &Scope,
    except: &str,
) -> Result<ProjectUsage, StoreError> {
    let project = rows::project_column(scope.project.as_ref());
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('project:' || $1, 0))",
        project
    )
    .execute(&mut *connection)
    .await?;
    // A statement of its own: it sees what the transaction that had the lock has committed.
    usage(connection, scope, except).await
}

async fn usage(
    connection: impl PgExecutor<'_>,
    scope: &Scope,
    except: &str,
) -> Result<ProjectUsage, StoreError> {
    let project = rows::project_column(scope.project.as_ref());
    let parts = sqlx::query!(
        r#"select target, desired ->> 'node_type' as "node_type!", count(*) as "clusters!",
                  sum(greatest((desired ->> 'replication_factor')::bigint,
                               coalesce((observed ->> 'total_nodes')::bigint, 0)))::bigint as "nodes!"
           from clusters
           where project = $1 and deleted_at is null and status <> 'failed'
             and not (target = $2 and name = $3)
           group by 1, 2"#,
        project,
        scope.target.as_str(),
        except
    )
    .fetch_all(connection)
    .await?;
    let parts = parts.into_iter().map(|row| {
        Ok(UsagePart {
            target: rows::target(&row.target)?,
            node_type: row.node_type,
            clusters: row.clusters,
            nodes: row.nodes,
        })
    });
    Ok(ProjectUsage {
        parts: parts.collect::<Result<_, StoreError>>()?,
    })
}
