//! Startup: waits until the database and AWS are reachable and pass the startup checks.
//!
//! Transient problems are logged once and retried; permanent ones end the process.

use std::time::Duration;

use crate::aws::{Aws, NO_CREDENTIALS, Target};
use crate::config::{AwsChoice, BadConfiguration, Endpoint};
use crate::domain::problems::fault::Fault;
use crate::store::Store;

use super::guards::{self, Bound, DatabaseState};
use super::sandbox;
use super::targets::Place;

const DATABASE_RETRY: Duration = Duration::from_secs(1);

/// Logs a state once, when it changes.
#[derive(Debug, Default)]
pub(super) struct ChangeLogger {
    logged: Option<String>,
}

impl ChangeLogger {
    pub(super) fn log_change(&mut self, line: String) {
        if self.logged.as_ref() != Some(&line) {
            tracing::warn!("{line}");
            self.logged = Some(line);
        }
    }

    pub(super) fn resolved(&mut self, line: &str) {
        if self.logged.take().is_some() {
            tracing::info!("{line}");
        }
    }
}

/// Waits until the database passes the startup checks. Returns the targets that it has bound.
pub(super) async fn await_database(
    store: &Store,
    wants_sandbox: bool,
) -> Result<Bound, BadConfiguration> {
    let mut logger = ChangeLogger::default();
    loop {
        match guards::check_database(store, wants_sandbox).await? {
            DatabaseState::Ready(bound) => {
                logger.resolved("the database is ready");
                return Ok(bound);
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

/// The place of a separate sandbox, which may not run yet: then it has no ID.
pub(super) async fn place_of(endpoint: &Endpoint) -> Place {
    let health = sandbox::health(endpoint).await.ok();
    let (id, region) = health.map_or_else(
        || (String::new(), aws_sandbox::Settings::default().region),
        |health| (health.id, health.region),
    );
    Place::Sandbox(sandbox::target(endpoint, id, region))
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

/// One line for a failed GetCallerIdentity or AssumeRole. It omits AWS's message, which may contain
/// secrets.
pub fn describe_fault(fault: &Fault) -> String {
    match &fault.aws {
        // The SDK's own reason. One that quotes STS names roles and accounts, which no log contains.
        Some(error) if error.code == NO_CREDENTIALS && !error.message.contains("arn:") => {
            format!("no AWS credentials: {}", error.message)
        }
        Some(error) => format!("{} failed ({})", error.operation, error.code),
        None => fault.detail.clone(),
    }
}
