//! Floor 4, commands: one file each. Here: which one runs, and how it ends.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use crate::app::{Signals, guards};
use crate::config::{BadConfiguration, EXIT_BAD_CONFIGURATION, Invocation, Task};
use crate::telemetry;

mod doctor;
mod migrate;
mod openapi;
mod policy;
mod quickstart;
mod sandbox;
mod serve;
mod token;

/// How long threads that block may take when the process ends.
const FAREWELL: Duration = Duration::from_secs(5);

/// Runs a command to its exit code.
pub fn run(invocation: Invocation) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return report(&error.into()),
    };
    let done = runtime.block_on(dispatch(invocation));
    runtime.shutdown_timeout(FAREWELL);
    done.unwrap_or_else(|error| report(&error))
}

/// Tells an error once, with its causes, and gives its exit code.
pub fn report(error: &anyhow::Error) -> ExitCode {
    match error.downcast_ref::<BadConfiguration>() {
        Some(bad) => {
            for fault in &bad.faults {
                complain(format_args!("error: {fault}"));
            }
            ExitCode::from(EXIT_BAD_CONFIGURATION)
        }
        None => {
            complain(format_args!("error: {}", guards::chain(error.as_ref())));
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(invocation: Invocation) -> anyhow::Result<ExitCode> {
    telemetry::start_log(&invocation.logging)?;
    let done = match invocation.task {
        Task::Quickstart(settings) => return quickstart::run(*settings, &Signals::watch()?).await,
        Task::Doctor(settings) => return doctor::run(*settings).await,
        Task::Serve(settings) => serve::run(*settings, &Signals::watch()?).await,
        Task::PrintConfig(settings) => {
            say(crate::config::printed(&settings, &invocation.logging).trim_end());
            Ok(())
        }
        Task::Sandbox(settings) => sandbox::run(*settings, &Signals::watch()?).await,
        Task::Migrate(url) => migrate::run(&url).await,
        Task::Openapi => openapi::run(),
        Task::Token(url, command) => token::run(&url, command).await,
        Task::Policy(settings) => policy::run(*settings).await,
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// Writes an answer on standard output. A closed pipe is the reader's wish.
fn say(text: impl Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Writes what is not the answer on standard error.
fn complain(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
