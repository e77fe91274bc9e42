//! One target of this process: reaches its account, checks that it is the one, and runs its worker
//! while it stays so. A target that cannot be used holds its own operations back, and no others.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::aws::{AccountBudget, Aws};
use crate::config::{AwsChoice, BadConfiguration, Serve};
use crate::domain::installation::AwsAccount;
use crate::domain::problems::fault::{Fault, FaultClass};
use crate::domain::target::TargetStatus;
use crate::domain::waiting::WaitingFor;
use crate::inspections::Inspector;
use crate::operations::timing::{Settings, Timing};
use crate::operations::{RoleCandidates, StepEnvironment};
use crate::store::{Store, StoreError};
use crate::worker::Worker;

use super::guards;
use super::startup::{ChangeLogger, describe_fault};
use super::targets::{Place, TargetSettings, open_aws};

/// First pause between attempts to enter a target. It doubles up to [`RETRY_MAX`].
const RETRY: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(30);
/// Interval between two checks of a target that is ready.
const CHECK: Duration = Duration::from_secs(60);
/// The same in a sandbox.
const SANDBOX_CHECK: Duration = Duration::from_secs(1);
/// Checks in a row that must remain without an answer: operations wait for AWS by themselves.
const UNANSWERED_CHECKS: u32 = 3;

/// What every target uses.
pub(super) struct Shared {
    pub(super) serve: Serve,
    pub(super) store: Store,
    /// Whether the targets are those of an organisation. Otherwise there is one, and a wrong account
    /// ends the process.
    pub(super) has_organisation: bool,
    /// Whether many requests run in this process.
    pub(super) is_busy: watch::Receiver<bool>,
}

/// One target, while the organisation has it.
pub(super) struct Runner {
    pub(super) shared: Arc<Shared>,
    pub(super) store: Store,
    pub(super) settings: TargetSettings,
    pub(super) aws: Aws,
    pub(super) account: watch::Sender<Option<AwsAccount>>,
    pub(super) status: watch::Sender<TargetStatus>,
    pub(super) stop: CancellationToken,
}

/// Why a target cannot be used.
#[derive(Debug)]
struct Obstacle {
    status: TargetStatus,
    /// Without what AWS said, which names accounts and roles.
    logged: String,
    waiting_for: WaitingFor,
    /// Whether AWS refused, rather than did not answer.
    is_refused: bool,
}

impl Obstacle {
    fn unreachable(fault: &Fault) -> Self {
        let (is_refused, waiting_for) = match fault.class {
            FaultClass::Credentials | FaultClass::Permission | FaultClass::Invalid => {
                (true, WaitingFor::Credentials)
            }
            _ => (false, WaitingFor::Aws),
        };
        let logged = describe_fault(fault);
        let said = fault
            .aws
            .as_ref()
            .map(|error| format!(": {}", error.message));
        Self {
            status: TargetStatus::Unreachable(format!("{logged}{}", said.unwrap_or_default())),
            logged,
            waiting_for,
            is_refused,
        }
    }

    fn unanswered(reason: String) -> Self {
        Self {
            status: TargetStatus::Unreachable(reason.clone()),
            logged: reason,
            waiting_for: WaitingFor::Aws,
            is_refused: false,
        }
    }

    fn misconfigured(reason: String) -> Self {
        Self {
            status: TargetStatus::Misconfigured(reason),
            logged: "its account or Region is not the one that it had, or should have; \
                     `GET /v1/targets` says more"
                .to_owned(),
            waiting_for: WaitingFor::Operator,
            is_refused: true,
        }
    }

    fn of_database(error: &StoreError) -> Self {
        Self::unanswered(format!("the database: {}", guards::chain(error)))
    }
}

impl Runner {
    /// Runs until the target is stopped. Without an organisation, a database of another account is an
    /// error.
    pub(super) async fn run(self) -> Result<(), BadConfiguration> {
        let mut logger = ChangeLogger::default();
        let mut pause = RETRY;
        loop {
            let Some(entered) = self.stop.run_until_cancelled(self.enter()).await else {
                return Ok(());
            };
            let obstacle = match entered {
                Ok((aws, account)) => {
                    self.account.send_replace(Some(account.clone()));
                    self.status.send_replace(TargetStatus::Ready);
                    logger.resolved(&format!("{} can be used", self.subject()));
                    tracing::info!(target.name = self.store.target().as_str(), "ready");
                    tracing::debug!("using {account}");
                    pause = RETRY;
                    let Some(obstacle) = self.work(aws, account).await else {
                        return Ok(());
                    };
                    obstacle
                }
                Err(obstacle) => obstacle,
            };
            if let (false, TargetStatus::Misconfigured(reason)) =
                (self.shared.has_organisation, &obstacle.status)
            {
                return Err(BadConfiguration::because(reason.clone()));
            }
            self.hold(&obstacle).await;
            logger.log_change(format!(
                "{}: {}; operations are accepted but will not run until this is fixed",
                self.subject(),
                obstacle.logged
            ));
            self.status.send_replace(obstacle.status);
            let paused = self.stop.run_until_cancelled(tokio::time::sleep(pause));
            if paused.await.is_none() {
                return Ok(());
            }
            pause = (pause * 2).min(RETRY_MAX);
        }
    }

    fn subject(&self) -> String {
        if self.shared.has_organisation {
            format!("target {}", self.store.target())
        } else {
            "AWS".to_owned()
        }
    }

