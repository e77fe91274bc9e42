//! ARN: the parts of an Amazon Resource Name, as in a message, and the rules of ARNs in settings.

use crate::domain::names::IAM_PATH;
use crate::domain::partitions;

/// Longest resource of an ARN that IAM accepts in a policy, in characters: a path of 512, a name of
/// 128, and the kind.
const RESOURCE_MAX: usize = 660;

/// The parts of an ARN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arn<'a> {
    /// Partition, such as `aws`.
    pub(super) partition: &'a str,
    /// Service, such as `iam`.
    pub(super) service: &'a str,
    /// Region; empty for IAM.
    pub(super) region: &'a str,
    /// Account; may be empty or masked.
    pub(super) account: &'a str,
    /// Everything after the account.
    pub(super) resource: &'a str,
}

impl<'a> Arn<'a> {
    /// The parts of a text that has the six parts of an ARN.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        match parts[..] {
            ["arn", partition, service, region, account, resource] => Some(Self {
                partition,
                service,
                region,
                account,
                resource,
            }),
            _ => None,
        }
    }

    /// Whether the resource is exactly one: without wildcards, policy variables and placeholders.
    pub(super) fn is_exact(&self) -> bool {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&byte);
        let is_plain_text = |text: &str| text.bytes().all(is_plain);
        let parts = [self.partition, self.service, self.region, self.account];
        (1..=RESOURCE_MAX).contains(&self.resource.len())
            && parts.into_iter().all(is_plain_text)
            && is_plain_text(self.resource)
    }
}

/// Whether this is an account ID: 12 digits.
pub fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether this is an IAM ARN whose resource begins with `kind`, of an account or of AWS itself.
pub fn is_iam_arn(text: &str, kind: &str) -> bool {
    let Some(arn) = Arn::parse(text) else {
        return false;
    };
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-/".contains(&byte);
    partitions::is_partition(arn.partition)
        && arn.service == "iam"
        && arn.region.is_empty()
        && (is_account_id(arn.account) || arn.account == "aws")
        && arn
            .resource
            .strip_prefix(kind)
            .is_some_and(|name| name.bytes().all(is_allowed) && !name.split('/').any(str::is_empty))
}

/// Whether an ARN can be that of a boundary. AWS managed policies are too broad. The service
/// creates and deletes policies under its own path, so a boundary there would not limit it.
pub fn is_boundary(arn: &str) -> bool {
    let own_path = format!(":policy{IAM_PATH}");
    is_iam_arn(arn, "policy/")
        && !arn.contains(":aws:policy/")
        && !arn.to_ascii_lowercase().contains(&own_path)
}

/// The rule of [`is_external_id`], for error texts.
pub const EXTERNAL_ID_RULE: &str =
    "must have 2 to 1224 letters, digits and characters of +=,.@:/-_";

/// Whether this can be an external ID (STS API reference, AssumeRole).
pub fn is_external_id(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@:/-_".contains(&byte);
    (2..=1_224).contains(&text.len()) && text.bytes().all(is_allowed)
}
