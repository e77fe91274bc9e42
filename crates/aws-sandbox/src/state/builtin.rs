//! The initial contents of every account.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::identity::Identity;
use crate::place::Place;
use crate::settings::Settings;
use crate::state::Change;
use crate::state::group::{ParameterGroup, SubnetGroup};
use crate::state::network::{IngressRule, IngressSource, SecurityGroup, Subnet, Vpc};

const VPC_ID: &str = "vpc-0a1b2c3d4e5f60718";
const SECURITY_GROUP_ID: &str = "sg-0a1b2c3d4e5f60718";
const SUBNETS: [(&str, char, &str); 3] = [
    ("subnet-0a1b2c3d4e5f60001", 'a', "172.31.0.0/20"),
    ("subnet-0a1b2c3d4e5f60002", 'b', "172.31.16.0/20"),
    ("subnet-0a1b2c3d4e5f60003", 'c', "172.31.32.0/20"),
];

/// The first changes of a journal: a new ID, the administrator, the default network, DAX's default
/// groups and the AWS managed policies.
pub(crate) fn builtin_changes(settings: &Settings, now: DateTime<Utc>) -> Vec<Change> {
    let mut changes = vec![
        Change::Began {
            id: uuid::Uuid::new_v4().to_string(),
            account_id: settings.account_id.clone(),
            region: settings.region.clone(),
        },
        Change::Identity {
            access_key_id: "sandbox".to_owned(),
            identity: Box::new(Identity::administrator(&settings.account_id)),
        },
    ];
    changes.extend(of_region(&settings.region));
    changes.extend(of_account(now));
    changes
}

/// The first changes of a place that a call reaches.
pub(crate) fn builtin_changes_at(place: &Place, now: DateTime<Utc>) -> Vec<Change> {
    if place.is_account() {
        of_account(now).collect()
    } else {
        of_region(&place.region)
    }
}

/// The default network and DAX's default groups.
fn of_region(region: &str) -> Vec<Change> {
    let mut changes = vec![
        Change::Vpc(Vpc {
            id: VPC_ID.to_owned(),
            cidr: "172.31.0.0/16".to_owned(),
            is_default: true,
        }),
        Change::SecurityGroup(Box::new(default_security_group())),
        Change::SubnetGroup(SubnetGroup {
            name: "default".to_owned(),
            description: Some("Default CacheSubnetGroup".to_owned()),
            vpc_id: VPC_ID.to_owned(),
            subnet_ids: SUBNETS.iter().map(|(id, _, _)| (*id).to_owned()).collect(),
            builtin: true,
        }),
        Change::ParameterGroup(ParameterGroup {
            name: "default.dax1.0".to_owned(),
            description: "Default parameter group for dax1.0".to_owned(),
            record_ttl_millis: "300000".to_owned(),
            query_ttl_millis: "300000".to_owned(),
            builtin: true,
        }),
    ];
    changes.extend(SUBNETS.iter().map(|(id, zone, cidr)| {
        Change::Subnet(Subnet {
            id: (*id).to_owned(),
            vpc_id: VPC_ID.to_owned(),
            availability_zone: format!("{region}{zone}"),
            cidr: Some((*cidr).to_owned()),
            ipv6_cidr: None,
            builtin: true,
        })
    }));
    changes
}

/// The AWS managed policies.
fn of_account(now: DateTime<Utc>) -> impl Iterator<Item = Change> {
    let policies = crate::iam::aws_managed_policies(now).into_iter();
    policies.map(|policy| Change::Policy(Box::new(policy)))
}

/// The default group of a VPC allows traffic between its members.
fn default_security_group() -> SecurityGroup {
    let own_members = IngressRule {
        protocol: "-1".to_owned(),
        from_port: None,
        to_port: None,
        source: IngressSource::SecurityGroup(SECURITY_GROUP_ID.to_owned()),
        description: None,
        id: "sgr-0a1b2c3d4e5f60718".to_owned(),
        tags: Vec::new(),
    };
    SecurityGroup {
        id: SECURITY_GROUP_ID.to_owned(),
        name: "default".to_owned(),
        description: "default VPC security group".to_owned(),
        vpc_id: VPC_ID.to_owned(),
        ingress: BTreeSet::from([own_members]),
        builtin: true,
    }
}
