//! Configuration, in layer 4: the only module that reads arguments and environment variables.
//!
//! A setting is a flag under a heading of `--help`. Its variable is `DAX_PROVISIONER_` and the
//! flag's name in capitals. Secrets are variables without a flag, or files. Values are read as text
//! first, so all errors are reported at once. An error names its key and never contains the value.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

pub mod arguments;
mod audit;
mod aws;
mod database;
mod logging;
pub mod operator;
mod print;
mod reader;
mod sandbox;
mod secret;
mod serving;
mod targets;
#[cfg(test)]
mod tests;
mod variables;
mod webhooks;

pub use arguments::OpenapiVersion;
pub use aws::{AwsChoice, Boundary, Endpoint};
pub use database::{Database, Embedded};
pub use logging::{LogFormat, Logging};
pub use print::{printed, redacted_url};
pub use sandbox::SandboxChoice;
pub use secret::Secret;
pub use serving::{HttpConfig, Role, Serve, Work};
pub use webhooks::WebhookConfig;

use arguments::{Arguments, Command, QuickstartArguments};
use operator::{OrganisationCommand, PolicyArguments, TemplateArguments, TokenCommand};
use reader::Reader;

use crate::domain::audit::{Anchor, AuditKey};
use crate::domain::target::TargetName;

/// Exit code of a bad configuration (`EX_CONFIG` of sysexits.h).
pub const EXIT_BAD_CONFIGURATION: u8 = 78;

/// Part of the default data directory's name and of messages.
pub const PRODUCT: &str = "dax-provisioner";

/// The environment variables of the process.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// Reads the variables of the process. Ignores empty variables and those that are not UTF-8.
    #[expect(
        clippy::disallowed_methods,
        reason = "the only place that reads the environment"
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

    /// The value of a variable, if it is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// The names of all variables that are set.
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

/// The arguments of the process, including the program's name.
pub fn process_arguments() -> Vec<OsString> {
    std::env::args_os().collect()
}

/// All configuration errors. The process exits with [`EXIT_BAD_CONFIGURATION`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadConfiguration {
    /// One line per error.
    pub errors: Vec<String>,
}

impl BadConfiguration {
    /// A configuration with a single error.
    pub fn because(error: impl Into<String>) -> Self {
        Self {
            errors: vec![error.into()],
        }
    }
}

impl fmt::Display for BadConfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.errors.join("\n"))
    }
}

impl std::error::Error for BadConfiguration {}

/// Why no command is run.
#[derive(Debug)]
pub enum InvocationError {
    /// The command line is invalid or asks for help; clap has the message and the exit code.
    Usage(clap::Error),
    /// Settings are invalid.
    Configuration(BadConfiguration),
}

/// A command with its settings, and the settings of the log.
#[derive(Debug)]
pub struct Invocation {
    /// The command with its settings.
    pub task: Task,
    /// The filter and the format of the log.
    pub logging: Logging,
}

/// A command with its settings.
#[derive(Debug)]
pub enum Task {
    /// `quickstart`: runs everything in one process and provisions a demo cluster.
    Quickstart(Box<Quickstart>),
    /// `serve`: runs the API and the workers.
    Serve(Box<Serve>),
    /// `serve --print-config`: prints the settings of `serve`.
    PrintConfig(Box<Serve>),
    /// `sandbox`: runs only the AWS sandbox.
    Sandbox(Box<SandboxChoice>),
    /// `migrate`: applies the migrations to the database at this URL, which may have been restored.
    Migrate(Secret, bool),
    /// `openapi`: prints the OpenAPI document in this version.
    Openapi(OpenapiVersion),
    /// `health`: asks a running service for its health.
    Health(Health),
    /// `token`: manages the tokens in the database at this URL.
    Token(Secret, TokenCommand),
    /// `target template`: prints a CloudFormation template.
    TargetTemplate(TemplateArguments),
    /// `target rename`: renames a target in the database at this URL.
    TargetRename {
        /// The database.
        database: Secret,
        /// The name that the database has.
        old: TargetName,
        /// The name that the organisation has.
        new: TargetName,
    },
    /// `audit export`: prints the records in the database at this URL.
    AuditExport(Secret),
    /// `audit verify`: verifies them with these keys, against an anchor.
    AuditVerify(Secret, Vec<AuditKey>, Option<Anchor>),
    /// `organisation`: validates a directory.
    Organisation(OrganisationCommand),
    /// `doctor`: checks the database, AWS and the permissions.
    Doctor(Box<Doctor>),
    /// `policy`: prints the service's IAM policy, the permissions boundary, or the guard.
    Policy(Box<Policy>),
}

