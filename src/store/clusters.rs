//! Queries of clusters, and their status when an operation ends.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::cluster::Cluster;
use crate::domain::operation::{ClusterStatus, Kind, Status};

use super::rows::{self, from_json, from_optional_json};
use super::{Store, StoreError};

/// Filter of a list of clusters.
#[derive(Debug, Clone, Default)]
pub struct ClusterFilter {
    /// Only clusters with this status.
    pub status: Option<ClusterStatus>,
    /// Only clusters older than this position: creation time and ID.
    pub before: Option<(DateTime<Utc>, Uuid)>,
}

/// Writes the status of a cluster when an operation on it ends. `prior` is its status before the
/// operation.
pub(super) async fn end_operation(
    connection: &mut PgConnection,
    cluster_id: Uuid,
    kind: Kind,
    ending: Status,
    prior: Option<ClusterStatus>,
) -> Result<(), StoreError> {
    let succeeded = ending == Status::Succeeded;
    let before = prior.unwrap_or(ClusterStatus::Available);
    let (status, gone) = match kind {
        Kind::CreateCluster if succeeded => (ClusterStatus::Available, false),
        Kind::CreateCluster => (ClusterStatus::Failed, false),
        Kind::DeleteCluster | Kind::ReleaseCluster if succeeded => (ClusterStatus::Deleting, true),
        Kind::AdoptCluster if succeeded => (ClusterStatus::Available, false),
        // A failed adoption leaves the cluster unmanaged.
        Kind::AdoptCluster => (ClusterStatus::Failed, true),
        Kind::UpdateCluster
        | Kind::ScaleCluster
        | Kind::RebootNodes
        | Kind::RepairCluster
        | Kind::ChangeIngress
            if succeeded =>
        {
            (ClusterStatus::Available, false)
        }
        Kind::DeleteCluster
        | Kind::ReleaseCluster
        | Kind::UpdateCluster
        | Kind::ScaleCluster
        | Kind::RebootNodes
        | Kind::RepairCluster
        | Kind::ChangeIngress => (before, false),
    };
    sqlx::query!(
        "update clusters
         set status = $2, version = version + 1, deleted_at = case when $3 then now() end,
             observed = case when $2 = 'failed' then null else observed end
         where id = $1",
        cluster_id,
        status.as_str(),
        gone
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Raises the version of a cluster after a visible change of its last operation.
pub(super) async fn touch(
    connection: &mut PgConnection,
    cluster_id: Uuid,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update clusters set version = version + 1 where id = $1",
        cluster_id
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    /// The managed cluster with this name, if any. The cluster of a failed create counts until its
    /// name is reused.
    pub async fn cluster(&self, name: &str) -> Result<Option<Cluster>, StoreError> {
        let ids: Vec<Uuid> = sqlx::query_scalar!(
            "select id from clusters where name = $1 and deleted_at is null",
            name
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(self.read_clusters(&ids).await?.pop())
    }

    /// At most `limit` clusters, newest first.
    pub async fn clusters(
        &self,
        filter: &ClusterFilter,
        limit: i64,
    ) -> Result<Vec<Cluster>, StoreError> {
        let mut query = sqlx::QueryBuilder::new("select id from clusters where deleted_at is null");
        if let Some(status) = filter.status {
            query.push(" and status = ").push_bind(status.as_str());
        }
        if let Some((at, id)) = filter.before {
            query
                .push(" and (created_at, id) < (")
                .push_bind(at)
                .push(", ")
                .push_bind(id)
                .push(")");
        }
        query
            .push(" order by created_at desc, id desc limit ")
            .push_bind(limit);
        let ids: Vec<Uuid> = query.build_query_scalar().fetch_all(&self.pool).await?;
        self.read_clusters(&ids).await
    }

    /// The names of the managed clusters, which are neither deleted nor failed, in alphabetical
    /// order.
    pub async fn managed_names(&self) -> Result<Vec<String>, StoreError> {
        let names = sqlx::query_scalar!(
            "select name from clusters where deleted_at is null and status <> 'failed' order by name"
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(names)
    }

    async fn read_clusters(&self, ids: &[Uuid]) -> Result<Vec<Cluster>, StoreError> {
        let found = sqlx::query!(
            r#"select c.id, c.name, c.status, c.version, c.desired, c.observed, c.observed_at, c.details,
                      c.operation_id, c.created_at,
                      case when o.status = 'blocked' then s.fault
                           when o.status in ('failed', 'rolling_back') then o.fault end as fault
               from unnest($1::uuid[]) with ordinality as wanted (id, place)
               join clusters c on c.id = wanted.id
               left join operations o on o.id = c.operation_id
               left join operation_steps s on s.operation_id = o.id and s.position = o.current_position
               order by wanted.place"#,
            ids
        )
        .fetch_all(&self.pool)
        .await?;
        let mut clusters = Vec::with_capacity(found.len());
        for row in found {
            clusters.push(Cluster {
                id: row.id,
                name: rows::cluster_name(&row.name)?,
                status: rows::cluster_status(&row.status)?,
                version: row.version,
                desired: from_json("clusters.desired", row.desired)?,
                observed: from_optional_json("clusters.observed", row.observed)?,
                observed_at: row.observed_at,
                details: from_optional_json("clusters.details", row.details)?,
                operation_id: row.operation_id,
                fault: from_optional_json("fault", row.fault)?,
                inventory: self.inventory_of_cluster(row.id).await?,
                created_at: row.created_at,
            });
        }
        Ok(clusters)
    }
}
