//! The whole state as a list of changes, for a compacted journal.

use crate::state::{Change, State};

impl State {
    /// The changes that recreate this state from an empty one.
    pub(crate) fn snapshot(&self) -> Vec<Change> {
        let began = Change::Began {
            id: self.id.clone(),
            account_id: self.account_id.clone(),
            region: self.region.clone(),
        };
        let mut changes = vec![
            began,
            Change::ClockMoved {
                offset_ms: self.clock_offset_ms,
            },
        ];
        changes.extend(self.callers());
        changes.extend(self.resources());
        for (place, other) in &self.others {
            changes.extend(other.resources().map(|change| change.at(place, self)));
        }
        changes
    }

    fn resources(&self) -> impl Iterator<Item = Change> {
        self.iam().chain(self.dax()).chain(self.network())
    }

    fn callers(&self) -> impl Iterator<Item = Change> {
        let identities = self
            .keys
            .iter()
            .map(|(access_key_id, key)| Change::Identity {
                access_key_id: access_key_id.clone(),
                identity: Box::new(key.identity.clone()),
            });
        let sessions = self.sessions.values().cloned();
        identities.chain(sessions.map(|session| Change::Session(Box::new(session))))
    }

    fn iam(&self) -> impl Iterator<Item = Change> {
        let roles = self
            .roles
            .values()
            .cloned()
            .map(|role| Change::Role(Box::new(role)));
        let policies = self.policies.values().cloned();
        roles.chain(policies.map(|policy| Change::Policy(Box::new(policy))))
    }

    fn dax(&self) -> impl Iterator<Item = Change> {
        let clusters = self
            .clusters
            .values()
            .cloned()
            .map(|cluster| Change::Cluster(Box::new(cluster)));
        clusters
            .chain(
                self.subnet_groups
                    .values()
                    .cloned()
                    .map(Change::SubnetGroup),
            )
            .chain(
                self.parameter_groups
                    .values()
                    .cloned()
                    .map(Change::ParameterGroup),
            )
            .chain(self.events.iter().cloned().map(Change::Event))
            .chain(
                self.certificates
                    .iter()
                    .copied()
                    .map(Change::CertificateIssued),
            )
    }

    fn network(&self) -> impl Iterator<Item = Change> {
        let groups = self.security_groups.values().cloned();
        let groups = groups.map(|group| Change::SecurityGroup(Box::new(group)));
        self.vpcs
            .values()
            .cloned()
            .map(Change::Vpc)
            .chain(self.subnets.values().cloned().map(Change::Subnet))
            .chain(groups)
            .chain(self.tables.values().cloned().map(Change::Table))
    }
}
