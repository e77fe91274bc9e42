//! PostgreSQL's own log: neither an idle service nor requests without a valid token write into it.

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use dax_provisioner::api::http::tokens::new_token;
use futures_util::{StreamExt, stream};
use local_postgres::LocalPostgres;
use reqwest::{Client, StatusCode};
use sqlx::{Connection, PgConnection};

use crate::engine::processes::{BINARY, start};
use crate::support::database::{ROLES, url_as};

/// Requests without a valid token.
const REFUSED: usize = 2_000;
/// Of them, requests whose client disconnects at once.
const ABANDONED: usize = 200;

/// Lines of the server's log. Its own checkpoints, which depend on time only, do not count.
fn lines(log: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(log).unwrap();
    let is_checkpoint = |line: &&str| line.contains("LOG:  checkpoint ");
    text.lines()
        .filter(|line| !is_checkpoint(line))
        .map(str::to_owned)
        .collect()
}

/// A durable server with the roles of an installation, migrated by the owner.
async fn start_server() -> LocalPostgres {
    let settings = local_postgres::Settings {
        durable: true,
        ..local_postgres::Settings::for_tests("dax-provisioner-server-log")
    };
    let server = tokio::task::spawn_blocking(move || LocalPostgres::start(&settings).unwrap())
        .await
        .unwrap();
    let mut superuser = PgConnection::connect(&server.url("postgres"))
        .await
        .unwrap();
    sqlx::raw_sql(ROLES).execute(&mut superuser).await.unwrap();
    superuser.close().await.unwrap();
    server
}

fn migrate(server: &LocalPostgres) {
    let migrated = Command::new(BINARY)
        .arg("migrate")
        .env("DATABASE_URL", url_as(server, "postgres", "dax_owner"))
        .output()
        .unwrap();
    assert!(migrated.status.success(), "{migrated:?}");
}

async fn refused(client: &Client, url: &str, number: usize) -> StatusCode {
    let path = ["/v1/clusters", "/v1/operations", "/readyz"][number % 3];
    let mut request = client.get(format!("{url}{path}"));
    if number.is_multiple_of(2) {
        request = request.bearer_auth(new_token().0);
    }
    request.send().await.unwrap().status()
}

/// Sends a request and closes the connection without reading the response.
fn abandon(url: &str) {
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    let token = new_token().0;
    let head =
        format!("GET /v1/clusters HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_service_and_refused_requests_write_nothing_into_the_log_of_the_database() {
    let server = start_server().await;
    let log = server.data_dir().join("server.log");
    let data = tempfile::tempdir().unwrap();
    let before = lines(&log);
    migrate(&server);
    migrate(&server);
    let serve = format!(
        "serve --listen 127.0.0.1:0 --sandbox --authentication on --sweep-seconds 1 --data-dir {}",
        data.path().join("data").display()
    );
    let (process, url) = start(&serve, &url_as(&server, "postgres", "dax_app"), "listening");
    // Several sweeps, and claims of every worker.
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(lines(&log), before, "while the service was idle");
    for _ in 0..ABANDONED {
        abandon(&url);
    }
    let client = Client::builder().no_proxy().build().unwrap();
    let statuses: Vec<StatusCode> = stream::iter(0..REFUSED)
        .map(|number| refused(&client, &url, number))
        .buffer_unordered(32)
        .collect()
        .await;
    let count = |status| statuses.iter().filter(|one| **one == status).count();
    assert_eq!(
        count(StatusCode::UNAUTHORIZED) + count(StatusCode::OK),
        REFUSED,
        "{statuses:?}"
    );
    assert_eq!(lines(&log), before, "while requests were refused");
    // A stop says goodbye to the database.
    process.stop();
    assert_eq!(lines(&log), before, "while the service stopped");
}
