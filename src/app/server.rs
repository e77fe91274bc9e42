//! The door: a listener that is bound before anything else, and a server that closes connections which say nothing.
//!
//! HTTP/1 only. `axum::serve` has no time limit for headers, so this is axum-server with hyper's timer.

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

/// How long a connection may take for what, and how many there may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// From the first connection until its first complete head.
    pub(super) first_request: Duration,
    /// For one head, waiting for it included: so long an idle connection is kept.
    pub(super) head: Duration,
    /// Connections at the same time; more are closed at once.
    pub(super) connections: usize,
    /// For requests at work when the service ends.
    pub(super) drain: Duration,
}

impl Limits {
    /// The service's own limits.
    pub(super) const SERVICE: Self = Self {
        first_request: Duration::from_secs(5),
        head: Duration::from_secs(10),
        connections: 10_000,
        drain: Duration::from_secs(10),
    };
}

/// Takes an address and port.
pub(super) fn bind(listen: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(listen).with_context(|| format!("cannot listen on {listen}"))
}

/// Serves until `stop`, then lets requests at work end within the limit.
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
        .accept_error_handler(|_, error| tracing::debug!(%error, "a connection was not taken"));
    server
        .http_builder()
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head);
    let server = server.acceptor(CountedAcceptor {
        free: Arc::new(Semaphore::new(limits.connections)),
    });
    let mut serving = std::pin::pin!(server.serve(router.into_make_service()));
    tokio::select! {
        ended = &mut serving => return ended.context("the HTTP server ended"),
        () = stop.cancelled() => handle.graceful_shutdown(Some(limits.drain)),
    }
    serving.await.context("the HTTP server ended")
}

/// Takes connections as long as there are free places, and holds a place as long as the connection lasts.
#[derive(Clone)]
struct CountedAcceptor {
    free: Arc<Semaphore>,
}

impl<S> Accept<TcpStream, S> for CountedAcceptor {
    type Stream = TcpStream;
    type Service = Placed<S>;
    type Future = Ready<io::Result<(TcpStream, Placed<S>)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let Ok(place) = Arc::clone(&self.free).try_acquire_owned() else {
            return ready(Err(io::Error::other("too many connections")));
        };
        // Answers are small and wait for nothing: send them at once.
        ready(stream.set_nodelay(true).map(|()| {
            (
                stream,
                Placed {
                    service,
                    _place: Arc::new(place),
                },
            )
        }))
    }
}

/// A connection's service, which lives as long as the connection, and its place.
#[derive(Clone)]
struct Placed<S> {
    service: S,
    _place: Arc<OwnedSemaphorePermit>,
}

impl<R, S: Service<R>> Service<R> for Placed<S> {
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

    const QUICK: Limits = Limits {
        first_request: Duration::from_millis(300),
        head: Duration::from_millis(600),
        connections: 2,
        drain: Duration::from_millis(500),
    };
    /// How much later than its limit a connection may be closed on a busy machine.
    const SLACK: Duration = Duration::from_secs(5);

    struct Served {
        address: SocketAddr,
        stop: CancellationToken,
        task: JoinHandle<anyhow::Result<()>>,
    }

    fn served() -> Served {
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let slow = get(|| async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            "slow"
        });
        // A word at a time: to its end long after the limit for heads, and without one.
        let words = |count: usize| {
            let word = move |n| async move {
                (n < count).then(|| (Ok::<_, io::Error>(format!("word {n}\n")), n + 1))
            };
            let paced = stream::unfold(0, word).then(|word| async {
                tokio::time::sleep(QUICK.head / 4).await;
                word
            });
            Body::from_stream(paced)
        };
        let router = Router::new()
            .route("/", get(|| async { "here" }))
            .route("/slow", slow)
            .route("/words", get(move || async move { words(12) }))
            .route("/endless", get(move || async move { words(usize::MAX) }));
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve(listener, router, QUICK, stop.clone()));
        Served {
            address,
            stop,
            task,
        }
    }

    /// Sends some bytes, reads until the server closes, and says what came and how long it took.
    async fn told(address: SocketAddr, bytes: &[u8]) -> (String, Duration) {
        let began = Instant::now();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        // A reset is as good an end as a close.
        let reading =
            tokio::time::timeout(QUICK.head + SLACK, stream.read_to_end(&mut answer)).await;
        assert!(reading.is_ok(), "the connection was not closed");
        (
            String::from_utf8_lossy(&answer).into_owned(),
            began.elapsed(),
        )
    }

    // Trap T-2: without a timer these connections would stay for ever.
    #[tokio::test]
    async fn silent_and_half_spoken_connections_are_closed() {
        let served = served();
        for bytes in [&b""[..], b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n"] {
            let (answer, took) = told(served.address, bytes).await;
            assert!(!answer.contains("200 OK"), "{answer}");
            assert!(took >= QUICK.first_request, "{took:?}");
        }
    }

    #[tokio::test]
    async fn an_idle_connection_is_closed_after_its_answer() {
        let served = served();
        let (answer, took) = told(served.address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(answer.contains("here"), "{answer}");
        assert!(took >= QUICK.head, "{took:?}");
        let (answer, _) = told(
            served.address,
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHo",
        )
        .await;
        assert_eq!(answer.matches("here").count(), 1, "{answer}");
    }

    #[tokio::test]
    async fn connections_beyond_the_limit_are_closed_at_once_and_places_come_back() {
        let served = served();
        let held = [
            TcpStream::connect(served.address).await.unwrap(),
            TcpStream::connect(served.address).await.unwrap(),
        ];
        // The places are taken when the server has looked at the connections, in order.
        let (answer, took) = told(served.address, b"").await;
        assert!(
            answer.is_empty() && took < QUICK.first_request,
            "{answer} {took:?}"
        );
        drop(held);
        for _ in 0..50 {
            if told(served.address, b"GET / HTTP/1.0\r\n\r\n")
                .await
                .0
                .contains("here")
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("no place came back");
    }

    #[tokio::test]
    async fn requests_at_work_are_answered_when_the_service_stops() {
        let served = served();
        let request = tokio::spawn(told(
            served.address,
            b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n",
        ));
        tokio::time::sleep(Duration::from_millis(80)).await;
        served.stop.cancel();
        served.task.await.unwrap().unwrap();
        assert!(request.await.unwrap().0.ends_with("slow"));
        assert!(
            TcpStream::connect(served.address).await.is_err(),
            "the door is still open"
        );
    }

    #[tokio::test]
    async fn an_answer_that_takes_its_time_is_not_cut_until_the_service_stops() {
        let served = served();
        let (answer, took) = told(served.address, b"GET /words HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(
            answer.contains("word 11") && took >= QUICK.head * 3,
            "{took:?} {answer}"
        );
        let endless = tokio::spawn(told(
            served.address,
            b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n",
        ));
        tokio::time::sleep(QUICK.head).await;
        let stopped = Instant::now();
        served.stop.cancel();
        served.task.await.unwrap().unwrap();
        assert!(stopped.elapsed() < QUICK.drain + SLACK);
        assert!(endless.await.unwrap().0.contains("word 1"));
    }

    #[tokio::test]
    async fn http2_is_not_spoken_here() {
        let served = served();
        let (answer, _) = told(served.address, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        assert!(!answer.contains("200 OK"), "{answer}");
    }

    #[tokio::test]
    async fn a_taken_port_is_one_line() {
        let served = served();
        let error = bind(served.address).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("cannot listen on {}", served.address)
        );
    }
}
