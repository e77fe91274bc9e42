//! Ingress: inbound rules of security groups that let clients reach a cluster.

use std::collections::BTreeMap;
use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::domain::validation::typed::SecurityGroupId;
use crate::domain::validation::violation::RuleViolation;

/// The TCP port of a cluster without encryption in transit.
pub const PLAIN_PORT: u16 = 8111;
/// The TCP port of a cluster with encryption in transit.
pub const TLS_PORT: u16 = 9111;

/// The TCP port of a cluster.
pub fn tcp_port(encryption_in_transit: bool) -> u16 {
    if encryption_in_transit {
        TLS_PORT
    } else {
        PLAIN_PORT
    }
}

/// The source that may connect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Peer {
    /// An IPv4 or IPv6 network, in the form that [`Peer::cidr`] writes.
    Cidr(String),
    /// The ID of a security group: every network interface that has it.
    SecurityGroup(SecurityGroupId),
}

/// One port of a security group, opened to one peer. AWS allows at most one such rule per group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ingress {
    /// ID of the security group that has the rule.
    pub security_group_id: SecurityGroupId,
    /// The TCP port that is open.
    pub port: u16,
    /// The source that may connect.
    pub peer: Peer,
}

/// An inbound rule of a security group, as AWS reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngressRule {
    /// ID of the rule, such as `sgr-0a1b2c3d`.
    pub id: String,
    /// ARN of the rule, if AWS reports it.
    pub arn: Option<String>,
    /// What it opens; `None` if it covers more than one TCP port, or its peer is a prefix list.
    pub ingress: Option<Ingress>,
    /// Tags of the rule.
    pub tags: BTreeMap<String, String>,
}

/// What a `change_ingress` operation opens or closes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngressSpec {
    /// Whether to open (`true`) or to close (`false`).
    pub open: bool,
    /// ID of the security group; `None` means the cluster's only one.
    pub security_group_id: Option<SecurityGroupId>,
    /// The TCP port to open or close.
    pub port: u16,
    /// The source that may, or may no longer, connect.
    pub peer: Peer,
}

impl Peer {
    /// A network in canonical form, so that equal networks are equal texts. Other text is kept as
    /// it is.
    pub fn cidr(text: &str) -> Self {
        Self::Cidr(
            text.parse::<IpNet>()
                .map_or_else(|_| text.to_owned(), |net| net.trunc().to_string()),
        )
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Cidr(text) => text,
            Self::SecurityGroup(id) => id.as_str(),
        }
    }
}

impl Ingress {
    /// The inventory name, such as `sg-0a1b2c3d:9111:sg-4d3c2b1a`. Equal rules have equal names.
    pub fn name(&self) -> String {
        format!(
            "{}:{}:{}",
            self.security_group_id,
            self.port,
            self.peer.as_str()
        )
    }

    /// Parses an inventory name. Its security groups are those of a rule in AWS.
    pub fn parse(name: &str) -> Option<Self> {
        let (security_group_id, rest) = name.split_once(':')?;
        let (port, peer) = rest.split_once(':')?;
        let peer = if peer.starts_with("sg-") {
            Peer::SecurityGroup(SecurityGroupId::from_aws(peer))
        } else {
            Peer::cidr(peer)
        };
        Some(Self {
            security_group_id: SecurityGroupId::from_aws(security_group_id),
            port: port.parse().ok()?,
            peer,
        })
    }
}

impl IngressSpec {
    /// The rule in this security group.
    pub fn in_group(&self, security_group_id: SecurityGroupId) -> Ingress {
        Ingress {
            security_group_id,
            port: self.port,
            peer: self.peer.clone(),
        }
    }

    /// Whether a rule is the one that this spec describes, in any security group if it names none.
    pub fn matches(&self, ingress: &Ingress) -> bool {
        let named = self
            .security_group_id
            .as_ref()
            .is_none_or(|id| *id == ingress.security_group_id);
        named && (ingress.port, &ingress.peer) == (self.port, &self.peer)
    }
}

/// Shortest prefix of a public IPv4 network that may be a source: 256 of them are the Internet.
const PUBLIC_V4_PREFIX_MIN: u8 = 8;
/// The same for IPv6: the size of what a registry assigns to one provider.
const PUBLIC_V6_PREFIX_MIN: u8 = 32;
/// IPv6 networks that are not routed in the Internet (RFC 4193, RFC 4291). Private IPv4 networks
/// are not wider than [`PUBLIC_V4_PREFIX_MIN`].
const PRIVATE_V6: [&str; 2] = ["fc00::/7", "fe80::/10"];

