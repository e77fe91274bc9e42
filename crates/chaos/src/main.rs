//! Chaos: the service under faults, against real processes.
//!
//! Three replicas of the binary, a PostgreSQL primary with a streaming standby, and the AWS sandbox
//! run as processes, with proxies between them. Clients send every kind of request while a seeded
//! schedule injects faults. Then everything is healed, and the database, the sandbox's inventory
//! and journal, the event feed and the webhooks are compared with each other and with what the
//! clients were answered.
#![forbid(unsafe_code)]

mod api;
mod arena;
mod aws;
mod checks;
mod database;
mod inject;
mod options;
mod overload;
mod postgres;
mod process;
mod proxy;
mod random;
mod report;
mod resume;
mod run;
mod schedule;
mod service;
mod settle;
mod watch;
mod workload;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::Parser;

use crate::options::Options;

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let outcome = tokio::select! {
        outcome = run(options) => outcome,
        // The processes end when `run` is dropped.
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<bool> {
    let seed = match options.seed {
        Some(seed) => seed,
        None => std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_secs(),
    };
    if let Some(options::Command::Schedule) = options.command {
        for planned in schedule::plan(seed, options.duration, arena::REPLICAS) {
            println!("{planned}");
        }
        return Ok(true);
    }
    let binary = match &options.binary {
        Some(binary) => binary.canonicalize().context("--binary")?,
        None => build()?,
    };
    let (root, is_temporary) = match &options.directory {
        Some(directory) => (directory.clone(), false),
        None => {
            let name = format!("dax-provisioner-chaos-{}", std::process::id());
            (std::env::temp_dir().join(name), true)
        }
    };
    std::fs::create_dir_all(&root)?;
    let root = root.canonicalize()?;
    let passed = match &options.command {
        Some(options::Command::Overload { overload, times }) => {
            overload::run(&options, &binary, &root, seed, *overload, *times).await?
        }
        _ => run::run(&options, &binary, &root, seed).await?,
    };
    match passed && is_temporary {
        true => std::fs::remove_dir_all(&root)?,
        false => println!("logs are in {}", root.display()),
    }
    Ok(passed)
}

/// Builds the service with the cargo that runs this program.
fn build() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let workspace = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let status = Command::new(cargo)
        .args([
            "build",
            "--quiet",
            "--workspace",
            "--bin",
            "dax-provisioner",
        ])
        .current_dir(workspace)
        .status()
        .context("building the service")?;
    anyhow::ensure!(status.success(), "the service was not built");
    let this = std::env::current_exe()?;
    let binary = this.with_file_name("dax-provisioner");
    anyhow::ensure!(binary.exists(), "{} is missing", binary.display());
    Ok(binary)
}
