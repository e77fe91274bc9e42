//! The event feed: the events of all operations in one order, which never changes.
//!
//! Rows become visible out of order, and a transaction's ID orders nothing across a restore. So
//! each event gets a position when no earlier transaction can write another one
//! (`sql/number_events.sql`). Positions have no gaps. A generation is added to a position, because
//! after a restore the same position can belong to another event.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::domain::history::Event;
use crate::domain::names::ClusterName;
use crate::domain::operation::Kind;
use crate::domain::project::{ProjectName, Scope};
use crate::domain::target::TargetName;

use super::audit::COMMAND;
use super::scopes::scope_columns;
use super::{Actor, Entry, Store, StoreError, audit, rows};

/// Events, and audit records, numbered by one statement, about.
const BATCH: i64 = 20_000;
/// Positions that one read examines. A filter that matches little returns fewer events than the
/// limit.
const WINDOW: i64 = 10_000;

/// Events to return.
#[derive(Debug, Clone, Default)]
pub struct FeedFilter {
    /// Only events of clusters of this target.
    pub target: Option<String>,
    /// Only events of clusters of these scopes.
    pub scopes: Option<Vec<Scope>>,
    /// Only events of clusters of this project.
    pub project: Option<String>,
    /// Only events of clusters with this name.
    pub cluster: Option<String>,
    /// Only events of this type.
    pub kind: Option<String>,
}

/// The result of numbering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbered {
    /// Number of events that have a position now and had none before.
    pub events: i64,
    /// The same number of audit records.
    pub records: i64,
    /// Whether events or records are left, whose transactions or earlier ones have not ended.
    pub is_behind: bool,
}

/// The extent of the feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedState {
    /// Raised after each restore of the database.
    pub generation: i32,
    /// The last position.
    pub last: i64,
    /// The last position whose event retention has deleted; 0 if none.
    pub pruned_through: i64,
}

/// An event in the feed.
#[derive(Debug, Clone)]
pub struct FeedEvent {
    /// Its position, from 1.
    pub position: i64,
    /// The operation that it belongs to.
    pub operation_id: Uuid,
    /// The kind of the operation.
    pub operation_kind: Kind,
    /// The target of the operation.
    pub target: TargetName,
    /// The project of the cluster.
    pub project: Option<ProjectName>,
    /// The cluster of the operation.
    pub cluster: ClusterName,
    /// The event.
    pub event: Event,
}

/// A part of the feed.
#[derive(Debug, Clone)]
pub struct FeedPage {
    /// The events, in order.
    pub events: Vec<FeedEvent>,
    /// The position up to which the feed was examined.
    pub through: i64,
}

struct FeedRow {
    position: i64,
    operation_id: Uuid,
    operation_kind: String,
    target: String,
    project: String,
    cluster: String,
    sequence: i64,
    kind: String,
    message: String,
    data: Value,
    at: DateTime<Utc>,
}

impl FeedRow {
    fn parse(self) -> Result<FeedEvent, StoreError> {
        Ok(FeedEvent {
            position: self.position,
            operation_id: self.operation_id,
            operation_kind: rows::kind(&self.operation_kind)?,
            target: rows::target(&self.target)?,
            project: rows::project(&self.project)?,
            cluster: rows::cluster_name(&self.cluster)?,
            event: Event {
                sequence: self.sequence,
                kind: self.kind,
                message: self.message,
                at: self.at,
                data: self.data,
            },
        })
    }
}

