//! Connections to the database can have TLS.

use std::time::Duration;

use dax_provisioner::store::{Connection, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// The feature is one of another package than the client, so it could get lost without an error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_requires_tls_asks_the_server_for_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let store = Store::open(&Connection {
        url: format!("postgres://someone@{address}/any?sslmode=require"),
        max_connections: 1,
        acquire_timeout: Duration::from_secs(10),
        statement_timeout: Duration::from_secs(10),
    })
    .unwrap();
    let asked = async {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut request = [0; 8];
        client.read_exact(&mut request).await.unwrap();
        // The server has no TLS.
        client.write_all(b"N").await.unwrap();
        request
    };
    let (request, clock) = tokio::join!(asked, store.clock());
    // The length, and the code of SSLRequest (PostgreSQL, "Message Formats").
    assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47]);
    assert!(clock.is_err(), "{clock:?}");
}
