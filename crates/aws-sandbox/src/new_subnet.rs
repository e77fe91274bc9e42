//! Subnets beyond the default ones: other VPCs, dual stack, IPv6 only.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::sandbox_error::SandboxError;
use crate::state::network::{SecurityGroup, Subnet, Vpc};
use crate::state::{Change, State};

/// A subnet to be made or changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSubnet {
    /// Its VPC; a new id makes a new VPC, which is not the default one.
    pub vpc_id: String,
    /// Its Availability Zone.
    pub availability_zone: String,
    /// `ipv4`, `ipv6`, or both for dual stack.
    pub network_types: Vec<String>,
}

impl NewSubnet {
    /// The changes that make it.
    pub(crate) fn changes(&self, id: &str, state: &State) -> Result<Vec<Change>, SandboxError> {
        let invalid = |message: String| Err(SandboxError::InvalidSubnet(message));
        if !is_id(id, "subnet-") {
            return invalid(format!(
                "subnet id: {id:?} must be subnet- and 8 or 17 hexadecimal digits"
            ));
        }
        if !is_id(&self.vpc_id, "vpc-") {
            return invalid(format!(
                "vpc_id: {:?} must be vpc- and 8 or 17 hexadecimal digits",
                self.vpc_id
            ));
        }
        let zone = self.availability_zone.strip_prefix(&state.region);
        if !zone.is_some_and(|letter| {
            letter.len() == 1 && letter.bytes().all(|byte| byte.is_ascii_lowercase())
        }) {
            return invalid(format!(
                "availability_zone: must be {} and a letter",
                state.region
            ));
        }
        let speaks = |kind: &str| self.network_types.iter().any(|known| known == kind);
        let (ipv4, ipv6) = (speaks("ipv4"), speaks("ipv6"));
        if self.network_types.is_empty()
            || self
                .network_types
                .iter()
                .any(|kind| kind != "ipv4" && kind != "ipv6")
        {
            return invalid("network_types: must hold ipv4, ipv6, or both".to_owned());
        }
        let mut changes = Vec::new();
        if !state.vpcs.contains_key(&self.vpc_id) {
            let vpc = Vpc {
                id: self.vpc_id.clone(),
                cidr: "10.0.0.0/16".to_owned(),
                is_default: false,
            };
            changes.push(Change::Vpc(vpc));
            changes.push(Change::SecurityGroup(Box::new(default_group(&self.vpc_id))));
        }
        let block = Sha256::digest(id)[0];
        changes.push(Change::Subnet(Subnet {
            id: id.to_owned(),
            vpc_id: self.vpc_id.clone(),
            availability_zone: self.availability_zone.clone(),
            cidr: ipv4.then(|| format!("10.0.{block}.0/24")),
            ipv6_cidr: ipv6.then(|| format!("2001:db8:0:{block:x}::/64")),
            builtin: false,
        }));
        Ok(changes)
    }
}

fn is_id(id: &str, prefix: &str) -> bool {
    let digits = id.strip_prefix(prefix);
    digits.is_some_and(|digits| {
        matches!(digits.len(), 8 | 17)
            && digits
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

fn default_group(vpc_id: &str) -> SecurityGroup {
    SecurityGroup {
        id: vpc_id.replacen("vpc-", "sg-", 1),
        name: "default".to_owned(),
        description: "default VPC security group".to_owned(),
        vpc_id: vpc_id.to_owned(),
        ingress: BTreeSet::new(),
        builtin: false,
    }
}
