//! Addresses that requests to URLs of callers may reach: those of the public Internet, and the
//! networks that the operator allows.
//!
//! Sources: the IANA special-purpose address registries for IPv4 and IPv6 (RFC 6890), of which no
//! entry is admitted, and the registry of IPv6 global unicast addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

/// The IPv4 special-purpose address registry, and multicast.
const SPECIAL_V4: [&str; 19] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "192.175.48.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "255.255.255.255/32",
];

/// The only IPv6 addresses that are global unicast. All others are special or reserved: loopback,
/// IPv4-compatible, translated (NAT64, `64:ff9b::/96`), discard, unique local, link-local, multicast.
const GLOBAL_V6: &str = "2000::/3";

/// The entries of the IPv6 special-purpose address registry within [`GLOBAL_V6`].
const SPECIAL_V6: [&str; 5] = [
    // IETF protocol assignments, with Teredo, benchmarking and ORCHID.
    "2001::/23",
    "2001:db8::/32",
    // 6to4: each address contains an IPv4 address.
    "2002::/16",
    "2620:4f:8000::/48",
    "3fff::/20",
];

/// The networks that the operator allows in addition to the public Internet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedNetworks(Vec<IpNet>);

impl AllowedNetworks {
    /// Parses networks such as `10.0.0.0/8`. `None` if one is invalid.
    pub fn parse(texts: &[String]) -> Option<Self> {
        let networks = texts.iter().map(|text| text.parse().ok());
        networks.collect::<Option<_>>().map(Self)
    }

    /// Whether a request may connect to this address. An IPv4 address in IPv6 form counts as the
    /// IPv4 address. One that an allowed translation contains must be admitted as well.
    pub fn admit(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let is_allowed = || self.0.iter().any(|network| network.contains(&address));
        is_public(address)
            || is_allowed() && translated(address).is_none_or(|inner| self.admit(inner.into()))
    }
}

impl fmt::Display for AllowedNetworks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.0.iter().map(IpNet::to_string).collect();
        f.write_str(&texts.join(","))
    }
}

/// The IPv4 address to which NAT64 (RFC 6052) or 6to4 (RFC 3056) translates an address.
fn translated(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(address) = address else {
        return None;
    };
    match address.octets() {
        [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d] => Some([a, b, c, d].into()),
        [0x20, 0x02, a, b, c, d, ..] => Some([a, b, c, d].into()),
        _ => None,
    }
}

fn is_public(address: IpAddr) -> bool {
    let is_in = |network: &str| {
        let network: IpNet = network.parse().expect("a test parses every network");
        network.contains(&address)
    };
    if crate::sabotage::is("addresses_not_filtered") {
        return true;
    }
    match address {
        IpAddr::V4(_) => !SPECIAL_V4.into_iter().any(is_in),
        IpAddr::V6(_) => is_in(GLOBAL_V6) && !SPECIAL_V6.into_iter().any(is_in),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_admitted(address: &str, networks: &[&str]) -> bool {
        let networks: Vec<String> = networks.iter().map(|text| (*text).to_owned()).collect();
        let allowed = AllowedNetworks::parse(&networks).unwrap();
        allowed.admit(address.parse().unwrap())
    }

    #[test]
    fn every_special_range_is_excluded_from_its_first_to_its_last_address() {
        for network in SPECIAL_V4.into_iter().chain(SPECIAL_V6) {
            let network: IpNet = network.parse().unwrap();
            assert_eq!(network, network.trunc());
            for address in [network.network(), network.broadcast()] {
                assert!(!AllowedNetworks::default().admit(address), "{address}");
            }
        }
    }

    #[test]
    fn special_addresses_in_every_notation_are_excluded() {
        for address in [
            "169.254.169.254",
            "100.100.100.200",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:127.0.0.1",
            "64:ff9b::8.8.8.8",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::8.8.8.8",
            "100::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:2::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:808:808::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
            "e000::1",
        ] {
            assert!(!is_admitted(address, &[]), "{address}");
        }
    }

    #[test]
    fn public_addresses_are_admitted() {
        for address in [
            "1.1.1.1",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "2001:200::1",
            "2606:4700:4700::1111",
            "2a00:1450:4001::1",
        ] {
            assert!(is_admitted(address, &[]), "{address}");
        }
    }

    #[test]
    fn the_operator_can_allow_networks() {
        let own = ["10.1.0.0/16", "fd12::/16"];
        for address in ["10.1.2.3", "::ffff:10.1.2.3", "fd12::7"] {
            assert!(is_admitted(address, &own), "{address}");
        }
        for address in ["10.2.0.1", "127.0.0.1", "fd13::7"] {
            assert!(!is_admitted(address, &own), "{address}");
        }
        let translations = ["64:ff9b::/96", "2002::/16"];
        for address in ["64:ff9b::8.8.8.8", "2002:808:808::1"] {
            assert!(is_admitted(address, &translations), "{address}");
        }
        for address in ["64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::"] {
            assert!(!is_admitted(address, &translations), "{address}");
        }
        assert_eq!(AllowedNetworks::parse(&["10.0.0.1/40".to_owned()]), None);
    }
}
