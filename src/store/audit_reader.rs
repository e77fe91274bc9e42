//! A reader of all audit records and seals, as they are at one moment: for exports and verifications.

use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::domain::audit::{AuditRecord, RecordsHash, Seal, Verification};

use super::audit_log::{SealRow, records_in};
use super::{Store, StoreError};

/// Seals that one statement reads.
const SEALS_AT_ONCE: i64 = 1_000;

/// A connection with a snapshot, which ends with this value.
#[derive(Debug)]
pub struct AuditReader(PgConnection);

impl Store {
    /// Opens a reader, on a connection of its own without limits of time.
    pub async fn read_audit(&self) -> Result<AuditReader, StoreError> {
        let no_timeouts = [
            ("statement_timeout", "0"),
            ("idle_in_transaction_session_timeout", "0"),
        ];
        let options = self.pool.options().clone().options(no_timeouts);
        let mut connection = PgConnection::connect_with(&options).await?;
        connection
            .execute("begin isolation level repeatable read read only")
            .await?;
        Ok(AuditReader(connection))
    }
}

impl AuditReader {
    /// Seals after this number, in order; some of them if there are many.
    pub async fn seals(&mut self, after: i64) -> Result<Vec<Seal>, StoreError> {
        let rows = sqlx::query_as!(
            SealRow,
            "select number, first_position, last_position, records, records_sha256, previous, sealed_at, key_id, seal, pruned
             from audit_seals
             where number > $1
             order by number
             limit $2",
            after,
            SEALS_AT_ONCE
        )
        .fetch_all(&mut self.0)
        .await?;
        Ok(rows.into_iter().map(Seal::from).collect())
    }

    /// Records after a position up to another one, in order; some of them if there are many.
    pub async fn records(
        &mut self,
        after: i64,
        through: i64,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        records_in(&mut self.0, after.saturating_add(1)..=through).await
    }

    /// Verifies every seal and every sealed record. Returns the number of records that are not
    /// sealed yet.
    pub async fn verify(&mut self, verification: &mut Verification) -> Result<i64, StoreError> {
        let mut number = i64::MIN;
        loop {
            let seals = self.seals(number).await?;
            let Some(last) = seals.last() else { break };
            number = last.content().number;
            for seal in seals {
                let records = self.hash_records(&seal).await?;
                verification.add(seal, records);
            }
        }
        self.verify_rest(verification).await
    }

    async fn hash_records(&mut self, seal: &Seal) -> Result<RecordsHash, StoreError> {
        let (mut hash, content) = (RecordsHash::default(), seal.content());
        let (mut after, last) = (
            content.first_position.saturating_sub(1),
            content.last_position,
        );
        loop {
            let records = self.records(after, last).await?;
            records.iter().for_each(|record| hash.add(record));
            match records.last() {
                Some(record) => after = record.position,
                None => return Ok(hash),
            }
        }
    }

    /// What is outside of the seals: records before the first position, and after the last seal.
    async fn verify_rest(&mut self, verification: &mut Verification) -> Result<i64, StoreError> {
        let last = verification.last().map(|seal| seal.content().last_position);
        let last = last.unwrap_or_default();
        let rest = sqlx::query!(
            r#"select (select count(*) from audit_records where position < 1) as "before!",
                      (select count(*) from audit_records where position > $1) as "after!",
                      (select count(*) from audit_records where position is null) as "unnumbered!",
                      (select last_audit_position from event_numbering) as "numbered!""#,
            last
        )
        .fetch_one(&mut self.0)
        .await?;
        if rest.before > 0 {
            verification.fault(format!("{} records have no valid position", rest.before));
        }
        if rest.after != rest.numbered - last {
            verification.fault(format!(
                "{} records exist after position {last}, which the last seal ends with, and {} must",
                rest.after,
                rest.numbered - last
            ));
        }
        Ok(rest.after + rest.unnumbered)
    }
}
