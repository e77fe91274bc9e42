//! Startup: waits until the database and AWS are reachable and pass the startup checks.
//!
//! Transient problems are logged once and retried; permanent ones end the process.

use std::time::Duration;

use crate::aws::{Aws, NO_CREDENTIALS, Target};
use crate::config::{AwsChoice, BadConfiguration, Endpoint};
use crate::domain::installation::AwsAccount;
use crate::domain::problems::fault::{Fault, FaultClass};
use crate::domain::waiting::WaitingFor;
use crate::store::Store;

use super::guards::{self, DatabaseState};
use super::sandbox;

const DATABASE_RETRY: Duration = Duration::from_secs(1);
/// First pause between attempts to reach AWS. It doubles up to [`AWS_RETRY_MAX`].
const AWS_RETRY: Duration = Duration::from_millis(500);
const AWS_RETRY_MAX: Duration = Duration::from_secs(30);

/// Logs a state once, when it changes.
#[derive(Debug, Default)]
struct ChangeLogger {
    logged: Option<String>,
}

impl ChangeLogger {
    fn log_change(&mut self, line: String) {
        if self.logged.as_ref() != Some(&line) {
            tracing::warn!("{line}");
            self.logged = Some(line);
        }
    }

    fn resolved(&self, line: &str) {
        if self.logged.is_some() {
            tracing::info!("{line}");
        }
    }
}

/// Waits until the database passes the startup checks. Returns the AWS account it is bound to.
pub(super) async fn await_database(
    store: &Store,
    wants_sandbox: bool,
) -> Result<Option<AwsAccount>, BadConfiguration> {
    let mut logger = ChangeLogger::default();
    loop {
        match guards::check_database(store, wants_sandbox).await? {
            DatabaseState::Ready(account) => {
                logger.resolved("the database is ready");
                return Ok(account);
            }
            DatabaseState::Unreachable(reason) => logger.log_change(format!(
                "the database is unreachable ({reason}); will retry"
            )),
            DatabaseState::NotMigrated => logger
                .log_change("the database is not migrated; run dax-provisioner migrate".to_owned()),
        }
        tokio::time::sleep(DATABASE_RETRY).await;
    }
}

/// Waits until AWS returns the identity of this service, and binds the database to its account.
pub(super) async fn await_aws(
    store: &Store,
    choice: &AwsChoice,
    clients: &Clients,
) -> Result<(Aws, AwsAccount), BadConfiguration> {
    let mut logger = ChangeLogger::default();
    let mut pause = AWS_RETRY;
    loop {
        match connect(store, choice, clients).await {
            Ok(Ok(connected)) => {
                logger.resolved("AWS is reachable");
                return Ok(connected);
            }
            Ok(Err(bad)) => return Err(bad),
            Err(problem) => {
                if let Err(error) = store.explain_pending(problem.waiting_for).await {
                    tracing::debug!(
                        %error,
                        "could not record the wait reason of pending operations"
                    );
                }
                logger.log_change(format!(
                    "{}; operations are accepted but will not run until this is fixed",
                    problem.reason
                ));
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(AWS_RETRY_MAX);
    }
}

/// AWS clients that exist before AWS is reachable.
#[derive(Debug, Clone)]
pub(super) struct Clients {
    /// Without the sandbox's id while a separate sandbox is unreachable.
    pub(super) aws: Aws,
}

impl Clients {
    pub(super) async fn open(target: &Target) -> Result<Self, BadConfiguration> {
        let aws = open_aws(target).await?;
        Ok(Self { aws })
    }

    /// Creates clients for a separate sandbox, which may not run yet.
    pub(super) async fn for_endpoint(endpoint: &Endpoint) -> Result<Self, BadConfiguration> {
        let health = sandbox::health(endpoint).await.ok();
        let (id, region) = health.map_or_else(
            || (String::new(), aws_sandbox::Settings::default().region),
            |health| (health.id, health.region),
        );
        Self::open(&sandbox::target(endpoint, id, region)).await
    }
}

/// A transient problem that delays the startup.
struct StartupError {
    reason: String,
    waiting_for: WaitingFor,
}

impl StartupError {
    fn unreachable(reason: String) -> Self {
        Self {
            reason,
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
            reason: describe_fault(fault),
            waiting_for,
        }
    }
}

async fn connect(
    store: &Store,
    choice: &AwsChoice,
    clients: &Clients,
) -> Result<Result<(Aws, AwsAccount), BadConfiguration>, StartupError> {
    let aws = match choice {
        AwsChoice::Real | AwsChoice::Sandbox(_) => clients.aws.clone(),
        AwsChoice::Endpoint(endpoint) => {
            let health = sandbox::health(endpoint)
                .await
                .map_err(|error| StartupError::unreachable(guards::chain(error.as_ref())))?;
            let target = sandbox::target(endpoint, health.id, health.region);
            match open_aws(&target).await {
                Ok(aws) => aws,
                Err(bad) => return Ok(Err(bad)),
            }
        }
    };
    let account = aws
        .account()
        .await
        .map_err(|fault| StartupError::of(&fault))?;
    let claimed = guards::claim_account(store, &account)
        .await
        .map_err(|error| StartupError::unreachable(guards::chain(&error)))?;
    Ok(claimed.map(|()| (aws, account)))
}

/// Opens the clients, or reports the endpoint of the AWS profile as an invalid setting.
pub async fn open_aws(target: &Target) -> Result<Aws, BadConfiguration> {
    Aws::open(target)
        .await
        .map_err(|error| BadConfiguration::because(error.to_string()))
}

/// The target of AWS clients for a command that does not run a sandbox.
pub async fn client_target(choice: &AwsChoice) -> anyhow::Result<Target> {
    match choice {
        AwsChoice::Real | AwsChoice::Sandbox(_) => Ok(Target::Real { region: None }),
        AwsChoice::Endpoint(endpoint) => {
            let health = sandbox::health(endpoint).await?;
            Ok(sandbox::target(endpoint, health.id, health.region))
        }
    }
}

/// One line for a failed GetCallerIdentity. It omits AWS's message, which may contain secrets.
pub fn describe_fault(fault: &Fault) -> String {
    match &fault.aws {
        // The SDK's own reason. One that quotes STS names roles and accounts, which no log contains.
        Some(error) if error.code == NO_CREDENTIALS && !error.message.contains("arn:") => {
            format!("no AWS credentials: {}", error.message)
        }
        Some(error) => format!("GetCallerIdentity failed ({})", error.code),
        None => fault.detail.clone(),
    }
}
