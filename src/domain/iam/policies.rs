//! Policies: the IAM documents that this service writes, built from typed values.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub mod boundary;
mod fill;
pub mod service;
pub mod sessions;
pub mod simulation;

/// Maximum length of a managed policy in characters, without white space (IAM user guide, "IAM and
/// AWS STS quotas").
pub const POLICY_CHARACTERS_MAX: usize = 6_144;
/// Default quota of managed policies attached to a role (the same page).
pub const POLICIES_PER_ROLE: usize = 10;
/// The service principal of DAX, the same in every partition (developer guide, "Creating a DAX
/// cluster").
pub const DAX_PRINCIPAL: &str = "dax.amazonaws.com";

/// Read actions of a service role; `DescribeTable` is for metadata (developer guide, "DAX: How it
/// works").
const READ: [&str; 5] = ["DescribeTable", "GetItem", "BatchGetItem", "Query", "Scan"];
/// Write actions of a service role.
const WRITE: [&str; 5] = [
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "BatchWriteItem",
    "ConditionCheckItem",
];

/// The access of a service role to its tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::VariantArray, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Access {
    /// Read items and metadata.
    ReadOnly,
    /// Read and write items.
    ReadWrite,
}

/// The tables that a service role can access.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tables {
    /// Every existing and future table of the account in the Region.
    All,
    /// Validated DynamoDB table names, so none contains a wildcard.
    Named(Vec<String>),
}

/// An IAM policy. It keeps the order of its elements, so equal policies have equal JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyDocument {
    /// Version of the policy language, `2012-10-17`.
    #[serde(rename = "Version")]
    pub version: String,
    /// The statements, in order.
    #[serde(rename = "Statement")]
    pub statement: Vec<Statement>,
}

/// One statement of a policy. Reading fails on elements that this service does not write, such as
/// `NotAction`, so that a document is never read in part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Statement {
    /// Name of the statement, for human readers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Whether the statement allows or denies.
    pub effect: Effect,
    /// The principals of a trust policy or of a resource control policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Principal>,
    /// Actions such as `iam:CreateRole`.
    pub action: Values,
    /// Resource ARNs or `*`; `None` in a trust policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Values>,
    /// The conditions under which the statement applies; may be empty.
    #[serde(default, skip_serializing_if = "Conditions::is_empty")]
    pub condition: Conditions,
}

/// The principals that a statement applies to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Principal {
    /// `*`, the only principal of a resource control policy.
    Everyone(String),
    /// The names of each kind of principal.
    Named(BTreeMap<String, Values>),
}

/// Values by condition key by operator.
pub type Conditions = BTreeMap<String, BTreeMap<String, Values>>;

/// The effect of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Grants the actions.
    Allow,
    /// Forbids the actions, whatever another statement grants.
    Deny,
}

/// A single string or a list of strings, as IAM allows both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Values {
    /// A single string.
    One(String),
    /// A list of strings.
    Many(Vec<String>),
}

impl Values {
    /// Creates a single value.
    pub fn one(text: impl Into<String>) -> Self {
        Self::One(text.into())
    }

    /// The strings, for both forms.
    pub fn texts(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }

    /// The union of both, without duplicates.
    fn joined_with(&self, others: &Self) -> Self {
        let mut texts = self.texts().to_vec();
        texts.extend(
            others
                .texts()
                .iter()
                .filter(|text| !self.texts().contains(text))
                .cloned(),
        );
        if texts.len() == 1 {
            Self::One(texts.remove(0))
        } else {
            Self::Many(texts)
        }
    }

    /// Creates a list of values.
    pub fn many<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::Many(texts.into_iter().map(Into::into).collect())
    }
}

/// The requested tables do not fit into the policies that can be attached to a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{tables} tables need {policies} policies of {POLICY_CHARACTERS_MAX} characters, but a role can \
     have {POLICIES_PER_ROLE}; the first {fitting} tables fit"
)]
pub struct TooManyTables {
    /// Number of distinct tables requested.
    pub tables: usize,
    /// How many of them fit, in the order of their names.
    pub fitting: usize,
    /// Number of policies that all of them need.
    pub policies: usize,
}

impl PolicyDocument {
    /// Creates a document from statements.
    pub fn new(statement: Vec<Statement>) -> Self {
        Self {
            version: "2012-10-17".to_owned(),
            statement,
        }
    }

    /// Creates a document and merges statements that differ only in their actions.
    pub fn merged(statements: impl IntoIterator<Item = Statement>) -> Self {
        let mut merged: Vec<Statement> = Vec::new();
        for statement in statements {
            let same = merged.iter_mut().find(|one| {
                (&one.effect, &one.resource, &one.condition)
                    == (&statement.effect, &statement.resource, &statement.condition)
            });
            match same {
                Some(one) => one.action = one.action.joined_with(&statement.action),
                None => merged.push(statement),
            }
        }
        Self::new(merged)
    }

