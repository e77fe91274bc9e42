//! Queries of clusters, and their status when an operation ends.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::types::Json;
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use crate::domain::cluster::Cluster;
use crate::domain::operation::{Attention, ClusterStatus, Kind, Status};
use crate::domain::project::{ProjectName, Scope};
use crate::domain::target::TargetName;

use super::inventory::ItemRow;
use super::rows::{self, from_json, from_optional_json};
use super::scopes::push_scopes;
use super::{Store, StoreError};

/// Reads managed clusters with their inventory and the fault of their last operation in one
/// statement. A condition on `clusters c` follows.
const CLUSTERS: &str = "
    select c.id, c.target, c.project, c.created_by, c.name, c.status, c.version, c.desired, c.observed, c.observed_at, c.details, c.operation_id,
           c.created_at, c.attention, c.expiry_stage > 0 and c.status <> 'deleting' as is_expiring,
           exists (select 1 from operations o where o.cluster_id = c.id and o.status = 'awaiting_approval') as is_awaiting_approval,
           (select case when o.status = 'blocked' then (
                     select fault from operation_steps where operation_id = o.id and position = o.current_position)
                   when o.status in ('failed', 'rolling_back')
                     or o.status = 'cancelled' and c.status = 'failed' then o.fault end
            from operations o where o.id = c.operation_id) as fault,
           (select coalesce(json_agg(item), '[]') from (
              select kind, name, arn, owner, presence, reason, operation_id, recorded_at
              from inventory where cluster_id = c.id order by id) item) as inventory
    from clusters c
    where c.deleted_at is null";

/// A row of [`CLUSTERS`].
#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    target: String,
    project: String,
    created_by: Option<String>,
    name: String,
    status: String,
    version: i64,
    desired: Value,
    observed: Option<Value>,
    observed_at: Option<DateTime<Utc>>,
    details: Option<Value>,
    operation_id: Uuid,
    created_at: DateTime<Utc>,
    attention: Option<String>,
    is_expiring: bool,
    is_awaiting_approval: bool,
    fault: Option<Value>,
    inventory: Json<Vec<ItemRow>>,
}

impl Row {
    fn parse(self) -> Result<Cluster, StoreError> {
        let inventory = self.inventory.0.into_iter().map(ItemRow::parse);
        Ok(Cluster {
            id: self.id,
            target: rows::target(&self.target)?,
            project: rows::project(&self.project)?,
            created_by: self.created_by,
            name: rows::cluster_name(&self.name)?,
            status: rows::cluster_status(&self.status)?,
            version: self.version,
            desired: from_json("clusters.desired", self.desired)?,
            observed: from_optional_json("clusters.observed", self.observed)?,
            observed_at: self.observed_at,
            details: from_optional_json("clusters.details", self.details)?,
            operation_id: self.operation_id,
            fault: from_optional_json("fault", self.fault)?,
            is_awaiting_approval: self.is_awaiting_approval,
            attention: self.attention.as_deref().map(rows::attention).transpose()?,
            is_expiring: self.is_expiring,
            inventory: inventory.collect::<Result<_, _>>()?,
            created_at: self.created_at,
        })
    }
}

/// Filter of a list of clusters.
#[derive(Debug, Clone, Default)]
pub struct ClusterFilter {
    /// Only clusters of this target.
    pub target: Option<TargetName>,
    /// Only clusters of these scopes.
    pub scopes: Option<Vec<Scope>>,
    /// Only clusters of this project.
    pub project: Option<ProjectName>,
    /// Only clusters with one of these statuses, if there are any.
    pub statuses: Vec<ClusterStatus>,
    /// Only clusters that need attention for one of these reasons, if there are any.
    pub attention: Vec<Attention>,
    /// Only clusters whose name begins with this.
    pub name_prefix: Option<String>,
    /// Only clusters with all of these desired tags. One tag is a list of alternatives.
    pub tags: Vec<Vec<(String, String)>>,
    /// Only clusters older than this position: creation time and ID.
    pub before: Option<(DateTime<Utc>, Uuid)>,
}

/// A condition for clusters `m` follows.
const MATCHING: &str =
    " and c.id = any(array(select m.id from clusters m where m.deleted_at is null and ";

