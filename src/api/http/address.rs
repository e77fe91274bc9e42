//! The address of a client: that of the connection, or the one that trusted proxies report.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap, HeaderName};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies whose `X-Forwarded-For` counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Parses networks such as `10.0.0.0/8`. `None` if one is invalid.
    pub fn parse(texts: &[String]) -> Option<Self> {
        let networks = texts.iter().map(|text| text.parse().ok());
        networks.collect::<Option<_>>().map(Self)
    }

    fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The address of the client of a request. `None` if the request came through no connection.
    ///
    /// Each proxy appends the address that it was connected from, so the list is read from its end,
    /// as long as the address before is that of a trusted proxy. What an untrusted client sent itself
    /// is never reached.
    pub(crate) fn client(&self, extensions: &Extensions, headers: &HeaderMap) -> Option<IpAddr> {
        let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
        let mut client = peer.ip().to_canonical();
        let values: Vec<&str> = headers
            .get_all(FORWARDED_FOR)
            .iter()
            .map(|value| value.to_str().unwrap_or_default())
            .collect();
        let mut reported = values.iter().flat_map(|value| value.split(',')).rev();
        while self.contain(client)
            && let Some(address) = reported.next().and_then(parse)
        {
            client = address;
        }
        Some(client)
    }
}

impl fmt::Display for TrustedProxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        let texts: Vec<String> = self.0.iter().map(IpNet::to_string).collect();
        f.write_str(&texts.join(","))
    }
}

/// An address, which some proxies write with its port.
fn parse(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let with_port = || text.parse().map(|address: SocketAddr| address.ip());
    let address = text.parse().or_else(|_| with_port()).ok();
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &[&str], peer: &str, reported: &[&'static str]) -> String {
        let trusted: Vec<String> = trusted.iter().map(|text| (*text).to_owned()).collect();
        let trusted = TrustedProxies::parse(&trusted).unwrap();
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(peer.parse::<SocketAddr>().unwrap()));
        let mut headers = HeaderMap::new();
        for value in reported {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        trusted.client(&extensions, &headers).unwrap().to_string()
    }

    #[test]
    fn only_what_trusted_proxies_report_counts() {
        let proxy = "10.0.0.9:4711";
        assert_eq!(client(&[], proxy, &["192.0.2.1"]), "10.0.0.9");
        let trusted = ["10.0.0.0/8", "fd00::/8"];
        for (peer, reported, expected) in [
            (proxy, vec![], "10.0.0.9"),
            (proxy, vec!["192.0.2.1"], "192.0.2.1"),
            // The first was sent by the client itself.
            (proxy, vec!["198.51.100.7, 192.0.2.1"], "192.0.2.1"),
            (
                proxy,
                vec!["198.51.100.7", "192.0.2.1, 10.1.1.1"],
                "192.0.2.1",
            ),
            (proxy, vec!["10.2.2.2, 10.1.1.1"], "10.2.2.2"),
            (proxy, vec!["192.0.2.1:5000"], "192.0.2.1"),
            (proxy, vec!["[2001:db8::1]:5000"], "2001:db8::1"),
            (proxy, vec!["192.0.2.1, unknown"], "10.0.0.9"),
            (proxy, vec!["192.0.2.1, _hidden, 10.1.1.1"], "10.1.1.1"),
            ("192.0.2.200:1", vec!["10.1.1.1"], "192.0.2.200"),
            ("[::ffff:10.0.0.9]:1", vec!["192.0.2.1"], "192.0.2.1"),
            ("[fd00::1]:1", vec!["::ffff:192.0.2.1"], "192.0.2.1"),
        ] {
            assert_eq!(client(&trusted, peer, &reported), expected, "{reported:?}");
        }
    }

    #[test]
    fn networks_are_parsed_or_refused() {
        for bad in ["", "10.0.0.1", "10.0.0.0/33", "proxy"] {
            assert_eq!(TrustedProxies::parse(&[bad.to_owned()]), None, "{bad}");
        }
        assert_eq!(TrustedProxies::default().to_string(), "none");
    }
}
