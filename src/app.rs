//! Floor 4, the application: puts store, AWS, door and workers together, and takes them apart in order.
//!
//! The listeners are bound first, so that a taken port is told before anything is started. The door opens at once;
//! workers begin when database and AWS are there and fit ([`opening`]).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::api::{self, Api, ApiSettings, Authentication};
use crate::aws::Target;
use crate::config::{AwsChoice, Database, Role, Secret, Serve};
use crate::domain::installation::AwsAccount;
use crate::inspections::Inspector;
use crate::operations::StepEnvironment;
use crate::operations::timing::{Settings, Timing};
use crate::store::{Connection, Store};
use crate::telemetry;
use crate::worker::Worker;

pub mod guards;
mod metrics;
mod private_database;
pub mod sandbox;
mod server;
mod signals;
pub mod startup;

pub use signals::Signals;

use guards::Found;
use private_database::PrivateDatabase;
use sandbox::{Bound, OwnSandbox};
use server::Limits;
use startup::Clients;

/// Longest wait for a connection to the database.
const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(1_500);
/// How long the first look at the database may hold up the door.
const FIRST_LOOK: Duration = Duration::from_secs(3);
/// How long connections to the database may take to close.
const CLOSE: Duration = Duration::from_secs(3);

/// A running service.
#[derive(Debug)]
pub struct App {
    address: SocketAddr,
    tasks: JoinSet<Result<()>>,
    stop: CancellationToken,
    store: Store,
    sandbox: Option<OwnSandbox>,
    database: Option<PrivateDatabase>,
}

impl App {
    /// Starts everything. `forget` begins the private database and the sandbox anew.
    pub async fn start(serve: &Serve, forget: bool) -> Result<Self> {
        let listener = server::bind(serve.door.listen)?;
        let address = listener.local_addr()?;
        let bound = match &serve.aws {
            AwsChoice::Sandbox(choice) => Some(Bound::bind(choice)?),
            AwsChoice::Real | AwsChoice::Endpoint(_) => None,
        };
        let (url, database) = open_database(serve, forget).await?;
        let sandbox = bound.map(|bound| bound.serve(forget)).transpose()?;
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
        let remembered = app.first_look(serve.aws.is_sandbox()).await?;
        let clients = app.clients(&serve.aws).await;
        let (tell_place, place) = watch::channel(app.place(remembered, &clients).await);
        let router = app.router(serve, &clients, place)?;
        app.tasks.spawn(server::serve(
            listener,
            router,
            Limits::SERVICE,
            app.stop.clone(),
        ));
        let engine = Engine {
            serve: serve.clone(),
            store: app.store.clone(),
            clients,
            tell_place,
            stop: app.stop.clone(),
        };
        app.tasks.spawn(engine.run());
        Ok(app)
    }

    /// Where the door is.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The sandbox of this process.
    pub fn sandbox(&self) -> Option<&OwnSandbox> {
        self.sandbox.as_ref()
    }

    /// The URL of the private database of this process.
    pub fn private_database_url(&self) -> Option<Secret> {
        self.database.as_ref().map(PrivateDatabase::url)
    }

