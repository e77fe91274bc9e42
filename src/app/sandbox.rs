//! The sandbox: the one in this process, and what another one says about itself.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::Context;
use aws_sandbox::Sandbox;
use serde::Deserialize;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::aws::Target;
use crate::config::{Endpoint, SandboxChoice, Secret};

use crate::app::server;

/// How long a sandbox may take to say who it is.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

/// A sandbox that is served by this process.
#[derive(Debug)]
pub struct OwnSandbox {
    address: SocketAddr,
    id: String,
    region: String,
    stop: CancellationToken,
    task: JoinHandle<std::io::Result<()>>,
}

/// A sandbox that is opened on a listener, and not served yet.
pub struct Bound {
    listener: TcpListener,
    choice: SandboxChoice,
}

impl Bound {
    /// Takes the sandbox's port.
    pub fn bind(choice: &SandboxChoice) -> anyhow::Result<Self> {
        let listener = server::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, choice.port)))?;
        Ok(Self {
            listener,
            choice: choice.clone(),
        })
    }

    /// Opens the sandbox, anew if everything earlier shall be forgotten, and serves it.
    pub fn serve(self, forget: bool) -> anyhow::Result<OwnSandbox> {
        let settings = self.choice.settings;
        if let Some(directory) = settings
            .journal
            .as_deref()
            .and_then(|journal| journal.parent())
        {
            fs::create_dir_all(directory)
                .with_context(|| format!("cannot make {}", directory.display()))?;
        }
        let region = settings.region.clone();
        let sandbox = Sandbox::open(settings).context("cannot open the AWS sandbox")?;
        if forget {
            sandbox.reset();
        }
        let address = self.listener.local_addr()?;
        self.listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let (id, stop) = (sandbox.id(), CancellationToken::new());
        let until = stop.clone();
        let task =
            tokio::spawn(async move { sandbox.serve(listener, until.cancelled_owned()).await });
        Ok(OwnSandbox {
            address,
            id,
            region,
            stop,
            task,
        })
    }
}

impl OwnSandbox {
    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The Region it plays.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// What the AWS clients need to talk to it.
    pub fn target(&self) -> Target {
        let endpoint = Endpoint {
            url: self.url(),
            access_key_id: "sandbox".to_owned(),
            secret_access_key: Secret::new("sandbox"),
        };
        target(&endpoint, self.id.clone(), self.region.clone())
    }

    /// Serves until it fails; it does not end by itself.
    pub async fn ended(&mut self) -> anyhow::Result<()> {
        (&mut self.task)
            .await
            .context("the AWS sandbox crashed")?
            .context("the AWS sandbox failed")
    }

    /// Ends the calls under way and stops.
    pub async fn stop(self) {
        self.stop.cancel();
        // How it ended no longer matters.
        let _ = self.task.await;
    }
}

/// What a sandbox says about itself on `/_sandbox/health`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Health {
    /// Its id.
    pub id: String,
    /// The account it plays.
    pub account_id: String,
    /// The Region it plays.
    pub region: String,
}

/// Asks a sandbox that runs on its own who it is.
pub async fn health(endpoint: &Endpoint) -> anyhow::Result<Health> {
    let url = format!("{}/_sandbox/health", endpoint.url);
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(HEALTH_TIMEOUT)
        .build()?;
    let answer = client
        .get(&url)
        .send()
        .await
        .with_context(|| format!("no AWS sandbox answers at {}", endpoint.url))?;
    let answer = answer
        .error_for_status()
        .with_context(|| format!("{url} is not an AWS sandbox"))?;
    answer
        .json()
        .await
        .with_context(|| format!("{url} is not an AWS sandbox"))
}

/// What the AWS clients need to talk to a sandbox.
pub fn target(endpoint: &Endpoint, sandbox_id: String, region: String) -> Target {
    Target::Sandbox {
        endpoint: endpoint.url.clone(),
        region,
        access_key_id: endpoint.access_key_id.clone(),
        secret_access_key: endpoint.secret_access_key.expose().to_owned(),
        sandbox_id,
    }
}

/// The command that shows a sandbox's clusters with the AWS CLI.
pub fn cli_line(url: &str, region: &str) -> String {
    format!(
        "AWS_ACCESS_KEY_ID=sandbox AWS_SECRET_ACCESS_KEY=sandbox AWS_DEFAULT_REGION={region} aws --endpoint-url {url} dax \
         describe-clusters"
    )
}
