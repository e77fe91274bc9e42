//! Who calls: access keys, their secrets and the policies that bound them.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::policy::document::{Document, DocumentFault};
use crate::policy::evaluate::Authority;

/// A caller: the secret of its access key, its ARN and its policies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The secret access key.
    pub secret: String,
    /// The principal, such as `arn:aws:iam::123456789012:user/portal`.
    pub arn: String,
    /// Identity-based policies.
    #[serde(default)]
    pub policies: Vec<Value>,
    /// The permissions boundary, if there is one.
    #[serde(default)]
    pub permissions_boundary: Option<Value>,
    /// Session policies, if the session has any.
    #[serde(default)]
    pub session_policies: Option<Vec<Value>>,
}

impl Identity {
    /// The administrator every sandbox begins with.
    pub(crate) fn administrator(account_id: &str) -> Identity {
        let everything = json!({
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
        });
        Identity {
            secret: "sandbox".to_owned(),
            arn: format!("arn:aws:iam::{account_id}:user/sandbox"),
            policies: vec![everything],
            permissions_boundary: None,
            session_policies: None,
        }
    }
}

/// Parsed policies, as the evaluator takes them.
#[derive(Debug)]
pub(crate) struct Permissions {
    pub(crate) identity: Vec<Document>,
    pub(crate) boundary: Option<Document>,
    pub(crate) session: Option<Vec<Document>>,
}

impl Permissions {
    /// Parses what an identity was given; the fault says which document is wrong.
    pub(crate) fn of(identity: &Identity) -> Result<Permissions, DocumentFault> {
        let read = |policy: &Value| Document::parse_identity(&policy.to_string());
        let read_all = |policies: &[Value]| {
            policies
                .iter()
                .map(read)
                .collect::<Result<Vec<Document>, DocumentFault>>()
        };
        Ok(Permissions {
            identity: read_all(&identity.policies)?,
            boundary: identity
                .permissions_boundary
                .as_ref()
                .map(read)
                .transpose()?,
            session: identity
                .session_policies
                .as_deref()
                .map(read_all)
                .transpose()?,
        })
    }

    pub(crate) fn authority(&self) -> Authority<'_> {
        Authority {
            identity: &self.identity,
            boundary: self.boundary.as_ref(),
            session: self.session.as_deref(),
        }
    }
}

/// An access key that is known, ready for use.
#[derive(Debug, Clone)]
pub(crate) struct KnownKey {
    pub(crate) identity: Identity,
    pub(crate) permissions: Arc<Permissions>,
}

/// Temporary credentials made by AssumeRole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) access_key_id: String,
    pub(crate) secret: String,
    pub(crate) token: String,
    pub(crate) role_name: String,
    pub(crate) role_id: String,
    pub(crate) session_name: String,
    pub(crate) policies: Option<Vec<String>>,
    pub(crate) expires_at: DateTime<Utc>,
}

/// The caller of one call, recognised.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) arn: String,
    pub(crate) user_id: String,
    pub(crate) permissions: Arc<Permissions>,
}