/// The networks that the operator accepts as sources; empty if there is no such list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedSources(Vec<IpNet>);

impl AllowedSources {
    /// Parses networks in canonical form.
    pub fn parse(texts: &[String]) -> Option<Self> {
        let networks = texts.iter().map(|text| network(text).ok());
        networks.collect::<Option<Vec<IpNet>>>().map(Self)
    }

    fn contains(&self, net: &IpNet) -> bool {
        self.0.is_empty() || self.0.iter().any(|allowed| allowed.contains(net))
    }
}

impl fmt::Display for AllowedSources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("any");
        }
        let texts: Vec<String> = self.0.iter().map(IpNet::to_string).collect();
        f.write_str(&texts.join(","))
    }
}

/// Validates a source network that a rule may admit: not so wide that a few rules are the whole
/// Internet, and within a network that the operator accepts.
///
/// Each rule is validated by itself. Many narrow rules can still cover the Internet; the quota of
/// rules of a security group limits their number.
pub fn source_cidr(text: &str, allowed: &AllowedSources) -> Result<Peer, RuleViolation> {
    let net = network(text)?;
    let minimum = match net {
        IpNet::V4(_) => PUBLIC_V4_PREFIX_MIN,
        IpNet::V6(_) => PUBLIC_V6_PREFIX_MIN,
    };
    let is_private = PRIVATE_V6
        .iter()
        .filter_map(|private| private.parse::<IpNet>().ok())
        .any(|private| private.contains(&net));
    if net.prefix_len() < minimum && !is_private {
        let detail = format!(
            "must not be a large part of the Internet: the prefix of a public network must have \
             at least {minimum} bits (`/{minimum}`); name the networks or the security group of \
             the clients"
        );
        return Err(RuleViolation::new("too_wide", detail));
    }
    if !allowed.contains(&net) {
        let detail =
            format!("must be within a network that the operator of the service allows: {allowed}");
        return Err(RuleViolation::new("not_allowed", detail));
    }
    Ok(Peer::Cidr(net.to_string()))
}

/// Validates the form of a source network that exists already, whatever its width.
pub fn existing_cidr(text: &str) -> Result<Peer, RuleViolation> {
    network(text).map(|net| Peer::Cidr(net.to_string()))
}

