//! Caller: who sent a request, and what is known of them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::project::ProjectName;

/// The authenticated caller of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// Other names of the caller at the identity provider, such as an email address. They give no
    /// rights.
    #[serde(default)]
    pub aliases: Vec<String>,
}

impl Identity {
    /// The caller where authentication is off, who has all rights.
    pub fn anonymous() -> Self {
        Self {
            id: "anonymous".to_owned(),
            shown_as: "anonymous".to_owned(),
            groups: vec![ADMINS.to_owned()],
            ..Self::default()
        }
    }

    /// Whether both may stand for one person: by a name of the caller, or by the person for whom a
    /// portal sends. Names of different kinds are compared, so it is true rather too often.
    pub fn shares_a_person_with(&self, other: &Self) -> bool {
        let own = self.names();
        !own.is_disjoint(&other.names())
    }

    /// The names of this caller and of the person for whom a portal sends, in one spelling.
    fn names(&self) -> BTreeSet<String> {
        let subject = self.id.strip_prefix("oidc:");
        let subject = subject.and_then(|id| id.split_once('/'));
        // A name that is used again after its token was revoked has a new ID.
        let token = self.shown_as.strip_prefix("token:");
        let names = [
            Some(self.id.as_str()),
            Some(self.shown_as.as_str()),
            subject.map(|(_, subject)| subject),
            token,
            self.requested_for.as_deref(),
        ];
        let aliases = self.aliases.iter().map(String::as_str);
        names
            .into_iter()
            .flatten()
            .chain(aliases)
            .map(spelled)
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

/// A name in lower case, with single spaces.
fn spelled(name: &str) -> String {
    let words: Vec<&str> = name.split_whitespace().collect();
    words.join(" ").to_ascii_lowercase()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn token(id: &str, name: &str, person: Option<&str>) -> Identity {
        Identity {
            id: format!("token:{id}"),
            shown_as: format!("token:{name}"),
            requested_for: person.map(str::to_owned),
            ..Identity::default()
        }
    }

    fn subject(issuer: &str, subject: &str, aliases: &[&str]) -> Identity {
        let id = format!("oidc:{issuer}/{subject}");
        Identity {
            shown_as: id.clone(),
            id,
            aliases: aliases.iter().map(|&alias| alias.to_owned()).collect(),
            ..Identity::default()
        }
    }

    #[test]
    fn one_person_is_recognised_by_each_name() {
        let same = [
            (token("1", "ann", None), token("1", "ann", None)),
            (token("1", "ann", None), token("2", "ann", None)),
            (
                token("1", "portal", Some("ann")),
                token("1", "portal", Some("bob")),
            ),
            (
                token("1", "portal", Some("ann")),
                token("2", "chat", Some("Ann")),
            ),
            (
                token("1", "portal", Some("A  Smith")),
                token("2", "chat", Some("a smith")),
            ),
            (token("1", "portal", Some("ann")), token("2", "ann", None)),
            (
                token("1", "portal", Some("token:ann")),
                token("2", "ann", None),
            ),
            (
                token("1", "portal", Some("ann")),
                subject("corp", "Ann", &[]),
            ),
            (
                token("1", "portal", Some("oidc:corp/ann")),
                subject("corp", "ann", &[]),
            ),
            (
                token("1", "portal", Some("Ann@example.com")),
                subject("corp", "77", &["ann@example.com"]),
            ),
            (token("1", "ann", None), subject("corp", "77", &["ann"])),
            (subject("corp", "ann", &[]), subject("corp", "ann", &[])),
            (subject("corp", "ann", &[]), subject("partner", "ann", &[])),
            (
                subject("corp", "7/8", &[]),
                token("1", "portal", Some("7/8")),
            ),
            (
                subject("corp", "1", &["ann@example.com"]),
                subject("partner", "2", &["ANN@example.com"]),
            ),
        ];
        for (one, other) in &same {
            assert!(one.shares_a_person_with(other), "{one:?} {other:?}");
            assert!(other.shares_a_person_with(one), "{one:?} {other:?}");
        }
    }

    #[test]
    fn other_names_are_other_persons() {
        let different = [
            (token("1", "ann", None), token("2", "bob", None)),
            (
                token("1", "portal", Some("ann")),
                token("2", "chat", Some("bob")),
            ),
            (
                subject("corp", "ann", &[]),
                subject("corp", "bob", &["bob@example.com"]),
            ),
            (
                subject("corp", "ann", &[]),
                token("1", "portal", Some("corp/ann")),
            ),
        ];
        for (one, other) in &different {
            assert!(!one.shares_a_person_with(other), "{one:?} {other:?}");
        }
    }

    #[test]
    fn an_identity_that_an_earlier_version_stored_has_no_aliases() {
        let stored = r#"{"id": "token:1", "shown_as": "token:a", "groups": [], "projects": [], "requested_for": null}"#;
        let identity: Identity = serde_json::from_str(stored).unwrap();
        assert_eq!(identity, token("1", "a", None));
    }
}
