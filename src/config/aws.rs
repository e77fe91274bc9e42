//! Settings of AWS: the target and the permissions boundary.

use reqwest::Url;

use super::arguments::{BoundaryArguments, ClientArguments};
use super::operator::{PolicyArguments, TemplateArguments};
use super::reader::Reader;
use super::{SandboxChoice, Secret};
use crate::domain::iam::arn::{
    EXTERNAL_ID_RULE, is_account_id, is_boundary, is_external_id, is_iam_arn,
};
use crate::domain::partitions;
use crate::domain::partitions::partition_of;
use crate::domain::validation::fields::table_name;
use crate::operations::timing::Timing;

/// Access key ID and secret access key of the sandbox's administrator.
pub(super) const SANDBOX_KEY: &str = "sandbox";
/// Prefix of the SDK's variables that redirect calls away from AWS.
const SDK_ENDPOINT: &str = "AWS_ENDPOINT_URL";

/// The AWS that the service uses.
#[derive(Debug, Clone)]
pub enum AwsChoice {
    /// Real AWS, with the SDK's default credentials and Region.
    Real,
    /// A sandbox in this process.
    Sandbox(Box<SandboxChoice>),
    /// A sandbox in a separate process.
    Endpoint(Endpoint),
}

impl AwsChoice {
    /// Whether this is a sandbox, in this process or in another.
    pub fn is_sandbox(&self) -> bool {
        match self {
            Self::Real => false,
            Self::Sandbox(_) | Self::Endpoint(_) => true,
        }
    }

    /// The intervals and timeouts for this AWS.
    pub fn timing(&self) -> Timing {
        if self.is_sandbox() {
            Timing::SANDBOX
        } else {
            Timing::AWS
        }
    }
}

/// The endpoint of a sandbox in a separate process, on loopback.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// `http://127.0.0.1:<port>`, without a trailing slash.
    pub url: String,
    /// Access key ID of an identity in the sandbox.
    pub access_key_id: String,
    /// Secret access key of that identity.
    pub secret_access_key: Secret,
}

/// The AWS of a command that does not run a sandbox itself.
pub(super) fn client(flags: &ClientArguments, reader: &mut Reader<'_>) -> Option<AwsChoice> {
    let Some(url) = &flags.aws_endpoint else {
        reject_sdk_endpoints(reader);
        return Some(AwsChoice::Real);
    };
    let rule = "must be an http:// URL on loopback, such as http://127.0.0.1:4566; \
                omit it for real AWS";
    let url = reader.value("aws_endpoint", url, rule, loopback_url);
    let keys = sandbox_keys(reader);
    let ((access_key_id, secret_access_key), url) = keys.zip(url)?;
    Some(AwsChoice::Endpoint(Endpoint {
        url,
        access_key_id,
        secret_access_key,
    }))
}

fn reject_sdk_endpoints(reader: &mut Reader<'_>) {
    let names: Vec<String> = reader
        .environment
        .names()
        .filter(|name| name.starts_with(SDK_ENDPOINT))
        .map(str::to_owned)
        .collect();
    for name in names {
        reader.variable_error(
            &name,
            "redirects calls away from AWS; unset it, or use --aws-endpoint for a sandbox",
        );
    }
}

fn loopback_url(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let host = url.host_str()?;
    let plain = url.scheme() == "http"
        && url.path() == "/"
        && url.query().is_none()
        && url.username().is_empty();
    let address = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<std::net::IpAddr>();
    let local = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    (plain && local).then(|| url.as_str().trim_end_matches('/').to_owned())
}

fn sandbox_keys(reader: &mut Reader<'_>) -> Option<(String, Secret)> {
    let id = reader
        .environment
        .get("AWS_ACCESS_KEY_ID")
        .map(str::to_owned);
    let secret = reader.secret("AWS_SECRET_ACCESS_KEY");
    match (id, secret) {
        (Some(id), Some(secret)) => Some((id, secret)),
        (None, None) => Some((SANDBOX_KEY.to_owned(), Secret::new(SANDBOX_KEY))),
        (Some(_), None) => {
            reader.variable_error(
                "AWS_SECRET_ACCESS_KEY",
                "is not set, but AWS_ACCESS_KEY_ID is; set both or neither",
            );
            None
        }
        (None, Some(_)) => {
            reader.variable_error(
                "AWS_ACCESS_KEY_ID",
                "is not set, but AWS_SECRET_ACCESS_KEY is; set both or neither",
            );
            None
        }
    }
}

