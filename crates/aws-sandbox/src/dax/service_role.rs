//! The role that DAX assumes to access DynamoDB: authorization to pass it, and assuming it.

use crate::authorization::AccessRequest;
use crate::dax::messages::invalid_value;
use crate::faults::FaultKind;
use crate::policy::document::Document;
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::service::Service;

const DAX: &str = "dax.amazonaws.com";

/// Authorizes `iam:PassRole` to DAX. PassRole is not an API call but a part of CreateCluster.
pub(super) fn authorize_pass_role(turn: &mut Turn<'_>, arn: &str) -> Result<(), ServiceFault> {
    let mut access = AccessRequest::on("iam:PassRole", arn).with("iam:PassedToService", DAX);
    if let Some(role) = turn.iam.role_by_arn(arn) {
        access = access.resource_tags(Service::Iam, &role.tags);
    }
    turn.authorize(&access)
}

/// The role must exist and trust DAX, and its last change must have propagated to DAX. DAX's error
/// is the same in all three cases.
pub(super) fn assume(turn: &Turn<'_>, arn: &str) -> Result<(), ServiceFault> {
    let is_injected = turn
        .injected
        .is_some_and(|injected| injected.kind == FaultKind::NotAssumable);
    let trusts_dax =
        |trust: &str| Document::parse_trust(trust).is_ok_and(|trust| trust.trusts_service(DAX));
    let role = turn.iam.role_by_arn(arn);
    match role {
        Some(role) if !is_injected && role.assumable_at <= turn.now && trusts_dax(&role.trust) => {
            Ok(())
        }
        _ => Err(invalid_value(format!(
            "No permission to assume role: {arn}"
        ))),
    }
}
