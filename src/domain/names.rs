//! Names: the rules for cluster names, and the names and tags of the resources created for a
//! cluster.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::validation::violation::RuleViolation;

/// IAM path of every role and policy that this service creates.
pub const IAM_PATH: &str = "/dax-provisioner/";
/// Ownership tag: the ID of the operation that created the resource.
pub const OPERATION_TAG: &str = "dax-provisioner:operation";
/// Ownership tag: the ID of the installation that created the resource.
pub const INSTALLATION_TAG: &str = "dax-provisioner:installation";
/// Tag of a cluster that belongs to a project: the name of the project.
pub const PROJECT_TAG: &str = "dax-provisioner:project";
/// Prefix of the ownership tags. Callers may not set tags with this prefix.
pub const RESERVED_TAG_PREFIX: &str = "dax-provisioner:";

/// Maximum length of a cluster name (API model of DAX, `CreateCluster`).
pub const CLUSTER_NAME_MAX: usize = 20;

/// The name of a DAX cluster, lower case as AWS stores it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClusterName(String);

impl ClusterName {
    /// Parses a name and converts it to lower case, as AWS does. Rules: developer guide, "Creating
    /// a DAX cluster", CLI page.
    pub fn parse(text: &str) -> Result<Self, RuleViolation> {
        let name = text.to_ascii_lowercase();
        if name.is_empty() || name.len() > CLUSTER_NAME_MAX {
            return Err(RuleViolation::new(
                "out_of_range",
                "must have 1 to 20 characters",
            ));
        }
        if !is_hyphenated_word(&name) {
            return Err(RuleViolation::new(
                "invalid_format",
                "must start with a letter, contain only ASCII letters, digits and single hyphens, \
                 and not end with a hyphen",
            ));
        }
        if let Some(word) = ["sudo", "grep"]
            .into_iter()
            .find(|word| name.contains(word))
        {
            return Err(RuleViolation::new(
                "reserved",
                format!("must not contain {word:?}, which AWS rejects"),
            ));
        }
        if has_account_number(&name) {
            return Err(RuleViolation::new(
                "looks_like_account_number",
                "must not contain 12 digits in a row, because the names of encrypted clusters \
                 become public in certificate transparency logs",
            ));
        }
        Ok(Self(name))
    }

    /// The name in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ClusterName {
    type Error = RuleViolation;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<ClusterName> for String {
    fn from(name: ClusterName) -> Self {
        name.0
    }
}

/// Whether `text` matches `^[a-z](?:-?[a-z0-9])*$`, the format of cluster and group names.
pub fn is_hyphenated_word(text: &str) -> bool {
    let starts_with_letter = text.starts_with(|c: char| c.is_ascii_lowercase());
    let has_valid_characters = text
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    starts_with_letter && has_valid_characters && !text.ends_with('-') && !text.contains("--")
}

fn has_account_number(text: &str) -> bool {
    let mut run = 0;
    for c in text.chars() {
        run = if c.is_ascii_digit() { run + 1 } else { 0 };
        if run == 12 {
            return true;
        }
    }
    false
}

/// The name of the role and the groups that an operation creates for a cluster; the policies add a
/// number to it.
///
/// The format is `dax-<cluster>-<suffix>`, where the suffix is [`operation_suffix`].
pub fn managed_name(cluster: &ClusterName, operation: Uuid) -> String {
    format!("dax-{cluster}-{}", operation_suffix(operation))
}

/// The name of the access policy with this index. Several policies are numbered from 1.
pub fn policy_name(cluster: &ClusterName, operation: Uuid, index: usize, count: usize) -> String {
    let name = managed_name(cluster, operation);
    if count == 1 {
        name
    } else {
        format!("{name}-{}", index + 1)
    }
}

/// Whether a role ARN is that of the role which an operation created.
pub fn is_role_of_operation(role_arn: &str, operation: Uuid) -> bool {
    let suffix = operation_suffix(operation);
    role_arn.contains(&format!(":role{IAM_PATH}dax-")) && role_arn.ends_with(&format!("-{suffix}"))
}

/// The last 50 bits of an operation's ID, as ten lower-case base32 characters (RFC 4648 alphabet).
///
/// The first bits of a UUIDv7 are a timestamp; the last ones are random.
pub fn operation_suffix(operation: Uuid) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let bits = operation.as_u128();
    (0..10)
        .rev()
        .map(|place| char::from(ALPHABET[((bits >> (place * 5)) & 31) as usize]))
        .collect()
}