/// Settings of `quickstart`.
#[derive(Debug)]
pub struct Quickstart {
    /// Exit when the operation ends.
    pub once: bool,
    /// Delete earlier data first.
    pub reset: bool,
    /// The same settings as of `serve --sandbox`.
    pub serve: Serve,
}

/// Settings of `health`.
#[derive(Debug, Clone, Copy)]
pub struct Health {
    /// The address that the service listens on.
    pub listen: SocketAddr,
    /// Ask whether requests can be served, not only whether the process is alive.
    pub ready: bool,
}

/// Settings of `doctor`.
#[derive(Debug)]
pub struct Doctor {
    /// List every permission that is allowed.
    pub verbose: bool,
    /// The URL of the database, if one is set.
    pub database: Option<Secret>,
    /// The AWS to check.
    pub aws: AwsChoice,
    /// The permissions boundary of roles that the service creates, without an organisation.
    pub permissions_boundary: Boundary,
    /// The organisation whose targets are checked.
    pub organisation: Option<PathBuf>,
    /// The one target to check.
    pub target: Option<TargetName>,
}

/// Settings of `policy`.
#[derive(Debug)]
pub struct Policy {
    /// The validated arguments.
    pub arguments: PolicyArguments,
    /// The AWS that provides account and Region if they are not set.
    pub aws: AwsChoice,
    /// The permissions boundary of roles that the service creates, without a target.
    pub permissions_boundary: Boundary,
    /// The directory and the name of the target whose policy is printed.
    pub target: Option<(PathBuf, TargetName)>,
}

impl Invocation {
    /// Reads and validates all settings.
    pub fn read(
        arguments: Vec<OsString>,
        environment: &Environment,
    ) -> Result<Self, InvocationError> {
        let completed =
            variables::complete(arguments, environment).map_err(InvocationError::Usage)?;
        let mut reader = Reader::new(environment, completed.from_environment, completed.errors);
        let read = task(completed.arguments, &mut reader);
        match (read, reader.into_errors()) {
            (Some(invocation), errors) if errors.is_empty() => Ok(invocation),
            (_, errors) => Err(InvocationError::Configuration(BadConfiguration { errors })),
        }
    }

    /// A command that prints its result and logs only warnings.
    fn quiet(task: Task) -> Self {
        Self {
            task,
            logging: Logging::quiet(),
        }
    }
}

/// Reads the settings of a command. Returns `None` only if the reader has recorded an error.
fn task(arguments: Arguments, reader: &mut Reader<'_>) -> Option<Invocation> {
    match arguments.command {
        Command::Quickstart(flags) => {
            // The worker's log lines would break the progress display, which shows the same.
            let logging =
                logging::read(&flags.logging, "error,dax_provisioner::worker=off", reader);
            let quickstart = quickstart(&flags, reader);
            Some(Invocation {
                task: Task::Quickstart(Box::new(quickstart?)),
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
            let logging = logging::read(&flags.logging, "info", reader);
            let url = database::required_url(reader);
            Some(Invocation {
                task: Task::Migrate(url?, flags.restored),
                logging: logging?,
            })
        }
        Command::Openapi(flags) => Some(Invocation::quiet(Task::Openapi(flags.version))),
        Command::Health(flags) => {
            let health = serving::of_health(&flags, reader)?;
            Some(Invocation::quiet(Task::Health(health)))
        }
        Command::Token(command) => {
            let url = database::required_url(reader)?;
            Some(Invocation::quiet(Task::Token(url, command)))
        }
        Command::Audit(command) => audit::task(command, reader).map(Invocation::quiet),
        Command::Target(command) => targets::task(command, reader).map(Invocation::quiet),
        Command::Organisation(command) => Some(Invocation::quiet(Task::Organisation(command))),
        Command::Doctor(flags) => {
            let doctor = Box::new(targets::doctor(&flags, reader)?);
            Some(Invocation::quiet(Task::Doctor(doctor)))
        }
        Command::Policy(arguments) => {
            let policy = Box::new(targets::policy(arguments, reader)?);
            Some(Invocation::quiet(Task::Policy(policy)))
        }
    }
}

fn quickstart(flags: &QuickstartArguments, reader: &mut Reader<'_>) -> Option<Quickstart> {
    Some(Quickstart {
        once: flags.once,
        reset: flags.reset,
        serve: serving::of_quickstart(flags, reader)?,
    })
}
