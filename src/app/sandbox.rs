//! The AWS sandbox in this process, and the client for a separate one.

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

/// Timeout of a request to `/_sandbox/health`.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

/// A sandbox that runs in this process.
#[derive(Debug)]
pub struct LocalSandbox {
    address: SocketAddr,
    id: String,
    region: String,
    stop: CancellationToken,
    task: JoinHandle<std::io::Result<()>>,
}

/// The bound port of a sandbox that does not run yet.
pub struct Bound {
    listener: TcpListener,
    choice: SandboxChoice,
}

impl Bound {
    /// Binds the sandbox's port on 127.0.0.1.
    pub fn bind(choice: &SandboxChoice) -> anyhow::Result<Self> {
        let listener = server::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, choice.port)))?;
        Ok(Self {
            listener,
            choice: choice.clone(),
        })
    }

    /// Opens the sandbox and serves it. `reset` deletes earlier state first.
    pub fn serve(self, reset: bool) -> anyhow::Result<LocalSandbox> {
        let settings = self.choice.settings;
        if let Some(directory) = settings
            .journal
            .as_deref()
            .and_then(|journal| journal.parent())
        {
            local_postgres::create_data_dir(directory)?;
        }
        let region = settings.region.clone();
        let sandbox = Sandbox::open(settings).context("cannot open the AWS sandbox")?;
        if reset {
            sandbox.reset();
        }
        let address = self.listener.local_addr()?;
        self.listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let (id, stop) = (sandbox.id(), CancellationToken::new());
        let stopped = stop.clone();
        let task =
            tokio::spawn(async move { sandbox.serve(listener, stopped.cancelled_owned()).await });
        Ok(LocalSandbox {
            address,
            id,
            region,
            stop,
            task,
        })
    }
}

impl LocalSandbox {
    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The simulated Region.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The target of AWS clients for this sandbox.
    pub fn target(&self) -> Target {
        let endpoint = Endpoint {
            url: self.url(),
            access_key_id: "sandbox".to_owned(),
            secret_access_key: Secret::new("sandbox"),
        };
        target(&endpoint, self.id.clone(), self.region.clone())
    }

    /// Waits until the sandbox ends, which is always a failure.
    pub async fn ended(&mut self) -> anyhow::Result<()> {
        (&mut self.task)
            .await
            .context("the AWS sandbox crashed")?
            .context("the AWS sandbox failed")
    }

    /// Finishes running calls and stops.
    pub async fn stop(self) {
        self.stop.cancel();
        // Its result no longer matters.
        let _ = self.task.await;
    }
}

/// The response of a sandbox's `/_sandbox/health`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Health {
    /// The sandbox's id, to which the database is bound.
    pub id: String,
    /// The simulated account, 12 digits.
    pub account_id: String,
    /// The simulated Region.
    pub region: String,
}

/// Reads the health of a separate sandbox.
pub async fn health(endpoint: &Endpoint) -> anyhow::Result<Health> {
    let url = format!("{}/_sandbox/health", endpoint.url);
    let client = reqwest::Client::builder()
        .no_proxy()
        // It has no TLS, so a system without certificates will do.
        .tls_certs_only([])
        .timeout(HEALTH_TIMEOUT)
        .build()?;
    let response = client
        .get(&url)
        .send()
        .await
        .with_context(|| format!("cannot reach the AWS sandbox at {}", endpoint.url))?;
    let response = response
        .error_for_status()
        .with_context(|| format!("{url} is not an AWS sandbox"))?;
    response
        .json()
        .await
        .with_context(|| format!("{url} is not an AWS sandbox"))
}

/// The target of AWS clients for a sandbox.
pub fn target(endpoint: &Endpoint, sandbox_id: String, region: String) -> Target {
    Target::Sandbox {
        endpoint: endpoint.url.clone(),
        region,
        access_key_id: endpoint.access_key_id.clone(),
        secret_access_key: endpoint.secret_access_key.expose().to_owned(),
        sandbox_id,
    }
}

/// The AWS CLI command that lists a sandbox's clusters.
pub fn aws_cli_command(url: &str, region: &str) -> String {
    format!(
        "AWS_ACCESS_KEY_ID=sandbox AWS_SECRET_ACCESS_KEY=sandbox AWS_DEFAULT_REGION={region} \
         aws --endpoint-url {url} dax describe-clusters"
    )
}
