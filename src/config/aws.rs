//! Settings of AWS: which one, and what roles of ours must carry.

use reqwest::Url;

use super::arguments::{BoundaryArguments, ClientArguments};
use super::operator::PolicyArguments;
use super::reader::Reader;
use super::{SandboxChoice, Secret};

/// The key of the sandbox's administrator, and its secret.
pub(super) const SANDBOX_KEY: &str = "sandbox";
/// Variables of the SDK that would turn it away from AWS.
const STRAY_ENDPOINT: &str = "AWS_ENDPOINT_URL";

/// Which AWS to talk to.
#[derive(Debug, Clone)]
pub enum AwsChoice {
    /// Real AWS, by the SDK's default chain.
    Real,
    /// A sandbox in this process.
    Sandbox(Box<SandboxChoice>),
    /// A sandbox that runs on its own.
    Endpoint(Endpoint),
}

impl AwsChoice {
    /// Whether this is some sandbox.
    pub fn is_sandbox(&self) -> bool {
        match self {
            Self::Real => false,
            Self::Sandbox(_) | Self::Endpoint(_) => true,
        }
    }
}

/// A sandbox that runs on its own, on loopback.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// `http://127.0.0.1:<port>`, without a slash at its end.
    pub url: String,
    /// Access key id.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: Secret,
}

/// The choice of a client: real AWS, or a sandbox that runs on its own.
pub(super) fn client(flags: &ClientArguments, reader: &mut Reader<'_>) -> Option<AwsChoice> {
    let Some(url) = &flags.aws_endpoint else {
        refuse_stray_endpoints(reader);
        return Some(AwsChoice::Real);
    };
    let rule =
        "must be http:// on loopback, such as http://127.0.0.1:4566; for real AWS leave it out";
    let url = reader.value("aws_endpoint", url, rule, loopback_url);
    let keys = sandbox_keys(reader);
    let ((access_key_id, secret_access_key), url) = keys.zip(url)?;
    Some(AwsChoice::Endpoint(Endpoint {
        url,
        access_key_id,
        secret_access_key,
    }))
}

fn refuse_stray_endpoints(reader: &mut Reader<'_>) {
    let stray: Vec<String> = reader
        .environment
        .names()
        .filter(|name| name.starts_with(STRAY_ENDPOINT))
        .map(str::to_owned)
        .collect();
    for name in stray {
        reader.variable_fault(
            &name,
            "is set, and what it names is not AWS; unset it, or pass --aws-endpoint instead",
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
            reader.variable_fault(
                "AWS_SECRET_ACCESS_KEY",
                "is not set, but AWS_ACCESS_KEY_ID is; set both or none",
            );
            None
        }
        (None, Some(_)) => {
            reader.variable_fault(
                "AWS_ACCESS_KEY_ID",
                "is not set, but AWS_SECRET_ACCESS_KEY is; set both or none",
            );
            None
        }
    }
}

pub(super) fn boundary(flags: &BoundaryArguments, reader: &mut Reader<'_>) -> Option<String> {
    let arn = flags.permissions_boundary.as_deref()?;
    let rule = "must be the ARN of a policy of the account's own, such as \
                arn:aws:iam::123456789012:policy/dax-provisioner-boundary";
    // AWS's own policies bound nobody enough: AdministratorAccess is one of them.
    let own = |text: &str| is_iam_arn(text, "policy/") && !text.contains(":aws:policy/");
    reader.value("permissions_boundary", arn, rule, |text| {
        own(text).then(|| text.to_owned())
    })
}

/// Checks what `policy` was given about the account.
pub(super) fn check_policy(arguments: &PolicyArguments, reader: &mut Reader<'_>) {
    if arguments
        .account_id
        .as_deref()
        .is_some_and(|id| !is_account(id))
    {
        reader.fault("account_id", "must be 12 digits");
    }
    let word = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if arguments
        .region
        .as_deref()
        .is_some_and(|region| !word(region))
    {
        reader.fault("region", "must be a Region, such as us-east-1");
    }
    if arguments
        .partition
        .as_deref()
        .is_some_and(|partition| !["aws", "aws-cn", "aws-us-gov"].contains(&partition))
    {
        reader.fault("partition", "must be aws, aws-cn or aws-us-gov");
    }
    if arguments
        .own_arn
        .as_deref()
        .is_some_and(|arn| !is_iam_arn(arn, "user/") && !is_iam_arn(arn, "role/"))
    {
        reader.fault(
            "own_arn",
            "must be the ARN of a user or role, such as arn:aws:iam::123456789012:role/provisioner",
        );
    }
    if !arguments
        .service_role_arn
        .iter()
        .all(|arn| is_iam_arn(arn, "role/"))
    {
        reader.fault(
            "service_role_arn",
            "must be the ARN of a role, such as arn:aws:iam::123456789012:role/dax",
        );
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether this is an IAM ARN of that kind, in an account or AWS's own (policies that AWS manages).
fn is_iam_arn(text: &str, kind: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [arn, partition, service, region, account, resource] = parts.as_slice() else {
        return false;
    };
    let clean = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-/".contains(&byte);
    *arn == "arn"
        && ["aws", "aws-cn", "aws-us-gov"].contains(partition)
        && *service == "iam"
        && region.is_empty()
        && (is_account(account) || *account == "aws")
        && resource
            .strip_prefix(kind)
            .is_some_and(|name| !name.is_empty() && name.bytes().all(clean))
}
