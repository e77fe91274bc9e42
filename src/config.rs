//! Floor 4, every setting: its meaning, variable, default and unit. The only place that reads arguments and environment.
//!
//! A setting is a flag under a heading of `--help`; its variable is the flag's name in capitals after
//! `DAX_PROVISIONER_`. Secrets are variables without a flag, or files. Values are read as text first, so that all
//! faults are told at once; each names its key and never shows the value.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

pub mod arguments;
mod aws;
mod database;
mod logging;
pub mod operator;
mod print;
mod reader;
mod sandbox;
mod secret;
mod serving;
#[cfg(test)]
mod tests;
mod variables;

pub use aws::{AwsChoice, Endpoint};
pub use database::{Database, Embedded};
pub use logging::{LogFormat, Logging};
pub use print::printed;
pub use sandbox::SandboxChoice;
pub use secret::Secret;
pub use serving::{HttpConfig, Role, Serve, Work};

use arguments::{Arguments, Command};
use operator::TokenCommand;
use reader::Reader;

/// Exit code of a bad configuration (`EX_CONFIG` of sysexits.h).
pub const EXIT_BAD_CONFIGURATION: u8 = 78;

/// The name in default directories, messages and application names.
pub const PRODUCT: &str = "dax-provisioner";

/// The process's environment, read once.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// Reads the process's environment. A variable that is empty counts as not set; one that is not UTF-8 is not ours.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the environment"
    )]
    pub fn read() -> Self {
        let readable = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
                .filter(|(_, value)| !value.is_empty())
        });
        Self {
            variables: readable.collect(),
        }
    }

    /// The value of a variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// The names of all variables.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str)
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(pairs: [(&str, &str); N]) -> Self {
        let owned = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            variables: owned
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .collect(),
        }
    }
}

/// The process's arguments.
pub fn process_arguments() -> Vec<OsString> {
    std::env::args_os().collect()
}

/// Everything that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadConfiguration {
    /// One line for each fault.
    pub faults: Vec<String>,
}

impl BadConfiguration {
    /// A configuration that is bad for one reason.
    pub fn because(fault: impl Into<String>) -> Self {
        Self {
            faults: vec![fault.into()],
        }
    }
}

impl fmt::Display for BadConfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.faults.join("\n"))
    }
}

impl std::error::Error for BadConfiguration {}

/// Why there is nothing to run.
#[derive(Debug)]
pub enum InvocationError {
    /// The command line does not parse, or asks for help; clap has the words and the exit code.
    Usage(clap::Error),
    /// Settings are wrong.
    Configuration(BadConfiguration),
}

/// What to run, with every setting read.
#[derive(Debug)]
pub struct Invocation {
    /// The command.
    pub task: Task,
    /// How to log.
    pub logging: Logging,
}

/// A command with its settings.
#[derive(Debug)]
pub enum Task {
    /// Everything in one process, and a demonstration.
    Quickstart(Box<Quickstart>),
    /// API and workers.
    Serve(Box<Serve>),
    /// The settings of `serve`, printed.
    PrintConfig(Box<Serve>),
    /// The AWS sandbox alone.
    Sandbox(Box<SandboxChoice>),
    /// Migrations.
    Migrate(Secret),
    /// The API document.
    Openapi,
    /// Tokens.
    Token(Secret, TokenCommand),
    /// Checks.
    Doctor(Box<Doctor>),
    /// The service's IAM policy.
    Policy(Box<Policy>),
}

/// Settings of `quickstart`.
#[derive(Debug)]
pub struct Quickstart {
    /// End when the operation ends.
    pub once: bool,
    /// Forget everything first.
    pub reset: bool,
    /// The rest is what `serve --sandbox` has.
    pub serve: Serve,
}

/// Settings of `doctor`.
#[derive(Debug)]
pub struct Doctor {
    /// The database, if one is set.
    pub database: Option<Secret>,
    /// Which AWS.
    pub aws: AwsChoice,
    /// The boundary for roles of ours.
    pub permissions_boundary: Option<String>,
}

/// Settings of `policy`.
#[derive(Debug)]
pub struct Policy {
    /// What was asked for.
    pub arguments: operator::PolicyArguments,
    /// Which AWS to ask for what is missing.
    pub aws: AwsChoice,
    /// The boundary for roles of ours.
    pub permissions_boundary: Option<String>,
}

impl Invocation {
    /// Reads arguments and environment.
    pub fn read(
        arguments: Vec<OsString>,
        environment: &Environment,
    ) -> Result<Self, InvocationError> {
        let completed =
            variables::complete(arguments, environment).map_err(InvocationError::Usage)?;
        let mut reader = Reader::new(environment, completed.from_environment, completed.faults);
        let read = task(completed.arguments, &mut reader);
        match (read, reader.into_faults()) {
            (Some(invocation), faults) if faults.is_empty() => Ok(invocation),
            (_, faults) => Err(InvocationError::Configuration(BadConfiguration { faults })),
        }
    }
}

/// Reads the settings of a command. `None` only where the reader has noted a fault.
fn task(arguments: Arguments, reader: &mut Reader<'_>) -> Option<Invocation> {
    match arguments.command {
        Command::Quickstart(flags) => {
            // The worker's lines would break the drawing, which shows the same.
            let logging =
                logging::read(&flags.logging, "error,dax_provisioner::worker=off", reader);
            let serve = serving::of_quickstart(&flags, reader);
            let quickstart = Quickstart {
                once: flags.once,
                reset: flags.reset,
                serve: serve?,
            };
            Some(Invocation {
                task: Task::Quickstart(Box::new(quickstart)),
                logging: logging?,
            })
        }
        Command::Serve(flags) => {
            let logging = logging::read(&flags.logging, "info", reader);
            let serve = Box::new(serving::of_serve(&flags, reader)?);
            let task = if flags.print_config {
                Task::PrintConfig(serve)
            } else {
                Task::Serve(serve)
            };
            Some(Invocation {
                task,
                logging: logging?,
            })
        }
        Command::Sandbox(flags) => {
            let logging = logging::read(&flags.logging, "info", reader);
            let sandbox = sandbox::of_sandbox(&flags, reader);
            Some(Invocation {
                task: Task::Sandbox(Box::new(sandbox?)),
                logging: logging?,
            })
        }
        Command::Migrate(flags) => {
            let logging = logging::read(&flags, "info", reader);
            let url = database::required_url(reader);
            Some(Invocation {
                task: Task::Migrate(url?),
                logging: logging?,
            })
        }
        Command::Openapi => Some(Invocation {
            task: Task::Openapi,
            logging: Logging::quiet(),
        }),
        Command::Token(command) => {
            let url = database::required_url(reader)?;
            Some(Invocation {
                task: Task::Token(url, command),
                logging: Logging::quiet(),
            })
        }
        Command::Doctor(flags) => {
            let database = database::url(reader);
            let aws = aws::client(&flags.aws, reader);
            let boundary = aws::boundary(&flags.boundary, reader);
            let doctor = Doctor {
                database,
                aws: aws?,
                permissions_boundary: boundary,
            };
            Some(Invocation {
                task: Task::Doctor(Box::new(doctor)),
                logging: Logging::quiet(),
            })
        }
        Command::Policy(arguments) => {
            let aws = aws::client(&arguments.aws, reader);
            let boundary = aws::boundary(&arguments.boundary, reader);
            aws::check_policy(&arguments, reader);
            let policy = Policy {
                arguments,
                aws: aws?,
                permissions_boundary: boundary,
            };
            Some(Invocation {
                task: Task::Policy(Box::new(policy)),
                logging: Logging::quiet(),
            })
        }
    }
}
