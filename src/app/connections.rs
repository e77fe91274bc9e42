//! Connections: how many are served at once, in total and for one client address, and a timeout
//! for a client that does not read.

use std::collections::HashMap;
use std::future::{Ready, ready};
use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv6Addr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// Accepts a connection while there is a place for it, which the connection holds until it ends.
#[derive(Clone)]
pub(super) struct LimitedAcceptor {
    places: Arc<Places>,
    write_timeout: Duration,
}

/// The places for connections.
struct Places {
    most: usize,
    per_address: Option<usize>,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_client: HashMap<IpAddr, usize>,
}

/// The place of one connection; dropping it returns it.
struct Place {
    places: Arc<Places>,
    client: IpAddr,
}

impl LimitedAcceptor {
    /// `per_address` is the limit for one client address, if there is one.
    pub(super) fn new(most: usize, per_address: Option<usize>, write_timeout: Duration) -> Self {
        let places = Places {
            most,
            per_address,
            taken: Mutex::default(),
        };
        Self {
            places: Arc::new(places),
            write_timeout,
        }
    }

    fn admit(&self, stream: TcpStream) -> io::Result<Connection> {
        let address = stream.peer_addr()?.ip();
        let place = Place::take(&self.places, client(address))
            .ok_or_else(|| io::Error::other("too many connections"))?;
        // Responses are small, so send them without delay.
        stream.set_nodelay(true)?;
        Ok(Connection {
            stream,
            write_timeout: self.write_timeout,
            stalled: None,
            _place: place,
        })
    }
}

impl<S> Accept<TcpStream, S> for LimitedAcceptor {
    type Stream = Connection;
    type Service = S;
    type Future = Ready<io::Result<(Connection, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        ready(self.admit(stream).map(|stream| (stream, service)))
    }
}

/// What counts as one client: an IPv4 address, or the /64 network of an IPv6 address, because a
/// host usually has all of its addresses.
fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

impl Place {
    fn take(places: &Arc<Places>, client: IpAddr) -> Option<Self> {
        let mut taken = places.taken();
        let own = taken.by_client.get(&client).copied().unwrap_or_default();
        let is_full =
            taken.all >= places.most || places.per_address.is_some_and(|most| own >= most);
        if is_full {
            return None;
        }
        taken.all += 1;
        taken.by_client.insert(client, own + 1);
        Some(Self {
            places: Arc::clone(places),
            client,
        })
    }
}

impl Places {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        let taken = self.taken.lock();
        taken.expect("no code that holds the lock panics")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all -= 1;
        if let Some(own) = taken.by_client.get_mut(&self.client) {
            *own -= 1;
            if *own == 0 {
                taken.by_client.remove(&self.client);
            }
        }
    }
}

/// A connection that fails if a write makes no progress for the timeout. hyper has no such timeout,
/// so a client that does not read would hold the rest of its response in memory.
pub(super) struct Connection {
    stream: TcpStream,
    write_timeout: Duration,
    /// Ends the write that makes no progress, if there is one.
    stalled: Option<Pin<Box<Sleep>>>,
    _place: Place,
}

impl Connection {
    fn limit(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let timeout = self.write_timeout;
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        stalled
            .as_mut()
            .poll(context)
            .map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.limit(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, buffers);
        self.limit(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_an_ipv4_address_or_an_ipv6_network() {
        let clients = |a: &str, b: &str| client(a.parse().unwrap()) == client(b.parse().unwrap());
        assert!(clients("192.0.2.1", "::ffff:192.0.2.1"));
        assert!(clients("2001:db8:0:1::1", "2001:db8:0:1:ffff::2"));
        assert!(!clients("192.0.2.1", "192.0.2.2"));
        assert!(!clients("2001:db8:0:1::1", "2001:db8:0:2::1"));
    }

    #[test]
    fn one_client_has_its_own_limit_and_places_are_returned() {
        let [a, b]: [IpAddr; 2] = [[192, 0, 2, 1], [192, 0, 2, 2]].map(IpAddr::from);
        let places = LimitedAcceptor::new(5, Some(3), Duration::ZERO).places;
        let take_all = |client| -> Vec<Place> {
            std::iter::from_fn(|| Place::take(&places, client)).collect()
        };
        let held = take_all(a);
        assert_eq!((held.len(), take_all(b).len()), (3, 2));
        drop(held);
        assert_eq!(take_all(b).len(), 3);
        assert!(places.taken().by_client.is_empty() && places.taken().all == 0);
        let unlimited = LimitedAcceptor::new(5, None, Duration::ZERO).places;
        let held: Vec<_> = std::iter::from_fn(|| Place::take(&unlimited, a)).collect();
        assert_eq!(held.len(), 5);
    }
}
