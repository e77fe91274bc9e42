//! Expiry: clusters that are deleted at a time. Each step is done once, and only while the cluster and
//! its expiry are as they were read.

use uuid::Uuid;

use crate::domain::target::TargetName;

use super::{Store, StoreError, rows};

/// Clusters that one statement announces.
const ANNOUNCED_AT_ONCE: i64 = 200;
/// Clusters that one statement returns.
const EXPIRED_AT_ONCE: i64 = 20;

/// A cluster whose expiry is past.
#[derive(Debug, Clone)]
pub struct Expired {
    /// The cluster.
    pub id: Uuid,
    /// Its target.
    pub target: TargetName,
    /// Its name.
    pub name: String,
    /// Its version: a change of its expiry raises it.
    pub version: i64,
    /// Its expiry, as it is stored.
    pub expires_at: String,
}

struct ExpiredRow {
    id: Uuid,
    target: String,
    name: String,
    version: i64,
    expires_at: String,
}

impl ExpiredRow {
    fn parse(self) -> Result<Expired, StoreError> {
        Ok(Expired {
            id: self.id,
            target: rows::target(&self.target)?,
            name: self.name,
            version: self.version,
            expires_at: self.expires_at,
        })
    }
}

impl Store {
    /// Adds an event to the last operation of each cluster that expires within 24 hours, again within
    /// one hour, and when deletion protection holds its delete off. Returns the number of events.
    pub async fn announce_expiries(&self) -> Result<u64, StoreError> {
        let announced = sqlx::query_file!("src/store/sql/announce_expiries.sql", ANNOUNCED_AT_ONCE)
            .execute(&self.pool)
            .await?;
        Ok(announced.rows_affected())
    }

    /// Clusters of all targets whose expiry is past and whose delete was not requested, without those
    /// that deletion protection holds.
    pub async fn expired(&self) -> Result<Vec<Expired>, StoreError> {
        let found = sqlx::query_as!(
            ExpiredRow,
            r#"select id, target, name, version, desired ->> 'expires_at' as "expires_at!"
               from clusters
               where deleted_at is null and desired ->> 'expires_at' is not null
                 and (desired ->> 'expires_at') collate "C" <= to_char(now() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
                 and expiry_stage < 4 and status <> 'deleting'
                 and not (status in ('available', 'updating') and (desired ->> 'deletion_protection')::boolean)
               order by (desired ->> 'expires_at') collate "C"
               limit $1"#,
            EXPIRED_AT_ONCE
        )
        .fetch_all(&self.pool)
        .await?;
        found.into_iter().map(ExpiredRow::parse).collect()
    }

    /// Records that the delete of an expired cluster was requested. It is not requested again: a
    /// caller can cancel it.
    pub async fn mark_expired(&self, cluster: &Expired) -> Result<(), StoreError> {
        sqlx::query!(
            "update clusters set expiry_stage = 4 where id = $1 and desired ->> 'expires_at' = $2",
            cluster.id,
            cluster.expires_at
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
