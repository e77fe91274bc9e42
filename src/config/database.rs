//! Settings of the database.

use std::path::PathBuf;

use super::arguments::EmbeddedArguments;
use super::reader::Reader;
use super::{PRODUCT, Secret};

const MISSING: &str = "is not set; set it to a URL such as postgres://user:password@host/database";
const FORMAT: &str = "must be a URL such as postgres://user:password@host/database";

/// The database to use.
#[derive(Debug, Clone)]
pub enum Database {
    /// An external database, at this URL.
    Url(Secret),
    /// A private database that this process starts and stops.
    Embedded,
}

/// Settings of the private PostgreSQL and of the sandbox's state.
#[derive(Debug, Clone)]
pub struct Embedded {
    /// Directory of the database's data and of the sandbox's journal.
    pub data_dir: PathBuf,
    /// Directory of `postgres` and `initdb`, if one is set.
    pub pg_bin: Option<PathBuf>,
    /// Do not download PostgreSQL.
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
    reader.variable_error("DATABASE_URL", FORMAT);
    None
}

/// The URL of the database, which must be set.
pub(super) fn required_url(reader: &mut Reader<'_>) -> Option<Secret> {
    let is_set = ["DATABASE_URL", "DATABASE_URL_FILE"]
        .iter()
        .any(|name| reader.environment.get(name).is_some());
    if !is_set {
        reader.variable_error("DATABASE_URL", MISSING);
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

/// The database of `serve`: the one in DATABASE_URL, else the private one with `--sandbox` or
/// `--allow-embedded-db`.
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
    reader.variable_error(
        "DATABASE_URL",
        "is not set; set it, or use --sandbox or --allow-embedded-db for a private database",
    );
    None
}
