//! A database host that vanishes without a reset: requests are answered, and work continues on new
//! connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use dax_provisioner::inspections::Inspector;
use dax_provisioner::operations::{RoleCandidates, StepEnvironment};
use dax_provisioner::store::{Connection, Store};
use dax_provisioner::worker::Worker;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};

use crate::support::api::open_settings;
use crate::support::requests::plain_spec;
use crate::support::test_env::TestEnv;

/// A TCP proxy whose present connections can be frozen: they stay open and carry nothing.
struct Proxy {
    port: u16,
    frozen: std::sync::Mutex<Arc<AtomicBool>>,
}

impl Proxy {
    async fn start(socket: String) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Arc::new(Self {
            port: listener.local_addr().unwrap().port(),
            frozen: std::sync::Mutex::default(),
        });
        let accepting = Arc::clone(&proxy);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(&socket).await.unwrap();
                let frozen = Arc::clone(&accepting.frozen.lock().unwrap());
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(copy(from_client, to_server, Arc::clone(&frozen)));
                tokio::spawn(copy(from_server, to_client, frozen));
            }
        });
        proxy
    }

    fn freeze_present_connections(&self) {
        let frozen = std::mem::take(&mut *self.frozen.lock().unwrap());
        frozen.store(true, Ordering::SeqCst);
    }
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    frozen: Arc<AtomicBool>,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if frozen.load(Ordering::SeqCst) {
            // Neither half is dropped, so no end of the stream is sent.
            std::future::pending::<()>().await;
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

/// The socket of a test database's URL, and the same URL through a TCP port.
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

/// Review A4.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frozen_connections_are_replaced_within_seconds() {
    let env = TestEnv::new().await;
    let socket = through_port(&env.database.url(), 0).0;
    let proxy = Proxy::start(socket).await;
    let store = Store::open(&Connection {
        url: through_port(&env.database.url(), proxy.port).1,
        max_connections: 8,
        acquire_timeout: Duration::from_millis(1_500),
        statement_timeout: Duration::from_millis(1_700),
    })
    .unwrap();
    let api = env.api_with(store.clone(), open_settings());
    let steps = StepEnvironment {
        aws: env.aws.clone(),
        account: env.account.clone(),
        settings: env.settings.clone(),
        candidates: RoleCandidates::default(),
    };
    let worker = Worker::new(
        store,
        steps,
        Inspector::new(env.aws.clone()),
        "w".to_owned(),
    );
    let id = env.create(&plain_spec("orders")).await;
    env.one_turn(&worker).await;
    // All connections of the pool are open and idle.
    let warm = (0..8).map(|_| api.get("/v1/clusters"));
    futures_util::future::join_all(warm).await;

    proxy.freeze_present_connections();
    let frozen_at = Instant::now();
    let (mut answers, mut slowest) = (Vec::new(), Duration::ZERO);
    loop {
        let asked_at = Instant::now();
        let status = api.get("/v1/clusters").await.status;
        slowest = slowest.max(asked_at.elapsed());
        answers.push(status.as_u16());
        if status == 200 {
            break;
        }
    }
    let answered_after = frozen_at.elapsed();
    println!("answers {answers:?}, the first 200 after {answered_after:?}, slowest {slowest:?}");
    assert!(
        answers.iter().all(|status| [200, 503].contains(status)),
        "{answers:?}"
    );
    assert!(slowest < Duration::from_millis(3_500), "{slowest:?}");
    assert!(
        answered_after < Duration::from_secs(6),
        "{answered_after:?}"
    );
    let ended = env.finish(&worker, id).await;
    assert_eq!(
        ended.status,
        dax_provisioner::domain::operation::Status::Succeeded
    );
}
