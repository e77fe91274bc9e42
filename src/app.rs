//! The application, in layer 4: starts and stops the HTTP server, the workers, and the private
//! database and sandbox of this process.
//!
//! Ports are bound first, so a port in use is reported before anything starts. The HTTP server
//! starts immediately; workers start when the database and AWS are ready ([`startup`]).

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::api::targets::Targets;
use crate::api::{self, Api, ApiSettings, Authentication};
use crate::config::{AwsChoice, BadConfiguration, Database, Role, Secret, Serve};
use crate::domain::condition::Condition;
use crate::domain::target::TargetName;
use crate::oidc::Issuers;
use crate::organisation::Organisation;
use crate::organisation::reload::Reload;
use crate::store::{Connection, Store};
use crate::telemetry;
use crate::worker::ATTEMPTS_MAX;

mod connections;
mod engine;
pub mod guards;
pub(crate) mod metrics;
mod open_files;
mod private_database;
pub mod sandbox;
mod server;
mod signals;
pub mod startup;
mod target;
pub(crate) mod targets;

pub use signals::Signals;

use engine::Engine;
use guards::DatabaseState;
use private_database::PrivateDatabase;
use sandbox::{Bound, LocalSandbox};
use server::Limits;
use targets::{Place, TargetSet};

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
        let organisation = serve.organisation.as_deref().map(read_organisation);
        let organisation = organisation.transpose()?;
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
        let bound = app.first_check(serve.aws.is_sandbox()).await?;
        let place = app.place(&serve.aws).await;
        let settings = targets::settings(serve, organisation.as_ref());
        let taken = organisation.as_ref().map(|organisation| &organisation.hash);
        let watched = serve.organisation.clone().zip(taken);
        let reload = watched.map(|(directory, hash)| Reload::new(directory, hash));
        let mut targets = TargetSet::open(place, settings).await?;
        targets.note_bound(app.with_sandbox_account(bound, &targets).await);
        let (condition_sender, condition) = watch::channel(Condition::default());
        let oidc = organisation.as_ref().map(|organisation| &organisation.oidc);
        let issuers = oidc.map(Issuers::new).unwrap_or_default();
        let rules = organisation
            .map(|organisation| organisation.rules)
            .unwrap_or_default();
        let (rules_sender, rules) = watch::channel(Arc::new(rules));
        let api = app
            .api(serve, targets.subscribe(), condition)?
            .governed_by(rules, issuers.clone());
        app.spawn_servers(serve, api.clone(), listener, metrics_listener);
        let engine = Engine {
            reload,
            serve: serve.clone(),
            store: app.background_store(serve.role),
            targets,
            rules: rules_sender,
            issuers,
            condition: condition_sender,
            is_busy: api.is_busy(),
            stop: app.stop.clone(),
        };
        app.tasks.spawn(engine.run());
        Ok(app)
    }

    /// The store of the engine, which leaves connections to requests if there are any.
    fn background_store(&self, role: Role) -> Store {
        match role {
            Role::Worker => self.store.clone(),
            Role::Api | Role::All => self.store.in_background(),
        }
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
    /// the targets that it has bound, if it is reachable.
    async fn first_check(&self, wants_sandbox: bool) -> Result<guards::Bound> {
        let check = guards::check_database(&self.store, wants_sandbox);
        match tokio::time::timeout(FIRST_CHECK_TIMEOUT, check).await {
            Ok(Ok(DatabaseState::Ready(bound))) => Ok(bound),
            Ok(Ok(DatabaseState::Unreachable(_) | DatabaseState::NotMigrated)) | Err(_) => {
                Ok(guards::Bound::new())
            }
            Ok(Err(bad)) => Err(bad.into()),
        }
    }

    /// Adds the account of this process's sandbox, which responds immediately. The first request then
    /// does not fail because the account is unknown.
    async fn with_sandbox_account(
        &self,
        mut bound: guards::Bound,
        targets: &TargetSet,
    ) -> guards::Bound {
        let name = TargetName::default();
        if let (Some(_), Some(aws)) = (&self.sandbox, targets.default_aws())
            && bound.iter().all(|(known, _)| *known != name)
            && let Ok(account) = aws.account().await
        {
            bound.push((name, account));
        }
        bound
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
        let webhooks = serve.webhooks.key.as_ref().map_or(0, |_| ATTEMPTS_MAX);
        let connections =
            open_files::connections_max(serve.database_max_connections as usize + webhooks);
        let limits = Limits::of_service(connections, serve.http.connections_per_address);
        let serving = server::serve(listener, router, limits, self.stop.clone());
        self.tasks.spawn(serving);
    }

    fn api(
        &self,
        serve: &Serve,
        targets: watch::Receiver<Targets>,
        condition: watch::Receiver<Condition>,
    ) -> Result<Api> {
        let authentication = if serve.http.authentication {
            Authentication::On
        } else {
            Authentication::Off
        };
        let settings = ApiSettings {
            authentication,
            sweep_interval: serve.work.sweep_every,
            serves_metrics: serve.http.metrics_listen.is_none(),
            ingress_sources: serve.ingress_sources.clone(),
            secrets_key: serve.webhooks.key.clone(),
            trusted_proxies: serve.http.trusted_proxies.clone(),
            ..ApiSettings::default()
        };
        let metrics = telemetry::start_metrics()?;
        Ok(Api::new(
            self.store.with_statement_timeout(REQUEST_STATEMENT_TIMEOUT),
            targets,
            condition,
            settings,
            metrics,
            self.stop.clone(),
        ))
    }

    async fn place(&self, choice: &AwsChoice) -> Place {
        match (choice, &self.sandbox) {
            (AwsChoice::Endpoint(endpoint), _) => startup::place_of(endpoint).await,
            (AwsChoice::Sandbox(_), Some(sandbox)) => Place::Sandbox(sandbox.target()),
            (AwsChoice::Sandbox(_) | AwsChoice::Real, _) => Place::Real,
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

/// Reads the organisation, or reports all its faults.
pub fn read_organisation(directory: &Path) -> Result<Organisation, BadConfiguration> {
    Organisation::read(directory).map_err(|faults| BadConfiguration {
        errors: faults.0.iter().map(ToString::to_string).collect(),
    })
}

fn component_ended(ended: Result<Result<()>, JoinError>) -> Result<()> {
    match ended {
        Ok(Ok(())) => Err(anyhow!("a component of the service ended early")),
        Ok(Err(error)) => Err(error),
        Err(error) => Err(error).context("a component of the service crashed"),
    }
}
