//! Tests of the settings.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::{Environment, Invocation, InvocationError, Serve, Task};

mod boundary;
mod command_line;
mod errors;
mod secrets;
mod serve;

const BOUNDARY: &str = "DAX_PROVISIONER_PERMISSIONS_BOUNDARY";
const URL: (&str, &str) = ("DATABASE_URL", "postgres://dax:CANARY@db/dax");

fn read<const N: usize>(
    line: &str,
    environment: [(&str, &str); N],
) -> Result<Invocation, InvocationError> {
    read_in(line, &Environment::from(environment))
}

fn read_in(line: &str, environment: &Environment) -> Result<Invocation, InvocationError> {
    let arguments = std::iter::once("dax-provisioner")
        .chain(line.split_whitespace())
        .map(OsString::from);
    Invocation::read(arguments.collect(), environment)
}

/// Without a boundary in the environment, it is `none`.
fn decided<const N: usize>(environment: [(&str, &str); N]) -> Environment {
    let mut environment = Environment::from(environment);
    let variables = &mut environment.variables;
    variables
        .entry(BOUNDARY.to_owned())
        .or_insert("none".to_owned());
    environment
}

fn errors<const N: usize>(line: &str, environment: [(&str, &str); N]) -> Vec<String> {
    match read_in(line, &decided(environment)) {
        Err(InvocationError::Configuration(bad)) => bad.errors,
        Err(InvocationError::Usage(error)) => panic!("{line}: {error}"),
        Ok(_) => panic!("{line}: no error"),
    }
}

/// The keys of errors, such as `--listen`.
fn keys(errors: &[String]) -> Vec<&str> {
    errors
        .iter()
        .filter_map(|error| error.split(':').next())
        .collect()
}

fn serve<const N: usize>(line: &str, environment: [(&str, &str); N]) -> Serve {
    match read_in(line, &decided(environment)).unwrap().task {
        Task::Serve(serve) | Task::PrintConfig(serve) => *serve,
        other => panic!("{other:?}"),
    }
}

/// A file that is removed on drop.
struct SecretFile(PathBuf);

impl SecretFile {
    fn new(name: &str, text: &str, mode: u32) -> Self {
        let path =
            std::env::temp_dir().join(format!("dax-provisioner-{}-{name}", std::process::id()));
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for SecretFile {
    fn drop(&mut self) {
        fs::remove_file(&self.0).unwrap();
    }
}
