//! The OpenAPI document is valid, and a client generated from it works.

use std::path::Path;
use std::process::Command;

use crate::support::python;
use crate::support::test_env::TestEnv;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generated_client_creates_reads_and_deletes() {
    let tools = tokio::task::spawn_blocking(|| python::packages("requirements"))
        .await
        .unwrap();
    let env = TestEnv::new().await;
    let server = env.serve(2).await;
    let token = env.token("generated").await;
    let work =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("client-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir_all(&work).unwrap();
    let mut python = Command::new("python3");
    python
        .arg(python::script("generated_client.py"))
        .args([server.url.as_str(), work.to_str().unwrap(), &token])
        .env("PYTHONPATH", &tools)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let output = tokio::task::spawn_blocking(move || python.output().unwrap())
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}");
    assert!(
        output.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    std::fs::remove_dir_all(&work).unwrap();
}