    /// The document as compact JSON, the form in which it is sent to AWS.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a policy contains only strings")
    }
}

impl Statement {
    /// Creates a statement that allows actions on resources.
    pub fn allow(
        sid: Option<&str>,
        action: Values,
        resource: Values,
        condition: Conditions,
    ) -> Self {
        Self {
            sid: sid.map(str::to_owned),
            effect: Effect::Allow,
            principal: None,
            action,
            resource: Some(resource),
            condition,
        }
    }
}

/// Conditions with one operator and one key.
pub fn condition(operator: &str, key: &str, values: Values) -> Conditions {
    BTreeMap::from([(
        operator.to_owned(),
        BTreeMap::from([(key.to_owned(), values)]),
    )])
}

/// The statement that allows one action on one resource.
pub fn statement_for(action: &str, resource_arn: &str, conditions: Conditions) -> Statement {
    Statement::allow(
        None,
        Values::one(action),
        Values::one(resource_arn),
        conditions,
    )
}

/// The trust policy of a DAX service role (developer guide, "Creating a DAX cluster", step 1).
pub fn trust_policy() -> PolicyDocument {
    PolicyDocument::new(vec![Statement {
        sid: None,
        effect: Effect::Allow,
        principal: Some(Principal::Named(BTreeMap::from([(
            "Service".to_owned(),
            Values::one(DAX_PRINCIPAL),
        )]))),
        action: Values::one("sts:AssumeRole"),
        resource: None,
        condition: Conditions::new(),
    }])
}

/// The policies of a service role: the mode's actions on each table and its indexes. Without tables
/// there is no policy.
pub fn access_policies(
    mode: Access,
    tables: &Tables,
    partition: &str,
    region: &str,
    account_id: &str,
) -> Result<Vec<PolicyDocument>, TooManyTables> {
    let prefix = format!("arn:{partition}:dynamodb:{region}:{account_id}:table/");
    let names: BTreeSet<&str> = match tables {
        Tables::All => return Ok(vec![access_policy(mode, vec![format!("{prefix}*")])]),
        Tables::Named(names) => names.iter().map(String::as_str).collect(),
    };
    let empty = non_whitespace_len(&access_policy(mode, Vec::new()).to_json());
    let parts = fill::parts(&names, &prefix, POLICY_CHARACTERS_MAX - empty);
    if parts.len() > POLICIES_PER_ROLE {
        let fitting = parts
            .iter()
            .take(POLICIES_PER_ROLE)
            .map(|part| part.len() / 2)
            .sum();
        return Err(TooManyTables {
            tables: names.len(),
            fitting,
            policies: parts.len(),
        });
    }
    Ok(parts
        .into_iter()
        .map(|resources| access_policy(mode, resources))
        .collect())
}

fn access_policy(mode: Access, resources: Vec<String>) -> PolicyDocument {
    let sid = match mode {
        Access::ReadOnly => "DaxReadOnlyTables",
        Access::ReadWrite => "DaxReadWriteTables",
    };
    let actions = actions("dynamodb", &READ, mode);
    PolicyDocument::new(vec![Statement::allow(
        Some(sid),
        actions,
        Values::Many(resources),
        Conditions::new(),
    )])
}

fn actions(service: &str, read: &[&str], mode: Access) -> Values {
    let write: &[&str] = match mode {
        Access::ReadOnly => &[],
        Access::ReadWrite => &WRITE,
    };
    Values::many(
        read.iter()
            .chain(write)
            .map(|name| format!("{service}:{name}")),
    )
}

/// The policy that an application needs to use a cluster. `cluster` is in lower case, as AWS stores
/// it.
pub fn application_policy(
    mode: Access,
    partition: &str,
    region: &str,
    account_id: &str,
    cluster: &str,
) -> PolicyDocument {
    let resource = Values::One(format!(
        "arn:{partition}:dax:{region}:{account_id}:cache/{cluster}"
    ));
    // DAX's data plane has no DescribeTable.
    let actions = actions("dax", &READ[1..], mode);
    PolicyDocument::new(vec![Statement::allow(
        Some("UseDaxCluster"),
        actions,
        resource,
        Conditions::new(),
    )])
}

/// The length of a document in characters as IAM counts it: without white space.
pub fn non_whitespace_len(text: &str) -> usize {
    text.chars()
        .filter(|character| !character.is_whitespace())
        .count()
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
