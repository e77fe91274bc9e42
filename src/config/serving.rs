//! Settings of `serve` and `quickstart`: the door, the workers, and who may call.

use std::net::SocketAddr;
use std::time::Duration;

use crate::domain::iam::policies::Access;

use super::arguments::{QuickstartArguments, ServeArguments};
use super::reader::Reader;
use super::sandbox::{JOURNAL, SandboxTiming};
use super::variables::switch;
use super::{AwsChoice, Database, Embedded, SandboxChoice, aws, database, sandbox};

/// Settings of `serve`.
#[derive(Debug, Clone)]
pub struct Serve {
    /// What this process does.
    pub role: Role,
    /// Where callers come in.
    pub door: HttpConfig,
    /// How operations are worked on.
    pub work: Work,
    /// Which AWS.
    pub aws: AwsChoice,
    /// What a new role may do where a request names none; `None` refuses such a request.
    pub default_access: Option<Access>,
    /// The boundary for roles of ours.
    pub permissions_boundary: Option<String>,
    /// Which database.
    pub database: Database,
    /// Most connections to it.
    pub database_max_connections: u32,
    /// Where a private PostgreSQL and a sandbox keep what they know.
    pub embedded: Embedded,
}

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It answers callers.
    Api,
    /// It works on operations; its door answers probes and metrics only.
    Worker,
    /// Both.
    All,
}

impl Role {
    /// The word of the setting.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Worker => "worker",
            Self::All => "all",
        }
    }

    /// Whether it works on operations.
    pub fn works(self) -> bool {
        match self {
            Self::Api => false,
            Self::Worker | Self::All => true,
        }
    }
}

/// Where callers come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpConfig {
    /// Address and port; port 0 is any free one.
    pub listen: SocketAddr,
    /// Whether callers need a token.
    pub authentication: bool,
}

/// How operations are worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// How many at a time.
    pub loops: usize,
    /// Whether to listen for notifications beside polling.
    pub notify: bool,
    /// How often the sweep is done.
    pub sweep_every: Duration,
    /// How often all clusters are looked at while an operation waits for one; none means AWS's pace, or the sandbox's.
    pub poll_every: Option<Duration>,
}

/// The limits of the poll: AWS is not to be asked more often than it likes, nor so seldom that nobody learns anything.
const POLL_SECONDS: std::ops::RangeInclusive<f64> = 0.1..=300.0;

pub(super) fn of_serve(flags: &ServeArguments, reader: &mut Reader<'_>) -> Option<Serve> {
    let serving = &flags.serving;
    let listen = listen(&serving.listen, reader);
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
    let authentication = authentication(
        serving.authentication.as_deref(),
        flags.sandbox,
        listen,
        reader,
    );
    let loops = reader.number("worker_loops", &serving.worker_loops, 1, 64);
    let sweep = reader.number("sweep_seconds", &serving.sweep_seconds, 1, 86_400);
    let poll_every = poll_every(serving.poll_seconds.as_deref(), reader);
    let embedded = database::embedded(&flags.embedded);
    let aws = aws_of_serve(flags, &embedded, reader);
    let default_access = default_access(flags, reader);
    let permissions_boundary = aws::boundary(&flags.boundary, reader);
    let database = database::of_serve(flags.sandbox, flags.database.allow_embedded_db, reader);
    let connections = reader.number(
        "database_max_connections",
        &flags.database.database_max_connections,
        4,
        1_000,
    );
    Some(Serve {
        role: role?,
        door: HttpConfig {
            listen: listen?,
            authentication: authentication?,
        },
        work: Work {
            loops: usize::try_from(loops?).ok()?,
            notify: !serving.no_notify,
            sweep_every: Duration::from_secs(u64::from(sweep?)),
            poll_every: poll_every?,
        },
        aws: aws?,
        default_access,
        permissions_boundary,
        database: database?,
        database_max_connections: connections?,
        embedded,
    })
}

fn poll_every(text: Option<&str>, reader: &mut Reader<'_>) -> Option<Option<Duration>> {
    let Some(text) = text else { return Some(None) };
    let fits = |text: &str| {
        text.parse()
            .ok()
            .filter(|seconds| POLL_SECONDS.contains(seconds))
    };
    let seconds = reader.value(
        "poll_seconds",
        text,
        "must be a number of seconds from 0.1 to 300",
        fits,
    );
    seconds.map(|seconds| Some(Duration::from_secs_f64(seconds)))
}

pub(super) fn of_quickstart(flags: &QuickstartArguments, reader: &mut Reader<'_>) -> Option<Serve> {
    let listen = listen(&flags.listen, reader);
    if listen.is_some_and(|listen| !listen.ip().is_loopback()) {
        reader.fault(
            "listen",
            "quickstart asks nobody for a token, so it listens on loopback only; see serve",
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
        door: HttpConfig {
            listen: listen?,
            authentication: false,
        },
        work: Work {
            loops: 4,
            notify: true,
            sweep_every: Duration::from_secs(300),
            poll_every: None,
        },
        aws: AwsChoice::Sandbox(Box::new(SandboxChoice {
            settings: settings?,
            port: port?,
        })),
        default_access: Some(Access::ReadWrite),
        permissions_boundary: None,
        database: Database::Embedded,
        database_max_connections: 16,
        embedded,
    })
}

fn listen(text: &str, reader: &mut Reader<'_>) -> Option<SocketAddr> {
    reader.value(
        "listen",
        text,
        "must be an address and a port, such as 127.0.0.1:8080",
        |text| text.parse().ok(),
    )
}

/// Authentication is on unless it is switched off, which only loopback may; the sandbox on loopback is off by itself.
fn authentication(
    wish: Option<&str>,
    sandbox: bool,
    listen: Option<SocketAddr>,
    reader: &mut Reader<'_>,
) -> Option<bool> {
    let loopback = listen.is_some_and(|listen| listen.ip().is_loopback());
    let Some(wish) = wish else {
        return Some(!(sandbox && loopback));
    };
    let on = reader.value("authentication", wish, "must be on or off", switch)?;
    if !on && listen.is_some() && !loopback {
        reader.fault(
            "authentication",
            "off is for loopback only; --listen names an address that others can reach",
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
        reader.fault(
            "aws_endpoint",
            "--sandbox is given too; one of them can be AWS",
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

fn default_access(flags: &ServeArguments, reader: &mut Reader<'_>) -> Option<Access> {
    match flags.default_access.as_deref() {
        None => flags.sandbox.then_some(Access::ReadWrite),
        Some(word) => reader.value(
            "default_access",
            word,
            "must be read_only or read_write",
            |word| {
                [Access::ReadOnly, Access::ReadWrite]
                    .into_iter()
                    .find(|access| access_word(*access) == word)
            },
        ),
    }
}

/// The word of the setting.
pub(super) fn access_word(access: Access) -> &'static str {
    match access {
        Access::ReadOnly => "read_only",
        Access::ReadWrite => "read_write",
    }
}
