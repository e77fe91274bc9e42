//! Settings of `serve` and `quickstart`: the HTTP server, authentication and the workers.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::api::http::address::TrustedProxies;
use crate::domain::audit::AuditKey;
use crate::domain::iam::policies::Access;
use crate::domain::ingress::AllowedSources;
use crate::operations::timing::Timing;

use super::arguments::{QuickstartArguments, ServeArguments, ServingArguments};
use super::audit::key_of;
use super::operator::HealthArguments;
use super::reader::Reader;
use super::sandbox::{JOURNAL, SandboxTiming};
use super::variables::switch;
use super::webhooks::WebhookConfig;
use super::{AwsChoice, Database, Embedded, Health, SandboxChoice, aws, database, sandbox};

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Settings of `serve`.
#[derive(Debug, Clone)]
pub struct Serve {
    /// The components that this process runs.
    pub role: Role,
    /// Address and authentication of the HTTP server.
    pub http: HttpConfig,
    /// Settings of the workers.
    pub work: Work,
    /// The AWS that the service uses.
    pub aws: AwsChoice,
    /// Access of a new role if a request does not specify one; `None` rejects such a request.
    pub default_access: Option<Access>,
    /// ARN of the permissions boundary of roles that the service creates.
    pub permissions_boundary: Option<String>,
    /// The directory of the organisation, which then has the targets.
    pub organisation: Option<PathBuf>,
    /// The networks that ingress rules may admit.
    pub ingress_sources: AllowedSources,
    /// Settings of webhooks.
    pub webhooks: WebhookConfig,
    /// The key of seals of audit records.
    pub audit_key: Option<AuditKey>,
    /// The database of the service.
    pub database: Database,
    /// Size of the connection pool.
    pub database_max_connections: u32,
    /// Settings of the private PostgreSQL and of the sandbox's state.
    pub embedded: Embedded,
}

/// The components that a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The HTTP API.
    Api,
    /// Workers; the HTTP server has only probes and metrics.
    Worker,
    /// The HTTP API and workers.
    All,
}

impl Role {
    /// The value of the setting.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Worker => "worker",
            Self::All => "all",
        }
    }

    /// Whether the process runs workers.
    pub fn works(self) -> bool {
        match self {
            Self::Api => false,
            Self::Worker | Self::All => true,
        }
    }
}

/// Settings of the HTTP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// Address and port; port 0 selects a free port.
    pub listen: SocketAddr,
    /// Whether callers need a token.
    pub authentication: bool,
    /// Maximum number of connections of one client address; 0 is no limit.
    pub connections_per_address: usize,
    /// Address and port of a second listener, which then is the only one with `/metrics`.
    pub metrics_listen: Option<SocketAddr>,
    /// The proxies whose `X-Forwarded-For` counts.
    pub trusted_proxies: TrustedProxies,
}

/// Settings of the workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// Number of operations processed concurrently.
    pub loops: usize,
    /// Whether to use PostgreSQL notifications in addition to polling.
    pub notify: bool,
    /// Interval between orphan sweeps.
    pub sweep_every: Duration,
    /// Age at which finished operations are deleted.
    pub history_age: Duration,
    /// Interval at which all clusters are polled while an operation waits for one.
    pub poll_every: Duration,
}

/// Bounds of the poll interval, in seconds.
const POLL_SECONDS: std::ops::RangeInclusive<f64> = 0.1..=300.0;

