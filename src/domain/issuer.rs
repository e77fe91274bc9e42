//! Issuer: an identity provider whose tokens name callers, as the operator describes it.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use serde_json::Value;
use url::{Host, Url};

use super::target::TargetName;
use super::validation::violation::RuleViolation;

/// Most characters of an issuer, an audience, the path of a claim and a group.
pub const ISSUER_TEXT_MAX: usize = 255;

/// What an operator says about an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerSettings {
    /// The issuer, as tokens name it.
    pub issuer: IssuerUrl,
    /// The audience that a token must have.
    pub audience: String,
    /// Where a token has the groups of its caller; without it, callers have no groups.
    pub groups_claim: Option<ClaimPath>,
    /// Groups of the issuer, and the groups of this service that they stand for.
    pub group_map: BTreeMap<String, String>,
    /// Where a token has the projects of its caller; without it, callers are limited to no project.
    pub projects_claim: Option<ClaimPath>,
}

/// Whether a text can name an issuer, a project or a group of this service: the rule for targets.
pub fn is_name(text: &str) -> bool {
    TargetName::parse(text).is_ok()
}

/// The URL of an issuer: https, or http on loopback, without user, query and fragment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct IssuerUrl(String);

impl IssuerUrl {
    /// Parses a URL.
    pub fn parse(text: &str) -> Result<Self, RuleViolation> {
        let invalid = |detail: &str| RuleViolation::new("invalid_format", detail);
        if text.len() > ISSUER_TEXT_MAX {
            let detail = format!("must have at most {ISSUER_TEXT_MAX} characters");
            return Err(RuleViolation::new("out_of_range", detail));
        }
        // The parser drops or rewrites these, but tokens are compared with the text itself.
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
        if !text.bytes().all(is_plain) || text.contains(['?', '#', '@']) {
            return Err(invalid(
                "must not contain a user, a query, a fragment, spaces or other than ASCII characters",
            ));
        }
        let is_url = Url::parse(text).is_ok_and(|url| is_protected(&url, true));
        is_url.then(|| Self(text.to_owned())).ok_or_else(|| {
            invalid("must be a URL with https, such as https://login.example.com; http is for loopback only")
        })
    }

    /// The text, as tokens have it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where the issuer describes itself (OpenID Connect Discovery 1.0, section 4.1).
    pub fn discovery_url(&self) -> String {
        let base = self.0.strip_suffix('/').unwrap_or(&self.0);
        format!("{base}/.well-known/openid-configuration")
    }

    /// Whether the issuer may name this URL for its keys: https, or http on loopback if the issuer
    /// itself is there.
    pub fn may_refer_to(&self, url: &str) -> bool {
        let on_loopback = self.0.starts_with("http:");
        Url::parse(url).is_ok_and(|url| is_protected(&url, on_loopback))
    }
}

impl fmt::Display for IssuerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a URL is https, or http on loopback if that is allowed.
fn is_protected(url: &Url, loopback_allowed: bool) -> bool {
    let on_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => return false,
    };
    let has_user = !url.username().is_empty() || url.password().is_some();
    let scheme = url.scheme();
    !has_user && (scheme == "https" || (scheme == "http" && on_loopback && loopback_allowed))
}

/// Where a token has a claim: a plain name, or a JSON pointer (RFC 6901), which starts with `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimPath(String);

impl ClaimPath {
    /// Parses a path.
    pub fn parse(text: &str) -> Result<Self, RuleViolation> {
        if text.is_empty() || text.chars().count() > ISSUER_TEXT_MAX {
            let detail = format!("must have 1 to {ISSUER_TEXT_MAX} characters");
            return Err(RuleViolation::new("out_of_range", detail));
        }
        let escapes_well = |part: &str| part.starts_with(['0', '1']);
        if text.starts_with('/') && !text.split('~').skip(1).all(escapes_well) {
            return Err(RuleViolation::new(
                "invalid_format",
                "must be a JSON pointer, in which `~0` is a tilde and `~1` is a slash",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// The value of the claim.
    pub fn find<'a>(&self, claims: &'a Value) -> Option<&'a Value> {
        if self.0.starts_with('/') {
            claims.pointer(&self.0)
        } else {
            claims.get(&self.0)
        }
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_issuer_is_https_or_on_loopback_without_anything_but_a_path() {
        for good in [
            "https://login.example.com",
            "https://login.example.com/realms/platform",
            "https://login.example.com:8443/",
            "http://127.0.0.1:8080",
            "http://localhost:8080/realms/a",
            "http://[::1]:8080",
        ] {
            assert_eq!(IssuerUrl::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "login.example.com",
            "http://login.example.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "ftp://127.0.0.1",
            "https://user@login.example.com",
            "https://login.example.com/?a=b",
            "https://login.example.com/#a",
            "https://login.example.com\\@evil.example.com",
            "https://login.example.com/\t",
            " https://login.example.com",
            "https://lögin.example.com",
            "https://",
            &format!("https://login.example.com/{}", "x".repeat(255)),
        ] {
            assert!(IssuerUrl::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn discovery_ignores_a_slash_at_the_end() {
        for text in ["https://a.example.com/x", "https://a.example.com/x/"] {
            assert_eq!(
                IssuerUrl::parse(text).unwrap().discovery_url(),
                "https://a.example.com/x/.well-known/openid-configuration"
            );
        }
    }

    #[test]
    fn keys_are_protected_like_the_issuer() {
        let public = IssuerUrl::parse("https://a.example.com").unwrap();
        let local = IssuerUrl::parse("http://127.0.0.1:1").unwrap();
        for (url, by_public, by_local) in [
            ("https://keys.example.com/jwks?v=1", true, true),
            ("http://127.0.0.1:9/jwks", false, true),
            ("http://keys.example.com/jwks", false, false),
            ("https://user@keys.example.com/jwks", false, false),
            ("file:///etc/passwd", false, false),
            ("jwks", false, false),
        ] {
            assert_eq!(public.may_refer_to(url), by_public, "{url}");
            assert_eq!(local.may_refer_to(url), by_local, "{url}");
        }
    }

    #[test]
    fn a_claim_has_a_plain_name_or_a_pointer() {
        let claims = json!({
            "groups": 1,
            "https://example.com/groups": 2,
            "realm_access": {"roles": 3, "a/b": 4},
        });
        let find = |path: &str| ClaimPath::parse(path).unwrap().find(&claims).cloned();
        assert_eq!(find("groups"), Some(json!(1)));
        assert_eq!(find("https://example.com/groups"), Some(json!(2)));
        assert_eq!(find("/realm_access/roles"), Some(json!(3)));
        assert_eq!(find("/realm_access/a~1b"), Some(json!(4)));
        assert_eq!(find("realm_access/roles"), None);
        assert_eq!(find("/nothing/here"), None);
        for bad in ["", "/a~2", "/a~", &"x".repeat(256)] {
            assert!(ClaimPath::parse(bad).is_err(), "{bad}");
        }
    }
}
