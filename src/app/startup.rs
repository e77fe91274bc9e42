//! The opening: waits until database and AWS are there and pass the guards, then puts the workers to work.
//!
//! What is away is waited for, and told once; what is wrong ends the process.

use std::time::Duration;

use crate::aws::{Aws, Target};
use crate::config::{AwsChoice, BadConfiguration, Endpoint};
use crate::domain::installation::AwsAccount;
use crate::domain::problems::fault::{Fault, FaultClass};
use crate::domain::waiting::WaitingFor;
use crate::store::Store;

use super::guards::{self, Found};
use super::sandbox;

/// Between two looks at a database that is not fit.
const DATABASE_PAUSE: Duration = Duration::from_secs(1);
/// First pause between two questions to an AWS that does not answer; it doubles.
const AWS_PAUSE: Duration = Duration::from_millis(500);
/// Longest such pause.
const AWS_PAUSE_MAX: Duration = Duration::from_secs(30);

/// Tells a state when it changes, and not again.
#[derive(Debug, Default)]
struct ChangeLogger {
    told: Option<String>,
}

impl ChangeLogger {
    fn log_change(&mut self, line: String) {
        if self.told.as_ref() != Some(&line) {
            tracing::warn!("{line}");
            self.told = Some(line);
        }
    }

    fn resolved(&self, line: &str) {
        if self.told.is_some() {
            tracing::info!("{line}");
        }
    }
}

/// Waits for a database that passes the guards, and says which AWS it belongs to; an unfit one is refused.
pub(super) async fn fit_database(
    store: &Store,
    wants_sandbox: bool,
) -> Result<Option<AwsAccount>, BadConfiguration> {
    let mut logger = ChangeLogger::default();
    loop {
        match guards::look_at_database(store, wants_sandbox).await? {
            Found::Fit(place) => {
                logger.resolved("the database is ready");
                return Ok(place);
            }
            Found::Away(why) => logger.log_change(format!(
                "the database does not answer ({why}); going on when it does"
            )),
            Found::NotMigrated => {
                logger
                    .log_change("the database is not migrated: run dax-provisioner migrate; going on when it is".to_owned());
            }
        }
        tokio::time::sleep(DATABASE_PAUSE).await;
    }
}

/// Waits for AWS to say who we are, and has the database agree.
pub(super) async fn known_aws(
    store: &Store,
    choice: &AwsChoice,
    clients: &Clients,
) -> Result<(Aws, AwsAccount), BadConfiguration> {
    let mut logger = ChangeLogger::default();
    let mut pause = AWS_PAUSE;
    loop {
        match meet(store, choice, clients).await {
            Ok(Ok(met)) => {
                logger.resolved("AWS answers; the workers begin");
                return Ok(met);
            }
            Ok(Err(refusal)) => return Err(refusal),
            Err(obstacle) => {
                if let Err(error) = store.explain_pending(obstacle.waiting_for).await {
                    tracing::debug!(%error, "pending operations do not say why they wait");
                }
                logger.log_change(format!(
                    "{}; operations are accepted and wait until this is mended",
                    obstacle.line
                ));
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(AWS_PAUSE_MAX);
    }
}

/// The AWS clients as far as they can be made before AWS has answered.
#[derive(Debug, Clone)]
pub(super) struct Clients {
    /// Clients that can be used; for a sandbox that has not answered yet, its id is not known to them.
    pub(super) aws: Aws,
}

impl Clients {
    /// Makes clients for real AWS or for the sandbox of this process.
    pub(super) async fn open(target: &Target) -> Self {
        Self {
            aws: Aws::open(target).await,
        }
    }

    /// Makes clients for a sandbox that runs on its own, which need not run yet.
    pub(super) async fn for_endpoint(endpoint: &Endpoint) -> Self {
        let health = sandbox::health(endpoint).await.ok();
        let (id, region) = health.map_or_else(
            || (String::new(), aws_sandbox::Settings::default().region),
            |health| (health.id, health.region),
        );
        Self::open(&sandbox::target(endpoint, id, region)).await
    }
}

/// Why AWS could not be met yet.
struct StartupError {
    line: String,
    waiting_for: WaitingFor,
}

impl StartupError {
    fn away(line: String) -> Self {
        Self {
            line,
            waiting_for: WaitingFor::Aws,
        }
    }

    fn of(fault: &Fault) -> Self {
        let waiting_for = if fault.class == FaultClass::Credentials {
            WaitingFor::Credentials
        } else {
            WaitingFor::Aws
        };
        Self {
            line: told(fault),
            waiting_for,
        }
    }
}

async fn meet(
    store: &Store,
    choice: &AwsChoice,
    clients: &Clients,
) -> Result<Result<(Aws, AwsAccount), BadConfiguration>, StartupError> {
    let aws = match choice {
        AwsChoice::Real | AwsChoice::Sandbox(_) => clients.aws.clone(),
        AwsChoice::Endpoint(endpoint) => {
            let health = sandbox::health(endpoint)
                .await
                .map_err(|error| StartupError::away(guards::chain(error.as_ref())))?;
            Aws::open(&sandbox::target(endpoint, health.id, health.region)).await
        }
    };
    let place = aws
        .place()
        .await
        .map_err(|fault| StartupError::of(&fault))?;
    let claimed = guards::claim_account(store, &place)
        .await
        .map_err(|error| StartupError::away(guards::chain(&error)))?;
    Ok(claimed.map(|()| (aws, place)))
}

/// What AWS clients need for a command that runs no sandbox of its own.
pub async fn client_target(choice: &AwsChoice) -> anyhow::Result<Target> {
    match choice {
        AwsChoice::Real | AwsChoice::Sandbox(_) => Ok(Target::Real { region: None }),
        AwsChoice::Endpoint(endpoint) => {
            let health = sandbox::health(endpoint).await?;
            Ok(sandbox::target(endpoint, health.id, health.region))
        }
    }
}

/// A fault in one line, without AWS's own message, which may hold what a log must not.
pub fn told(fault: &Fault) -> String {
    match &fault.aws {
        Some(refusal) => format!("AWS does not say who we are ({})", refusal.code),
        None => fault.detail.clone(),
    }
}