pub(super) fn of_serve(flags: &ServeArguments, reader: &mut Reader<'_>) -> Option<Serve> {
    let serving = &flags.serving;
    let http = http(serving, flags.sandbox, reader);
    let role = reader.value(
        "role",
        &serving.role,
        "must be api, worker or all",
        |text| {
            [Role::Api, Role::Worker, Role::All]
                .into_iter()
                .find(|role| role.as_str() == text)
        },
    );
    let loops = reader.integer("worker_loops", &serving.worker_loops, 1, 64);
    let sweep = reader.integer("sweep_seconds", &serving.sweep_seconds, 1, 86_400);
    let history = reader.integer("history_days", &serving.history_days, 1, 36_500);
    let poll_every = poll_every(serving.poll_seconds.as_deref(), reader);
    let embedded = database::embedded(&flags.embedded);
    let aws = aws_of_serve(flags, &embedded, reader);
    let default_access = default_access(flags, reader);
    let permissions_boundary = permissions_boundary(aws.as_ref(), flags, reader);
    let ingress_sources = ingress_sources(&flags.ingress_sources, reader);
    let webhooks = WebhookConfig::of_serve(&flags.webhooks, reader);
    let audit_key = match serving.audit_key_file.as_deref() {
        None => Some(None),
        Some(path) => key_of("audit_key_file", path, AuditKey::parse, reader).map(Some),
    };
    let database = database::of_serve(flags.sandbox, flags.database.allow_embedded_db, reader);
    let connections = reader.integer(
        "database_max_connections",
        &flags.database.database_max_connections,
        4,
        1_000,
    );
    let aws = aws?;
    Some(Serve {
        role: role?,
        http: http?,
        work: Work {
            loops: usize::try_from(loops?).ok()?,
            notify: !serving.no_notify,
            sweep_every: Duration::from_secs(u64::from(sweep?)),
            history_age: DAY * history?,
            poll_every: poll_every?.unwrap_or(aws.timing().cluster_poll),
        },
        aws,
        default_access,
        permissions_boundary,
        organisation: flags.organisation.clone(),
        ingress_sources: ingress_sources?,
        webhooks: webhooks?,
        audit_key: audit_key?,
        database: database?,
        database_max_connections: connections?,
        embedded,
    })
}

fn http(serving: &ServingArguments, sandbox: bool, reader: &mut Reader<'_>) -> Option<HttpConfig> {
    let listen = address("listen", &serving.listen, reader);
    let authentication = authentication(serving.authentication.as_deref(), sandbox, listen, reader);
    let connections = reader.integer(
        "connections_per_address",
        &serving.connections_per_address,
        0,
        1_000_000,
    );
    let metrics_listen = match serving.metrics_listen.as_deref() {
        Some(text) => address("metrics_listen", text, reader).map(Some),
        None => Some(None),
    };
    let trusted_proxies = TrustedProxies::parse(&serving.trusted_proxies);
    if trusted_proxies.is_none() {
        reader.error(
            "trusted_proxies",
            "must be networks such as 10.0.0.0/8, separated by commas",
        );
    }
    Some(HttpConfig {
        listen: listen?,
        authentication: authentication?,
        connections_per_address: usize::try_from(connections?).ok()?,
        metrics_listen: metrics_listen?,
        trusted_proxies: trusted_proxies?,
    })
}

fn poll_every(text: Option<&str>, reader: &mut Reader<'_>) -> Option<Option<Duration>> {
    let Some(text) = text else { return Some(None) };
    let parse = |text: &str| {
        text.parse()
            .ok()
            .filter(|seconds| POLL_SECONDS.contains(seconds))
    };
    let seconds = reader.value(
        "poll_seconds",
        text,
        "must be a number of seconds from 0.1 to 300",
        parse,
    );
    seconds.map(|seconds| Some(Duration::from_secs_f64(seconds)))
}

pub(super) fn of_quickstart(flags: &QuickstartArguments, reader: &mut Reader<'_>) -> Option<Serve> {
    let listen = address("listen", &flags.listen, reader);
    if listen.is_some_and(|listen| !listen.ip().is_loopback()) {
        reader.error(
            "listen",
            "quickstart disables authentication and may only listen on loopback; use serve instead",
        );
    }
    let embedded = database::embedded(&flags.embedded);
    let journal = embedded.data_dir.join(JOURNAL);
    let settings = sandbox::settings(
        &flags.sandbox,
        &SandboxTiming::QUICKSTART,
        Some(journal),
        reader,
    );
    let port = sandbox::port("sandbox_port", &flags.sandbox_port.sandbox_port, reader);
    Some(Serve {
        role: Role::All,
        http: HttpConfig {
            listen: listen?,
            authentication: false,
            connections_per_address: 0,
            metrics_listen: None,
            trusted_proxies: TrustedProxies::default(),
        },
        work: Work {
            loops: 16,
            notify: true,
            sweep_every: Duration::from_secs(300),
            history_age: DAY * 400,
            poll_every: Timing::SANDBOX.cluster_poll,
        },
        aws: AwsChoice::Sandbox(Box::new(SandboxChoice {
            settings: settings?,
            port: port?,
        })),
        default_access: Some(Access::ReadWrite),
        permissions_boundary: None,
        organisation: None,
        ingress_sources: AllowedSources::default(),
        webhooks: WebhookConfig::default(),
        audit_key: None,
        database: Database::Embedded,
        database_max_connections: 16,
        embedded,
    })
}

