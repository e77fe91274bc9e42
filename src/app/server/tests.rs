//! Tests of the server with short timeouts, over TCP.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::body::Body;
use axum::routing::get;
use futures_util::{StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;

const SHORT: Limits = Limits {
    first_request: Duration::from_millis(300),
    head: Duration::from_millis(600),
    write: Duration::from_millis(300),
    connections: 3,
    per_address: Some(2),
    drain: Duration::from_millis(500),
};
/// How long after its timeout a connection may be closed on a busy machine.
const SLACK: Duration = Duration::from_secs(5);

struct TestServer {
    address: SocketAddr,
    /// Answers when the body of `/flood` is dropped.
    flooded: oneshot::Receiver<()>,
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

fn start_server() -> TestServer {
    let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = listener.local_addr().unwrap();
    let slow = get(|| async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        "slow"
    });
    // Responses that are sent in chunks for longer than the timeout of heads.
    let chunks = |count: usize| {
        let chunk = move |n| async move {
            (n < count).then(|| (Ok::<_, io::Error>(format!("chunk {n}\n")), n + 1))
        };
        let paced = stream::unfold(0, chunk).then(|chunk| async {
            tokio::time::sleep(SHORT.head / 4).await;
            chunk
        });
        Body::from_stream(paced)
    };
    // A body that is as fast as the client, and that owns `ended`.
    let (ended, flooded) = oneshot::channel::<()>();
    let ended = Arc::new(Mutex::new(Some(ended)));
    let flood = move || {
        let ended = ended.lock().unwrap().take();
        stream::repeat(vec![b'x'; 64 * 1024]).map(move |chunk| {
            let _ = &ended;
            Ok::<_, io::Error>(chunk)
        })
    };
    let router = Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/slow", slow)
        .route("/chunks", get(move || async move { chunks(12) }))
        .route("/endless", get(move || async move { chunks(usize::MAX) }))
        .route(
            "/flood",
            get(move || async move { Body::from_stream(flood()) }),
        );
    let stop = CancellationToken::new();
    let task = tokio::spawn(serve(listener, router, SHORT, stop.clone()));
    TestServer {
        address,
        flooded,
        stop,
        task,
    }
}

/// Sends some bytes and reads until the server closes the connection. Returns the response and
/// the elapsed time.
async fn exchange(address: SocketAddr, bytes: &[u8]) -> (String, Duration) {
    let start = Instant::now();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut response = Vec::new();
    // The server may close or reset the connection.
    let reading = tokio::time::timeout(SHORT.head + SLACK, stream.read_to_end(&mut response)).await;
    assert!(reading.is_ok(), "the connection was not closed");
    (
        String::from_utf8_lossy(&response).into_owned(),
        start.elapsed(),
    )
}

#[tokio::test]
async fn connections_without_a_complete_head_are_closed() {
    let server = start_server();
    for bytes in [&b""[..], b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n"] {
        let (response, took) = exchange(server.address, bytes).await;
        assert!(!response.contains("200 OK"), "{response}");
        assert!(took >= SHORT.first_request, "{took:?}");
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_response() {
    let server = start_server();
    let (response, took) = exchange(server.address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(response.contains("hello"), "{response}");
    assert!(took >= SHORT.head, "{took:?}");
    let (response, _) = exchange(
        server.address,
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHo",
    )
    .await;
    assert_eq!(response.matches("hello").count(), 1, "{response}");
}

/// Waits until a new connection of this address gets a response.
async fn is_served(address: SocketAddr) -> bool {
    for _ in 0..50 {
        let (response, _) = exchange(address, b"GET / HTTP/1.0\r\n\r\n").await;
        if response.contains("hello") {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

#[tokio::test]
async fn connections_beyond_a_limit_are_closed_at_once_and_places_are_returned() {
    let server = start_server();
    let from = async |last: u8| {
        let socket = TcpSocket::new_v4().unwrap();
        socket
            .bind(SocketAddr::from(([127, 0, 0, last], 0)))
            .unwrap();
        socket.connect(server.address).await.unwrap()
    };
    let held = [from(1).await, from(1).await];
    // The server accepts connections in order, so its client has both of its places.
    let (response, took) = exchange(server.address, b"").await;
    assert!(
        response.is_empty() && took < SHORT.first_request,
        "{response} {took:?}"
    );
    // Another client gets the third, and then there is none.
    let mut other = from(2).await;
    let request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    other.write_all(request).await.unwrap();
    let mut answer = [0; 12];
    other.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    let mut last = from(2).await;
    let reading = tokio::time::timeout(SLACK, last.read(&mut answer));
    assert!(!matches!(reading.await.unwrap(), Ok(1..)));
    drop(held);
    assert!(is_served(server.address).await, "no place was returned");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_disconnected() {
    let server = start_server();
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let request = b"GET /flood HTTP/1.1\r\nHost: x\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let ended = tokio::time::timeout(SHORT.write + SLACK, server.flooded);
    // The sender is dropped with the body.
    assert!(ended.await.unwrap().is_err());
}

#[tokio::test]
async fn a_client_that_reads_slowly_is_served() {
    let server = start_server();
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let request = b"GET /flood HTTP/1.1\r\nHost: x\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let (started, mut buffer) = (Instant::now(), vec![0; 1024 * 1024]);
    while started.elapsed() < SHORT.write * 4 {
        assert!(stream.read(&mut buffer).await.unwrap() > 0);
        tokio::time::sleep(SHORT.write / 10).await;
    }
}

#[tokio::test]
async fn large_heads_are_rejected() {
    let server = start_server();
    let fields = |count: usize, size: usize| {
        let field = |n| format!("x-{n}: {}\r\n", "a".repeat(size));
        let fields: String = (0..count).map(field).collect();
        format!("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}\r\n")
    };
    let method = format!("{} / HTTP/1.1\r\nHost: x\r\n\r\n", "A".repeat(17 * 1024));
    for (head, accepted) in [
        (fields(62, 200), true),
        (fields(63, 1), false),
        (fields(1, 15 * 1024), true),
        (fields(1, 17 * 1024), false),
        (fields(40, 1024), false),
        (method, false),
    ] {
        let (response, _) = exchange(server.address, head.as_bytes()).await;
        assert_eq!(
            response.contains("hello"),
            accepted,
            "{} {response}",
            head.len()
        );
    }
}

#[test]
fn one_address_gets_at_most_half_of_the_connections() {
    for (connections, per_address, expected) in [
        (10_000, 1_000, Some(1_000)),
        (752, 1_000, Some(376)),
        (10_000, 0, None),
    ] {
        let limits = Limits::of_service(connections, per_address);
        assert_eq!(limits.per_address, expected, "{connections} {per_address}");
    }
}

#[tokio::test]
async fn running_requests_are_finished_when_the_server_stops() {
    let server = start_server();
    let request = tokio::spawn(exchange(
        server.address,
        b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n",
    ));
    tokio::time::sleep(Duration::from_millis(80)).await;
    server.stop.cancel();
    server.task.await.unwrap().unwrap();
    assert!(request.await.unwrap().0.ends_with("slow"));
    assert!(
        TcpStream::connect(server.address).await.is_err(),
        "the server still accepts connections"
    );
}

#[tokio::test]
async fn a_slow_response_is_not_cut_until_the_server_stops() {
    let server = start_server();
    let (response, took) =
        exchange(server.address, b"GET /chunks HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(
        response.contains("chunk 11") && took >= SHORT.head * 3,
        "{took:?} {response}"
    );
    let endless = tokio::spawn(exchange(
        server.address,
        b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n",
    ));
    tokio::time::sleep(SHORT.head).await;
    let stopped = Instant::now();
    server.stop.cancel();
    server.task.await.unwrap().unwrap();
    assert!(stopped.elapsed() < SHORT.drain + SLACK);
    assert!(endless.await.unwrap().0.contains("chunk 1"));
}

#[tokio::test]
async fn http2_is_not_supported() {
    let server = start_server();
    let (response, _) = exchange(server.address, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert!(!response.contains("200 OK"), "{response}");
}

#[tokio::test]
async fn a_port_in_use_is_reported_in_one_line() {
    let server = start_server();
    let error = bind(server.address).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot listen on {}", server.address)
    );
}
