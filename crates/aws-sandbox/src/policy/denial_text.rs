//! AWS's messages for denied requests.

use super::evaluate::{Denial, DenySource};

/// AWS's message for a denied request. Without a `denial` it is the older form without a reason
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>).
///
/// `resource_text` is the resource as the service writes it: an ARN, `policy NAME` or `role NAME`.
/// DAX writes none.
pub fn denial_message(
    principal_arn: &str,
    action: &str,
    resource_text: Option<&str>,
    denial: Option<&Denial>,
) -> String {
    let resource = resource_text
        .map(|text| format!(" on resource: {text}"))
        .unwrap_or_default();
    let reason = denial
        .map(|denial| reason(action, denial))
        .unwrap_or_default();
    format!("User: {principal_arn} is not authorized to perform: {action}{resource}{reason}")
}

fn reason(action: &str, denial: &Denial) -> String {
    match denial {
        Denial::NoIdentityPolicy => {
            format!(" because no identity-based policy allows the {action} action")
        }
        Denial::NoPermissionsBoundary => {
            format!(" because no permissions boundary allows the {action} action")
        }
        Denial::NoSessionPolicy => format!(" because no session policy allows the {action} action"),
        Denial::NoServiceControlPolicy => {
            format!(" because no service control policy allows the {action} action")
        }
        Denial::ExplicitDeny(source) => {
            format!(" with an explicit deny in {}", policy_kind(*source))
        }
    }
}

fn policy_kind(source: DenySource) -> &'static str {
    match source {
        DenySource::IdentityPolicy => "an identity-based policy",
        DenySource::PermissionsBoundary => "a permissions boundary",
        DenySource::SessionPolicy => "a session policy",
        DenySource::ServiceControlPolicy => "a service control policy",
    }
}

#[cfg(test)]
mod tests {
    use super::{Denial, DenySource, denial_message};

    const ALICE: &str = "arn:aws:iam::123456789012:user/alice";

    #[test]
    fn denial_messages_match_those_of_aws() {
        let base = format!("User: {ALICE} is not authorized to perform: iam:CreatePolicy");
        let on_policy = Some("policy p");
        for (denial, reason) in [
            (None, ""),
            (
                Some(Denial::NoIdentityPolicy),
                " because no identity-based policy allows the iam:CreatePolicy action",
            ),
            (
                Some(Denial::NoPermissionsBoundary),
                " because no permissions boundary allows the iam:CreatePolicy action",
            ),
            (
                Some(Denial::NoSessionPolicy),
                " because no session policy allows the iam:CreatePolicy action",
            ),
            (
                Some(Denial::ExplicitDeny(DenySource::IdentityPolicy)),
                " with an explicit deny in an identity-based policy",
            ),
            (
                Some(Denial::ExplicitDeny(DenySource::PermissionsBoundary)),
                " with an explicit deny in a permissions boundary",
            ),
            (
                Some(Denial::ExplicitDeny(DenySource::SessionPolicy)),
                " with an explicit deny in a session policy",
            ),
        ] {
            let message = denial_message(ALICE, "iam:CreatePolicy", on_policy, denial.as_ref());
            assert_eq!(message, format!("{base} on resource: policy p{reason}"));
        }
        assert_eq!(denial_message(ALICE, "iam:CreatePolicy", None, None), base);
    }
}
