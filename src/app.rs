//! The application, in layer 4: starts and stops the HTTP server, the workers, and the private
//! database and sandbox of this process.
//!
//! Ports are bound first, so a port in use is reported before anything starts. The HTTP server
//! starts immediately; workers start when the database and AWS are ready ([`startup`]).

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::api::{self, Api, ApiSettings, Authentication};
use crate::aws::Target;
use crate::config::{AwsChoice, BadConfiguration, Database, Role, Secret, Serve};
use crate::domain::condition::Condition;
use crate::domain::installation::AwsAccount;
use crate::inspections::Inspector;
use crate::operations::timing::{Settings, Timing};
use crate::operations::{RoleCandidates, StepEnvironment};
use crate::store::{Connection, Store};
use crate::telemetry;
use crate::worker::Worker;

mod connections;
pub mod guards;
pub(crate) mod metrics;
mod open_files;
mod private_database;
pub mod sandbox;
mod server;
mod signals;
pub mod startup;

pub use signals::Signals;

use guards::DatabaseState;
use private_database::PrivateDatabase;
use sandbox::{Bound, LocalSandbox};
use server::Limits;
use startup::Clients;

/// Timeout to get a database connection from the pool.
const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(1_500);
/// Limit of a worker's statement or transaction.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(3);
/// The same for a request: it is answered within two seconds, with 503 if the database hangs.
const REQUEST_STATEMENT_TIMEOUT: Duration = Duration::from_millis(1_700);
/// How long the first check of the database may delay the HTTP server.
const FIRST_CHECK_TIMEOUT: Duration = Duration::from_secs(3);
/// Timeout to close the database connections.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// A running service.
#[derive(Debug)]
pub struct App {
    address: SocketAddr,
    tasks: JoinSet<Result<()>>,
    stop: CancellationToken,
    store: Store,
    sandbox: Option<LocalSandbox>,
    database: Option<PrivateDatabase>,
}

impl App {
    /// Starts the service. `reset` deletes the data of the private database and of the sandbox
    /// first.
    pub async fn start(serve: &Serve, reset: bool) -> Result<Self> {
        let listener = server::bind(serve.http.listen)?;
        let address = listener.local_addr()?;
        let metrics_listener = serve.http.metrics_listen.map(server::bind).transpose()?;
        let bound = match &serve.aws {
            AwsChoice::Sandbox(choice) => Some(Bound::bind(choice)?),
            AwsChoice::Real | AwsChoice::Endpoint(_) => None,
        };
        let (url, database) = open_database(serve, reset).await?;
        let sandbox = bound.map(|bound| bound.serve(reset)).transpose()?;
        let store = open_store(&url, serve.database_max_connections)?;
        if database.is_some() {
            store
                .migrate()
                .await
                .context("migrating the private database")?;
        }
        let mut app = Self {
            address,
            tasks: JoinSet::new(),
            stop: CancellationToken::new(),
            store,
            sandbox,
            database,
        };
        let bound_account = app.first_check(serve.aws.is_sandbox()).await?;
        let clients = app.clients(&serve.aws).await?;
        let (account_sender, account) =
            watch::channel(app.initial_account(bound_account, &clients).await);
        let (condition_sender, condition) = watch::channel(Condition::default());
        let api = app.api(serve, &clients, account, condition)?;
        app.spawn_servers(serve, api, listener, metrics_listener);
        let engine = Engine {
            serve: serve.clone(),
            store: app.store.clone(),
            clients,
            account: account_sender,
            condition: condition_sender,
            stop: app.stop.clone(),
        };
        app.tasks.spawn(engine.run());
        Ok(app)
    }

    /// The base URL of the HTTP server, such as `http://127.0.0.1:8080`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The sandbox of this process, if `--sandbox` is set.
    pub fn sandbox(&self) -> Option<&LocalSandbox> {
        self.sandbox.as_ref()
    }

