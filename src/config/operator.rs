//! Arguments of the operator's commands: `token`, `doctor` and `policy`.

use clap::{Args, Subcommand};

use super::arguments::{BoundaryArguments, ClientArguments};

/// The subcommands of `token`.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Create a token and print it; it cannot be printed again
    Create {
        /// Name of the token; operations show it as `token:<name>`
        name: String,
        /// Days until the token expires, 1 to 36500 [default: never]
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
        expires_days: Option<u32>,
        /// Replace the token with this name, which becomes invalid at once
        #[arg(long)]
        replace: bool,
    },
    /// List tokens with their dates; never prints the tokens themselves
    List,
    /// Revoke a token
    Revoke {
        /// Name of the token
        name: String,
    },
}

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArguments {
    /// List every permission that is allowed, instead of their number
    #[arg(long)]
    pub(super) verbose: bool,
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
    pub(super) aws: ClientArguments,
    #[command(flatten)]
    pub(super) boundary: BoundaryArguments,
}