/// The setting `--permissions-boundary`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Boundary {
    /// Not set.
    Unset,
    /// `none`: the operator accepts that roles have no boundary.
    Waived,
    /// The ARN of the policy.
    Policy(String),
}

impl Boundary {
    /// The ARN of the policy, if there is one.
    pub fn arn(&self) -> Option<&str> {
        match self {
            Self::Unset | Self::Waived => None,
            Self::Policy(arn) => Some(arn),
        }
    }
}

pub(super) fn boundary(flags: &BoundaryArguments, reader: &mut Reader<'_>) -> Boundary {
    let rule = "must be the ARN of a customer managed policy outside of the path of this service, \
                such as arn:aws:iam::123456789012:policy/dax-provisioner-boundary, or none";
    match flags.permissions_boundary.as_deref() {
        None => Boundary::Unset,
        Some("none") => Boundary::Waived,
        Some(arn) => reader
            .value("permissions_boundary", arn, rule, |text| {
                is_boundary(text).then(|| Boundary::Policy(text.to_owned()))
            })
            .unwrap_or(Boundary::Unset),
    }
}

/// The same setting, where an operator must decide: without a boundary, the credentials of the
/// service are worth those of an administrator.
pub(super) fn required_boundary(flags: &BoundaryArguments, reader: &mut Reader<'_>) -> Boundary {
    if flags.permissions_boundary.is_none() {
        reader.error(
            "permissions_boundary",
            "is not set; create the policy that `policy --boundary` prints and set its ARN, or set \
             none to let the service's credentials become administrator of the account",
        );
    }
    boundary(flags, reader)
}

/// Validates the arguments of `policy`.
pub(super) fn check_policy(arguments: &PolicyArguments, reader: &mut Reader<'_>) {
    if arguments
        .account_id
        .as_deref()
        .is_some_and(|id| !is_account_id(id))
    {
        reader.error("account_id", "must be 12 digits");
    }
    if arguments
        .region
        .as_deref()
        .is_some_and(|region| partition_of(region).is_none())
    {
        reader.error("region", "must be a Region, such as us-east-1");
    }
    if arguments
        .partition
        .as_deref()
        .is_some_and(|partition| !partitions::is_partition(partition))
    {
        let rule = format!("must be one of {}", partitions::names());
        reader.error("partition", &rule);
    }
    if arguments
        .own_arn
        .as_deref()
        .is_some_and(|arn| !is_iam_arn(arn, "user/") && !is_iam_arn(arn, "role/"))
    {
        reader.error(
            "own_arn",
            "must be the ARN of a user or role, such as arn:aws:iam::123456789012:role/provisioner",
        );
    }
    let is_service_role = |arn: &String| {
        is_iam_arn(arn, "role/") && !arn.to_ascii_lowercase().contains(":role/aws-service-role/")
    };
    if !arguments.service_role_arn.iter().all(is_service_role) {
        reader.error(
            "service_role_arn",
            "must be the ARN of a role that is not service-linked, such as \
             arn:aws:iam::123456789012:role/dax",
        );
    }
    if !arguments.table.iter().all(|name| table_name(name).is_ok()) {
        reader.error(
            "table",
            "must be the name of a DynamoDB table, without wildcards",
        );
    }
}

/// Validates the arguments of `target template`.
pub(super) fn check_template(arguments: &TemplateArguments, reader: &mut Reader<'_>) {
    if partition_of(&arguments.region).is_none() {
        reader.error("region", "must be a Region, such as us-east-1");
    }
    let principal = &arguments.principal_arn;
    if !is_iam_arn(principal, "user/") && !is_iam_arn(principal, "role/") {
        reader.error(
            "principal_arn",
            "must be the ARN of a user or role, such as arn:aws:iam::123456789012:role/provisioner",
        );
    }
    let external_id = arguments.external_id.as_deref();
    if external_id.is_some_and(|text| !is_external_id(text)) {
        reader.error("external_id", EXTERNAL_ID_RULE);
    }
    let is_role = |arn: &String| is_iam_arn(arn, "role/");
    if !arguments.service_role_arn.iter().all(is_role) {
        reader.error("service_role_arn", "must be the ARN of a role");
    }
}
