//! Audit: what is recorded, how it is sealed, and how tampering is found.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use dax_provisioner::domain::audit::{AuditKey, Seal, Verification};
use serde_json::Value;

use crate::support::test_env::TestEnv;

mod clients;
mod list_indexes;
mod pruning;
pub mod reconciliation;
mod requests;
mod sealing;
mod tampering;

/// A key of seals.
pub fn key(byte: u8) -> AuditKey {
    AuditKey::parse(&BASE64_STANDARD.encode([byte; 32])).unwrap()
}

impl TestEnv {
    /// All records, in order.
    pub async fn audit(&self) -> Vec<Value> {
        self.number_events().await;
        let mut reader = self.store.read_audit().await.unwrap();
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let records = reader.records(after, i64::MAX).await.unwrap();
            let Some(last) = records.last() else {
                return all;
            };
            after = last.position;
            let lines = records.iter().map(|record| record.line());
            all.extend(lines.map(|line| serde_json::from_str::<Value>(&line).unwrap()));
        }
    }

    /// The records of an action, in order.
    pub async fn audit_of(&self, action: &str) -> Vec<Value> {
        let mut records = self.audit().await;
        records.retain(|record| record["action"] == action);
        records
    }

    /// Seals all records. Returns the last seal.
    pub async fn seal(&self, key: Option<&AuditKey>) -> Option<Seal> {
        self.number_events().await;
        let mut last = None;
        while let Some(seal) = self.store.seal_records(key).await.unwrap() {
            last = Some(seal);
        }
        last
    }

    /// The faults that a verification finds.
    pub async fn verify(&self, key: Option<&AuditKey>, anchor: Option<&str>) -> Vec<String> {
        let anchor = anchor.map(|anchor| anchor.parse().unwrap());
        let mut verification = Verification::new(key.cloned().into_iter().collect(), anchor);
        let mut reader = self.store.read_audit().await.unwrap();
        reader.verify(&mut verification).await.unwrap();
        verification.finish()
    }
}