    /// Waits until a part ends, which none does by itself unless something is wrong.
    pub async fn ended(&mut self) -> Result<()> {
        let sandbox = async {
            match &mut self.sandbox {
                Some(sandbox) => sandbox.ended().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(ended) = self.tasks.join_next() => part_ended(ended),
            ended = sandbox => ended,
        }
    }

    /// Ends everything in order: the door, the workers, the sandbox, the database. A second signal skips the waiting.
    pub async fn stop(mut self, signals: &Signals) {
        self.stop.cancel();
        let tasks = &mut self.tasks;
        tokio::select! {
            () = async { while tasks.join_next().await.is_some() {} } => {}
            () = signals.force.cancelled() => tracing::warn!("not waiting for what is at work"),
        }
        self.tasks.abort_all();
        if let Some(sandbox) = self.sandbox {
            sandbox.stop().await;
        }
        // Whoever still holds a connection loses it with the process.
        let _ = tokio::time::timeout(CLOSE, self.store.close()).await;
        if let Some(database) = self.database {
            database.stop().await;
        }
    }

    /// Refuses a database that is wrong before anybody is let in; one that is away is waited for later. Says which AWS
    /// the database belongs to, if it could be asked.
    async fn first_look(&self, wants_sandbox: bool) -> Result<Option<AwsAccount>> {
        let look = guards::look_at_database(&self.store, wants_sandbox);
        match tokio::time::timeout(FIRST_LOOK, look).await {
            Ok(Ok(Found::Fit(place))) => Ok(place),
            Ok(Ok(Found::Away(_) | Found::NotMigrated)) | Err(_) => Ok(None),
            Ok(Err(refusal)) => Err(refusal.into()),
        }
    }

    /// The AWS the database belongs to, or the sandbox of this process: it answers at once, so the first request need not
    /// be refused for want of it.
    async fn place(&self, remembered: Option<AwsAccount>, clients: &Clients) -> Option<AwsAccount> {
        match (remembered, &self.sandbox) {
            (None, Some(_)) => clients.aws.place().await.ok(),
            (remembered, _) => remembered,
        }
    }

    fn router(
        &self,
        serve: &Serve,
        clients: &Clients,
        place: watch::Receiver<Option<AwsAccount>>,
    ) -> Result<axum::Router> {
        let authentication = if serve.door.authentication {
            Authentication::On
        } else {
            Authentication::Off
        };
        let settings = ApiSettings {
            authentication,
            default_access: serve.default_access,
            permissions_boundary: serve.permissions_boundary.clone(),
            ..ApiSettings::default()
        };
        let inspector = Arc::new(Inspector::new(clients.aws.clone()));
        let metrics = telemetry::start_metrics()?;
        let api = Api::new(
            self.store.clone(),
            inspector,
            place,
            settings,
            metrics,
            self.stop.clone(),
        );
        Ok(match serve.role {
            Role::Api | Role::All => api::router(api),
            Role::Worker => api::probes(api),
        })
    }

    async fn clients(&self, choice: &AwsChoice) -> Clients {
        match (choice, &self.sandbox) {
            (AwsChoice::Endpoint(endpoint), _) => Clients::for_endpoint(endpoint).await,
            (AwsChoice::Sandbox(_), Some(sandbox)) => Clients::open(&sandbox.target()).await,
            (AwsChoice::Sandbox(_) | AwsChoice::Real, _) => {
                Clients::open(&Target::Real { region: None }).await
            }
        }
    }
}

/// Opens the store on a database that need not be there yet.
pub fn open_store(url: &Secret, max_connections: u32) -> Result<Store> {
    let url = url.expose().to_owned();
    Store::open(&Connection {
        url,
        max_connections,
        acquire_timeout: ACQUIRE_TIMEOUT,
    })
    .context("DATABASE_URL cannot be used")
}

async fn open_database(serve: &Serve, forget: bool) -> Result<(Secret, Option<PrivateDatabase>)> {
    match &serve.database {
        Database::Url(url) => Ok((url.clone(), None)),
        Database::Embedded => {
            let database = PrivateDatabase::start(&serve.embedded, forget).await?;
            Ok((database.url(), Some(database)))
        }
    }
}

/// What works on operations, once it can.
struct Engine {
    serve: Serve,
    store: Store,
    clients: Clients,
    tell_place: watch::Sender<Option<AwsAccount>>,
    stop: CancellationToken,
}

impl Engine {
    /// Waits for database and AWS, and works until it is told to stop.
    async fn run(self) -> Result<()> {
        let Some(opened) = self.stop.run_until_cancelled(self.open()).await else {
            return Ok(());
        };
        let world = opened?;
        tracing::info!("working with {}", world.place);
        let figures = tokio::spawn(metrics::keep_renewing(self.store.clone()));
        self.work(world).await;
        figures.abort();
        Ok(())
    }

    async fn work(self, world: StepEnvironment) {
        if !self.serve.role.works() {
            self.stop.cancelled().await;
            return;
        }
        let name = format!("{}-{}", std::process::id(), uuid::Uuid::now_v7().simple());
        let inspector = Inspector::new(world.aws.clone());
        let worker = Worker::new(self.store, world, inspector, name)
            .with_sweep_every(self.serve.work.sweep_every);
        worker
            .run(self.serve.work.loops, self.serve.work.notify, self.stop)
            .await;
    }

    async fn open(&self) -> Result<StepEnvironment> {
        let remembered = startup::fit_database(&self.store, self.serve.aws.is_sandbox()).await?;
        if remembered.is_some() {
            self.tell_place.send_replace(remembered);
        }
        let (aws, place) = startup::known_aws(&self.store, &self.serve.aws, &self.clients).await?;
        self.tell_place.send_replace(Some(place.clone()));
        let timing = if self.serve.aws.is_sandbox() {
            Timing::SANDBOX
        } else {
            Timing::AWS
        };
        let cluster_poll = self.serve.work.poll_every.unwrap_or(timing.cluster_poll);
        let timing = Timing {
            cluster_poll,
            ..timing
        };
        let permissions_boundary = self.serve.permissions_boundary.clone();
        Ok(StepEnvironment {
            aws,
            place,
            settings: Settings {
                permissions_boundary,
                timing,
            },
        })
    }
}

fn part_ended(ended: Result<Result<()>, JoinError>) -> Result<()> {
    match ended {
        Ok(Ok(())) => Err(anyhow!("a part of the service ended early")),
        Ok(Err(error)) => Err(error),
        Err(error) => Err(error).context("a part of the service crashed"),
    }
}