/// Adds a condition on the target. All but `default` have an index of their own, and the literal
/// condition makes it usable in every plan.
pub(super) fn push_target(query: &mut QueryBuilder<Postgres>, table: &str, target: &TargetName) {
    query
        .push(format!(" and {table}.target = "))
        .push_bind(target.to_string());
    if !target.is_default() {
        query.push(format!(" and {table}.target <> 'default'"));
    }
}

impl ClusterFilter {
    fn push_conditions(&self, query: &mut QueryBuilder<Postgres>) {
        if let Some(target) = &self.target {
            push_target(query, "c", target);
        }
        push_scopes(query, "c", self.project.as_ref(), self.scopes.as_deref());
        // One value is compared, so that the index of the list also gives the order.
        match self.statuses.as_slice() {
            [] => {}
            [one] => {
                query.push(" and c.status = ").push_bind(one.as_str());
            }
            many => {
                let names: Vec<&str> = many.iter().map(|status| status.as_str()).collect();
                query
                    .push(" and c.status = any(")
                    .push_bind(names)
                    .push(")");
            }
        }
        self.push_attention(query);
        // Subqueries of their own: the planner cannot know how rare a prefix or a tag is, and would
        // otherwise search the whole list for it.
        if let Some(prefix) = &self.name_prefix {
            query.push(MATCHING);
            // `like` with a parameter cannot use the index.
            query.push("m.name ~>=~ ").push_bind(prefix.clone());
            query
                .push(" and m.name ~<~ ")
                .push_bind(format!("{prefix}~"));
            query.push("))");
        }
        for alternatives in &self.tags {
            query.push(MATCHING).push("(false");
            for (key, value) in alternatives {
                query
                    .push(" or m.desired -> 'tags' @> ")
                    .push_bind(json!({key: value}));
            }
            query.push(")))");
        }
    }

    fn push_attention(&self, query: &mut QueryBuilder<Postgres>) {
        if self.attention.is_empty() {
            return;
        }
        let is_requested = |reason| self.attention.contains(&reason);
        let names: Vec<&str> = self
            .attention
            .iter()
            .map(|reason| reason.as_str())
            .collect();
        query
            .push(" and (c.attention = any(")
            .push_bind(names)
            .push(")");
        if is_requested(Attention::Drifted) && !is_requested(Attention::Expiring) {
            query.push(" and (c.attention <> 'drifted' or c.expiry_stage = 0)");
        }
        if is_requested(Attention::Expiring) {
            // A subquery of its own, as below.
            query.push(
                " or c.id = any(array(select m.id from clusters m
                   where m.deleted_at is null and m.expiry_stage > 0 and m.status <> 'deleting'
                     and coalesce(m.attention, 'drifted') = 'drifted'))",
            );
        }
        if is_requested(Attention::AwaitingApproval) {
            query.push(
                " or c.id = any(array(select w.cluster_id from operations w where w.status = 'awaiting_approval'))",
            );
        }
        query.push(")");
    }
}

