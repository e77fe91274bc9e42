//! The HTTP server, with limits on connections and on the time to read a request head.
//!
//! HTTP/1 only. `axum::serve` has no timeout for headers, so this uses axum-server with hyper's
//! timer.

use std::future::{Ready, ready};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum_server::Handle;
use axum_server::accept::Accept;
use hyper_util::rt::TokioTimer;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tower::Service;

/// Timeouts of a connection, and the number of connections.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// From the start of the connection to its first complete request head.
    pub(super) first_request: Duration,
    /// Header read timeout; also the keep-alive idle timeout.
    pub(super) head: Duration,
    /// Concurrent connections; more are closed at once.
    pub(super) connections: usize,
    /// For running requests at shutdown.
    pub(super) drain: Duration,
}

impl Limits {
    pub(super) const SERVICE: Self = Self {
        first_request: Duration::from_secs(5),
        head: Duration::from_secs(10),
        connections: 10_000,
        drain: Duration::from_secs(10),
    };
}

pub(super) fn bind(listen: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(listen).with_context(|| format!("cannot listen on {listen}"))
}

/// Serves until `stop`, then finishes running requests within the limit.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let handle = Handle::new();
    let mut server = axum_server::from_tcp(listener)?
        .http1_only()
        .first_request_timeout(limits.first_request)
        .handle(handle.clone())
        .accept_error_handler(|_, error| tracing::debug!(%error, "connection rejected"));
    server
        .http_builder()
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head);
    let server = server.acceptor(LimitedAcceptor {
        permits: Arc::new(Semaphore::new(limits.connections)),
    });
    let mut serving = std::pin::pin!(server.serve(router.into_make_service()));
    tokio::select! {
        ended = &mut serving => return ended.context("the HTTP server ended"),
        () = stop.cancelled() => handle.graceful_shutdown(Some(limits.drain)),
    }
    serving.await.context("the HTTP server ended")
}

/// Accepts a connection while permits are available; the connection holds its permit until it ends.
#[derive(Clone)]
struct LimitedAcceptor {
    permits: Arc<Semaphore>,
}

impl<S> Accept<TcpStream, S> for LimitedAcceptor {
    type Stream = TcpStream;
    type Service = Permitted<S>;
    type Future = Ready<io::Result<(TcpStream, Permitted<S>)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            return ready(Err(io::Error::other("too many connections")));
        };
        // Responses are small, so send them without delay.
        ready(stream.set_nodelay(true).map(|()| {
            (
                stream,
                Permitted {
                    service,
                    _permit: Arc::new(permit),
                },
            )
        }))
    }
}

/// A connection's service with its permit; both are dropped when the connection ends.
#[derive(Clone)]
struct Permitted<S> {
    service: S,
    _permit: Arc<OwnedSemaphorePermit>,
}

impl<R, S: Service<R>> Service<R> for Permitted<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut std::task::Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: R) -> S::Future {
        self.service.call(request)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use axum::body::Body;
    use axum::routing::get;
    use futures_util::{StreamExt, stream};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::task::JoinHandle;

    use super::*;

    const SHORT: Limits = Limits {
        first_request: Duration::from_millis(300),
        head: Duration::from_millis(600),
        connections: 2,
        drain: Duration::from_millis(500),
    };
    /// How long after its timeout a connection may be closed on a busy machine.
    const SLACK: Duration = Duration::from_secs(5);

    struct TestServer {
        address: SocketAddr,
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
        let router = Router::new()
            .route("/", get(|| async { "hello" }))
            .route("/slow", slow)
            .route("/chunks", get(move || async move { chunks(12) }))
            .route("/endless", get(move || async move { chunks(usize::MAX) }));
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve(listener, router, SHORT, stop.clone()));
        TestServer {
            address,
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
        let reading =
            tokio::time::timeout(SHORT.head + SLACK, stream.read_to_end(&mut response)).await;
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

    #[tokio::test]
    async fn connections_beyond_the_limit_are_closed_at_once_and_permits_are_returned() {
        let server = start_server();
        let held = [
            TcpStream::connect(server.address).await.unwrap(),
            TcpStream::connect(server.address).await.unwrap(),
        ];
        // The server accepts connections in order, so both permits are taken before this one.
        let (response, took) = exchange(server.address, b"").await;
        assert!(
            response.is_empty() && took < SHORT.first_request,
            "{response} {took:?}"
        );
        drop(held);
        for _ in 0..50 {
            if exchange(server.address, b"GET / HTTP/1.0\r\n\r\n")
                .await
                .0
                .contains("hello")
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("no permit was returned");
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
}
