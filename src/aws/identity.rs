//! The identity of the service's credentials.

use crate::domain::problems::fault::Fault;

use super::Aws;
use super::fault::Call;

/// The identity reported by STS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The account ID, 12 digits.
    pub account_id: String,
    /// The ARN of the user or of the assumed-role session.
    pub arn: String,
}

impl Aws {
    /// sts GetCallerIdentity. AWS allows it even under an explicit deny, so an error means invalid
    /// credentials.
    pub async fn caller(&self) -> Result<Caller, Fault> {
        let call = Call::read("sts", "GetCallerIdentity", None);
        let request = self.sts.get_caller_identity();
        let answer = call.response(request.send()).await?;
        let account_id = call.member(answer.account, "Account")?;
        let arn = call.member(answer.arn, "Arn")?;
        Ok(Caller { account_id, arn })
    }
}
