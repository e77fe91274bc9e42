//! Layer 1, AWS: the only user of the AWS SDK. It sends requests and classifies errors. It depends
//! on `domain` only.
//!
//! Every call is one attempt of at most 8 seconds. The SDK's retries are off, because the worker
//! records each attempt. The fault of a lost response to a mutation is
//! [`FaultClass::Ambiguous`](crate::domain::problems::fault::FaultClass).

use std::sync::Arc;
use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder as HttpClientBuilder, Connector};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::retry::RetryConfig;
use aws_types::service_config::ServiceConfigKey;

use crate::domain::installation::AwsAccount;
use crate::domain::problems::fault::{Fault, FaultClass};

mod budget;
mod dax;
mod dax_events;
mod fault;
mod iam;
mod identity;
mod lookups;
mod metrics;
mod send;
mod sessions;
mod simulate;

pub use budget::AccountBudget;
pub use dax::{ClusterTags, ParameterGroup, SubnetGroup};
pub use fault::NO_CREDENTIALS;
pub use iam::{Policy, Role, RoleSummary};
pub use identity::Caller;
pub use lookups::LOOKUPS_BUILT_IN;
pub use send::Effect;
pub use sessions::{RoleToAssume, WorkingSession};

use budget::Budget;
use metrics::CallObserver;
use sessions::{SessionCredentials, Sessions};

/// Maximum duration of a call, including the connection. Shorter than a lease, so a turn ends
/// within its lease.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(8);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The services whose endpoints a profile can replace, by the SDK's IDs. The last four serve the
/// credential chain.
const SERVICES: [&str; 8] = [
    "DAX", "DynamoDB", "EC2", "IAM", "STS", "SSO", "SSO OIDC", "Signin",
];

/// The AWS profile sends calls to an endpoint of its own. That endpoint would receive signed requests,
/// and could bind the database to another account.
#[derive(Debug, thiserror::Error)]
#[error(
    "`endpoint_url` in the AWS profile redirects calls of {service} away from AWS; remove it, or \
     use --aws-endpoint for a sandbox"
)]
pub struct EndpointInProfile {
    service: &'static str,
}

/// The AWS endpoint to use.
#[derive(Debug, Clone)]
pub enum Target {
    /// Real AWS, with the SDK's default credential chain.
    Real {
        /// The Region. `None` uses the SDK's default chain.
        region: Option<String>,
    },
    /// A sandbox on loopback, over plain HTTP, so this mode cannot reach real AWS.
    Sandbox {
        /// `http://127.0.0.1:<port>`.
        endpoint: String,
        /// The Region that the sandbox simulates.
        region: String,
        /// The access key ID of a sandbox identity.
        access_key_id: String,
        /// The secret access key of the sandbox identity.
        secret_access_key: String,
        /// The ID of the sandbox, by which a database recognises it.
        sandbox_id: String,
    },
}

impl Target {
    /// The same AWS in another Region, if one is given.
    pub fn in_region(&self, region: Option<&str>) -> Self {
        let mut target = self.clone();
        match (&mut target, region) {
            (Self::Real { region }, Some(other)) => *region = Some(other.to_owned()),
            (Self::Sandbox { region, .. }, Some(other)) => *region = other.to_owned(),
            (Self::Real { .. } | Self::Sandbox { .. }, None) => {}
        }
        target
    }
}

/// Clients for one AWS account and Region.
#[derive(Debug, Clone)]
pub struct Aws {
    iam: aws_sdk_iam::Client,
    dax: aws_sdk_dax::Client,
    sts: aws_sdk_sts::Client,
    lookups: lookups::Clients,
    region: Option<String>,
    sandbox_id: Option<String>,
    budget: Budget,
    /// `None` for the process's own credentials.
    sessions: Option<Arc<Sessions>>,
}

impl Aws {
    /// Creates clients with the process's own credentials. Sends no AWS request; the credential chain
    /// may read files. An error is permanent: the profile of real AWS has an endpoint of its own.
    pub async fn open(target: &Target) -> Result<Self, EndpointInProfile> {
        Self::open_in(target, None, AccountBudget::default()).await
    }

    /// The same, with the credentials of a role of the target account if one is given. The clients of
    /// one account share its budget.
    pub async fn open_in(
        target: &Target,
        role: Option<RoleToAssume>,
        account: AccountBudget,
    ) -> Result<Self, EndpointInProfile> {
        let (config, sandbox_id) = match target {
            Target::Real { region } => {
                let config = real_config(region.clone()).await;
                reject_endpoints(&config)?;
                (config, None)
            }
            Target::Sandbox { sandbox_id, .. } => {
                (sandbox_config(target).await, Some(sandbox_id.clone()))
            }
        };
        let budget = Budget::new(sandbox_id.is_none(), account);
        let client = config.http_client().unwrap_or_else(https_client);
        let config = config
            .into_builder()
            .http_client(budget.client(client))
            .build();
        let Some(role) = role else {
            return Ok(Self::of_config(&config, budget, sandbox_id, None));
        };
        let sts = aws_sdk_sts::config::Builder::from(&config);
        let sts = sts.interceptor(CallObserver(budget.clone())).build();
        let sts = aws_sdk_sts::Client::from_conf(sts);
        let config = config
            .into_builder()
            .identity_cache(IdentityCache::no_cache())
            .build();
        let sessions = Arc::new(Sessions::new(role, sts, config));
        let provider = SessionCredentials::reading(&sessions);
        Ok(Self::of_session(sessions, provider, budget, sandbox_id))
    }

