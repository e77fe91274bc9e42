//! Arguments of the operator's commands: `health`, `token`, `organisation`, `doctor` and `policy`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand};

use super::arguments::{BoundaryArguments, ClientArguments};

/// The subcommands of `token`.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Create a token and print it; it cannot be printed again
    Create {
        /// Name of the token; operations show it as `token:<name>`
        name: String,
        /// Days until the token expires, 1 to 36500, or never
        #[arg(long, value_name = "DAYS", default_value = "365")]
        expires_days: TokenLifetime,
        /// A group of its caller, such as operators; can be repeated. Groups and
        /// projects have an effect only in an installation with --organisation
        #[arg(long, value_name = "GROUP")]
        group: Vec<String>,
        /// A project that its caller is limited to; can be repeated
        #[arg(long, value_name = "PROJECT")]
        project: Vec<String>,
        /// Let its caller name the person for whom a request is sent, with X-Requested-For
        #[arg(long)]
        acts_for: bool,
    },
    /// Give a token a new secret and print it; the token keeps its groups and its operations
    Rotate {
        /// Name of the token
        name: String,
        /// Days until the token expires, 1 to 36500, or never
        #[arg(long, value_name = "DAYS", default_value = "365")]
        expires_days: TokenLifetime,
    },
    /// List tokens with their dates; never prints the tokens themselves
    List,
    /// Revoke a token
    Revoke {
        /// Name of the token
        name: String,
    },
}

/// The subcommands of `audit`.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Print all records and seals as lines of JSON, oldest first; a seal follows what it seals
    Export,
    /// Check all sealed records and the chain of seals; exit code 1 with each fault
    Verify {
        /// A seal that was kept elsewhere, as the log of the service prints it
        #[arg(long, value_name = "NUMBER:SEAL")]
        anchor: Option<String>,
        /// File with a key that seals were made with; can be repeated
        #[arg(long, value_name = "PATH")]
        audit_key_file: Vec<String>,
    },
}

/// How long a new token is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenLifetime {
    /// Until this number of days has passed.
    Days(u16),
    /// Until it is revoked.
    Unlimited,
}

impl FromStr for TokenLifetime {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            _ if text == "never" => Ok(Self::Unlimited),
            Ok(days @ 1..=36_500) => Ok(Self::Days(days)),
            Ok(_) | Err(_) => Err("must be an integer from 1 to 36500, or never"),
        }
    }
}

/// The subcommands of `organisation`.
#[derive(Debug, Subcommand)]
pub enum OrganisationCommand {
    /// Validate a directory, run the tests of its policies, and report all its faults; exit code 78 if there are any
    Check {
        /// The directory with organisation.toml
        directory: PathBuf,
    },
    /// Print the Cedar schema that policies are validated against
    Schema,
    /// Print the policies of a directory that has none of its own
    Defaults,
}

/// The subcommands of `target`.
#[derive(Debug, Subcommand)]
pub enum TargetCommand {
    /// Print a CloudFormation template that sets up an account for a target
    Template(TemplateArguments),
    /// Rename a target in the database; every process must be stopped
    Rename {
        /// The name that the database has
        old: String,
        /// The name that the organisation has
        new: String,
    },
}

/// Arguments of `target template`.
#[derive(Debug, Args)]
pub struct TemplateArguments {
    /// Name of the target
    pub name: String,
    /// Region of the clusters, such as eu-west-1
    #[arg(long, value_name = "REGION")]
    pub region: String,
    /// The role or user of this service, which assumes the role of the target
    #[arg(long, value_name = "ARN")]
    pub principal_arn: String,
    /// The external ID in the trust policy of the role [default: a random one]
    #[arg(long, value_name = "TEXT")]
    pub external_id: Option<String>,
    /// An existing role that clusters may use; can be repeated
    #[arg(long, value_name = "ARN")]
    pub service_role_arn: Vec<String>,
    /// Whether to include the permissions of lookups in EC2 and DynamoDB [default: whether this
    /// program was built with them]
    #[arg(long, value_name = "true|false")]
    pub lookups: Option<bool>,
}

/// Arguments of `health`.
#[derive(Debug, Args)]
pub struct HealthArguments {
    /// Ask whether requests can be served, not only whether the process is alive
    #[arg(long)]
    pub(super) ready: bool,
    /// Address and port that the service listens on
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:8080",
        help_heading = "Serving"
    )]
    pub(super) listen: String,
}

/// The organisation of `doctor` and `policy`.
#[derive(Debug, Args)]
pub struct OrganisationArguments {
    /// One target of the organisation
    #[arg(long, value_name = "NAME")]
    pub(super) target: Option<String>,
    /// Directory with organisation.toml, which has the account, the Region and the boundary of each
    /// target
    #[arg(long, value_name = "DIRECTORY", help_heading = "AWS")]
    pub(super) organisation: Option<PathBuf>,
}

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArguments {
    /// List every permission that is allowed, instead of their number
    #[arg(long)]
    pub(super) verbose: bool,
    #[command(flatten)]
    pub(super) organisation: OrganisationArguments,
    #[command(flatten)]
    pub(super) aws: ClientArguments,
    #[command(flatten)]
    pub(super) boundary: BoundaryArguments,
}

/// Arguments of `policy`.
#[derive(Debug, Args)]
pub struct PolicyArguments {
    /// Print the permissions boundary of the service roles instead
    #[arg(long = "boundary")]
    pub boundary_policy: bool,
    /// A table that the boundary allows; can be repeated [default: every table of the Region]
    #[arg(long, value_name = "NAME", requires = "boundary_policy")]
    pub table: Vec<String>,
    /// Print the resource control policy that lets only AWS services assume the service roles; for
    /// AWS Organizations, which does not apply it to the management account
    #[arg(long, conflicts_with = "boundary_policy")]
    pub guard: bool,
    /// Account ID, 12 digits [default: the account of the credentials]
    #[arg(long, value_name = "DIGITS")]
    pub account_id: Option<String>,
    /// Region, such as us-east-1 [default: the SDK's Region]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// Partition, such as aws, aws-cn, aws-us-gov or aws-eusc [default: the partition of the Region]
    #[arg(long, value_name = "PARTITION")]
    pub partition: Option<String>,
    /// An existing role that clusters may use; can be repeated
    #[arg(long, value_name = "ARN")]
    pub service_role_arn: Vec<String>,
    /// Whether to include the permissions of lookups in EC2 and DynamoDB [default: whether this
    /// program was built with them]
    #[arg(long, value_name = "true|false")]
    pub lookups: Option<bool>,
    /// The user or role of this service; allows it to simulate its own policies, for preflights
    #[arg(long, value_name = "ARN")]
    pub own_arn: Option<String>,
    #[command(flatten)]
    pub(super) organisation: OrganisationArguments,
    #[command(flatten)]
    pub(super) aws: ClientArguments,
    #[command(flatten)]
    pub(super) boundary: BoundaryArguments,
}