    /// The URL of the private database of this process, if it has one.
    pub fn private_database_url(&self) -> Option<Secret> {
        self.database.as_ref().map(PrivateDatabase::url)
    }

    /// Waits until a component ends, which is always a failure.
    pub async fn ended(&mut self) -> Result<()> {
        let sandbox = async {
            match &mut self.sandbox {
                Some(sandbox) => sandbox.ended().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(ended) = self.tasks.join_next() => component_ended(ended),
            ended = sandbox => ended,
        }
    }

    /// Stops the HTTP server and the workers, then the sandbox, then the database. A second signal
    /// aborts running tasks.
    pub async fn stop(mut self, signals: &Signals) {
        self.stop.cancel();
        let tasks = &mut self.tasks;
        tokio::select! {
            () = async { while tasks.join_next().await.is_some() {} } => {}
            () = signals.force.cancelled() => {
                tracing::warn!("second signal: aborting running tasks");
            }
        }
        self.tasks.abort_all();
        if let Some(sandbox) = self.sandbox {
            sandbox.stop().await;
        }
        // Connections that are still in use end with the process.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, self.store.close()).await;
        if let Some(database) = self.database {
            database.stop().await;
        }
    }

    /// Fails before the HTTP server starts if the database can never be used. Otherwise returns
    /// the AWS account it is bound to, if it is reachable.
    async fn first_check(&self, wants_sandbox: bool) -> Result<Option<AwsAccount>> {
        let check = guards::check_database(&self.store, wants_sandbox);
        match tokio::time::timeout(FIRST_CHECK_TIMEOUT, check).await {
            Ok(Ok(DatabaseState::Ready(account))) => Ok(account),
            Ok(Ok(DatabaseState::Unreachable(_) | DatabaseState::NotMigrated)) | Err(_) => Ok(None),
            Ok(Err(bad)) => Err(bad.into()),
        }
    }

    /// The account of the database, or of this process's sandbox, which responds immediately. The
    /// first request then does not fail because the account is unknown.
    async fn initial_account(
        &self,
        bound: Option<AwsAccount>,
        clients: &Clients,
    ) -> Option<AwsAccount> {
        match (bound, &self.sandbox) {
            (None, Some(_)) => clients.aws.account().await.ok(),
            (bound, _) => bound,
        }
    }

    fn spawn_servers(
        &mut self,
        serve: &Serve,
        api: Api,
        listener: TcpListener,
        metrics_listener: Option<TcpListener>,
    ) {
        if let Some(listener) = metrics_listener {
            let router = api::probes(api.clone(), true);
            let serving = server::serve(listener, router, Limits::METRICS, self.stop.clone());
            self.tasks.spawn(serving);
        }
        let metrics = api.settings.serves_metrics;
        let router = match serve.role {
            Role::Api | Role::All => api::router(api),
            Role::Worker => api::probes(api, metrics),
        };
        let connections = open_files::connections_max(serve.database_max_connections);
        let limits = Limits::of_service(connections, serve.http.connections_per_address);
        let serving = server::serve(listener, router, limits, self.stop.clone());
        self.tasks.spawn(serving);
    }

    fn api(
        &self,
        serve: &Serve,
        clients: &Clients,
        account: watch::Receiver<Option<AwsAccount>>,
        condition: watch::Receiver<Condition>,
    ) -> Result<Api> {
        let authentication = if serve.http.authentication {
            Authentication::On
        } else {
            Authentication::Off
        };
        let settings = ApiSettings {
            authentication,
            default_access: serve.default_access,
            permissions_boundary: serve.permissions_boundary.clone(),
            sweep_interval: serve.work.sweep_every,
            serves_metrics: serve.http.metrics_listen.is_none(),
            ingress_sources: serve.ingress_sources.clone(),
            ..ApiSettings::default()
        };
        let inspector = Arc::new(Inspector::new(clients.aws.clone()));
        let metrics = telemetry::start_metrics()?;
        Ok(Api::new(
            self.store.with_statement_timeout(REQUEST_STATEMENT_TIMEOUT),
            inspector,
            account,
            condition,
            settings,
            metrics,
            self.stop.clone(),
        ))
    }

    async fn clients(&self, choice: &AwsChoice) -> Result<Clients, BadConfiguration> {
        match (choice, &self.sandbox) {
            (AwsChoice::Endpoint(endpoint), _) => Clients::for_endpoint(endpoint).await,
            (AwsChoice::Sandbox(_), Some(sandbox)) => Clients::open(&sandbox.target()).await,
            (AwsChoice::Sandbox(_) | AwsChoice::Real, _) => {
                Clients::open(&Target::Real { region: None }).await
            }
        }
    }
}

/// Opens a pool on a database, which may be unreachable for now.
pub fn open_store(url: &Secret, max_connections: u32) -> Result<Store> {
    let url = url.expose().to_owned();
    Store::open(&Connection {
        url,
        max_connections,
        acquire_timeout: ACQUIRE_TIMEOUT,
        statement_timeout: STATEMENT_TIMEOUT,
    })
    .context("DATABASE_URL is invalid")
}

async fn open_database(serve: &Serve, reset: bool) -> Result<(Secret, Option<PrivateDatabase>)> {
    match &serve.database {
        Database::Url(url) => Ok((url.clone(), None)),
        Database::Embedded => {
            let database = PrivateDatabase::start(&serve.embedded, reset).await?;
            Ok((database.url(), Some(database)))
        }
    }
}

/// The background tasks, which start when the database and AWS are ready.
struct Engine {
    serve: Serve,
    store: Store,
    clients: Clients,
    account: watch::Sender<Option<AwsAccount>>,
    condition: watch::Sender<Condition>,
    stop: CancellationToken,
}

impl Engine {
    /// Waits for the database and AWS, then runs until `stop`.
    async fn run(self) -> Result<()> {
        let Some(connected) = self.stop.run_until_cancelled(self.connect()).await else {
            return Ok(());
        };
        let environment = connected?;
        tracing::info!("ready");
        tracing::debug!("using {}", environment.account);
        let metrics = tokio::spawn(metrics::refresh_periodically(
            self.store.clone(),
            self.condition.clone(),
        ));
        self.work(environment).await;
        metrics.abort();
        Ok(())
    }

