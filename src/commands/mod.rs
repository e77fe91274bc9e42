//! The commands, in layer 4, one file each. This file runs them and maps errors to exit codes.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;

use crate::app::{Signals, guards, open_store};
use crate::config::{BadConfiguration, EXIT_BAD_CONFIGURATION, Invocation, Secret, Task};
use crate::store::Store;
use crate::telemetry;

mod audit;
mod core_dumps;
mod doctor;
mod health;
mod migrate;
mod openapi;
mod organisation;
mod policy;
mod quickstart;
mod sandbox;
mod serve;
mod target;
mod token;

/// Timeout for blocking threads at exit.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// Polls of tasks between two polls of the sockets.
const EVENT_INTERVAL: u32 = 7;

/// Runs a command and returns its exit code.
pub fn run(invocation: Invocation) -> ExitCode {
    core_dumps::turn_off();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        // Both processors can be busy with requests while a response of the database waits to be read.
        .event_interval(EVENT_INTERVAL)
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return report(&error.into()),
    };
    let done = runtime.block_on(dispatch(invocation));
    runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
    done.unwrap_or_else(|error| report(&error))
}

/// Prints an error with its causes and returns its exit code.
pub fn report(error: &anyhow::Error) -> ExitCode {
    match error.downcast_ref::<BadConfiguration>() {
        Some(bad) => {
            for error in &bad.errors {
                eprint_line(format_args!("error: {error}"));
            }
            ExitCode::from(EXIT_BAD_CONFIGURATION)
        }
        None => {
            eprint_line(format_args!("error: {}", guards::chain(error.as_ref())));
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(invocation: Invocation) -> anyhow::Result<ExitCode> {
    let traces = telemetry::start_log(&invocation.logging)?;
    let done = perform(invocation).await;
    if let Some(traces) = traces {
        traces.finish().await;
    }
    done
}

async fn perform(invocation: Invocation) -> anyhow::Result<ExitCode> {
    let done = match invocation.task {
        Task::Quickstart(settings) => return quickstart::run(*settings, &Signals::watch()?).await,
        Task::Doctor(settings) => return doctor::run(*settings).await,
        Task::Serve(settings) => serve::run(*settings, &Signals::watch()?).await,
        Task::PrintConfig(settings) => {
            print_line(crate::config::printed(&settings, &invocation.logging).trim_end());
            Ok(())
        }
        Task::Sandbox(settings) => sandbox::run(*settings, &Signals::watch()?).await,
        Task::Migrate(url, restored) => migrate::run(&url, restored).await,
        Task::Openapi(version) => openapi::run(version),
        Task::Health(settings) => health::run(settings).await,
        Task::Token(url, command) => token::run(&url, command).await,
        Task::TargetTemplate(arguments) => target::template(&arguments),
        Task::TargetRename { database, old, new } => target::rename(&database, &old, &new).await,
        Task::AuditExport(url) => audit::export(&url).await,
        Task::AuditVerify(url, keys, anchor) => audit::verify(&url, keys, anchor).await,
        Task::Organisation(command) => organisation::run(&command),
        Task::Policy(settings) => policy::run(*settings).await,
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// Connects to the database, or fails at once with the connection error.
async fn connect(url: &Secret) -> anyhow::Result<Store> {
    let store = open_store(url, 2)?;
    store
        .ping()
        .await
        .context("cannot connect to the database")?;
    Ok(store)
}

/// Prints a result on standard output. Ignores a closed pipe.
fn print_line(text: impl Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints a note or an error on standard error.
fn eprint_line(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
