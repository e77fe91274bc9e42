//! Flags that are variables too: what the command line leaves out is taken from the environment.

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches};

use super::Environment;
use super::arguments::Arguments;

/// Every variable of ours begins with this.
const PREFIX: &str = "DAX_PROVISIONER_";

/// Arguments with what the environment adds.
pub(super) struct Completed {
    pub(super) arguments: Arguments,
    /// Ids of the settings that came from the environment, so that a fault names the variable.
    pub(super) from_environment: BTreeSet<String>,
    /// Variables of ours that mean nothing, or no switch position.
    pub(super) faults: Vec<String>,
}

/// Parses the command line twice: once to see what it sets, and again with what the environment adds.
pub(super) fn complete(
    mut arguments: Vec<OsString>,
    environment: &Environment,
) -> Result<Completed, clap::Error> {
    let command = command();
    let mut faults = unknown(&command, environment);
    let matches = command.clone().try_get_matches_from(&arguments)?;
    let (leaf, matches) = leaf(&command, &matches);
    let mut from_environment = BTreeSet::new();
    for arg in leaf.get_arguments().filter(|arg| is_setting(arg)) {
        let id = arg.get_id().as_str();
        let (Some(flag), Some(value)) = (arg.get_long(), environment.get(&variable(arg))) else {
            continue;
        };
        if matches.value_source(id) == Some(ValueSource::CommandLine) {
            continue;
        }
        from_environment.insert(id.to_owned());
        match (arg.get_action(), switch(value)) {
            (ArgAction::SetTrue, Some(true)) => arguments.push(format!("--{flag}").into()),
            (ArgAction::SetTrue, Some(false)) => {}
            (ArgAction::SetTrue, None) => {
                faults.push(format!("{}: must be on or off", variable(arg)))
            }
            (_, _) => arguments.push(format!("--{flag}={value}").into()),
        }
    }
    let matches = command.try_get_matches_from(arguments)?;
    Ok(Completed {
        arguments: Arguments::from_arg_matches(&matches)?,
        from_environment,
        faults,
    })
}

/// Reads a switch.
pub(super) fn switch(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Some(true),
        "off" | "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// The variable of the setting with this id.
pub(super) fn variable_of(id: &str) -> String {
    format!("{PREFIX}{}", id.to_uppercase())
}

/// The whole command line, each setting with its variable in its help.
pub(super) fn command() -> Command {
    Arguments::command().mut_subcommands(annotated)
}

fn annotated(command: Command) -> Command {
    command.mut_subcommands(annotated).mut_args(|arg| {
        if !is_setting(&arg) {
            return arg;
        }
        let help = format!(
            "{} [env: {}]",
            arg.get_help().cloned().unwrap_or_default(),
            variable(&arg)
        );
        arg.help(help)
    })
}

/// A flag under a heading of its own is a setting; one under "Options" is a wish for this very run.
fn is_setting(arg: &Arg) -> bool {
    arg.get_help_heading().is_some() && arg.get_long().is_some()
}

fn variable(arg: &Arg) -> String {
    variable_of(arg.get_id().as_str())
}

/// The command that was asked for, with its matches.
fn leaf<'a>(command: &'a Command, matches: &'a ArgMatches) -> (&'a Command, &'a ArgMatches) {
    let found = matches
        .subcommand()
        .and_then(|(name, below)| Some((command.find_subcommand(name)?, below)));
    found.map_or((command, matches), |(command, matches)| {
        leaf(command, matches)
    })
}

fn unknown(command: &Command, environment: &Environment) -> Vec<String> {
    let known: BTreeSet<String> = command
        .get_subcommands()
        .flat_map(Command::get_arguments)
        .filter(|arg| is_setting(arg))
        .map(variable)
        .collect();
    let managed = environment.names().filter(|name| name.starts_with(PREFIX));
    managed
        .filter(|name| !known.contains(*name))
        .map(|name| format!("{name}: there is no such setting"))
        .collect()
}