    /// Shows the operations of the target what they wait for.
    async fn hold(&self, obstacle: &Obstacle) {
        let reason = obstacle.waiting_for;
        let held = if self.shared.has_organisation {
            self.store.explain_held(reason).await
        } else {
            self.store.explain_pending(reason).await
        };
        if let Err(error) = held {
            tracing::debug!(%error, "could not record the wait reason of operations");
        }
    }

    /// The clients and the account, once AWS names the account that the target has.
    async fn enter(&self) -> Result<(Aws, AwsAccount), Obstacle> {
        let aws = self.clients().await?;
        let entered = aws.renew_session().await;
        entered.map_err(|fault| Obstacle::unreachable(&fault))?;
        let account = self.confirmed_account(&aws).await?;
        let bound = match self.store.claim_account(&account).await {
            Ok(bound) => bound,
            Err(error) if error.constraint() == Some("targets_place") => {
                return Err(Obstacle::misconfigured(format!(
                    "{account} belongs to another target in the database; give it that target's name, or \
                     rename that target with `dax-provisioner target rename`"
                )));
            }
            Err(error) => return Err(Obstacle::of_database(&error)),
        };
        if bound != account {
            return Err(Obstacle::misconfigured(
                guards::wrong_database(&bound, &account).to_string(),
            ));
        }
        Ok((aws, account))
    }

    /// The clients; for a separate sandbox those with its current ID.
    async fn clients(&self) -> Result<Aws, Obstacle> {
        let AwsChoice::Endpoint(endpoint) = &self.shared.serve.aws else {
            return Ok(self.aws.clone());
        };
        let health = super::sandbox::health(endpoint).await;
        let health = health.map_err(|error| Obstacle::unanswered(guards::chain(error.as_ref())))?;
        let place = Place::Sandbox(super::sandbox::target(endpoint, health.id, health.region));
        let region = self.settings.region.as_deref();
        open_aws(&place, region, &self.settings, AccountBudget::default())
            .await
            .map_err(|bad| Obstacle::misconfigured(bad.to_string()))
    }

    /// The account that AWS names, if it is the one of the settings.
    async fn confirmed_account(&self, aws: &Aws) -> Result<AwsAccount, Obstacle> {
        let account = aws.account().await;
        let account = account.map_err(|fault| Obstacle::unreachable(&fault))?;
        match &self.settings.account_id {
            Some(expected) if *expected != account.account_id => {
                Err(Obstacle::misconfigured(format!(
                    "AWS names the account {}, but `account_id` is {expected}",
                    account.account_id
                )))
            }
            Some(_) | None => Ok(account),
        }
    }

    /// Runs the worker until the target can no longer be used, and returns why; `None` if it is
    /// stopped. The worker ends its turns before.
    async fn work(&self, aws: Aws, account: AwsAccount) -> Option<Obstacle> {
        let stop = self.stop.child_token();
        let worker = self.worker(aws.clone(), account);
        let work = &self.shared.serve.work;
        let running = worker.map(|worker| {
            // Notifications are relayed once for all targets.
            tokio::spawn(worker.run(work.loops, false, stop.clone()))
        });
        let obstacle = self.stop.run_until_cancelled(self.watch(&aws)).await;
        stop.cancel();
        if let Some(running) = running {
            let _ = running.await;
        }
        obstacle
    }

    fn worker(&self, aws: Aws, account: AwsAccount) -> Option<Worker> {
        let serve = &self.shared.serve;
        if !serve.role.works() {
            return None;
        }
        let timing = Timing {
            cluster_poll: serve.work.poll_every,
            ..serve.aws.timing()
        };
        let name = format!("{}-{}", std::process::id(), uuid::Uuid::now_v7().simple());
        let inspector = Inspector::new(aws.clone());
        let environment = StepEnvironment {
            aws,
            account,
            settings: Settings {
                permissions_boundary: self.settings.permissions_boundary.clone(),
                other_boundaries: self.settings.other_boundaries.clone(),
                timing,
            },
            candidates: RoleCandidates::default(),
        };
        let worker = Worker::new(self.store.clone(), environment, inspector, name)
            .with_sweep_every(serve.work.sweep_every)
            .with_history_age(serve.work.history_age)
            .yielding_while(self.shared.is_busy.clone());
        Some(worker)
    }

    /// Checks the target at intervals. Returns when it can no longer be used. Without an organisation
    /// nothing is checked: operations report what AWS answers.
    async fn watch(&self, aws: &Aws) -> Obstacle {
        if !self.shared.has_organisation {
            return std::future::pending().await;
        }
        let interval = if self.shared.serve.aws.is_sandbox() {
            SANDBOX_CHECK
        } else {
            CHECK
        };
        let mut unanswered = 0;
        loop {
            tokio::time::sleep(interval).await;
            match self.check(aws).await {
                Ok(()) => unanswered = 0,
                Err(obstacle) => {
                    unanswered += 1;
                    if obstacle.is_refused || unanswered >= UNANSWERED_CHECKS {
                        aws.forget_sessions().await;
                        return obstacle;
                    }
                }
            }
        }
    }

    async fn check(&self, aws: &Aws) -> Result<(), Obstacle> {
        let renewed = aws.renew_session().await;
        renewed.map_err(|fault| Obstacle::unreachable(&fault))?;
        self.confirmed_account(aws).await.map(|_| ())
    }
}
