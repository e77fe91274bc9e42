//! Replicas of the service, each between proxies of its own if there will be faults.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use reqwest::Client;

use crate::aws::{SERVICE_KEY, TARGETS};
use crate::database::NAME;
use crate::process::{self, Process};
use crate::proxy::Proxy;

/// The callers; each has a token.
const CALLERS: [&str; 3] = ["portal", "pipeline", "operator"];

/// What every replica is started with.
#[derive(Debug, Clone)]
pub(crate) struct Installation {
    pub(crate) binary: PathBuf,
    root: PathBuf,
    pub(crate) tokens: Vec<String>,
    /// The connections of each replica to the database.
    connections: u32,
}

impl Installation {
    /// Migrates the database and creates tokens and the directory of the organisation.
    pub(crate) async fn set_up(
        binary: &Path,
        root: &Path,
        connections: u32,
        url: impl Fn(&str) -> String,
    ) -> Result<Self> {
        let organisation = root.join("organisation");
        fs::create_dir_all(&organisation)?;
        let tables: Vec<String> = TARGETS
            .iter()
            .map(|(name, region)| {
                format!(
                    "[targets.{name}]\nregion = \"{region}\"\npermissions_boundary = \"none\"\n"
                )
            })
            .collect();
        fs::write(organisation.join("organisation.toml"), tables.join("\n"))?;
        let key = root.join("secrets.key");
        fs::write(&key, "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n")?;
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600))?;
        let command = |role: &str, arguments: &[&str]| {
            let mut command = Command::new(binary);
            command
                .env_clear()
                .env("DATABASE_URL", url(role))
                .args(arguments);
            command
        };
        process::run(command("dax_owner", &["migrate"])).await?;
        let mut tokens = Vec::new();
        for caller in CALLERS {
            let create = ["token", "create", caller, "--group", "admins"];
            let token = process::run(command("dax_app", &create)).await?;
            tokens.push(token.trim().to_owned());
        }
        Ok(Self {
            binary: binary.to_owned(),
            root: root.to_owned(),
            tokens,
            connections,
        })
    }

    fn start(&self, name: &str, listen: u16, database: u16, aws: u16) -> Result<Process> {
        let mut command = Command::new(&self.binary);
        let url = format!("postgres://dax_app@127.0.0.1:{database}/{NAME}?sslmode=disable");
        command
            .env_clear()
            .env("DATABASE_URL", url)
            .env("AWS_ACCESS_KEY_ID", SERVICE_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SERVICE_KEY)
            .env("RUST_BACKTRACE", "1")
            .args(["serve", "--authentication", "on"])
            .args(["--listen", &format!("127.0.0.1:{listen}")])
            .args(["--aws-endpoint", &format!("http://127.0.0.1:{aws}")])
            .args(["--poll-seconds", "0.3", "--sweep-seconds", "15"])
            .args(["--database-max-connections", &self.connections.to_string()])
            .args(["--webhook-allow-network", "127.0.0.0/8"])
            .arg("--organisation")
            .arg(self.root.join("organisation"))
            .arg("--secrets-key-file")
            .arg(self.root.join("secrets.key"));
        Process::start(command, &self.root.join(format!("{name}.log")))
    }
}

/// A replica, running or not.
#[derive(Debug)]
pub(crate) struct Replica {
    name: String,
    listen: u16,
    pub(crate) database: Proxy,
    pub(crate) aws: Proxy,
    /// Clients connect here.
    pub(crate) front: Proxy,
    process: Option<Process>,
}

impl Replica {
    /// A replica. It has proxies around it only if there will be faults: under a high load they take more
    /// time than the service.
    pub(crate) async fn new(name: &str, database: u16, aws: u16, has_faults: bool) -> Result<Self> {
        let listen = process::free_port()?;
        let proxy = async |destination| match has_faults {
            true => Proxy::start(destination).await,
            false => Ok(Proxy::direct(destination)),
        };
        Ok(Self {
            name: name.to_owned(),
            listen,
            database: proxy(database).await?,
            aws: proxy(aws).await?,
            front: proxy(listen).await?,
            process: None,
        })
    }

    pub(crate) fn start(&mut self, installation: &Installation) -> Result<()> {
        let (database, aws) = (self.database.port, self.aws.port);
        self.process = Some(installation.start(&self.name, self.listen, database, aws)?);
        Ok(())
    }

    pub(crate) fn process(&mut self) -> Option<&mut Process> {
        self.process.as_mut()
    }

    /// Whether the process has bound its listener.
    pub(crate) fn listens(&self) -> bool {
        std::net::TcpStream::connect(("127.0.0.1", self.listen)).is_ok()
    }

    /// Takes the process, which is about to end.
    pub(crate) fn take(&mut self) -> Option<Process> {
        self.process.take()
    }

    /// The exit status of a process that ended by itself.
    pub(crate) fn unexpected_end(&mut self) -> Option<String> {
        let status = self.process.as_mut()?.ended()?;
        self.process = None;
        Some(format!("{} ended by itself: {status}", self.name))
    }

    pub(crate) async fn await_ready(&mut self, timeout: Duration) -> Result<()> {
        let http = Client::builder().no_proxy().build()?;
        let url = format!("http://127.0.0.1:{}/readyz", self.listen);
        let began = Instant::now();
        while began.elapsed() < timeout {
            if let Some(end) = self.unexpected_end() {
                bail!(end);
            }
            let request = http.get(&url).timeout(Duration::from_secs(2)).send();
            if request.await.is_ok_and(|response| response.status() == 200) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("{} did not become ready", self.name)
    }
}
