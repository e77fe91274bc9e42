//! Audit: records of what was requested, decided and sent to AWS, and the chain of seals over them.
//!
//! A record is sealed as the line of JSON that an export prints, so what is sealed can be computed
//! outside of this service.

use std::fmt;

use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

mod verification;

pub use verification::{Anchor, Verification};

/// Number of bytes of the key of seals.
const KEY_BYTES: usize = 32;

/// What became of a request or of a call to AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::VariantArray, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum AuditDecision {
    /// The request was accepted and stored.
    Accepted,
    /// The caller may not do it.
    Denied,
    /// The caller was not authenticated.
    Failed,
    /// The call to AWS may have been sent.
    Intended,
    /// AWS confirmed the call.
    Applied,
    /// AWS refused the call, it was not sent, or a version of the organisation was not taken.
    Refused,
    /// The answer to the call was lost, and what exists in AWS was read since.
    Settled,
}

/// One record. Its fields are those of an exported line, in this order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditRecord {
    /// Position, from 1 and dense, in the order of the transactions.
    pub position: i64,
    /// When it was written, by the database's clock.
    pub at: DateTime<Utc>,
    /// The caller, as shown with operations; `None` for failed authentications.
    pub caller: Option<String>,
    /// What identifies the caller for ever.
    pub caller_id: Option<String>,
    /// The person for whom a portal sent the request.
    pub requested_for: Option<String>,
    /// The groups of the caller, a list of names.
    pub groups: Option<Value>,
    /// The operation ID of the API, the call to AWS, or the command.
    pub action: String,
    /// What was decided, or what became of the call to AWS.
    pub decision: String,
    /// The target.
    pub target: Option<String>,
    /// The project of the cluster.
    pub project: Option<String>,
    /// The cluster.
    pub cluster: Option<String>,
    /// The operation.
    pub operation_id: Option<Uuid>,
    /// What it is about, if it is no cluster: a resource of AWS, a webhook, a token.
    pub subject: Option<String>,
    /// The number that the two records of a call to AWS have in common.
    pub intent: Option<i64>,
    /// More than one: so many requests of one minute.
    pub count: i64,
    /// The policies that permitted or forbade it, a list of IDs.
    pub policies: Option<Value>,
    /// Hash of the organisation whose policies decided.
    pub organisation: Option<String>,
    /// The ID of the HTTP request.
    pub request_id: Option<String>,
    /// The address of the client.
    pub address: Option<String>,
    /// What else is known, such as the rights of a new token.
    pub details: Option<Value>,
}

/// A seal: a code over the records of a range of positions and over the seal before it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Seal {
    #[serde(flatten)]
    content: SealContent,
    /// The code, in hexadecimal.
    pub seal: String,
    /// The code which proves that retention deleted the records; `None` while they exist.
    pub pruned: Option<String>,
}

/// What a seal seals, in this order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SealContent {
    /// Its number, from 1 and dense.
    pub number: i64,
    /// The first position of the range.
    pub first_position: i64,
    /// The last position of the range.
    pub last_position: i64,
    /// The number of records that the range had.
    pub records: i64,
    /// SHA-256 of their lines, in hexadecimal.
    pub records_sha256: String,
    /// The seal before it.
    pub previous: Option<String>,
    /// When it was made.
    pub sealed_at: DateTime<Utc>,
    /// The key that it was made with; `None` without one.
    pub key_id: Option<String>,
}

/// The key that seals are made with.
#[derive(Clone)]
pub struct AuditKey(hmac::Key, String);

impl AuditKey {
    /// Parses the content of a key file: 32 bytes in base64.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64_STANDARD.decode(text.trim()).ok()?;
        if bytes.len() != KEY_BYTES {
            return None;
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
        let id = hex(hmac::sign(&key, b"key id").as_ref());
        Some(Self(key, id[..16].to_owned()))
    }

    /// What names the key in seals. It reveals nothing of the key.
    pub fn id(&self) -> &str {
        &self.1
    }
}

impl fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl AuditRecord {
    /// The line that an export prints, without its end.
    pub fn line(&self) -> String {
        json(self)
    }
}

/// The hash of the lines of records, one after another.
#[derive(Clone)]
pub struct RecordsHash(digest::Context, i64);

impl Default for RecordsHash {
    fn default() -> Self {
        Self(digest::Context::new(&digest::SHA256), 0)
    }
}

impl RecordsHash {
    /// Adds a record.
    pub fn add(&mut self, record: &AuditRecord) {
        self.0.update(record.line().as_bytes());
        self.0.update(b"\n");
        self.1 += 1;
    }

    /// The number of records.
    pub fn records(&self) -> i64 {
        self.1
    }

    /// The hash, in hexadecimal.
    pub fn finish(self) -> String {
        hex(self.0.finish().as_ref())
    }
}

impl Seal {
    /// Makes the seal of this content with the key that it names.
    pub fn make(content: SealContent, key: Option<&AuditKey>) -> Self {
        Self {
            seal: code(key, &json(&content)),
            content,
            pruned: None,
        }
    }

    /// A stored seal.
    pub fn stored(content: SealContent, seal: String, pruned: Option<String>) -> Self {
        Self {
            content,
            seal,
            pruned,
        }
    }

    /// What it seals.
    pub fn content(&self) -> &SealContent {
        &self.content
    }

    /// What an operator keeps elsewhere to compare with later: number and code.
    pub fn anchor(&self) -> String {
        format!("{}:{}", self.content.number, self.seal)
    }

    /// The code which proves that its records were deleted on purpose.
    pub fn pruning_code(&self, key: Option<&AuditKey>) -> String {
        code(key, &format!("pruned {}", self.anchor()))
    }

    /// The line that an export prints, without its end.
    pub fn line(&self) -> String {
        json(self)
    }
}

/// HMAC-SHA-256 with a key, else SHA-256, in hexadecimal.
fn code(key: Option<&AuditKey>, text: &str) -> String {
    match key {
        Some(AuditKey(key, _)) => hex(hmac::sign(key, text.as_bytes()).as_ref()),
        None => hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref()),
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("records and seals have plain fields")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
