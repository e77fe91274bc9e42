//! The HTTP server, with limits on connections, on request heads and on the time for both
//! directions.
//!
//! HTTP/1 only. `axum::serve` has no timeout for headers, so this uses axum-server with hyper's
//! timer.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum_server::Handle;
use hyper_util::rt::TokioTimer;
use tokio::net::TcpSocket;
use tokio_util::sync::CancellationToken;

use super::connections::LimitedAcceptor;

/// Connections that wait to be accepted. With the 128 of the standard library, a burst of one client
/// delays the others by a second or more.
const BACKLOG: u32 = 4_096;
/// Maximum size of a request head.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Maximum number of header fields of a request.
const HEADERS_MAX: usize = 64;

/// Timeouts of a connection, and the number of connections.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// From the start of the connection to its first complete request head.
    pub(super) first_request: Duration,
    /// Header read timeout; also the keep-alive idle timeout.
    pub(super) head: Duration,
    /// For a write without progress, because the client does not read.
    pub(super) write: Duration,
    /// Concurrent connections; more are closed at once.
    pub(super) connections: usize,
    /// Concurrent connections of one client address, if they are limited.
    pub(super) per_address: Option<usize>,
    /// For running requests at shutdown.
    pub(super) drain: Duration,
}

impl Limits {
    /// The limits of the listener of `/metrics`, which few clients use.
    pub(super) const METRICS: Self = Self {
        first_request: Duration::from_secs(5),
        head: Duration::from_secs(10),
        write: Duration::from_secs(30),
        connections: 64,
        per_address: None,
        drain: Duration::from_secs(10),
    };

    /// The limits of the API, with this number of connections. Even without a lower limit, one
    /// client address gets at most half of them; `per_address` 0 is no limit.
    pub(super) fn of_service(connections: usize, per_address: usize) -> Self {
        Self {
            connections,
            per_address: (per_address > 0).then(|| per_address.min(connections.div_ceil(2))),
            ..Self::METRICS
        }
    }
}

/// Binds a port, within the runtime.
pub(super) fn bind(listen: SocketAddr) -> anyhow::Result<TcpListener> {
    try_bind(listen).with_context(|| format!("cannot listen on {listen}"))
}

fn try_bind(listen: SocketAddr) -> io::Result<TcpListener> {
    let socket = match listen {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    socket.set_reuseaddr(true)?;
    socket.bind(listen)?;
    socket.listen(BACKLOG)?.into_std()
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
        .header_read_timeout(limits.head)
        // The head is parsed in this buffer.
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX);
    let server = server.acceptor(LimitedAcceptor::new(
        limits.connections,
        limits.per_address,
        limits.write,
    ));
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let mut serving = std::pin::pin!(server.serve(service));
    tokio::select! {
        ended = &mut serving => return ended.context("the HTTP server ended"),
        () = stop.cancelled() => handle.graceful_shutdown(Some(limits.drain)),
    }
    serving.await.context("the HTTP server ended")
}

#[cfg(test)]
mod tests;
