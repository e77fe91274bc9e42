//! Completes the command line with environment variables: each setting is a flag and a variable.

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches};

use super::Environment;
use super::arguments::Arguments;

/// Prefix of the variables of all settings.
const PREFIX: &str = "DAX_PROVISIONER_";

/// The arguments, completed from the environment.
pub(super) struct Completed {
    pub(super) arguments: Arguments,
    /// IDs of the settings that come from the environment: their errors name the variable.
    pub(super) from_environment: BTreeSet<String>,
    /// Unknown variables, and switches with an invalid value.
    pub(super) errors: Vec<String>,
}

/// Parses the command line twice: first to find which flags are set, then with the flags that the
/// environment adds.
pub(super) fn complete(
    mut arguments: Vec<OsString>,
    environment: &Environment,
) -> Result<Completed, clap::Error> {
    let command = command();
    let mut errors = unknown(&command, environment);
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
                errors.push(format!("{}: must be on or off", variable(arg)))
            }
            (_, _) => arguments.push(format!("--{flag}={value}").into()),
        }
    }
    let matches = command.try_get_matches_from(arguments)?;
    Ok(Completed {
        arguments: Arguments::from_arg_matches(&matches)?,
        from_environment,
        errors,
    })
}

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

/// The command line definition, with the variable of each setting in its help.
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

/// A flag under a heading is a setting; one under "Options" applies to a single run only.
fn is_setting(arg: &Arg) -> bool {
    arg.get_help_heading().is_some() && arg.get_long().is_some()
}

fn variable(arg: &Arg) -> String {
    variable_of(arg.get_id().as_str())
}

/// The innermost subcommand on the command line, with its matches.
fn leaf<'a>(command: &'a Command, matches: &'a ArgMatches) -> (&'a Command, &'a ArgMatches) {
    let subcommand = matches
        .subcommand()
        .and_then(|(name, matches)| Some((command.find_subcommand(name)?, matches)));
    subcommand.map_or((command, matches), |(command, matches)| {
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
    let settings = environment.names().filter(|name| name.starts_with(PREFIX));
    settings
        .filter(|name| !known.contains(*name))
        .map(|name| format!("{name}: unknown setting"))
        .collect()
}
