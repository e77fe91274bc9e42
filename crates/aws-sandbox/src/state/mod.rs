//! The state of the sandbox, as typed entities. It changes only through recorded changes.
//!
//! A service reads the state and returns changes. The journal writes them, then `State::apply`
//! applies them. Transitions by time, such as a cluster becoming available, are not recorded:
//! `State::settle` derives them from the recorded times, so a restart has the same result.

pub(crate) mod cluster;
pub(crate) mod group;
pub(crate) mod iam;
pub(crate) mod network;

mod builtin;
mod change;
mod snapshot;

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub(crate) use self::builtin::{builtin_changes, builtin_changes_at};
pub(crate) use self::change::Change;
use self::cluster::Cluster;
use self::group::{Event, ParameterGroup, SubnetGroup};
use self::iam::{ManagedPolicy, Role};
use self::network::{SecurityGroup, Subnet, Table, Vpc};
use crate::identity::{KnownKey, Session};
use crate::place::Place;

/// A tag of a role, a policy, a cluster or a security group rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Tag {
    #[serde(rename = "Key", default)]
    pub(crate) key: String,
    #[serde(rename = "Value", default, deserialize_with = "null_as_empty")]
    pub(crate) value: String,
}

/// DAX's API allows null as the value of a tag.
fn null_as_empty<'de, D: serde::Deserializer<'de>>(value: D) -> Result<String, D::Error> {
    Option::<String>::deserialize(value).map(Option::unwrap_or_default)
}

/// Adds tags to a list, or replaces the value of an existing key.
pub(crate) fn merge_tags(tags: &mut Vec<Tag>, added: &[Tag]) {
    for tag in added {
        match tags.iter_mut().find(|existing| existing.key == tag.key) {
            Some(existing) => existing.value.clone_from(&tag.value),
            None => tags.push(tag.clone()),
        }
    }
}

/// The state of one account in one Region. That of the first account and Region also has what all
/// share, and the other places.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    /// Generated once per journal.
    pub(crate) id: String,
    pub(crate) account_id: String,
    pub(crate) region: String,
    pub(crate) clock_offset_ms: i64,
    /// By access key id.
    pub(crate) keys: BTreeMap<String, KnownKey>,
    /// By access key id.
    pub(crate) sessions: BTreeMap<String, Session>,
    /// By lower-cased name: role names are unique ignoring case.
    pub(crate) roles: BTreeMap<String, Role>,
    /// By ARN.
    pub(crate) policies: BTreeMap<String, ManagedPolicy>,
    pub(crate) clusters: BTreeMap<String, Cluster>,
    pub(crate) subnet_groups: BTreeMap<String, SubnetGroup>,
    pub(crate) parameter_groups: BTreeMap<String, ParameterGroup>,
    /// In the order of insertion, which is not the order of their dates.
    pub(crate) events: VecDeque<Event>,
    /// When each certificate of a TLS cluster was issued.
    pub(crate) certificates: VecDeque<DateTime<Utc>>,
    pub(crate) vpcs: BTreeMap<String, Vpc>,
    pub(crate) subnets: BTreeMap<String, Subnet>,
    pub(crate) security_groups: BTreeMap<String, SecurityGroup>,
    pub(crate) tables: BTreeMap<String, Table>,
    next_due: Option<DateTime<Utc>>,
    /// Other accounts, whose state has only IAM, and other Regions, whose state has all but IAM.
    others: BTreeMap<Place, State>,
}

impl State {
    /// Whether this state, the first one, has the resources of a place itself.
    fn is_own(&self, place: &Place) -> bool {
        place.account_id == self.account_id && (place.is_account() || place.region == self.region)
    }

    /// The state of a place, if a call has reached it before.
    pub(crate) fn at(&self, place: &Place) -> Option<&State> {
        if self.is_own(place) {
            return Some(self);
        }
        self.others.get(place)
    }

    pub(crate) fn role(&self, name: &str) -> Option<&Role> {
        self.roles.get(&name.to_ascii_lowercase())
    }

    pub(crate) fn role_by_arn(&self, arn: &str) -> Option<&Role> {
        let name = arn.rsplit('/').next()?;
        self.role(name).filter(|role| role.arn == arn)
    }

    /// Ends all phases of clusters that are due.
    pub(crate) fn settle(&mut self, now: DateTime<Utc>) {
        self.others.values_mut().for_each(|other| other.settle(now));
        if self.next_due.is_none_or(|due| now < due) {
            return;
        }
        self.clusters.retain(|_, cluster| cluster.settle(now));
        self.next_due = self.clusters.values().filter_map(Cluster::due).min();
    }

    fn note_due(&mut self, due: Option<DateTime<Utc>>) {
        self.next_due = match (self.next_due, due) {
            (Some(known), Some(new)) => Some(known.min(new)),
            (known, new) => known.or(new),
        };
    }
}

/// A random identifier in AWS's format: the prefix and `length` upper-case letters and digits.
pub(crate) fn unique_id(prefix: &str, length: usize) -> String {
    let random = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()];
    let bytes = random.iter().flat_map(|uuid| {
        // Bytes 6 and 8 of a version 4 UUID contain version and variant, which are not random.
        uuid.as_bytes()
            .iter()
            .enumerate()
            .filter(|(at, _)| *at != 6 && *at != 8)
            .map(|(_, byte)| *byte)
    });
    let tail: String = bytes.take(length).map(base32).collect();
    format!("{prefix}{tail}")
}

/// An identifier in AWS's format that is derived from a digest.
pub(crate) fn unique_id_of(prefix: &str, digest: &[u8]) -> String {
    let tail: String = digest.iter().take(17).map(|byte| base32(*byte)).collect();
    format!("{prefix}{tail}")
}

fn base32(byte: u8) -> char {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    char::from(ALPHABET[usize::from(byte) % 32])
}
