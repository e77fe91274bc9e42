//! The list of audit records, and their seals: what `GET /v1/audit` shows, and what the sealing job
//! writes.

use std::ops::RangeInclusive;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{PgExecutor, QueryBuilder};
use uuid::Uuid;

use crate::domain::audit::{AuditKey, AuditRecord, RecordsHash, Seal, SealContent};

use super::{Store, StoreError};

/// Records that one statement reads.
const READ_AT_ONCE: i64 = 5_000;
/// Seals that one call prunes.
const PRUNED_AT_ONCE: i64 = 100;

/// Records to return.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Only records of this caller, as shown with operations.
    pub caller: Option<String>,
    /// Only records of this action.
    pub action: Option<String>,
    /// Only records with this decision.
    pub decision: Option<String>,
    /// Only records about this target.
    pub target: Option<String>,
    /// Only records about this project.
    pub project: Option<String>,
    /// Only records about clusters of this name.
    pub cluster: Option<String>,
    /// Only records of this operation.
    pub operation: Option<Uuid>,
    /// Only records since this time.
    pub since: Option<DateTime<Utc>>,
    /// Only records before this time.
    pub until: Option<DateTime<Utc>>,
    /// Only records older than this one: its time and position.
    pub before: Option<(DateTime<Utc>, i64)>,
}

#[derive(sqlx::FromRow)]
struct RecordRow {
    position: i64,
    at: DateTime<Utc>,
    caller: Option<String>,
    caller_id: Option<String>,
    requested_for: Option<String>,
    groups: Option<Value>,
    action: String,
    decision: String,
    target: Option<String>,
    project: Option<String>,
    cluster: Option<String>,
    operation_id: Option<Uuid>,
    subject: Option<String>,
    intent: Option<i64>,
    count: i64,
    policies: Option<Value>,
    organisation: Option<String>,
    request_id: Option<String>,
    address: Option<String>,
    details: Option<Value>,
}

impl From<RecordRow> for AuditRecord {
    fn from(row: RecordRow) -> Self {
        Self {
            position: row.position,
            at: row.at,
            caller: row.caller,
            caller_id: row.caller_id,
            requested_for: row.requested_for,
            groups: row.groups,
            action: row.action,
            decision: row.decision,
            target: row.target,
            project: row.project,
            cluster: row.cluster,
            operation_id: row.operation_id,
            subject: row.subject,
            intent: row.intent,
            count: row.count,
            policies: row.policies,
            organisation: row.organisation,
            request_id: row.request_id,
            address: row.address,
            details: row.details,
        }
    }
}

/// The columns of a [`RecordRow`], of records that have a position.
const RECORDS: &str = "select position, at, caller, caller_id, requested_for, groups, action, decision, target, project,
    cluster, operation_id, subject, intent, count, policies, organisation, request_id, address, details
    from audit_records
    where position is not null";

pub(super) struct SealRow {
    pub(super) number: i64,
    pub(super) first_position: i64,
    pub(super) last_position: i64,
    pub(super) records: i64,
    pub(super) records_sha256: String,
    pub(super) previous: Option<String>,
    pub(super) sealed_at: DateTime<Utc>,
    pub(super) key_id: Option<String>,
    pub(super) seal: String,
    pub(super) pruned: Option<String>,
}

impl From<SealRow> for Seal {
    fn from(row: SealRow) -> Self {
        let content = SealContent {
            number: row.number,
            first_position: row.first_position,
            last_position: row.last_position,
            records: row.records,
            records_sha256: row.records_sha256,
            previous: row.previous,
            sealed_at: row.sealed_at,
            key_id: row.key_id,
        };
        Self::stored(content, row.seal, row.pruned)
    }
}

impl AuditFilter {
    fn push_conditions(self, query: &mut QueryBuilder<sqlx::Postgres>) {
        let texts = [
            (" and caller = ", self.caller),
            (" and action = ", self.action),
            (" and decision = ", self.decision.clone()),
            (" and target = ", self.target.clone()),
            (" and project = ", self.project.clone()),
            (" and cluster = ", self.cluster),
        ];
        for (condition, value) in texts {
            if let Some(value) = value {
                query.push(condition).push_bind(value);
            }
        }
        // The conditions of the partial indexes.
        if self.target.is_some_and(|target| target != "default") {
            query.push(" and target <> 'default'");
        }
        if self.project.is_some() {
            query.push(" and project is not null");
        }
        let refusals = ["denied", "failed", "refused"];
        if self
            .decision
            .is_some_and(|decision| refusals.contains(&decision.as_str()))
        {
            query.push(" and decision in ('denied', 'failed', 'refused')");
        }
        if let Some(operation) = self.operation {
            query.push(" and operation_id = ").push_bind(operation);
        }
        if let Some(since) = self.since {
            query.push(" and at >= ").push_bind(since);
        }
        if let Some(until) = self.until {
            query.push(" and at < ").push_bind(until);
        }
        if let Some((at, position)) = self.before {
            query.push(" and (at, position) < (").push_bind(at);
            query.push(", ").push_bind(position).push(")");
        }
    }
}

