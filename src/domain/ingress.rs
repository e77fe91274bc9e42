//! Ingress: inbound rules of security groups that let clients reach a cluster.

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::domain::validation::typed::SecurityGroupId;
use crate::domain::validation::violation::RuleViolation;

/// The TCP port of a cluster without encryption in transit.
pub const PLAIN_PORT: u16 = 8111;
/// The TCP port of a cluster with encryption in transit.
pub const TLS_PORT: u16 = 9111;

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

/// Validates a source network: IPv4 or IPv6 in CIDR notation, without host bits, and not the whole
/// Internet.
pub fn source_cidr(text: &str) -> Result<Peer, RuleViolation> {
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
    if net.prefix_len() == 0 {
        let detail = "must not be the whole Internet; \
                      name the networks or the security group of the clients";
        return Err(RuleViolation::new("too_wide", detail));
    }
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
    Ok(Peer::Cidr(net.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_parsed_to_canonical_form() {
        for (text, canonical) in [
            ("10.0.0.0/16", "10.0.0.0/16"),
            ("192.0.2.7/32", "192.0.2.7/32"),
            ("128.0.0.0/1", "128.0.0.0/1"),
            ("2001:DB8:0:0::/32", "2001:db8::/32"),
            ("2001:db8::1/128", "2001:db8::1/128"),
        ] {
            let expected = Ok(Peer::Cidr(canonical.to_owned()));
            assert_eq!(source_cidr(text), expected, "{text}");
        }
    }

    #[test]
    fn invalid_networks_are_rejected_with_the_violated_rule() {
        for (text, code, part) in [
            ("0.0.0.0/0", "too_wide", "whole Internet"),
            ("::/0", "too_wide", "whole Internet"),
            ("10.0.0.0/0", "too_wide", "whole Internet"),
            ("2001:db8::/0", "too_wide", "whole Internet"),
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
            let rule = source_cidr(text).unwrap_err();
            assert_eq!(rule.code, code, "{text}: {rule}");
            assert!(rule.detail.contains(part), "{text}: {rule}");
        }
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
