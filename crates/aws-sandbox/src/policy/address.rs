//! IP networks in CIDR notation, for the conditions `IpAddress` and `NotIpAddress`.

use std::net::IpAddr;

/// A network such as `203.0.113.0/24`. A bare address is a network of one address.
#[derive(Clone, Debug)]
pub(super) struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    /// Parses `address` or `address/prefix`; `None` when either part is malformed.
    pub(super) fn parse(text: &str) -> Option<Network> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address.parse().ok()?, Some(prefix.parse().ok()?)),
            None => (text.parse().ok()?, None),
        };
        let width = width(address);
        let prefix = prefix.unwrap_or(width);
        (prefix <= width).then_some(Network { address, prefix })
    }

    /// Whether the network contains the address. IPv4 and IPv6 never match each other.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        if width(self.address) != width(address) {
            return false;
        }
        let ignored = width(address) - self.prefix;
        // A prefix of 0 needs a shift by the full width, which `>>` does not support.
        let kept = |address: IpAddr| bits(address).checked_shr(ignored).unwrap_or(0);
        kept(self.address) == kept(address)
    }
}

fn width(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::Network;

    #[test]
    fn networks_contain_their_addresses() {
        for (network, address, expected) in [
            ("203.0.113.0/24", "203.0.113.9", true),
            ("203.0.113.0/24", "203.0.114.9", false),
            ("203.0.113.7", "203.0.113.7", true),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/32", "2001:db8:1::", true),
            ("::/0", "2001:db8::1", true),
        ] {
            let network_value = Network::parse(network).expect(network);
            let address = address.parse().expect("an address");
            assert_eq!(
                network_value.contains(address),
                expected,
                "{network} {address}"
            );
        }
        for malformed in ["203.0.113.0/33", "203.0.113/24", "", "::/129", "1.2.3.4/x"] {
            assert!(Network::parse(malformed).is_none(), "{malformed}");
        }
    }
}
