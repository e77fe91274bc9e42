//! The role that DAX assumes to reach DynamoDB: may the caller pass it, can DAX assume it?

use crate::authority::Ask;
use crate::dax::messages::invalid_value;
use crate::faults::FaultKind;
use crate::policy::document::Document;
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::service::Service;

const DAX: &str = "dax.amazonaws.com";

/// Asks for `iam:PassRole` to DAX, which is no call of its own but a part of CreateCluster.
pub(super) fn authorize_pass_role(turn: &mut Turn<'_>, arn: &str) -> Result<(), ServiceFault> {
    let mut ask = Ask::on("iam:PassRole", arn).with("iam:PassedToService", DAX);
    if let Some(role) = turn.state.role_by_arn(arn) {
        ask = ask.resource_tags(Service::Iam, &role.tags);
    }
    turn.authorize(&ask)
}

/// The role must exist, trust DAX, and its last change must have reached DAX; DAX does not say which of them failed.
pub(super) fn assume(turn: &Turn<'_>, arn: &str) -> Result<(), ServiceFault> {
    let is_refused = turn
        .injected
        .is_some_and(|injected| injected.kind == FaultKind::NotAssumable);
    let trusts_dax =
        |trust: &str| Document::parse_trust(trust).is_ok_and(|trust| trust.trusts_service(DAX));
    let role = turn.state.role_by_arn(arn);
    match role {
        Some(role) if !is_refused && role.assumable_at <= turn.now && trusts_dax(&role.trust) => {
            Ok(())
        }
        _ => Err(invalid_value(format!(
            "No permission to assume role: {arn}"
        ))),
    }
}
