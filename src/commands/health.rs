//! `health`: asks a running service for its health, as a health check without a shell.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail};

use crate::config::Health;

/// Timeout of the request. Shorter than the usual timeout of a health check.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Fails unless the service responds with 200.
pub(super) async fn run(settings: Health) -> anyhow::Result<()> {
    let path = if settings.ready { "readyz" } else { "healthz" };
    let url = format!("http://{}/{path}", reachable(settings.listen));
    let client = reqwest::Client::builder()
        .no_proxy()
        // The service has no TLS, so a system without certificates will do.
        .tls_certs_only([])
        .timeout(TIMEOUT)
        .build()?;
    let response = client
        .get(&url)
        .send()
        .await
        .context("the service does not respond")?;
    if !response.status().is_success() {
        bail!("{url}: {}", response.status());
    }
    Ok(())
}

/// The address that reaches a listener: one on every address is reached on loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
