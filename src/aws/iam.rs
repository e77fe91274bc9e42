//! IAM queries. IAM returns documents percent-encoded; they are decoded here.

use std::collections::BTreeMap;
use std::future::ready;

use aws_sdk_iam::types::{PolicyScopeType, Tag};
use chrono::{DateTime, Utc};
use percent_encoding::percent_decode_str;

use crate::domain::problems::fault::{Fault, FaultClass};

use super::Aws;
use super::fault::Call;

/// Maximum page size of IAM, so that large accounts are read within one lease.
const ITEMS_PER_PAGE: i32 = 1_000;

/// A role, as returned by GetRole.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// The name of the role.
    pub name: String,
    /// The ARN of the role.
    pub arn: String,
    /// The IAM path, such as `/dax-provisioner/`.
    pub path: String,
    /// The trust policy, as JSON text.
    pub trust_policy: String,
    /// The ARN of the permissions boundary.
    pub permissions_boundary: Option<String>,
    /// The tags, by key.
    pub tags: BTreeMap<String, String>,
    /// The creation time, by IAM's clock.
    pub created_at: Option<DateTime<Utc>>,
}

/// A role, as returned by ListRoles, without tags.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleSummary {
    /// The name of the role.
    pub name: String,
    /// The ARN of the role.
    pub arn: String,
    /// The IAM path, such as `/dax-provisioner/`.
    pub path: String,
    /// The trust policy, as JSON text.
    pub trust_policy: String,
    /// The creation time, by IAM's clock.
    pub created_at: Option<DateTime<Utc>>,
}

/// A customer managed policy with the document of its default version.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// The name of the policy.
    pub name: String,
    /// The ARN of the policy.
    pub arn: String,
    /// The document of the default version, as JSON text. Empty in a listing.
    pub document: String,
    /// Number of users, groups and roles that the policy is attached to.
    pub attachments: i32,
    /// The tags, by key. Empty in a listing.
    pub tags: BTreeMap<String, String>,
    /// The creation time, by IAM's clock.
    pub created_at: Option<DateTime<Utc>>,
}

impl Aws {
    /// iam GetRole. `None` if the role does not exist.
    pub async fn role(&self, name: &str, arn: &str) -> Result<Option<Role>, Fault> {
        let call = Call::read("iam", "GetRole", Some(arn.to_owned()));
        let request = self.iam.get_role().role_name(name);
        let Some(answer) = call.found(request.send()).await? else {
            return Ok(None);
        };
        let role = call.member(answer.role, "Role")?;
        Ok(Some(Role {
            name: role.role_name,
            arn: role.arn,
            path: role.path,
            trust_policy: decode(role.assume_role_policy_document.as_deref()),
            permissions_boundary: role
                .permissions_boundary
                .and_then(|boundary| boundary.permissions_boundary_arn),
            tags: tag_map(role.tags.unwrap_or_default()),
            created_at: instant(Some(&role.create_date)),
        }))
    }

    /// The ARN and the trust policy of the role with the name in an ARN, whatever its path.
    ///
    /// The service may read only the roles that its policy names, but it may list all. So a role
    /// that cannot be read, and is not in the list under this ARN, does not exist there.
    pub async fn role_named_in(&self, arn: &str) -> Result<Option<(String, String)>, Fault> {
        let name = arn.rsplit('/').next().unwrap_or(arn);
        let denied = match self.role(name, arn).await {
            Ok(role) => return Ok(role.map(|role| (role.arn, role.trust_policy))),
            Err(fault) if fault.class == FaultClass::Permission => fault,
            Err(fault) => return Err(fault),
        };
        match self.roles("/").await {
            Ok(roles) if roles.iter().all(|role| role.arn != arn) => {
                let found = roles.into_iter().find(|role| role.name == name);
                Ok(found.map(|role| (role.arn, role.trust_policy)))
            }
            Ok(_) | Err(_) => Err(denied),
        }
    }