    fn of_session(
        sessions: Arc<Sessions>,
        provider: SharedCredentialsProvider,
        budget: Budget,
        sandbox_id: Option<String>,
    ) -> Self {
        let config = sessions.config().clone().into_builder();
        let config = config.credentials_provider(provider).build();
        Self::of_config(&config, budget, sandbox_id, Some(sessions))
    }

    fn of_config(
        config: &SdkConfig,
        budget: Budget,
        sandbox_id: Option<String>,
        sessions: Option<Arc<Sessions>>,
    ) -> Self {
        Self {
            iam: aws_sdk_iam::Client::from_conf(
                aws_sdk_iam::config::Builder::from(config)
                    .interceptor(CallObserver(budget.clone()))
                    .build(),
            ),
            dax: aws_sdk_dax::Client::from_conf(
                aws_sdk_dax::config::Builder::from(config)
                    .interceptor(CallObserver(budget.clone()))
                    .build(),
            ),
            sts: aws_sdk_sts::Client::from_conf(
                aws_sdk_sts::config::Builder::from(config)
                    .interceptor(CallObserver(budget.clone()))
                    .build(),
            ),
            lookups: lookups::Clients::open(config, &budget),
            region: config.region().map(|region| region.as_ref().to_owned()),
            sandbox_id,
            budget,
            sessions,
        }
    }

    /// Whether the clients use the role of a target account, whose sessions can be narrowed.
    pub fn is_assumed(&self) -> bool {
        self.sessions.is_some()
    }

    /// Clients of a session that may change one cluster. The process's own credentials cannot be
    /// narrowed: without a role the clients are the same.
    pub fn working(&self, session: &WorkingSession) -> Self {
        let Some(sessions) = &self.sessions else {
            return self.clone();
        };
        sessions.working(session, |provider| {
            let (budget, sandbox_id) = (self.budget.clone(), self.sandbox_id.clone());
            Self::of_session(Arc::clone(sessions), provider, budget, sandbox_id)
        })
    }

    /// Enters the target again: a role that lost its trust is noticed while its sessions still last.
    pub async fn renew_session(&self) -> Result<(), Fault> {
        match &self.sessions {
            Some(sessions) => sessions.renew_reading().await,
            None => Ok(()),
        }
    }

    /// Forgets the sessions of the role, if there is one.
    pub async fn forget_sessions(&self) {
        if let Some(sessions) = &self.sessions {
            sessions.forget().await;
        }
    }

    /// The Region of the clients, if one is configured.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// The account and partition of the credentials, from `GetCallerIdentity`, which needs no
    /// permission.
    pub async fn account(&self) -> Result<AwsAccount, Fault> {
        let Some(region) = self.region.clone() else {
            return Err(Fault::new(
                FaultClass::Credentials,
                "no AWS Region is set; set AWS_REGION",
            ));
        };
        let caller = self.caller().await?;
        let partition = caller.arn.split(':').nth(1).unwrap_or("aws").to_owned();
        Ok(AwsAccount {
            sandbox_id: self.sandbox_id.clone(),
            account_id: caller.account_id,
            partition,
            region,
        })
    }
}

/// The SDK's own HTTPS client, with the proxy of the environment.
fn https_client() -> SharedHttpClient {
    HttpClientBuilder::new().build_with_connector_fn(|settings, components| {
        let mut builder = Connector::builder().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
        builder.set_connector_settings(settings.cloned());
        builder.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        builder.proxy_config(ProxyConfig::from_env()).build()
    })
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(ATTEMPT_TIMEOUT)
        .build()
}

async fn real_config(region: Option<String>) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .timeout_config(timeouts())
        .retry_config(RetryConfig::disabled());
    if let Some(region) = region {
        loader = loader.region(Region::new(region));
    }
    loader.load().await
}

/// Rejects `endpoint_url` in the selected profile or in its `services` section. The SDK's setting to
/// ignore it would not suffice: the STS client of its credential chain uses it all the same.
fn reject_endpoints(config: &SdkConfig) -> Result<(), EndpointInProfile> {
    let redirected = SERVICES.into_iter().find(|service| {
        // The name of the variable only keeps the SDK from reading its own: `src/config/` rejects
        // those.
        let key = ServiceConfigKey::builder()
            .service_id(service)
            .env("DAX_PROVISIONER_NO_ENDPOINT")
            .profile("endpoint_url")
            .build();
        let settings = config.service_config();
        settings.is_some_and(|settings| key.is_ok_and(|key| settings.load_config(key).is_some()))
    });
    redirected.map_or(Ok(()), |service| Err(EndpointInProfile { service }))
}

async fn sandbox_config(target: &Target) -> SdkConfig {
    let Target::Sandbox {
        endpoint,
        region,
        access_key_id,
        secret_access_key,
        ..
    } = target
    else {
        return real_config(None).await;
    };
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .endpoint_url(endpoint)
        .region(Region::new(region.clone()))
        .credentials_provider(Credentials::from_keys(
            access_key_id,
            secret_access_key,
            None,
        ))
        // No TLS and no proxy: `HTTP_PROXY` would otherwise apply to loopback as well.
        .http_client(HttpClientBuilder::new().build_http())
        .timeout_config(timeouts())
        .retry_config(RetryConfig::disabled())
        .load()
        .await
}
