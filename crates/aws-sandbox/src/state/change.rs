//! The changes that the journal records.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::identity::{Identity, KnownKey, Permissions, Session};
use crate::place::Place;
use crate::state::State;
use crate::state::cluster::Cluster;
use crate::state::group::{Event, ParameterGroup, SubnetGroup};
use crate::state::iam::{ManagedPolicy, Role};
use crate::state::network::{SecurityGroup, Subnet, Table, Vpc};

/// DAX keeps events for 14 days.
const EVENT_DAYS: i64 = 14;
/// A certificate counts towards the quota for 30 days.
const CERTIFICATE_DAYS: i64 = 30;

/// One recorded change. An entity is always written as a whole.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    Began {
        id: String,
        account_id: String,
        region: String,
    },
    ClockMoved {
        offset_ms: i64,
    },
    Identity {
        access_key_id: String,
        identity: Box<Identity>,
    },
    Session(Box<Session>),
    Role(Box<Role>),
    RoleGone(String),
    Policy(Box<ManagedPolicy>),
    PolicyGone(String),
    Cluster(Box<Cluster>),
    SubnetGroup(SubnetGroup),
    SubnetGroupGone(String),
    ParameterGroup(ParameterGroup),
    ParameterGroupGone(String),
    Event(Event),
    CertificateIssued(DateTime<Utc>),
    Vpc(Vpc),
    Subnet(Subnet),
    SecurityGroup(Box<SecurityGroup>),
    Table(Table),
    /// A change of another account, or of another Region.
    At {
        account_id: String,
        region: String,
        change: Box<Change>,
    },
}

impl Change {
    /// The change as the journal records it for a place that `first` does not have itself.
    pub(crate) fn at(self, place: &Place, first: &State) -> Change {
        if first.is_own(place) || matches!(self, Change::Session(_)) {
            return self;
        }
        Change::At {
            account_id: place.account_id.clone(),
            region: place.region.clone(),
            change: Box::new(self),
        }
    }
}

impl State {
    /// Applies a recorded change.
    pub(crate) fn apply(&mut self, change: Change) {
        match change {
            Change::Began {
                id,
                account_id,
                region,
            } => {
                *self = State {
                    id,
                    account_id,
                    region,
                    ..State::default()
                };
            }
            Change::ClockMoved { offset_ms } => self.clock_offset_ms = offset_ms,
            Change::Identity {
                access_key_id,
                identity,
            } => self.apply_identity(access_key_id, *identity),
            Change::Session(session) => {
                self.sessions
                    .insert(session.access_key_id.clone(), *session);
            }
            Change::Role(role) => {
                self.roles.insert(role.name.to_ascii_lowercase(), *role);
            }
            Change::RoleGone(name) => {
                self.roles.remove(&name.to_ascii_lowercase());
            }
            Change::Policy(policy) => {
                self.policies.insert(policy.arn.clone(), *policy);
            }
            Change::PolicyGone(arn) => {
                self.policies.remove(&arn);
            }
            Change::At {
                account_id,
                region,
                change,
            } => self.apply_at(Place { account_id, region }, *change),
            dax_or_network => self.apply_resource(dax_or_network),
        }
    }

    fn apply_at(&mut self, place: Place, change: Change) {
        let empty = || State {
            account_id: place.account_id.clone(),
            region: place.region.clone(),
            ..State::default()
        };
        self.others
            .entry(place.clone())
            .or_insert_with(empty)
            .apply(change);
    }

    fn apply_resource(&mut self, change: Change) {
        match change {
            Change::Cluster(cluster) => {
                self.note_due(cluster.due());
                self.clusters.insert(cluster.name.clone(), *cluster);
            }
            Change::SubnetGroup(group) => {
                self.subnet_groups.insert(group.name.clone(), group);
            }
            Change::SubnetGroupGone(name) => {
                self.subnet_groups.remove(&name);
            }
            Change::ParameterGroup(group) => {
                self.parameter_groups.insert(group.name.clone(), group);
            }
            Change::ParameterGroupGone(name) => {
                self.parameter_groups.remove(&name);
            }
            Change::Event(event) => self.apply_event(event),
            Change::CertificateIssued(at) => {
                self.certificates
                    .retain(|issued| at - *issued < TimeDelta::days(CERTIFICATE_DAYS));
                self.certificates.push_back(at);
            }
            network => self.apply_network(network),
        }
    }

    fn apply_network(&mut self, change: Change) {
        match change {
            Change::Vpc(vpc) => {
                self.vpcs.insert(vpc.id.clone(), vpc);
            }
            Change::Subnet(subnet) => {
                self.subnets.insert(subnet.id.clone(), subnet);
            }
            Change::SecurityGroup(group) => {
                self.security_groups.insert(group.id.clone(), *group);
            }
            Change::Table(table) => {
                self.tables.insert(table.name.clone(), table);
            }
            other => unreachable!("{other:?} is applied by the callers"),
        }
    }

    fn apply_identity(&mut self, access_key_id: String, identity: Identity) {
        // Documents are validated before they are recorded. One that a later version rejects grants
        // nothing.
        let permissions = Permissions::of(&identity).unwrap_or_else(|_| Permissions {
            identity: Vec::new(),
            boundary: None,
            session: None,
            organization: None,
        });
        self.keys.insert(
            access_key_id,
            KnownKey {
                identity,
                permissions: Arc::new(permissions),
            },
        );
    }

    fn apply_event(&mut self, event: Event) {
        let oldest = event.date - TimeDelta::days(EVENT_DAYS);
        while self.events.front().is_some_and(|first| first.date < oldest) {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }
}