    async fn work(self, environment: StepEnvironment) {
        if !self.serve.role.works() {
            self.stop.cancelled().await;
            return;
        }
        let name = format!("{}-{}", std::process::id(), uuid::Uuid::now_v7().simple());
        let inspector = Inspector::new(environment.aws.clone());
        let worker = Worker::new(self.store, environment, inspector, name)
            .with_sweep_every(self.serve.work.sweep_every)
            .with_history_age(self.serve.work.history_age);
        worker
            .run(self.serve.work.loops, self.serve.work.notify, self.stop)
            .await;
    }

    async fn connect(&self) -> Result<StepEnvironment> {
        let bound = startup::await_database(&self.store, self.serve.aws.is_sandbox()).await?;
        if bound.is_some() {
            self.account.send_replace(bound);
        }
        let (aws, account) =
            startup::await_aws(&self.store, &self.serve.aws, &self.clients).await?;
        self.account.send_replace(Some(account.clone()));
        let timing = Timing {
            cluster_poll: self.serve.work.poll_every,
            ..self.serve.aws.timing()
        };
        let permissions_boundary = self.serve.permissions_boundary.clone();
        Ok(StepEnvironment {
            aws,
            account,
            settings: Settings {
                permissions_boundary,
                timing,
            },
            candidates: RoleCandidates::default(),
        })
    }
}

fn component_ended(ended: Result<Result<()>, JoinError>) -> Result<()> {
    match ended {
        Ok(Ok(())) => Err(anyhow!("a component of the service ended early")),
        Ok(Err(error)) => Err(error),
        Err(error) => Err(error).context("a component of the service crashed"),
    }
}
