//! Policies: the IAM documents we write, built from typed values and never from strings.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub mod asked;
mod fill;
pub mod service;

/// Longest managed policy in characters, white space not counted (IAM user guide, "IAM and AWS STS quotas").
pub const POLICY_CHARACTERS_MAX: usize = 6_144;
/// Managed policies a role takes without a raised quota (the same page).
pub const POLICIES_PER_ROLE: usize = 10;
/// The service that assumes a service role, the same in every partition (developer guide, "Creating a DAX cluster").
pub const DAX_PRINCIPAL: &str = "dax.amazonaws.com";

/// Reading actions of a service role; `DescribeTable` is for metadata (developer guide, "DAX: How it works").
const READ: [&str; 5] = ["DescribeTable", "GetItem", "BatchGetItem", "Query", "Scan"];
/// Writing actions of a DAX service role.
const WRITE: [&str; 5] = [
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "BatchWriteItem",
    "ConditionCheckItem",
];

/// What a service role may do with its tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Read items and metadata.
    ReadOnly,
    /// Read and write items.
    ReadWrite,
}

/// The tables a service role may reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tables {
    /// Every table of the account in the Region, present and future.
    All,
    /// These, by name; believed to be valid DynamoDB table names, so none holds a wildcard.
    Named(Vec<String>),
}

/// An IAM policy. Its elements stay in the order given, so equal policies are equal texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyDocument {
    /// The policy language, `2012-10-17`.
    #[serde(rename = "Version")]
    pub version: String,
    /// What is allowed and denied.
    #[serde(rename = "Statement")]
    pub statement: Vec<Statement>,
}

/// One statement of a policy. An element we never write makes a foreign document unreadable rather than half read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Statement {
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Allow or Deny.
    pub effect: Effect,
    /// Who, in a trust policy: kind of principal -> its names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<BTreeMap<String, Values>>,
    /// The actions.
    pub action: Values,
    /// The resources; none in a trust policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Values>,
    /// When it applies.
    #[serde(default, skip_serializing_if = "Conditions::is_empty")]
    pub condition: Conditions,
}

/// Operator -> condition key -> values.
pub type Conditions = BTreeMap<String, BTreeMap<String, Values>>;

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Grants.
    Allow,
    /// Forbids, whatever else grants.
    Deny,
}

/// One text or a list, as IAM allows both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Values {
    /// A single text.
    One(String),
    /// A list.
    Many(Vec<String>),
}

impl Values {
    /// A single value.
    pub fn one(text: impl Into<String>) -> Self {
        Self::One(text.into())
    }

    /// The texts.
    pub fn texts(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }

    /// These values and those others, each once.
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

    /// A list of values.
    pub fn many<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::Many(texts.into_iter().map(Into::into).collect())
    }
}

/// The tables asked for do not fit into the policies a role takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{tables} tables need {policies} policies of {POLICY_CHARACTERS_MAX} characters, and a role takes {POLICIES_PER_ROLE}; \
     the first {fitting} tables fit"
)]
pub struct TooManyTables {
    /// Tables asked for, each counted once.
    pub tables: usize,
    /// How many of them, in the order of their names, fit.
    pub fitting: usize,
    /// Policies they would take.
    pub policies: usize,
}

impl PolicyDocument {
    /// A document of these statements.
    pub fn new(statement: Vec<Statement>) -> Self {
        Self {
            version: "2012-10-17".to_owned(),
            statement,
        }
    }

    /// A document of these statements, in which statements that differ in nothing but their action are one.
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

    /// The document as compact JSON: the text we send and compare.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a policy holds nothing but texts")
    }
}

impl Statement {
    /// A statement that allows actions on resources.
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

/// Conditions of one operator and one key.
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
        principal: Some(BTreeMap::from([(
            "Service".to_owned(),
            Values::one(DAX_PRINCIPAL),
        )])),
        action: Values::one("sts:AssumeRole"),
        resource: None,
        condition: Conditions::new(),
    }])
}

/// The policies of a service role: the mode's actions on each table and its indexes. No table at all gives no policy.
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

/// The permissions boundary: the most that any role we make may ever do.
pub fn boundary_policy(partition: &str, account_id: &str) -> PolicyDocument {
    let resource = Values::One(format!("arn:{partition}:dynamodb:*:{account_id}:table/*"));
    let actions = actions("dynamodb", &READ, Access::ReadWrite);
    PolicyDocument::new(vec![Statement::allow(
        Some("OnlyDynamoDbData"),
        actions,
        resource,
        Conditions::new(),
    )])
}

/// The policy an application needs to use a cluster; the name is lower case, as AWS stores it.
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
    let actions = actions("dax", &READ[1..], mode); // The data plane knows no DescribeTable.
    PolicyDocument::new(vec![Statement::allow(
        Some("UseDaxCluster"),
        actions,
        resource,
        Conditions::new(),
    )])
}

/// Characters of a document as IAM counts them: white space is free.
pub fn non_whitespace_len(text: &str) -> usize {
    text.chars()
        .filter(|character| !character.is_whitespace())
        .count()
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
