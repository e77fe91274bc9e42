//! Checks of a target: whether the service gets in, and finds what it needs.

use super::plan::permissions::region_of;
use super::{Inspector, has_lookups};
use crate::domain::iam::policies::boundary::is_boundary_policy;
use crate::domain::iam::policies::service::{ServiceScope, service_policy};
use crate::domain::iam::policies::simulation::permissions_of;
use crate::domain::installation::AwsAccount;
use crate::domain::names::IAM_PATH;
use crate::domain::preflight::Check;
use crate::domain::problems::fault::{Fault, FaultClass};

const IDENTITY: &str = "identity";
const REGION: &str = "region";
const READING: &str = "reading";
const BOUNDARY: &str = "permissions_boundary";

impl Inspector {
    /// Enters the target and checks everything that its operations need. `expected` is the account
    /// that it must be.
    pub async fn check_target(
        &self,
        expected: Option<&AwsAccount>,
        boundary: Option<&str>,
    ) -> Vec<Check> {
        let account = match self.entered(expected).await {
            Ok(account) => account,
            Err(detail) => return vec![Check::fail(IDENTITY, detail, None)],
        };
        let detail = format!("account {} in {}", account.account_id, account.region);
        let mut checks = vec![
            Check::pass(IDENTITY, detail),
            self.region_check().await,
            self.reading_check().await,
        ];
        if let Some(arn) = boundary {
            checks.push(self.boundary_check(&account, arn).await);
        }
        let policy = service_policy(&ServiceScope {
            partition: &account.partition,
            account_id: &account.account_id,
            region: &account.region,
            boundary_arn: boundary,
            service_role_arns: &[],
            lookups: has_lookups(),
        });
        let permissions = permissions_of(&policy, |action| region_of(action, &account));
        checks.extend(self.permission_checks(&permissions).await);
        checks
    }

    /// The account that AWS names, if it is the expected one.
    async fn entered(&self, expected: Option<&AwsAccount>) -> Result<AwsAccount, String> {
        let renewed = self.aws.renew_session().await;
        renewed.map_err(|fault| told(&fault))?;
        let account = self.aws.account().await.map_err(|fault| told(&fault))?;
        match expected {
            Some(expected) if expected.account_id != account.account_id => Err(format!(
                "AWS names the account {}, not {}",
                account.account_id, expected.account_id
            )),
            Some(_) | None => Ok(account),
        }
    }

    async fn region_check(&self) -> Check {
        match self.aws.clusters_page(None).await {
            Ok(_) => Check::pass(REGION, "DAX answers".to_owned()),
            Err(fault) => Check::fail(REGION, told(&fault), None),
        }
    }

    /// Tries every list call that the service uses.
    async fn reading_check(&self) -> Check {
        let results = [
            self.aws.roles(IAM_PATH).await.err(),
            self.aws.policies(IAM_PATH).await.err(),
            self.aws.subnet_groups().await.err(),
            self.aws.parameter_groups().await.err(),
        ];
        match results.into_iter().flatten().next() {
            None => Check::pass(
                READING,
                "roles, policies, subnet groups and parameter groups can be listed".to_owned(),
            ),
            Some(fault) => Check::fail(READING, told(&fault), None),
        }
    }

    /// Compares the boundary with the one that this program prints.
    pub async fn boundary_check(&self, account: &AwsAccount, arn: &str) -> Check {
        let (partition, region, id) = (&account.partition, &account.region, &account.account_id);
        match self.aws.policy(arn).await {
            Ok(Some(policy)) if is_boundary_policy(&policy.document, partition, region, id) => {
                Check::pass(
                    BOUNDARY,
                    format!("{arn} is as `policy --boundary` prints it"),
                )
            }
            Ok(Some(_)) => {
                let detail = format!("{arn} is not the boundary that `policy --boundary` prints");
                Check::fail(BOUNDARY, detail, None)
            }
            Ok(None) => {
                let detail = format!(
                    "{arn} does not exist; create the policy that `policy --boundary` prints"
                );
                Check::fail(BOUNDARY, detail, None)
            }
            Err(fault) if fault.class == FaultClass::Permission => {
                Check::fail(BOUNDARY, told(&fault), None)
            }
            Err(fault) => Check::not_checked(BOUNDARY, told(&fault)),
        }
    }
}

/// A fault with the message of AWS, for authenticated callers.
fn told(fault: &Fault) -> String {
    match &fault.aws {
        Some(error) => format!("{}: {}", fault.detail, error.message),
        None => fault.detail.clone(),
    }
}