/// Parses an IPv4 or IPv6 network in canonical CIDR notation, without host bits.
fn network(text: &str) -> Result<IpNet, RuleViolation> {
    let wrong = |detail: &str| RuleViolation::new("invalid_format", detail);
    if !text.contains('/') && text.parse::<std::net::IpAddr>().is_ok() {
        let bits = if text.contains(':') { 128 } else { 32 };
        return Err(wrong(&format!(
            "must have a prefix length; for this single address write `{text}/{bits}`"
        )));
    }
    let net: Result<IpNet, _> = text.parse();
    let Ok(net) = net else {
        return Err(wrong(
            "must be a network such as `10.0.0.0/16` or `2001:db8::/32`",
        ));
    };
    if net.trunc() != net {
        let detail = format!(
            "must not have bits set beyond its prefix; the network is `{}`",
            net.trunc()
        );
        return Err(RuleViolation::new("host_bits", detail));
    }
    let is_plain = match net {
        IpNet::V4(net) => net.to_string() == text,
        IpNet::V6(net) => net.addr().to_ipv4_mapped().is_none(),
    };
    if !is_plain {
        return Err(wrong(
            "must be a network in canonical form, such as `10.0.0.0/16`",
        ));
    }
    Ok(net)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_parsed_to_canonical_form() {
        for (text, canonical) in [
            ("10.0.0.0/16", "10.0.0.0/16"),
            ("192.0.2.7/32", "192.0.2.7/32"),
            ("11.0.0.0/8", "11.0.0.0/8"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("fc00::/7", "fc00::/7"),
            ("fd00::/8", "fd00::/8"),
            ("2001:DB8:0:0::/32", "2001:db8::/32"),
            ("2001:db8::1/128", "2001:db8::1/128"),
        ] {
            let expected = Ok(Peer::Cidr(canonical.to_owned()));
            let any = AllowedSources::default();
            assert_eq!(source_cidr(text, &any), expected, "{text}");
        }
    }

    #[test]
    fn invalid_networks_are_rejected_with_the_violated_rule() {
        for (text, code, part) in [
            ("0.0.0.0/0", "too_wide", "/8"),
            ("::/0", "too_wide", "/32"),
            ("10.0.0.0/0", "host_bits", "`0.0.0.0/0`"),
            ("2001:db8::/0", "host_bits", "`::/0`"),
            ("0.0.0.0/1", "too_wide", "/8"),
            ("128.0.0.0/1", "too_wide", "/8"),
            ("10.0.0.0/7", "too_wide", "/8"),
            ("172.0.0.0/7", "too_wide", "/8"),
            ("64.0.0.0/2", "too_wide", "/8"),
            ("2000::/3", "too_wide", "/32"),
            ("2001:d00::/24", "too_wide", "/32"),
            ("2a00::/31", "too_wide", "/32"),
            ("fc00::/6", "too_wide", "/32"),
            ("10.1.2.3/16", "host_bits", "`10.1.0.0/16`"),
            ("2001:db8::1/64", "host_bits", "`2001:db8::/64`"),
            ("10.1.2.3", "invalid_format", "`10.1.2.3/32`"),
            ("2001:db8::1", "invalid_format", "`2001:db8::1/128`"),
            ("10.0.0.0/33", "invalid_format", "such as"),
            ("10.0.0.0/016", "invalid_format", ""),
            ("010.0.0.0/8", "invalid_format", ""),
            ("10.0.0/8", "invalid_format", ""),
            ("::ffff:10.0.0.0/104", "invalid_format", ""),
            (" 10.0.0.0/8", "invalid_format", ""),
            ("", "invalid_format", ""),
            ("sg-0a1b2c3d", "invalid_format", ""),
            ("10.0.0.0/8,11.0.0.0/8", "invalid_format", ""),
        ] {
            let rule = source_cidr(text, &AllowedSources::default()).unwrap_err();
            assert_eq!(rule.code, code, "{text}: {rule}");
            assert!(rule.detail.contains(part), "{text}: {rule}");
        }
    }

    #[test]
    fn an_operator_s_list_limits_the_sources() {
        let texts = ["10.0.0.0/8", "2001:db8::/32"].map(str::to_owned);
        let allowed = AllowedSources::parse(&texts).expect("networks");
        assert_eq!(allowed.to_string(), "10.0.0.0/8,2001:db8::/32");
        for inside in ["10.0.0.0/8", "10.1.0.0/16", "2001:db8:1::/48"] {
            assert!(source_cidr(inside, &allowed).is_ok(), "{inside}");
        }
        for outside in ["11.0.0.0/8", "192.0.2.0/24", "2001:db9::/32", "fd00::/8"] {
            let rule = source_cidr(outside, &allowed).expect_err(outside);
            assert_eq!(rule.code, "not_allowed", "{outside}: {rule}");
            assert!(rule.detail.contains("10.0.0.0/8,2001:db8::/32"), "{rule}");
        }
        assert_eq!(AllowedSources::default().to_string(), "any");
        for bad in ["10.0.0.1/8", "10.0.0.0", "any", ""] {
            assert_eq!(AllowedSources::parse(&[bad.to_owned()]), None, "{bad}");
        }
    }

    #[test]
    fn a_list_of_everything_does_not_admit_what_is_too_wide() {
        let texts = ["0.0.0.0/0", "::/0"].map(str::to_owned);
        let allowed = AllowedSources::parse(&texts).expect("networks");
        for wide in ["0.0.0.0/0", "128.0.0.0/1", "2000::/3"] {
            assert_eq!(
                source_cidr(wide, &allowed).map_err(|rule| rule.code),
                Err("too_wide")
            );
        }
    }

    #[test]
    fn an_existing_rule_of_any_width_can_be_named() {
        for text in ["0.0.0.0/0", "0.0.0.0/1", "2000::/3"] {
            assert_eq!(existing_cidr(text), Ok(Peer::Cidr(text.to_owned())));
        }
        assert!(existing_cidr("10.0.0.1/8").is_err());
    }

    #[test]
    fn names_are_parsed_back() {
        for peer in [
            Peer::cidr("10.0.0.0/16"),
            Peer::cidr("2001:db8::/32"),
            Peer::SecurityGroup(SecurityGroupId::parse("sg-4d3c2b1a").unwrap()),
        ] {
            let ingress = Ingress {
                security_group_id: SecurityGroupId::parse("sg-0a1b2c3d").unwrap(),
                port: TLS_PORT,
                peer,
            };
            assert_eq!(Ingress::parse(&ingress.name()), Some(ingress));
        }
        assert_eq!(Ingress::parse("sg-0a1b2c3d"), None);
        assert_eq!(Ingress::parse("sg-0a1b2c3d:x:sg-1"), None);
    }
}
