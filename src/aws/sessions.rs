//! Sessions of the role of a target account: credentials that are assumed, refreshed ahead, and
//! narrowed by a session policy. They are neither logged nor stored.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};

use crate::domain::problems::fault::Fault;

use super::Aws;
use super::fault::Call;

/// How long a session lasts: the most of a chained role (IAM user guide, "Role chaining").
const DURATION: Duration = Duration::from_secs(3_600);
/// A session with less time left is replaced. While the new one fails, the old one is used.
const REFRESH_AHEAD: Duration = Duration::from_secs(900);
/// A session with less time left is not used: a call takes up to eight seconds.
const UNUSABLE: Duration = Duration::from_secs(30);
/// Pause between two attempts to replace a session that is still usable.
const RETRY: Duration = Duration::from_secs(30);
/// Most clients of working sessions that are kept.
const WORKING_MAX: usize = 64;

/// The role of a target account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleToAssume {
    /// Its ARN.
    pub arn: String,
    /// The external ID that its trust policy asks for.
    pub external_id: String,
    /// The session policy of reads, as JSON.
    pub reading: String,
}

/// A session that may change one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkingSession {
    /// The name of the cluster, which names the session.
    pub cluster: String,
    /// The session policy, as JSON.
    pub policy: String,
}

/// How the clients of one target get their sessions.
#[derive(Debug)]
pub(super) struct Sessions {
    role: RoleToAssume,
    /// Signs with the process's own credentials.
    sts: aws_sdk_sts::Client,
    /// Without credentials.
    config: SdkConfig,
    reading: Arc<Session>,
    working: Mutex<VecDeque<(WorkingSession, Aws)>>,
}

/// One session and its credentials.
#[derive(Debug)]
struct Session {
    name: String,
    policy: String,
    current: tokio::sync::Mutex<Current>,
}

#[derive(Debug, Default)]
struct Current {
    credentials: Option<(Credentials, Instant)>,
    failed_at: Option<Instant>,
}

impl Current {
    /// The credentials if they have at least this much time left.
    fn with(&self, left: Duration) -> Option<Credentials> {
        let (credentials, expires) = self.credentials.as_ref()?;
        (*expires > Instant::now() + left).then(|| credentials.clone())
    }
}

/// The credentials of one session, for the SDK.
#[derive(Debug)]
pub(super) struct SessionCredentials {
    sessions: Arc<Sessions>,
    session: Arc<Session>,
}

impl ProvideCredentials for SessionCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.provide())
    }
}

impl SessionCredentials {
    pub(super) fn reading(sessions: &Arc<Sessions>) -> SharedCredentialsProvider {
        Self::of(sessions, Arc::clone(&sessions.reading))
    }

    fn of(sessions: &Arc<Sessions>, session: Arc<Session>) -> SharedCredentialsProvider {
        let sessions = Arc::clone(sessions);
        SharedCredentialsProvider::new(Self { sessions, session })
    }

    async fn provide(&self) -> provider::Result {
        let mut current = self.session.current.lock().await;
        if let Some(credentials) = current.with(REFRESH_AHEAD) {
            return Ok(credentials);
        }
        let tried_lately = current.failed_at.is_some_and(|at| at.elapsed() < RETRY);
        if let Some(credentials) = current.with(UNUSABLE).filter(|_| tried_lately) {
            return Ok(credentials);
        }
        match self.sessions.assume(&self.session, &mut current).await {
            Ok(credentials) => Ok(credentials),
            Err(fault) => current
                .with(UNUSABLE)
                .ok_or_else(|| CredentialsError::provider_error(AssumeError(fault))),
        }
    }
}

/// The role could not be assumed.
#[derive(Debug, thiserror::Error)]
#[error("{}{}", .0.detail, message(.0))]
struct AssumeError(Fault);

fn message(fault: &Fault) -> String {
    let message = fault.aws.as_ref().map(|aws| format!(": {}", aws.message));
    message.unwrap_or_default()
}

impl Sessions {
    pub(super) fn new(role: RoleToAssume, sts: aws_sdk_sts::Client, config: SdkConfig) -> Self {
        let reading = Session {
            name: "dax-provisioner".to_owned(),
            policy: role.reading.clone(),
            current: tokio::sync::Mutex::default(),
        };
        Self {
            role,
            sts,
            config,
            reading: Arc::new(reading),
            working: Mutex::default(),
        }
    }

    pub(super) fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// A new session, which replaces the one that the clients of reads use.
    pub(super) async fn renew_reading(&self) -> Result<(), Fault> {
        let mut current = self.reading.current.lock().await;
        self.assume(&self.reading, &mut current).await.map(|_| ())
    }

    /// Forgets every session: the target must be entered again.
    pub(super) async fn forget(&self) {
        *self.reading.current.lock().await = Current::default();
        self.working
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// The clients of a working session, of which the least recently used ones are dropped.
    pub(super) fn working(
        self: &Arc<Self>,
        wanted: &WorkingSession,
        open: impl FnOnce(SharedCredentialsProvider) -> Aws,
    ) -> Aws {
        let mut working = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        let known = working.iter().position(|(session, _)| session == wanted);
        let entry = known.and_then(|at| working.remove(at)).unwrap_or_else(|| {
            let session = Session {
                name: format!("dax-provisioner-{}", wanted.cluster),
                policy: wanted.policy.clone(),
                current: tokio::sync::Mutex::default(),
            };
            (
                wanted.clone(),
                open(SessionCredentials::of(self, Arc::new(session))),
            )
        });
        let aws = entry.1.clone();
        working.push_back(entry);
        if working.len() > WORKING_MAX {
            working.pop_front();
        }
        aws
    }

    /// sts AssumeRole, at the endpoint of the target's Region.
    async fn assume(&self, session: &Session, current: &mut Current) -> Result<Credentials, Fault> {
        let begun = Instant::now();
        let call = Call::read("sts", "AssumeRole", Some(self.role.arn.clone()));
        let request = self
            .sts
            .assume_role()
            .role_arn(&self.role.arn)
            .role_session_name(&session.name)
            .external_id(&self.role.external_id)
            .duration_seconds(DURATION.as_secs().try_into().unwrap_or(i32::MAX))
            .policy(&session.policy);
        let answer = call.response(request.send()).await;
        let answer = answer.inspect_err(|fault| {
            current.failed_at = Some(begun);
            tracing::debug!(detail = fault.detail, "cannot assume the role of a target");
        })?;
        if let Some(percent) = answer.session_token_utilization {
            metrics::gauge!("dax_provisioner_session_token_utilization_percent")
                .set(f64::from(percent));
        }
        let assumed = call.member(answer.credentials, "Credentials")?;
        let credentials = Credentials::new(
            assumed.access_key_id,
            assumed.secret_access_key,
            Some(assumed.session_token),
            None,
            "AssumeRole",
        );
        *current = Current {
            credentials: Some((credentials.clone(), begun + DURATION)),
            failed_at: None,
        };
        Ok(credentials)
    }
}
