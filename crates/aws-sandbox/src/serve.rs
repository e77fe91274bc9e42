//! The HTTP/1 server: serves the router on a listener, and drops connections for faults.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use crate::wire::reply::DropConnection;

/// Header read timeout; also the keep-alive idle timeout.
const HEADER_TIMEOUT: Duration = Duration::from_secs(60);
/// How long running calls may take to finish when the server stops.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(1);
/// Pause after a failed accept, which usually means too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The client's address, as a request extension.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Serves until `shutdown`, then waits for running calls for at most `SHUTDOWN_GRACE`.
pub(crate) async fn serve(
    router: Router,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let graceful = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => spawn_connection(router.clone(), stream, peer, &graceful),
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
        }
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(SHUTDOWN_GRACE) => {}
    }
    Ok(())
}

fn spawn_connection(
    router: Router,
    stream: TcpStream,
    peer: SocketAddr,
    graceful: &GracefulShutdown,
) {
    // Responses are small, and Nagle's algorithm would delay them. An error only costs time.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| respond(router.clone(), peer, request));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let connection = graceful.watch(connection);
    // The client or an injected fault causes connection errors; both are expected.
    tokio::spawn(async move { drop(connection.await) });
}

/// Ends a connection without a response, for an injected fault.
#[derive(Debug, thiserror::Error)]
#[error("an injected fault dropped this connection")]
struct Dropped;

async fn respond(
    router: Router,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<Body>, Dropped> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(Peer(peer));
    let response = match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    match response.extensions().get::<DropConnection>() {
        Some(DropConnection) => Err(Dropped),
        None => Ok(response),
    }
}
