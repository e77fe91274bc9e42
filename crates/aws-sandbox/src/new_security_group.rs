//! Security groups that tests and the control API create.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::new_subnet::is_id;
use crate::sandbox_error::SandboxError;
use crate::state::network::SecurityGroup;
use crate::state::{Change, State};

/// A security group to create or rename. An existing group keeps its rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSecurityGroup {
    /// ID of an existing VPC.
    pub vpc_id: String,
    /// Name of the group, unique within its VPC.
    pub name: String,
}

impl NewSecurityGroup {
    /// The change that creates or renames the group.
    pub(crate) fn change(&self, id: &str, state: &State) -> Result<Change, SandboxError> {
        self.check(id, state)
            .map_err(SandboxError::InvalidSecurityGroup)?;
        let existing = state.security_groups.get(id);
        Ok(Change::SecurityGroup(Box::new(SecurityGroup {
            id: id.to_owned(),
            name: self.name.clone(),
            description: self.name.clone(),
            vpc_id: self.vpc_id.clone(),
            ingress: existing.map_or_else(BTreeSet::new, |group| group.ingress.clone()),
            builtin: false,
        })))
    }

    fn check(&self, id: &str, state: &State) -> Result<(), String> {
        if !is_id(id, "sg-") {
            return Err(format!(
                "security group id: {id:?} must be `sg-` followed by 8 or 17 hexadecimal digits"
            ));
        }
        if !state.vpcs.contains_key(&self.vpc_id) {
            return Err(format!("vpc_id: VPC {:?} does not exist", self.vpc_id));
        }
        if state
            .security_groups
            .get(id)
            .is_some_and(|group| group.name == "default" || group.vpc_id != self.vpc_id)
        {
            return Err(format!(
                "security group id: {id} is a default group or belongs to another VPC"
            ));
        }
        if self.name.is_empty() || self.name == "default" || self.name.starts_with("sg-") {
            return Err("name: must not be empty, be `default` or begin with `sg-`".to_owned());
        }
        let mut others = state
            .security_groups
            .values()
            .filter(|group| group.id != id);
        match others.any(|group| group.vpc_id == self.vpc_id && group.name == self.name) {
            true => Err(format!(
                "name: the VPC already has a security group {:?}",
                self.name
            )),
            false => Ok(()),
        }
    }
}
