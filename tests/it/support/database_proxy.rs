//! A TCP proxy before a database: its connections can be frozen, it records the statements that
//! pass, and it ends all connections where a test wants it, as the death of a process does.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};
use tokio::sync::Notify;

pub struct DatabaseProxy {
    /// The database through the proxy.
    pub url: String,
    frozen: Mutex<Arc<AtomicBool>>,
    statements: Arc<Mutex<Vec<String>>>,
    death: Arc<Death>,
}

/// When the process behind the proxy dies.
#[derive(Debug, Default)]
struct Death {
    /// Statements that pass before, and whether the next one is sent without its answer.
    after: Mutex<Option<(usize, bool)>>,
    is_dead: AtomicBool,
    died: Notify,
}

/// What the proxy does with bytes.
enum Passage {
    Pass,
    /// Sends them, and then nothing more.
    Last,
    Stop,
}

impl Death {
    fn passage(&self, statements: usize) -> Passage {
        if self.is_dead.load(Ordering::SeqCst) {
            return Passage::Stop;
        }
        let mut after = self.after.lock().unwrap();
        let Some((left, is_sent)) = after.as_mut() else {
            return Passage::Pass;
        };
        if statements <= *left {
            *left -= statements;
            return Passage::Pass;
        }
        self.is_dead.store(true, Ordering::SeqCst);
        if *is_sent {
            Passage::Last
        } else {
            Passage::Stop
        }
    }
}

impl DatabaseProxy {
    /// Starts a proxy before the database of this URL, which names a directory of sockets.
    pub async fn start(url: &str) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (socket, url) = through_port(url, listener.local_addr().unwrap().port());
        let proxy = Arc::new(Self {
            url,
            frozen: Mutex::default(),
            statements: Arc::default(),
            death: Arc::default(),
        });
        let accepting = Arc::clone(&proxy);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(&socket).await.unwrap();
                let frozen = Arc::clone(&accepting.frozen.lock().unwrap());
                let log = StatementLog {
                    statements: Arc::clone(&accepting.statements),
                    prepared: HashMap::new(),
                    has_started: false,
                    bytes: Vec::new(),
                };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                let flags = (frozen, Arc::clone(&accepting.death));
                tokio::spawn(copy(from_client, to_server, flags.clone(), Some(log)));
                tokio::spawn(copy(from_server, to_client, flags, None));
            }
        });
        proxy
    }

    /// The present connections stay open and carry nothing from now on.
    pub fn freeze_present_connections(&self) {
        let frozen = std::mem::take(&mut *self.frozen.lock().unwrap());
        frozen.store(true, Ordering::SeqCst);
    }

    /// Ends all connections after so many statements. The next one is not sent, or it is sent and its
    /// answer does not arrive.
    pub fn die_after(&self, statements: usize, is_sent: bool) {
        *self.death.after.lock().unwrap() = Some((statements, is_sent));
    }

    /// Whether no statement passes any more.
    pub fn is_dead(&self) -> bool {
        self.death.is_dead.load(Ordering::SeqCst)
    }

    /// Waits until all connections have ended.
    pub async fn died(&self) {
        self.death.died.notified().await;
    }

    /// Returns and forgets the statements that were executed.
    pub fn take_statements(&self) -> Vec<String> {
        std::mem::take(&mut *self.statements.lock().unwrap())
    }
}

/// Reads the messages of a client (PostgreSQL manual, "Frontend/Backend Protocol").
struct StatementLog {
    statements: Arc<Mutex<Vec<String>>>,
    prepared: HashMap<String, String>,
    has_started: bool,
    bytes: Vec<u8>,
}

impl StatementLog {
    /// Returns the number of statements that begin.
    fn read(&mut self, bytes: &[u8]) -> usize {
        self.bytes.extend_from_slice(bytes);
        let mut statements = 0;
        // The first message has no type.
        loop {
            let header = usize::from(self.has_started);
            let Some(length) = self.bytes.get(header..header + 4) else {
                return statements;
            };
            let length = u32::from_be_bytes(length.try_into().unwrap()) as usize;
            if self.bytes.len() < header + length {
                return statements;
            }
            let message: Vec<u8> = self.bytes.drain(..header + length).collect();
            if self.has_started {
                statements += usize::from(matches!(message[0], b'B' | b'Q'));
                self.read_message(message[0], &message[5..]);
            }
            self.has_started = true;
        }
    }

    fn read_message(&mut self, kind: u8, body: &[u8]) {
        let mut texts = body
            .split(|byte| *byte == 0)
            .map(|text| String::from_utf8_lossy(text).into_owned());
        let mut next = || texts.next().unwrap_or_default();
        match kind {
            // Parse: the name of the statement, and its text.
            b'P' => {
                self.prepared.insert(next(), next());
            }
            // Bind: the name of the portal, and that of the statement.
            b'B' => {
                next();
                let text = self.prepared.get(&next()).cloned().unwrap_or_default();
                self.statements.lock().unwrap().push(text);
            }
            b'Q' => self.statements.lock().unwrap().push(next()),
            _ => {}
        }
    }
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    (frozen, death): (Arc<AtomicBool>, Arc<Death>),
    mut log: Option<StatementLog>,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if frozen.load(Ordering::SeqCst) {
            // Neither half is dropped, so no end of the stream is sent.
            std::future::pending::<()>().await;
        }
        let statements = log.as_mut().map_or(0, |log| log.read(&buffer[..count]));
        let passage = death.passage(statements);
        if matches!(passage, Passage::Stop) || to.write_all(&buffer[..count]).await.is_err() {
            break;
        }
        if matches!(passage, Passage::Last) {
            break;
        }
    }
    if death.is_dead.load(Ordering::SeqCst) {
        death.died.notify_one();
    }
}

/// The socket of a database's URL, and the same URL through a TCP port.
fn through_port(url: &str, port: u16) -> (String, String) {
    let url = reqwest::Url::parse(url).unwrap();
    let host = url.query_pairs().find(|(key, _)| key == "host").unwrap().1;
    let socket = format!("{host}/.s.PGSQL.{}", url.port().unwrap_or(5_432));
    let (user, database) = (url.username(), url.path());
    (
        socket,
        format!("postgres://{user}@127.0.0.1:{port}{database}?sslmode=disable"),
    )
}
