//! The dax-provisioner program: reads the configuration and runs the command.

use std::process::ExitCode;

use dax_provisioner::commands;
use dax_provisioner::config;
use dax_provisioner::config::{Environment, Invocation, InvocationError};

fn main() -> ExitCode {
    match Invocation::read(config::process_arguments(), &Environment::read()) {
        Ok(invocation) => commands::run(invocation),
        Err(InvocationError::Usage(usage)) => {
            // A closed terminal is not an error.
            let _ = usage.print();
            ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(2))
        }
        Err(InvocationError::Configuration(bad)) => commands::report(&bad.into()),
    }
}
