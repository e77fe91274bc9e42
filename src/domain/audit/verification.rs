//! Verification of the chain of seals against the records.

use std::str::FromStr;

use super::{AuditKey, RecordsHash, Seal};

/// A seal that was kept elsewhere: what the log of the service printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    number: i64,
    seal: String,
}

/// It is not of the form NUMBER:SEAL.
#[derive(Debug, thiserror::Error)]
#[error("not of the form NUMBER:SEAL")]
pub struct InvalidAnchor;

impl FromStr for Anchor {
    type Err = InvalidAnchor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, seal) = text.split_once(':').ok_or(InvalidAnchor)?;
        let number = number.parse().map_err(|_| InvalidAnchor)?;
        let is_code = seal.len() == 64 && seal.bytes().all(|byte| byte.is_ascii_hexdigit());
        let seal = seal.to_lowercase();
        is_code
            .then_some(Self { number, seal })
            .ok_or(InvalidAnchor)
    }
}

/// A verification in progress: seals are added in order, each with the hash of its records.
#[derive(Debug)]
pub struct Verification {
    keys: Vec<AuditKey>,
    anchor: Option<Anchor>,
    previous: Option<Seal>,
    sealed: i64,
    pruned: i64,
    faults: Vec<String>,
}

impl Verification {
    /// Begins a verification. Without keys, seals that were made with one are faults.
    pub fn new(keys: Vec<AuditKey>, anchor: Option<Anchor>) -> Self {
        Self {
            keys,
            anchor,
            previous: None,
            sealed: 0,
            pruned: 0,
            faults: Vec::new(),
        }
    }

    /// Adds a fault that is found elsewhere.
    pub fn fault(&mut self, fault: String) {
        self.faults.push(fault);
    }

    /// Adds the next seal, with its records as they are now.
    pub fn add(&mut self, seal: Seal, records: RecordsHash) {
        let content = seal.content();
        let number = content.number;
        let (expected, first, link, was_keyed) = match &self.previous {
            Some(previous) => {
                let before = previous.content();
                let link = Some(previous.seal.clone());
                let next = (before.number + 1, before.last_position + 1);
                (next.0, next.1, link, before.key_id.is_some())
            }
            None => (1, 1, None, false),
        };
        let mut faults = Vec::new();
        if number != expected {
            faults.push(format!("seal {expected} is missing"));
        }
        if content.previous != link {
            faults.push(format!(
                "seal {number} does not continue the seal before it"
            ));
        }
        if content.first_position != first || content.last_position < first {
            faults.push(format!(
                "seal {number} does not begin after the positions of the seal before it"
            ));
        }
        if was_keyed && content.key_id.is_none() {
            faults.push(format!(
                "seal {number} is made without a key, the seal before it with one"
            ));
        }
        match self.key_of(&seal) {
            Ok(key) => {
                if Seal::make(content.clone(), key).seal != seal.seal {
                    faults.push(format!("seal {number} is changed"));
                }
            }
            Err(fault) => faults.push(fault),
        }
        if seal.pruned.is_some() && !self.is_pruned(&seal) {
            faults.push(format!(
                "the records of seal {number} were not deleted by retention"
            ));
        }
        faults.extend(fault_of_records(&seal, records));
        self.check_anchor(&seal, &mut faults);
        self.sealed += content.records;
        if seal.pruned.is_some() {
            self.pruned += content.records;
        }
        self.faults.append(&mut faults);
        self.previous = Some(seal);
    }

    /// The key of a seal; the error is why there is none.
    fn key_of(&self, seal: &Seal) -> Result<Option<&AuditKey>, String> {
        let content = seal.content();
        let Some(id) = &content.key_id else {
            return Ok(None);
        };
        let found = self.keys.iter().find(|key| key.id() == id);
        found.map(Some).ok_or_else(|| {
            let number = content.number;
            format!("seal {number} is made with the key {id}, which was not given")
        })
    }

    /// Whether retention deleted the records of a seal: later keys count as well as that of the seal.
    fn is_pruned(&self, seal: &Seal) -> bool {
        let is_plain = seal.content().key_id.is_none();
        let keys = self.keys.iter().map(Some);
        let mut keys = keys.chain(is_plain.then_some(None));
        keys.any(|key| seal.pruned == Some(seal.pruning_code(key)))
    }

    fn check_anchor(&mut self, seal: &Seal, faults: &mut Vec<String>) {
        let is_about = |anchor: &mut Anchor| anchor.number == seal.content().number;
        if let Some(anchor) = self.anchor.take_if(is_about)
            && anchor.seal != seal.seal
        {
            faults.push(format!("seal {} is not that of the anchor", anchor.number));
        }
    }

    /// The last seal that was added.
    pub fn last(&self) -> Option<&Seal> {
        self.previous.as_ref()
    }

    /// The number of sealed records, and of those that retention deleted.
    pub fn records(&self) -> (i64, i64) {
        (self.sealed, self.pruned)
    }

    /// Ends the verification: all faults.
    pub fn finish(self) -> Vec<String> {
        let mut faults = self.faults;
        if let Some(anchor) = &self.anchor {
            faults.push(format!("seal {}, the anchor, is missing", anchor.number));
        }
        let last = self.previous.as_ref().map(Seal::content);
        if let Some(last) = last
            && !self.keys.is_empty()
            && last.key_id.is_none()
        {
            faults.push(format!(
                "the last seal, {}, is made without a key",
                last.number
            ));
        }
        faults
    }
}

/// What is wrong with the records of a seal.
fn fault_of_records(seal: &Seal, records: RecordsHash) -> Option<String> {
    let content = seal.content();
    let (number, first, last) = (
        content.number,
        content.first_position,
        content.last_position,
    );
    let found = records.records();
    if seal.pruned.is_some() {
        return (found > 0).then(|| {
            format!("{found} records exist at positions {first} to {last}, which retention deleted")
        });
    }
    if found != content.records {
        let sealed = content.records;
        return Some(format!(
            "seal {number} has {sealed} records at positions {first} to {last}, and {found} exist"
        ));
    }
    if content.records != last - first + 1 {
        return Some(format!(
            "records at positions {first} to {last} were missing when they were sealed"
        ));
    }
    (records.finish() != content.records_sha256).then(|| {
        format!("a record at positions {first} to {last} (seal {number}) is changed or moved")
    })
}
