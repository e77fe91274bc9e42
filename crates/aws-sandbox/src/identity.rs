//! Callers: access keys, their secrets and their policies.

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
    /// ARN of the principal, such as `arn:aws:iam::123456789012:user/portal`.
    pub arn: String,
    /// Identity-based policy documents, as JSON objects.
    #[serde(default)]
    pub policies: Vec<Value>,
    /// Policy document of the permissions boundary, if any.
    #[serde(default)]
    pub permissions_boundary: Option<Value>,
    /// Session policy documents, if any; they limit the identity-based policies.
    #[serde(default)]
    pub session_policies: Option<Vec<Value>>,
    /// Service control policies of the organisation that the account is in, if any; they limit all
    /// other policies.
    #[serde(default)]
    pub service_control_policies: Option<Vec<Value>>,
}

impl Identity {
    /// The administrator of a new sandbox.
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
            service_control_policies: None,
        }
    }
}

/// The parsed policies of an identity.
#[derive(Debug)]
pub(crate) struct Permissions {
    pub(crate) identity: Vec<Document>,
    pub(crate) boundary: Option<Document>,
    pub(crate) session: Option<Vec<Document>>,
    pub(crate) organization: Option<Vec<Document>>,
}

impl Permissions {
    /// Parses the policies of an identity. The error describes the first malformed document.
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
            organization: identity
                .service_control_policies
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
            organization: self.organization.as_deref(),
        }
    }
}

/// A registered access key with its parsed policies.
#[derive(Debug, Clone)]
pub(crate) struct KnownKey {
    pub(crate) identity: Identity,
    pub(crate) permissions: Arc<Permissions>,
}

/// Temporary credentials created by AssumeRole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Session {
    /// The account of the role; empty in older journals, which know one account.
    #[serde(default)]
    pub(crate) account_id: String,
    pub(crate) access_key_id: String,
    pub(crate) secret: String,
    pub(crate) token: String,
    pub(crate) role_name: String,
    pub(crate) role_id: String,
    pub(crate) session_name: String,
    pub(crate) policies: Option<Vec<String>>,
    pub(crate) expires_at: DateTime<Utc>,
}

/// The authenticated caller of a call.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) arn: String,
    pub(crate) user_id: String,
    pub(crate) permissions: Arc<Permissions>,
}

impl Caller {
    /// The account of the caller, which may be another than the sandbox's.
    pub(crate) fn account_id(&self) -> &str {
        self.arn.split(':').nth(4).unwrap_or_default()
    }
}
