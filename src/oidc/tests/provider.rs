//! An identity provider on loopback, with the faults that a test needs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::signing::TestKey;

/// How the provider behaves.
#[derive(Debug, Clone)]
pub(super) enum Mode {
    Normal,
    /// Closes each connection.
    Away,
    /// Accepts a connection and never responds.
    Silent,
    /// Responds with another status to everything.
    Status(u16),
    /// Redirects every request to this address.
    Redirect(String),
    /// Sends keys without an end.
    Endless,
    /// Publishes its keys with so much white space.
    Padded(usize),
    /// Responds with a page.
    Page,
    /// Its discovery document has this value of a field.
    Discovery(&'static str, String),
}

/// A running provider. It ends when it is dropped.
pub(super) struct Provider {
    pub(super) url: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    url: String,
    keys: Mutex<Vec<Value>>,
    mode: Mutex<Mode>,
    discoveries: AtomicUsize,
    requests: AtomicUsize,
}

impl Provider {
    /// A provider that publishes these keys.
    pub(super) async fn start(keys: &[&TestKey]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            url: url.clone(),
            keys: Mutex::default(),
            mode: Mutex::new(Mode::Normal),
            discoveries: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
        });
        let serving = shared.clone();
        let server = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serving.clone().respond(stream));
            }
        });
        let provider = Self {
            url,
            shared,
            server,
        };
        provider.publish(keys);
        provider
    }

    /// Publishes other keys.
    pub(super) fn publish(&self, keys: &[&TestKey]) {
        self.publish_values(keys.iter().map(|key| key.public()).collect());
    }

    /// Publishes keys of any content.
    pub(super) fn publish_values(&self, keys: Vec<Value>) {
        *self.shared.keys.lock().unwrap() = keys;
    }

    /// Changes how the provider behaves.
    pub(super) fn set(&self, mode: Mode) {
        *self.shared.mode.lock().unwrap() = mode;
    }

    /// How often its keys were asked for.
    pub(super) fn fetches(&self) -> usize {
        self.shared.discoveries.load(Ordering::SeqCst)
    }

    /// How many connections it had.
    pub(super) fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    async fn respond(self: Arc<Self>, mut stream: TcpStream) {
        self.requests.fetch_add(1, Ordering::SeqCst);
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0; 1];
            if stream.read_exact(&mut byte).await.is_err() {
                return;
            }
            request.push(byte[0]);
        }
        let is_discovery = request.starts_with(b"GET /.well-known/openid-configuration ");
        if is_discovery {
            self.discoveries.fetch_add(1, Ordering::SeqCst);
        }
        let mode = self.mode.lock().unwrap().clone();
        let is_endless = matches!(mode, Mode::Endless) && !is_discovery;
        match mode {
            Mode::Away => return,
            Mode::Silent => std::future::pending().await,
            _ => {}
        }
        let response = self.response(is_discovery, mode);
        let mut sent = stream.write_all(response.as_bytes()).await;
        while is_endless && sent.is_ok() {
            sent = stream.write_all(&[b' '; 4096]).await;
        }
    }

    fn response(&self, is_discovery: bool, mode: Mode) -> String {
        let ok = |body: String| format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{body}");
        let keys = json!({"keys": *self.keys.lock().unwrap()}).to_string();
        let mut discovery = json!({
            "issuer": self.url,
            "jwks_uri": format!("{}/keys", self.url),
        });
        match mode {
            Mode::Status(status) => {
                format!("HTTP/1.1 {status} Other\r\nconnection: close\r\n\r\n{keys}")
            }
            Mode::Redirect(url) => format!(
                "HTTP/1.1 302 Found\r\nlocation: {url}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            ),
            Mode::Page => ok("<html></html>".to_owned()),
            Mode::Padded(bytes) if !is_discovery => ok(keys + &" ".repeat(bytes)),
            Mode::Endless if !is_discovery => ok(keys),
            Mode::Discovery(field, value) if is_discovery => {
                discovery[field] = json!(value);
                ok(discovery.to_string())
            }
            _ if is_discovery => ok(discovery.to_string()),
            _ => ok(keys),
        }
    }
}
