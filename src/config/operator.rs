//! The command line of the operator's commands: tokens, checks and policies.

use clap::{Args, Subcommand};

use super::arguments::{BoundaryArguments, ClientArguments};

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token and print it, once
    Create {
        /// Its name, which operations show as `token:<name>`
        name: String,
        /// Days until it ends [default: never]
        #[arg(long, value_name = "DAYS")]
        expires_days: Option<u32>,
        /// Replace the token of that name, which ends at once
        #[arg(long)]
        replace: bool,
    },
    /// List the tokens: names and dates, never the tokens themselves
    List,
    /// End a token
    Revoke {
        /// Its name
        name: String,
    },
}

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArguments {
    #[command(flatten)]
    pub(super) aws: ClientArguments,
    #[command(flatten)]
    pub(super) boundary: BoundaryArguments,
}

/// Arguments of `policy`.
#[derive(Debug, Args)]
pub struct PolicyArguments {
    /// Print the permissions boundary for the roles instead
    #[arg(long = "boundary")]
    pub boundary_policy: bool,
    /// The account, 12 digits [default: asked from AWS]
    #[arg(long, value_name = "DIGITS")]
    pub account_id: Option<String>,
    /// The Region [default: the SDK's]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// aws, aws-cn or aws-us-gov [default: asked from AWS]
    #[arg(long, value_name = "PARTITION")]
    pub partition: Option<String>,
    /// A role that clusters may be given; may be repeated
    #[arg(long, value_name = "ARN")]
    pub service_role_arn: Vec<String>,
    /// Whether the service looks things up in EC2 and DynamoDB [default: as this program is built]
    #[arg(long, value_name = "true|false")]
    pub lookups: Option<bool>,
    /// The service's own user or role, whose policies it may then simulate, as preflights do
    #[arg(long, value_name = "ARN")]
    pub own_arn: Option<String>,
    #[command(flatten)]
    pub(super) aws: ClientArguments,
    #[command(flatten)]
    pub(super) boundary: BoundaryArguments,
}
