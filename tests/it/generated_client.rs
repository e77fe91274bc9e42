//! The OpenAPI document is valid for a real validator, and a real generator makes a client of it that works.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::http::Service;
use crate::world::World;

/// The Python tools, installed once into the build folder.
fn python_tools() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-tools");
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/requirements.txt");
    let wanted = std::fs::read_to_string(&requirements).unwrap();
    let mark = folder.join("installed.txt");
    if std::fs::read_to_string(&mark).ok().as_ref() != Some(&wanted) {
        let status = Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade", "--target"])
            .arg(&folder)
            .arg("-r")
            .arg(&requirements)
            .status()
            .unwrap();
        assert!(status.success(), "pip could not install the Python tools");
        std::fs::write(&mark, &wanted).unwrap();
    }
    folder
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generated_client_creates_reads_and_deletes() {
    let tools = tokio::task::spawn_blocking(python_tools).await.unwrap();
    let world = World::new().await;
    let service = Service::start(&world).await;
    let token = service.token("generated").await;
    let work = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("client-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir_all(&work).unwrap();
    let mut python = Command::new("python3");
    python
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/generated_client.py"))
        .args([service.url.as_str(), work.to_str().unwrap(), &token])
        .env("PYTHONPATH", &tools)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let output = tokio::task::spawn_blocking(move || python.output().unwrap()).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}");
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    std::fs::remove_dir_all(&work).unwrap();
}