impl Store {
    /// At most `limit` records, newest first.
    pub async fn audit_records(
        &self,
        filter: AuditFilter,
        limit: i64,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let mut query = QueryBuilder::new(RECORDS);
        filter.push_conditions(&mut query);
        query
            .push(" order by at desc, position desc limit ")
            .push_bind(limit);
        let rows: Vec<RecordRow> = query.build_query_as().fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(AuditRecord::from).collect())
    }

    /// The last seal.
    pub async fn last_seal(&self) -> Result<Option<Seal>, StoreError> {
        let row = sqlx::query_as!(
            SealRow,
            "select number, first_position, last_position, records, records_sha256, previous, sealed_at, key_id, seal, pruned
             from audit_seals
             order by number desc
             limit 1"
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(Seal::from))
    }

    /// Seals the numbered records after the last seal, if there are any. Two processes cannot make
    /// the same seal: it continues the one that was read.
    pub async fn seal_records(&self, key: Option<&AuditKey>) -> Result<Option<Seal>, StoreError> {
        let previous = self.last_seal().await?;
        let last = previous.as_ref().map(Seal::content);
        let (number, after) = last.map_or((0, 0), |last| (last.number, last.last_position));
        let records = records_in(&self.pool, after + 1..=i64::MAX).await?;
        let Some(newest) = records.last() else {
            return Ok(None);
        };
        let mut hash = RecordsHash::default();
        records.iter().for_each(|record| hash.add(record));
        let sealed_at = sqlx::query_scalar!(r#"select now() as "now!""#);
        let content = SealContent {
            number: number + 1,
            first_position: after + 1,
            last_position: newest.position,
            records: hash.records(),
            records_sha256: hash.finish(),
            previous: previous.as_ref().map(|previous| previous.seal.clone()),
            sealed_at: sealed_at.fetch_one(&self.pool).await?,
            key_id: key.map(|key| key.id().to_owned()),
        };
        let seal = Seal::make(content, key);
        Ok(self.insert_seal(&seal).await?.then_some(seal))
    }

    /// False if another process has made a seal of this number.
    async fn insert_seal(&self, seal: &Seal) -> Result<bool, StoreError> {
        let content = seal.content();
        let done = sqlx::query!(
            "insert into audit_seals (number, first_position, last_position, records, records_sha256, previous, sealed_at,
                                      key_id, seal)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             on conflict do nothing",
            content.number,
            content.first_position,
            content.last_position,
            content.records,
            content.records_sha256,
            content.previous,
            content.sealed_at,
            content.key_id,
            seal.seal
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Deletes the records of seals that are older than `age`, and proves in each seal that it did. A
    /// process without a key leaves those that were made with one. Returns the number of seals.
    pub async fn prune_audit(
        &self,
        age: Duration,
        key: Option<&AuditKey>,
    ) -> Result<usize, StoreError> {
        let rows = sqlx::query_as!(
            SealRow,
            "select number, first_position, last_position, records, records_sha256, previous, sealed_at, key_id, seal, pruned
             from audit_seals
             where pruned is null and sealed_at < now() - $1::float8 * interval '1 second'
               and (key_id is null or $2)
             order by number
             limit $3",
            age.as_secs_f64(),
            key.is_some(),
            PRUNED_AT_ONCE
        )
        .fetch_all(&self.pool)
        .await?;
        let seals: Vec<Seal> = rows.into_iter().map(Seal::from).collect();
        for seal in &seals {
            let content = seal.content();
            // One statement: the records of a seal are all there, or none.
            sqlx::query!(
                "with gone as (delete from audit_records where position between $1 and $2)
                 update audit_seals set pruned = $4 where number = $3",
                content.first_position,
                content.last_position,
                content.number,
                seal.pruning_code(key)
            )
            .execute(&self.pool)
            .await?;
        }
        Ok(seals.len())
    }
}

/// A part of the records with these positions, in order.
pub(super) async fn records_in(
    executor: impl PgExecutor<'_>,
    positions: RangeInclusive<i64>,
) -> Result<Vec<AuditRecord>, StoreError> {
    let mut query = QueryBuilder::new(RECORDS);
    query
        .push(" and position >= ")
        .push_bind(*positions.start());
    query.push(" and position <= ").push_bind(*positions.end());
    query
        .push(" order by position limit ")
        .push_bind(READ_AT_ONCE);
    let rows: Vec<RecordRow> = query.build_query_as().fetch_all(executor).await?;
    Ok(rows.into_iter().map(AuditRecord::from).collect())
}
