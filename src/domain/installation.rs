//! The installation: one database, and the one AWS account and Region it belongs to.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Which AWS a database belongs to. It remembers, and refuses another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsAccount {
    /// The sandbox's own id when it is a sandbox, `None` for real AWS.
    pub sandbox_id: Option<String>,
    /// Twelve digits.
    pub account_id: String,
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: String,
    /// The Region of the clusters.
    pub region: String,
}

impl AwsAccount {
    /// The ARN of a role or policy under our path.
    pub fn iam_arn(&self, kind: &str, name: &str) -> String {
        format!(
            "arn:{}:iam::{}:{kind}{}{name}",
            self.partition,
            self.account_id,
            super::names::IAM_PATH
        )
    }

    /// The ARN of a DynamoDB table.
    pub fn table_arn(&self, name: &str) -> String {
        format!(
            "arn:{}:dynamodb:{}:{}:table/{name}",
            self.partition, self.region, self.account_id
        )
    }

    /// The ARN of a security group.
    pub fn security_group_arn(&self, id: &str) -> String {
        format!(
            "arn:{}:ec2:{}:{}:security-group/{id}",
            self.partition, self.region, self.account_id
        )
    }

    /// The ARN of a rule of a security group.
    pub fn security_group_rule_arn(&self, id: &str) -> String {
        format!(
            "arn:{}:ec2:{}:{}:security-group-rule/{id}",
            self.partition, self.region, self.account_id
        )
    }

    /// The ARN of a cluster.
    pub fn cluster_arn(&self, name: &str) -> String {
        format!(
            "arn:{}:dax:{}:{}:cache/{name}",
            self.partition, self.region, self.account_id
        )
    }
}

impl fmt::Display for AwsAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.sandbox_id {
            Some(id) => write!(
                f,
                "the AWS sandbox {id} (account {}, {})",
                self.account_id, self.region
            ),
            None => write!(
                f,
                "AWS account {} in {} ({})",
                self.account_id, self.region, self.partition
            ),
        }
    }
}

/// An installation: drawn by the first migration, so that two of them, or a database made anew, are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// Its id, which every tag and description of ours carries.
    pub id: Uuid,
    /// The AWS it belongs to, once it has met one.
    pub place: Option<AwsAccount>,
}