/// The cluster in a name of the format of [`managed_name`] or [`policy_name`].
///
/// A match does not prove ownership: a resource created elsewhere can have such a name.
pub fn cluster_in_name(name: &str) -> Option<ClusterName> {
    let is_base32 = |c: char| c.is_ascii_lowercase() || ('2'..='7').contains(&c);
    let rest = name.strip_prefix("dax-")?;
    let numbered = rest
        .rsplit_once('-')
        .filter(|(_, last)| last.len() <= 2 && last.chars().all(|c| c.is_ascii_digit()));
    let rest = numbered.map_or(rest, |(head, _)| head);
    let (cluster, suffix) = rest.rsplit_once('-')?;
    (suffix.len() == 10 && suffix.chars().all(is_base32))
        .then(|| ClusterName::parse(cluster).ok())
        .flatten()
}

/// The description of a subnet or parameter group, which carries its ownership tags: AWS offers no
/// tags for these groups.
pub fn group_description(installation: Uuid, operation: Uuid) -> String {
    format!("{OPERATION_TAG}={operation} {INSTALLATION_TAG}={installation}")
}

/// Parses the operation and installation IDs from a group's description; `None` if this service did
/// not write it.
pub fn read_group_description(description: &str) -> Option<(Uuid, Uuid)> {
    let mut words = description.split_whitespace();
    let operation = words
        .next()?
        .strip_prefix(OPERATION_TAG)?
        .strip_prefix('=')?;
    let installation = words
        .next()?
        .strip_prefix(INSTALLATION_TAG)?
        .strip_prefix('=')?;
    Some((operation.parse().ok()?, installation.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cluster_names_follow_the_developer_guide() {
        for good in ["a", "Orders-Cache", "a1", "abcdefghij0123456789"] {
            assert!(ClusterName::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "1a",
            "-a",
            "a-",
            "a--b",
            "a_b",
            "abcdefghij01234567890",
            "pseudo",
            "grepper",
            "é",
            "a123456789012",
        ] {
            let parsed = ClusterName::parse(bad);
            // `pseudo` does not contain `sudo`: the letters are s-e-u-d-o.
            assert_eq!(parsed.is_ok(), bad == "pseudo", "{bad}");
        }
        assert_eq!(ClusterName::parse("ABC").expect("valid").as_str(), "abc");
    }

    #[test]
    fn the_suffix_is_ten_characters_of_the_last_fifty_bits() {
        let a = Uuid::from_u128(0x0199_aaaa_bbbb_7ccc_8ddd_eeee_ffff_0001);
        let b = Uuid::from_u128(0x0299_aaaa_bbbb_7ccc_8ddd_eeee_ffff_0001);
        assert_eq!(operation_suffix(a).len(), 10);
        assert_eq!(
            operation_suffix(a),
            operation_suffix(b),
            "the timestamp bits are ignored"
        );
        assert_eq!(operation_suffix(Uuid::from_u128(0)), "aaaaaaaaaa");
        assert_eq!(
            operation_suffix(Uuid::from_u128((1 << 50) - 1)),
            "7777777777"
        );
        let name = managed_name(
            &ClusterName::parse("abcdefghij0123456789").expect("valid"),
            a,
        );
        assert!(name.len() <= 64, "a role name has at most 64 characters");
    }

    #[test]
    fn the_cluster_is_parsed_from_managed_names() {
        let cluster = ClusterName::parse("orders-2").expect("valid");
        let operation = Uuid::from_u128(0x0199_aaaa_bbbb_7ccc_8ddd_eeee_ffff_0001);
        for name in [
            managed_name(&cluster, operation),
            policy_name(&cluster, operation, 9, 10),
        ] {
            assert_eq!(cluster_in_name(&name), Some(cluster.clone()), "{name}");
        }
        for other in [
            "",
            "dax-",
            "orders",
            "dax-orders",
            "dax-orders-ABCDEFGHIJ",
            "dax--abcdefghij",
            "x-orders-abcdefghij",
        ] {
            assert_eq!(cluster_in_name(other), None, "{other}");
        }
    }

    #[test]
    fn group_descriptions_are_parsed_back() {
        let (o, i) = (Uuid::from_u128(7), Uuid::from_u128(9));
        assert_eq!(
            read_group_description(&group_description(i, o)),
            Some((o, i))
        );
        for foreign in [
            "",
            " ",
            "created by hand",
            "dax-provisioner:operation=x dax-provisioner:installation=y",
        ] {
            assert_eq!(read_group_description(foreign), None);
        }
    }
}
