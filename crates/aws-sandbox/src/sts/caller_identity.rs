//! GetCallerIdentity, which needs no permission and works even under an explicit deny.

use serde::Serialize;

use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::form::Form;
use crate::wire::xml::element;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GetCallerIdentityResult<'a> {
    arn: &'a str,
    user_id: &'a str,
    account: &'a str,
}

pub(super) fn get_caller_identity(
    turn: &mut Turn<'_>,
    _form: &Form,
) -> Result<String, ServiceFault> {
    let result = GetCallerIdentityResult {
        arn: &turn.caller.arn,
        user_id: &turn.caller.user_id,
        account: turn.caller.account_id(),
    };
    element("GetCallerIdentityResult", &result)
}
