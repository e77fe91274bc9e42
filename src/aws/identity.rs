//! Who we are in AWS's eyes.

use crate::domain::problems::fault::Fault;

use super::Aws;
use super::fault::{Call, fault_of, missing_member};

/// The caller as STS knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Twelve digits.
    pub account_id: String,
    /// User or assumed-role ARN.
    pub arn: String,
}

impl Aws {
    /// sts GetCallerIdentity. It works even under an explicit deny, so a refusal means bad credentials.
    pub async fn caller(&self) -> Result<Caller, Fault> {
        let call = Call::read("sts", "GetCallerIdentity", None);
        let answer = self
            .sts
            .get_caller_identity()
            .send()
            .await
            .map_err(|error| fault_of(&call, &error))?;
        let account_id = answer
            .account
            .ok_or_else(|| missing_member(&call, "Account"))?;
        let arn = answer.arn.ok_or_else(|| missing_member(&call, "Arn"))?;
        Ok(Caller { account_id, arn })
    }
}