/// The status of a cluster after an operation on it, `None` for the one before it, and whether the
/// cluster is gone.
pub(super) fn after_operation(kind: Kind, succeeded: bool) -> (Option<ClusterStatus>, bool) {
    match kind {
        Kind::CreateCluster if succeeded => (Some(ClusterStatus::Available), false),
        Kind::CreateCluster => (Some(ClusterStatus::Failed), false),
        Kind::DeleteCluster | Kind::ReleaseCluster if succeeded => {
            (Some(ClusterStatus::Deleting), true)
        }
        Kind::AdoptCluster if succeeded => (Some(ClusterStatus::Available), false),
        // A failed adoption leaves the cluster unmanaged.
        Kind::AdoptCluster => (Some(ClusterStatus::Failed), true),
        Kind::UpdateCluster
        | Kind::ScaleCluster
        | Kind::RebootNodes
        | Kind::RepairCluster
        | Kind::ChangeIngress
            if succeeded =>
        {
            (Some(ClusterStatus::Available), false)
        }
        Kind::DeleteCluster
        | Kind::ReleaseCluster
        | Kind::UpdateCluster
        | Kind::ScaleCluster
        | Kind::RebootNodes
        | Kind::RepairCluster
        | Kind::ChangeIngress => (None, false),
    }
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
    let (status, gone) = after_operation(kind, ending == Status::Succeeded);
    let status = status.or(prior).unwrap_or(ClusterStatus::Available);
    let is_failed = ending == Status::Failed || status == ClusterStatus::Failed;
    let attention = is_failed.then_some(Attention::Failed.as_str());
    sqlx::query!(
        "update clusters
         set status = $2, version = version + 1, deleted_at = case when $3 then now() end,
             observed = case when $2 = 'failed' then null else observed end,
             observed_at = case when $2 = 'failed' then null else observed_at end,
             attention = $4, drift_due = $2 = 'available'
         where id = $1",
        cluster_id,
        status.as_str(),
        gone,
        attention
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Raises the version of a cluster when its last operation starts an undo, which needs no attention.
pub(super) async fn touch(
    connection: &mut PgConnection,
    cluster_id: Uuid,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update clusters set version = version + 1, attention = null where id = $1",
        cluster_id
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    /// The managed cluster of this target with this name, if any. The cluster of a failed create counts until its
    /// name is reused.
    pub async fn cluster(&self, name: &str) -> Result<Option<Cluster>, StoreError> {
        let mut query = QueryBuilder::new(CLUSTERS);
        query
            .push(" and c.target = ")
            .push_bind(self.target.to_string());
        query.push(" and c.name = ").push_bind(name.to_owned());
        Ok(self.read_clusters(query).await?.pop())
    }

    /// The version of the managed cluster of this target with this name, which a reader compares,
    /// and its scope.
    pub async fn cluster_version(&self, name: &str) -> Result<Option<(i64, Scope)>, StoreError> {
        let row = sqlx::query!(
            "select version, project from clusters where target = $1 and name = $2 and deleted_at is null",
            self.target.as_str(),
            name
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let project = rows::project(&row.project)?;
        Ok(Some((
            row.version,
            Scope::of(project.as_ref(), &self.target),
        )))
    }

    /// At most `limit` clusters, newest first.
    pub async fn clusters(
        &self,
        filter: &ClusterFilter,
        limit: i64,
    ) -> Result<Vec<Cluster>, StoreError> {
        let mut query = QueryBuilder::new(CLUSTERS);
        filter.push_conditions(&mut query);
        if let Some((at, id)) = filter.before {
            query
                .push(" and (c.created_at, c.id) < (")
                .push_bind(at)
                .push(", ")
                .push_bind(id)
                .push(")");
        }
        query
            .push(" order by c.created_at desc, c.id desc limit ")
            .push_bind(limit);
        self.read_clusters(query).await
    }

    /// At most `limit` clusters without an operation whose drift is due to be recorded.
    pub async fn drift_due(&self, limit: i64) -> Result<Vec<Cluster>, StoreError> {
        let mut query = QueryBuilder::new(CLUSTERS);
        query
            .push(" and c.drift_due and c.status = 'available' limit ")
            .push_bind(limit);
        self.read_clusters(query).await
    }

    /// Records which clusters, at the versions that were read, differ from their desired settings.
    pub async fn record_drift(&self, drifted: &[(Uuid, i64, bool)]) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = drifted.iter().map(|one| one.0).collect();
        let versions: Vec<i64> = drifted.iter().map(|one| one.1).collect();
        let are_drifted: Vec<bool> = drifted.iter().map(|one| one.2).collect();
        sqlx::query!(
            "update clusters c
             set drift_due = false,
                 attention = case when c.attention in ('blocked', 'failed') then c.attention
                                  when found.is_drifted then 'drifted' end
             from (
               select c.id, found.is_drifted
               from unnest($1::uuid[], $2::bigint[], $3::boolean[]) as found (id, version, is_drifted)
               join clusters c on c.id = found.id and c.version = found.version
               where c.status = 'available'
               -- One that is locked is due again after the next poll.
               for update of c skip locked) found
             where c.id = found.id",
            &ids,
            &versions,
            &are_drifted
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The names of the managed clusters of this target, which are neither deleted nor failed, in alphabetical
    /// order.
    pub async fn managed_names(&self) -> Result<Vec<String>, StoreError> {
        let names = sqlx::query_scalar!(
            "select name from clusters
             where target = $1 and deleted_at is null and status <> 'failed'
             order by name",
            self.target.as_str()
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(names)
    }

    async fn read_clusters(
        &self,
        mut query: QueryBuilder<Postgres>,
    ) -> Result<Vec<Cluster>, StoreError> {
        let found: Vec<Row> = query.build_query_as().fetch_all(&self.pool).await?;
        found.into_iter().map(Row::parse).collect()
    }
}
