//! Runs a command with a private PostgreSQL, whose URL it sets as `DATABASE_URL`, or prints the URL
//! and waits.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::{env, error};

use local_postgres::{LocalPostgres, Settings};

const USAGE: &str = "\
usage: private-postgres [options] [--] [command...]

Runs the command with DATABASE_URL set and exits with its status. Without a command, prints the
URL and the server's process id, and stops the server when standard input closes.

  --data-dir DIR    store the data in DIR (default: a fast temporary server)
  --bin-dir DIR     use the PostgreSQL binaries in DIR
  --cache-dir DIR   store a downloaded PostgreSQL in DIR
  --ignore-host     do not use an installed PostgreSQL
  --offline         do not download PostgreSQL";

fn main() -> ExitCode {
    match parse(env::args().skip(1)).and_then(|invocation| match invocation {
        Some((settings, command)) => run(&settings, &command),
        None => Ok(writeln!(io::stdout(), "{USAGE}").map(|()| ExitCode::SUCCESS)?),
    }) {
        Ok(code) => code,
        Err(problem) => {
            let mut chain = problem.to_string();
            let mut source = problem.source();
            while let Some(cause) = source {
                chain = format!("{chain}: {cause}");
                source = cause.source();
            }
            eprintln!("error: {chain}");
            ExitCode::FAILURE
        }
    }
}

type Outcome<T> = Result<T, Box<dyn error::Error>>;

/// The settings and the command, which starts at the first argument that is not an option; `None`
/// for `--help`.
fn parse(mut arguments: impl Iterator<Item = String>) -> Outcome<Option<(Settings, Vec<String>)>> {
    let mut settings = Settings::for_tests("local-postgres");
    let mut command = Vec::new();
    while let Some(argument) = arguments.next() {
        let mut directory = || {
            arguments
                .next()
                .map(PathBuf::from)
                .ok_or_else(|| format!("{argument} requires a directory\n\n{USAGE}"))
        };
        match argument.as_str() {
            "--data-dir" => {
                settings.data_dir = Some(directory()?);
                settings.durable = true;
            }
            "--bin-dir" => settings.bin_dir = Some(directory()?),
            "--cache-dir" => settings.cache_dir = Some(directory()?),
            "--ignore-host" => settings.ignore_host = true,
            "--offline" => settings.offline = true,
            "--help" | "-h" => return Ok(None),
            "--" => command.extend(arguments.by_ref()),
            option if option.starts_with('-') => return Err(USAGE.into()),
            _ => {
                command.push(argument);
                command.extend(arguments.by_ref());
            }
        }
    }
    Ok(Some((settings, command)))
}

fn run(settings: &Settings, command: &[String]) -> Outcome<ExitCode> {
    let server = LocalPostgres::start(settings)?;
    let url = server.url("postgres");
    let Some((program, arguments)) = command.split_first() else {
        writeln!(io::stdout(), "{url}\n{}", server.pid())?;
        io::copy(&mut io::stdin(), &mut io::sink())?;
        return Ok(ExitCode::SUCCESS);
    };
    let mut command = Command::new(program);
    let status = command.args(arguments).env("DATABASE_URL", url).status();
    let status = status.map_err(|error| format!("starting {program}: {error}"))?;
    let code = status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(1);
    Ok(ExitCode::from(code))
}
