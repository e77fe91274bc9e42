//! TCP proxies on loopback, whose connections can be frozen, cut and refused, and whose destination
//! can change.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A proxy; it runs until the process ends.
#[derive(Debug, Clone)]
pub(crate) struct Proxy {
    pub(crate) port: u16,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    destination: AtomicU16,
    refuses: AtomicBool,
    open: AtomicUsize,
    frozen: watch::Sender<bool>,
    /// Raised by each cut.
    cuts: watch::Sender<u64>,
}

impl State {
    fn new(destination: u16) -> Self {
        Self {
            destination: AtomicU16::new(destination),
            refuses: AtomicBool::new(false),
            open: AtomicUsize::new(0),
            frozen: watch::channel(false).0,
            cuts: watch::channel(0).0,
        }
    }
}

impl Proxy {
    /// No proxy: connections go to the destination itself, and no fault can be injected.
    pub(crate) fn direct(destination: u16) -> Self {
        Self {
            port: destination,
            state: Arc::new(State::new(destination)),
        }
    }

    pub(crate) async fn start(destination: u16) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(State::new(destination));
        let accepting = Arc::clone(&state);
        tokio::spawn(async move {
            loop {
                let Ok((client, _)) = listener.accept().await else {
                    continue;
                };
                if !accepting.refuses.load(Ordering::SeqCst) {
                    tokio::spawn(connect(client, Arc::clone(&accepting)));
                }
            }
        });
        Ok(Self { port, state })
    }

    /// New connections go to another port. Present ones are cut.
    pub(crate) fn redirect(&self, destination: u16) {
        self.state.destination.store(destination, Ordering::SeqCst);
        self.cut();
    }

    /// Ends all connections. Returns their number.
    pub(crate) fn cut(&self) -> usize {
        let open = self.state.open.load(Ordering::SeqCst);
        self.state.cuts.send_modify(|cuts| *cuts += 1);
        open
    }

    /// Stops or continues the flow of bytes. Frozen bytes arrive later, unless the connection is cut.
    pub(crate) fn freeze(&self, frozen: bool) {
        self.state.frozen.send_replace(frozen);
    }

    /// Refuses new connections, or accepts them again.
    pub(crate) fn refuse(&self, refuses: bool) {
        self.state.refuses.store(refuses, Ordering::SeqCst);
    }
}

async fn connect(client: TcpStream, state: Arc<State>) {
    let port = state.destination.load(Ordering::SeqCst);
    let mut cuts = state.cuts.subscribe();
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else {
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    state.open.fetch_add(1, Ordering::SeqCst);
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        _ = cuts.changed() => {}
        () = copy_both(from_client, to_server, from_server, to_client, &state) => {}
    }
    state.open.fetch_sub(1, Ordering::SeqCst);
}

/// Copies until both directions have ended. The end of one direction is passed on.
async fn copy_both(
    from_client: OwnedReadHalf,
    to_server: OwnedWriteHalf,
    from_server: OwnedReadHalf,
    to_client: OwnedWriteHalf,
    state: &State,
) {
    tokio::join!(
        copy(from_client, to_server, state.frozen.subscribe()),
        copy(from_server, to_client, state.frozen.subscribe()),
    );
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut frozen: watch::Receiver<bool>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if frozen.wait_for(|frozen| !frozen).await.is_err() {
            return;
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}