/// Reads the settings of `health`.
pub(super) fn of_health(flags: &HealthArguments, reader: &mut Reader<'_>) -> Option<Health> {
    Some(Health {
        listen: address("listen", &flags.listen, reader)?,
        ready: flags.ready,
    })
}

fn address(id: &str, text: &str, reader: &mut Reader<'_>) -> Option<SocketAddr> {
    reader.value(
        id,
        text,
        "must be an address and a port, such as 127.0.0.1:8080",
        |text| text.parse().ok(),
    )
}

/// Authentication is on by default, and off by default for the sandbox on loopback. It can be
/// turned off on loopback only.
fn authentication(
    setting: Option<&str>,
    sandbox: bool,
    listen: Option<SocketAddr>,
    reader: &mut Reader<'_>,
) -> Option<bool> {
    let loopback = listen.is_some_and(|listen| listen.ip().is_loopback());
    let Some(setting) = setting else {
        return Some(!(sandbox && loopback));
    };
    let on = reader.value("authentication", setting, "must be on or off", switch)?;
    if !on && listen.is_some() && !loopback {
        reader.error(
            "authentication",
            "can be off on loopback only; set it to on, or change --listen",
        );
        return None;
    }
    Some(on)
}

fn aws_of_serve(
    flags: &ServeArguments,
    embedded: &Embedded,
    reader: &mut Reader<'_>,
) -> Option<AwsChoice> {
    if !flags.sandbox {
        return aws::client(&flags.aws, reader);
    }
    if flags.aws.aws_endpoint.is_some() {
        reader.error(
            "aws_endpoint",
            "cannot be combined with --sandbox; omit one of them",
        );
    }
    let journal = embedded.data_dir.join(JOURNAL);
    let settings = sandbox::settings(
        &flags.sandbox_times,
        &SandboxTiming::SERVE,
        Some(journal),
        reader,
    );
    let port = sandbox::port("sandbox_port", &flags.sandbox_port.sandbox_port, reader);
    Some(AwsChoice::Sandbox(Box::new(SandboxChoice {
        settings: settings?,
        port: port?,
    })))
}

/// The ARN of the boundary. Real AWS needs one, or the decision against one.
fn permissions_boundary(
    aws: Option<&AwsChoice>,
    flags: &ServeArguments,
    reader: &mut Reader<'_>,
) -> Option<String> {
    if flags.organisation.is_some() {
        reject_target_flags(flags, reader);
        return None;
    }
    let boundary = match aws {
        Some(AwsChoice::Real) => aws::required_boundary(&flags.boundary, reader),
        Some(AwsChoice::Sandbox(_) | AwsChoice::Endpoint(_)) | None => {
            aws::boundary(&flags.boundary, reader)
        }
    };
    boundary.arn().map(str::to_owned)
}

/// With an organisation these are settings of each target.
fn reject_target_flags(flags: &ServeArguments, reader: &mut Reader<'_>) {
    let rule = "cannot be combined with --organisation; set it for each target there";
    if flags.boundary.permissions_boundary.is_some() {
        reader.error("permissions_boundary", rule);
    }
    if flags.default_access.is_some() {
        reader.error("default_access", rule);
    }
}

fn ingress_sources(texts: &[String], reader: &mut Reader<'_>) -> Option<AllowedSources> {
    let parsed = AllowedSources::parse(texts);
    if parsed.is_none() {
        reader.error(
            "ingress_sources",
            "must be networks such as 10.0.0.0/8, separated by commas",
        );
    }
    parsed
}

fn default_access(flags: &ServeArguments, reader: &mut Reader<'_>) -> Option<Access> {
    match flags.default_access.as_deref() {
        None => flags.sandbox.then_some(Access::ReadWrite),
        Some(text) => reader.value(
            "default_access",
            text,
            "must be read_only or read_write",
            |text| {
                [Access::ReadOnly, Access::ReadWrite]
                    .into_iter()
                    .find(|access| <&str>::from(*access) == text)
            },
        ),
    }
}
