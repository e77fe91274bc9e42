//! Settings of the database.

use std::path::PathBuf;

use super::arguments::EmbeddedArguments;
use super::reader::Reader;
use super::{PRODUCT, Secret};

const MISSING: &str = "is not set; such as postgres://user:password@host/database";
const FORM: &str = "must be a URL such as postgres://user:password@host/database";

/// Which database to use.
#[derive(Debug, Clone)]
pub enum Database {
    /// The one at this URL.
    Url(Secret),
    /// A private one that this process starts and stops.
    Embedded,
}

/// Where the private PostgreSQL and the sandbox's journal live.
#[derive(Debug, Clone)]
pub struct Embedded {
    /// Their directory.
    pub data_dir: PathBuf,
    /// The directory of `postgres`, if one was named.
    pub pg_bin: Option<PathBuf>,
    /// Never fetch PostgreSQL.
    pub offline: bool,
}

/// The URL of the database, if one is set.
pub(super) fn url(reader: &mut Reader<'_>) -> Option<Secret> {
    let url = reader.secret("DATABASE_URL")?;
    if ["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| url.expose().starts_with(scheme))
    {
        return Some(url);
    }
    reader.variable_fault("DATABASE_URL", FORM);
    None
}

/// The URL of the database; that none is set is a fault.
pub(super) fn required_url(reader: &mut Reader<'_>) -> Option<Secret> {
    let is_set = ["DATABASE_URL", "DATABASE_URL_FILE"]
        .iter()
        .any(|name| reader.environment.get(name).is_some());
    if !is_set {
        reader.variable_fault("DATABASE_URL", MISSING);
    }
    url(reader)
}

pub(super) fn embedded(flags: &EmbeddedArguments) -> Embedded {
    Embedded {
        data_dir: flags
            .data_dir
            .clone()
            .unwrap_or_else(|| local_postgres::default_data_dir(PRODUCT)),
        pg_bin: flags.pg_bin.clone(),
        offline: flags.offline,
    }
}

/// The database of `serve`: the one of DATABASE_URL, else with the sandbox (or by wish) the private one.
pub(super) fn of_serve(
    sandbox: bool,
    allow_embedded: bool,
    reader: &mut Reader<'_>,
) -> Option<Database> {
    let is_set = ["DATABASE_URL", "DATABASE_URL_FILE"]
        .iter()
        .any(|name| reader.environment.get(name).is_some());
    if is_set {
        return url(reader).map(Database::Url);
    }
    if sandbox || allow_embedded {
        return Some(Database::Embedded);
    }
    reader.variable_fault(
        "DATABASE_URL",
        "is not set; only --sandbox comes with a private database (--allow-embedded-db asks for one all the same)",
    );
    None
}
