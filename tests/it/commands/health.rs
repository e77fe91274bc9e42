//! `health`: the exit code says whether a service responds, for an image without a shell.

use std::process::Command;

use crate::engine::processes::BINARY;
use crate::support::test_env::TestEnv;

/// The exit code of `health` for this address.
fn health(address: &str, arguments: &[&str]) -> Option<i32> {
    let mut command = Command::new(BINARY);
    command.arg("health").args(arguments);
    // A proxy must not be asked.
    command.env("HTTP_PROXY", "http://127.0.0.1:9");
    command.env("DAX_PROVISIONER_LISTEN", address);
    command.status().unwrap().code()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_exit_code_is_the_health_of_the_service() {
    let env = TestEnv::new().await;
    let server = env.serve(0).await;
    let address = server.url.strip_prefix("http://").unwrap();
    assert_eq!(health(address, &[]), Some(0));
    assert_eq!(health(address, &["--ready"]), Some(0));
    // A listener on every address is reached on loopback.
    let everywhere = address.replace("127.0.0.1", "0.0.0.0");
    assert_eq!(health(&everywhere, &[]), Some(0));
    assert_eq!(health("127.0.0.1:1", &[]), Some(1));
    assert_eq!(health("nowhere", &[]), Some(78));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_can_be_alive_and_not_ready() {
    let env = TestEnv::new().await;
    sqlx::query("delete from _sqlx_migrations")
        .execute(&env.pool)
        .await
        .unwrap();
    let server = env.serve(0).await;
    let address = server.url.strip_prefix("http://").unwrap();
    assert_eq!(health(address, &[]), Some(0));
    assert_eq!(health(address, &["--ready"]), Some(1));
}