    /// iam ListRoles with a path prefix, all pages.
    pub async fn roles(&self, path_prefix: &str) -> Result<Vec<RoleSummary>, Fault> {
        let call = Call::read("iam", "ListRoles", None);
        let mut pages = self
            .iam
            .list_roles()
            .path_prefix(path_prefix)
            .max_items(ITEMS_PER_PAGE)
            .into_paginator()
            .items()
            .send();
        let mut roles = Vec::new();
        while let Some(role) = pages.next().await {
            let role = role.map_err(|error| call.fault(&error))?;
            roles.push(RoleSummary {
                name: role.role_name,
                arn: role.arn,
                path: role.path,
                trust_policy: decode(role.assume_role_policy_document.as_deref()),
                created_at: instant(Some(&role.create_date)),
            });
        }
        Ok(roles)
    }

    /// iam GetPolicy, then GetPolicyVersion of its default version. `None` if the policy does not
    /// exist.
    pub async fn policy(&self, arn: &str) -> Result<Option<Policy>, Fault> {
        let call = Call::read("iam", "GetPolicy", Some(arn.to_owned()));
        let request = self.iam.get_policy().policy_arn(arn);
        let Some(answer) = call.found(request.send()).await? else {
            return Ok(None);
        };
        let policy = call.member(answer.policy, "Policy")?;
        let version = call.member(policy.default_version_id.clone(), "DefaultVersionId")?;
        let call = Call::read("iam", "GetPolicyVersion", Some(arn.to_owned()));
        let request = self
            .iam
            .get_policy_version()
            .policy_arn(arn)
            .version_id(version);
        // The policy was deleted between the two calls.
        let Some(answer) = call.found(request.send()).await? else {
            return Ok(None);
        };
        let document = answer.policy_version.and_then(|version| version.document);
        Ok(Some(Policy {
            document: decode(document.as_deref()),
            ..summary(policy)
        }))
    }

    /// iam ListPolicies of customer managed policies with a path prefix, all pages.
    pub async fn policies(&self, path_prefix: &str) -> Result<Vec<Policy>, Fault> {
        let call = Call::read("iam", "ListPolicies", None);
        let request = self
            .iam
            .list_policies()
            .scope(PolicyScopeType::Local)
            .path_prefix(path_prefix)
            .max_items(ITEMS_PER_PAGE);
        let mut pages = request.into_paginator().items().send();
        let mut policies = Vec::new();
        while let Some(policy) = pages.next().await {
            policies.push(summary(policy.map_err(|error| call.fault(&error))?));
        }
        Ok(policies)
    }

    /// iam ListAttachedRolePolicies, all pages: the policy ARNs. `None` if the role does not exist.
    pub async fn attached_policies(
        &self,
        role: &str,
        role_arn: &str,
    ) -> Result<Option<Vec<String>>, Fault> {
        let call = Call::read("iam", "ListAttachedRolePolicies", Some(role_arn.to_owned()));
        let mut pages = self
            .iam
            .list_attached_role_policies()
            .role_name(role)
            .into_paginator()
            .send();
        let mut arns = Vec::new();
        while let Some(page) = pages.next().await {
            let Some(page) = call.found(ready(page)).await? else {
                return Ok(None);
            };
            let policies = call.member(page.attached_policies, "AttachedPolicies")?;
            arns.extend(policies.into_iter().filter_map(|policy| policy.policy_arn));
        }
        Ok(Some(arns))
    }
}

fn summary(policy: aws_sdk_iam::types::Policy) -> Policy {
    Policy {
        name: policy.policy_name.unwrap_or_default(),
        arn: policy.arn.unwrap_or_default(),
        document: String::new(),
        attachments: policy.attachment_count.unwrap_or_default(),
        tags: tag_map(policy.tags.unwrap_or_default()),
        created_at: instant(policy.create_date.as_ref()),
    }
}

fn tag_map(tags: Vec<Tag>) -> BTreeMap<String, String> {
    tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

fn decode(document: Option<&str>) -> String {
    percent_decode_str(document.unwrap_or_default())
        .decode_utf8_lossy()
        .into_owned()
}

fn instant(at: Option<&aws_smithy_types::DateTime>) -> Option<DateTime<Utc>> {
    at.and_then(|at| DateTime::from_timestamp(at.secs(), at.subsec_nanos()))
}
