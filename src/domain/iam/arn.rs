//! ARN: the parts of an Amazon Resource Name, as in a message. They are not validated.

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
