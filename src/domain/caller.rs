//! Caller: who sent a request, and what is known of them.

use serde::{Deserialize, Serialize};

use super::project::ProjectName;

/// The authenticated caller of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// What identifies the caller for ever: `token:<id>`, `oidc:<issuer>/<subject>`, `anonymous`.
    pub id: String,
    /// As shown with operations: `token:<name>`, otherwise the ID.
    pub shown_as: String,
    /// The groups of the caller.
    pub groups: Vec<String>,
    /// The projects that the caller is limited to; empty for no limit.
    pub projects: Vec<ProjectName>,
    /// The person for whom a portal sends the request. It gives no rights.
    pub requested_for: Option<String>,
}

impl Identity {
    /// The caller where authentication is off, who has all rights.
    pub fn anonymous() -> Self {
        Self {
            id: "anonymous".to_owned(),
            shown_as: "anonymous".to_owned(),
            groups: vec![ADMINS.to_owned()],
            projects: Vec::new(),
            requested_for: None,
        }
    }

    /// Whether both stand for one person: by their own names or by the person for whom a portal sends.
    pub fn shares_a_person_with(&self, other: &Self) -> bool {
        let own = self.persons();
        let is_own = |person: &String| own.contains(person);
        other.persons().iter().any(is_own)
    }

    /// The names of this caller and of the person for whom a portal sends, in lower case.
    fn persons(&self) -> Vec<String> {
        let subject = self
            .id
            .strip_prefix("oidc:")
            .and_then(|id| id.split_once('/'));
        let subject = subject.map(|(_, subject)| subject);
        let named = [
            Some(self.id.as_str()),
            subject,
            self.requested_for.as_deref(),
        ];
        named
            .into_iter()
            .flatten()
            .map(str::to_ascii_lowercase)
            .collect()
    }

    /// The project of a new cluster whose request names none.
    pub fn default_project(&self) -> Option<&ProjectName> {
        match self.projects.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }
}

/// The group with all rights in the built-in policies.
pub const ADMINS: &str = "admins";

/// Whether a text can be the name of a group: 1 to 128 letters, digits and `-_.:/`.
pub fn is_group(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte);
    (1..=128).contains(&text.len()) && text.bytes().all(is_allowed)
}

/// Whether a text can name the person for whom a request is sent: 1 to 200 printable ASCII
/// characters.
pub fn is_person(text: &str) -> bool {
    (1..=200).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}
