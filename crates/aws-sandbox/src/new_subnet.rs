//! Subnets that tests and the control API create: in other VPCs, dual stack, IPv6 only.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::sandbox_error::SandboxError;
use crate::state::network::{SecurityGroup, Subnet, Vpc};
use crate::state::{Change, State};

/// A subnet to create or update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSubnet {
    /// VPC ID. An unknown ID creates a VPC that is not the default one.
    pub vpc_id: String,
    /// Availability Zone: the sandbox's Region followed by a letter.
    pub availability_zone: String,
    /// `ipv4`, `ipv6`, or both for dual stack.
    pub network_types: Vec<String>,
}

impl NewSubnet {
    /// The changes that create or update the subnet, and its VPC if that is new.
    pub(crate) fn changes(&self, id: &str, state: &State) -> Result<Vec<Change>, SandboxError> {
        self.check(id, state).map_err(SandboxError::InvalidSubnet)?;
        let mut changes = Vec::new();
        if !state.vpcs.contains_key(&self.vpc_id) {
            let cidr = "10.0.0.0/16".to_owned();
            changes.push(Change::Vpc(Vpc {
                id: self.vpc_id.clone(),
                cidr,
                is_default: false,
            }));
            changes.push(Change::SecurityGroup(Box::new(default_group(&self.vpc_id))));
        }
        let block = Sha256::digest(id)[0];
        changes.push(Change::Subnet(Subnet {
            id: id.to_owned(),
            vpc_id: self.vpc_id.clone(),
            availability_zone: self.availability_zone.clone(),
            cidr: self.supports("ipv4").then(|| format!("10.0.{block}.0/24")),
            ipv6_cidr: self
                .supports("ipv6")
                .then(|| format!("2001:db8:0:{block:x}::/64")),
            builtin: false,
        }));
        Ok(changes)
    }

    fn supports(&self, kind: &str) -> bool {
        self.network_types.iter().any(|known| known == kind)
    }

    fn check(&self, id: &str, state: &State) -> Result<(), String> {
        if !is_id(id, "subnet-") {
            return Err(format!(
                "subnet id: {id:?} must be `subnet-` followed by 8 or 17 hexadecimal digits"
            ));
        }
        if !is_id(&self.vpc_id, "vpc-") {
            return Err(format!(
                "vpc_id: {:?} must be `vpc-` followed by 8 or 17 hexadecimal digits",
                self.vpc_id
            ));
        }
        let is_letter = |letter: &str| {
            letter.len() == 1 && letter.bytes().all(|byte| byte.is_ascii_lowercase())
        };
        if !self
            .availability_zone
            .strip_prefix(&state.region)
            .is_some_and(is_letter)
        {
            return Err(format!(
                "availability_zone: must be {} followed by a lower-case letter",
                state.region
            ));
        }
        let is_known = |kind: &String| matches!(kind.as_str(), "ipv4" | "ipv6");
        match !self.network_types.is_empty() && self.network_types.iter().all(is_known) {
            true => Ok(()),
            false => Err("network_types: must contain `ipv4`, `ipv6` or both".to_owned()),
        }
    }
}

/// Whether `id` is an EC2 ID: `prefix` and 8 or 17 hexadecimal digits.
pub(crate) fn is_id(id: &str, prefix: &str) -> bool {
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
