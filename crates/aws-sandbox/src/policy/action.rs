//! What IAM accepts as an action in a policy.

use super::document::DocumentFault;
use super::statement::Place;

/// Refuses an action that is no `vendor:Name`, or that a document of this kind may not hold. An action that no service
/// knows, such as `iam:AttachPolicy`, is accepted and grants nothing, as in IAM.
pub(super) fn check_action(action: &str, place: Place) -> Result<(), DocumentFault> {
    if place == Place::Trust {
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
            .all(|byte| byte.is_ascii_alphanumeric() || b"*?".contains(&byte))
    {
        Ok(())
    } else {
        Err(DocumentFault::syntax())
    }
}