impl Store {
    /// Gives positions to new events and audit records. `None` if another process does it at this moment.
    pub async fn number_events(&self) -> Result<Option<Numbered>, StoreError> {
        let row = sqlx::query_file!("src/store/sql/number_events.sql", BATCH)
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.map(|row| Numbered {
            events: row.numbered,
            records: row.audited,
            is_behind: row.is_behind,
        }))
    }

    /// At most `limit` events after a position, in order. `state` is the current extent of the feed.
    pub async fn feed(
        &self,
        state: FeedState,
        after: i64,
        limit: i64,
        filter: &FeedFilter,
    ) -> Result<FeedPage, StoreError> {
        let (projects, targets) = filter.scopes.as_deref().map(scope_columns).unzip();
        let skipped = i64::from(after > 0 && crate::sabotage::is("feed_skips_an_event"));
        let after = after + skipped;
        let through = state.last.min(after.saturating_add(WINDOW)).max(after);
        let rows = sqlx::query_as!(
            FeedRow,
            "select f.position, f.operation_id, o.kind as operation_kind, o.target, o.project, o.cluster_name as cluster,
                    e.sequence, e.type as kind, e.message, e.data, e.at
             from event_feed f
             join operation_events e on e.operation_id = f.operation_id and e.sequence = f.sequence
             join operations o on o.id = f.operation_id
             where f.position > $1 and f.position <= $2
               and ($3::text is null or o.cluster_name = $3)
               and ($4::text is null or e.type = $4)
               and ($6::text is null or o.target = $6)
               and ($7::text is null or o.project = $7)
               and ($8::text[] is null or (o.project, o.target) in (select * from unnest($8::text[], $9::text[])))
             order by f.position
             limit $5",
            after,
            through,
            filter.cluster,
            filter.kind,
            limit,
            filter.target,
            filter.project,
            projects.as_deref(),
            targets.as_deref()
        )
        .fetch_all(&self.pool)
        .await?;
        let is_full = i64::try_from(rows.len()).is_ok_and(|found| found >= limit);
        let through = match rows.last() {
            Some(last) if is_full => last.position,
            Some(_) | None => through,
        };
        let events = rows.into_iter().map(FeedRow::parse);
        Ok(FeedPage {
            events: events.collect::<Result<_, _>>()?,
            through,
        })
    }

    /// The extent of the feed.
    pub async fn feed_state(&self) -> Result<FeedState, StoreError> {
        Ok(sqlx::query_as!(
            FeedState,
            "select generation, last_position as last, pruned_through from event_numbering"
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// Prepares the feed for a database that was restored from a backup: raises the generation,
    /// because readers may have seen positions of events that are lost, and numbers the events that
    /// have no position. No other process may write at this time.
    pub async fn restart_feed(&self) -> Result<FeedState, StoreError> {
        // It may run for long.
        let no_timeouts = [("lock_timeout", "0"), ("statement_timeout", "0")];
        let options = self.pool.options().clone().options(no_timeouts);
        let mut connection = PgConnection::connect_with(&options).await?;
        let mut transaction = connection.begin().await?;
        // The restored database's transaction IDs can be lower than those in its rows.
        sqlx::query!(
            "update operation_events set xid = pg_current_xact_id()::text::bigint
             where xid > pg_current_xact_id()::text::bigint"
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!(
            "update audit_records set xid = pg_current_xact_id()::text::bigint
             where position is null and xid > pg_current_xact_id()::text::bigint"
        )
        .execute(&mut *transaction)
        .await?;
        let state = sqlx::query_as!(
            FeedState,
            "with numbered as (
               insert into event_feed (position, operation_id, sequence)
               select n.last_position + row_number() over (order by left_over.reached_at, operation_id, sequence),
                      operation_id, sequence
               from event_numbering n, (
                 select e.operation_id, e.sequence, max(e.at) over (partition by e.operation_id order by e.sequence) as reached_at
                 from operation_events e
                 where not exists (
                   select 1 from event_feed f where f.operation_id = e.operation_id and f.sequence = e.sequence)) left_over
               returning position
             )
             update event_numbering
             set generation = generation + 1, last_position = last_position + (select count(*) from numbered),
                 numbered_below = pg_snapshot_xmin(pg_current_snapshot())::text::bigint
             returning generation, last_position as last, pruned_through"
        )
        .fetch_one(&mut *transaction)
        .await?;
        let entry = Entry {
            details: Some(json!({"generation": state.generation})),
            action: Some("restart_feed"),
            ..Entry::default()
        };
        audit::record(&mut *transaction, Some(&Actor::named(COMMAND)), &entry).await?;
        transaction.commit().await?;
        connection.close().await?;
        Ok(state)
    }
}
