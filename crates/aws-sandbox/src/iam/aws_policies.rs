//! The AWS managed policies that are relevant to DAX. The sandbox has no others.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::state::iam::{ManagedPolicy, PolicyVersion};
use crate::state::unique_id_of;

/// The policy of the service-linked role; it cannot be attached to any other role.
pub(super) const DAX_SERVICE_ROLE_POLICY_ARN: &str =
    "arn:aws:iam::aws:policy/aws-service-role/DAXServiceRolePolicy";

#[derive(Deserialize)]
struct Published {
    path: String,
    document: Value,
}

/// The published policies, each as version 1.
pub(crate) fn aws_managed_policies(now: DateTime<Utc>) -> Vec<ManagedPolicy> {
    let published: BTreeMap<String, Published> =
        serde_json::from_str(include_str!("aws_policies.json"))
            .expect("the embedded file is valid; a test parses it");
    published
        .into_iter()
        .map(|(name, published)| policy(name, published, now))
        .collect()
}

fn policy(name: String, published: Published, now: DateTime<Utc>) -> ManagedPolicy {
    ManagedPolicy {
        id: unique_id_of("ANPA", &Sha256::digest(&name)),
        arn: format!("arn:aws:iam::aws:policy{}{name}", published.path),
        name,
        path: published.path,
        description: None,
        created_at: now,
        updated_at: now,
        tags: Vec::new(),
        versions: vec![PolicyVersion {
            number: 1,
            document: published.document.to_string(),
            created_at: now,
        }],
        default_version: 1,
        next_version: 2,
        builtin: true,
    }
}

#[cfg(test)]
mod tests {
    use super::{DAX_SERVICE_ROLE_POLICY_ARN, aws_managed_policies};
    use crate::policy::document::Document;
    use chrono::Utc;

    #[test]
    fn every_aws_managed_policy_is_valid() {
        let policies = aws_managed_policies(Utc::now());
        assert!(
            policies
                .iter()
                .any(|policy| policy.arn == DAX_SERVICE_ROLE_POLICY_ARN)
        );
        for policy in policies {
            let parsed = Document::parse_identity(policy.document());
            assert!(parsed.is_ok(), "{}: {:?}", policy.name, parsed.err());
        }
    }
}
