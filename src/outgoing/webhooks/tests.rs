//! Tests of the address filter in the connector, and of the parts of a request and of an answer.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpListener;

use super::*;

fn attempt(url: &str) -> Attempt<'_> {
    Attempt {
        url,
        id: Uuid::nil(),
        timestamp: 0,
        body: "{}",
        secrets: &[],
    }
}

fn loopback() -> AllowedNetworks {
    AllowedNetworks::parse(&["127.0.0.1/32".to_owned()]).unwrap()
}

/// A listener, and the number of its connections.
async fn listener() -> (u16, std::sync::Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = std::sync::Arc::new(AtomicUsize::new(0));
    let counter = std::sync::Arc::clone(&count);
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    (port, count)
}

#[test]
fn a_url_is_https_or_http_to_a_loopback_address() {
    for url in [
        "https://example.com/hook?a=b",
        "https://10.0.0.1:8443/",
        "http://127.0.0.1:8080/",
        "http://[::1]/",
        "http://0x7f.1/",
    ] {
        assert!(parse_url(url).is_ok(), "{url}");
    }
    let long = format!("https://example.com/{}", "a".repeat(2_048));
    for url in [
        "",
        "example.com",
        "ftp://example.com/",
        "http://example.com/",
        "http://localhost/",
        "http://10.0.0.1/",
        "https://user@example.com/",
        "https://user:secret@example.com/",
        "https://example.com/#part",
        "https://example.com/a b",
        "https://example.com/\n",
        "https:///",
        "file:///etc/passwd",
        &long,
    ] {
        assert!(parse_url(url).is_err(), "{url}");
    }
}

#[tokio::test]
async fn an_address_in_a_url_is_checked_in_every_notation() {
    let client = WebhookClient::new(AllowedNetworks::default()).unwrap();
    let (port, connections) = listener().await;
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "0.0.0.0",
        "169.254.169.254",
        "10.0.0.1",
    ] {
        let url = format!("https://{host}:{port}/");
        let sent = client.send(&attempt(&url)).await;
        assert_eq!(sent, Err(SendError::AddressNotAllowed), "{url}");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_that_resolves_to_a_special_address_is_not_connected_to() {
    let client = WebhookClient::new(AllowedNetworks::default()).unwrap();
    let (port, connections) = listener().await;
    for host in ["localhost", "LOCALHOST"] {
        let url = format!("https://{host}:{port}/");
        let sent = client.send(&attempt(&url)).await;
        assert_eq!(sent, Err(SendError::AddressNotAllowed), "{url}");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

/// The first answer of this DNS is allowed, each later one is not.
#[tokio::test]
async fn dns_that_changes_is_checked_at_each_connection() {
    static QUERIES: AtomicUsize = AtomicUsize::new(0);
    fn changing(_: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let address = match QUERIES.fetch_add(1, Ordering::SeqCst) {
            0 => [127, 0, 0, 1],
            _ => [127, 0, 0, 2],
        };
        Box::pin(async move { Ok(vec![IpAddr::from(address)]) })
    }
    let client = WebhookClient::with_lookup(loopback(), changing).unwrap();
    let (port, connections) = listener().await;
    let url = format!("https://receiver.example:{port}/");
    // The listener does not accept TLS, so the connection fails after it was opened.
    let first = client.send(&attempt(&url)).await;
    assert_eq!(first, Err(SendError::ConnectionFailed));
    let queries = QUERIES.load(Ordering::SeqCst);
    assert_eq!((queries, connections.load(Ordering::SeqCst)), (1, 1));
    let second = client.send(&attempt(&url)).await;
    assert_eq!(second, Err(SendError::AddressNotAllowed));
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

/// Of several addresses, only those that are allowed are tried.
#[tokio::test]
async fn an_allowed_address_does_not_admit_another_one() {
    fn mixed(_: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async { Ok(vec!["::1".parse().unwrap(), "127.0.0.1".parse().unwrap()]) })
    }
    let networks = AllowedNetworks::parse(&["127.0.0.2/32".to_owned()]).unwrap();
    let client = WebhookClient::with_lookup(networks, mixed).unwrap();
    let (port, connections) = listener().await;
    let url = format!("https://receiver.example:{port}/");
    let sent = client.send(&attempt(&url)).await;
    assert_eq!(sent, Err(SendError::AddressNotAllowed));
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    fn seconds(values: &[(HeaderName, &str)]) -> Option<u64> {
        let values = values.iter();
        let headers = values.map(|(name, value)| (name.clone(), value.parse().unwrap()));
        retry_after(&headers.collect()).map(|pause| pause.as_secs())
    }
    assert_eq!(seconds(&[]), None);
    assert_eq!(seconds(&[(RETRY_AFTER, "7")]), Some(7));
    assert_eq!(seconds(&[(RETRY_AFTER, "soon")]), None);
    assert_eq!(seconds(&[(RETRY_AFTER, "-7")]), None);
    let (sent, later) = (
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:50:37 GMT",
    );
    assert_eq!(seconds(&[(DATE, sent), (RETRY_AFTER, later)]), Some(60));
    assert_eq!(seconds(&[(DATE, later), (RETRY_AFTER, sent)]), None);
    assert_eq!(seconds(&[(RETRY_AFTER, later)]), None);
}
