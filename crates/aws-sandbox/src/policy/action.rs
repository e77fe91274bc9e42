//! Validation of the actions in a policy.

use super::document::DocumentFault;
use super::statement::PolicyType;

/// Rejects an action that is not `vendor:Name`, or that this type of policy cannot contain.
///
/// Like IAM, accepts an action that no service defines, such as `iam:AttachPolicy`. It grants
/// nothing.
pub(super) fn check_action(action: &str, policy_type: PolicyType) -> Result<(), DocumentFault> {
    if policy_type == PolicyType::Trust {
        return if [
            "sts:AssumeRole",
            "sts:AssumeRoleWithSAML",
            "sts:AssumeRoleWithWebIdentity",
            "sts:TagSession",
            "sts:SetSourceIdentity",
        ]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(action))
        {
            Ok(())
        } else {
            Err(DocumentFault::new(
                "AssumeRole policy may only specify STS AssumeRole actions.",
            ))
        };
    }
    if action == "*" {
        return Ok(());
    }
    let (vendor, name) = action
        .split_once(':')
        .ok_or_else(DocumentFault::no_vendor)?;
    if name.contains(':') {
        return Err(DocumentFault::new(
            "Actions/Condition can contain only one colon.",
        ));
    }
    if vendor.is_empty()
        || !vendor
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
    {
        return Err(DocumentFault::new(format!("Vendor {vendor} is not valid")));
    }
    if !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"*?-".contains(&byte))
    {
        Ok(())
    } else {
        Err(DocumentFault::syntax())
    }
}
