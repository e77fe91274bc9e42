//! `policy`: prints the minimal IAM policy for this service, or the permissions boundary.

use anyhow::{Context, anyhow};

use crate::app::startup::{client_target, describe_fault};
use crate::aws::{Aws, LOOKUPS_BUILT_IN};
use crate::config::Policy;
use crate::domain::iam::policies::boundary_policy;
use crate::domain::iam::policies::service::{ServiceScope, service_policy, simulation_policy};
use crate::domain::partitions::partition_of;

use super::{eprint_line, print_line};

/// Prints the document on standard output, and notes on standard error.
pub(super) async fn run(settings: Policy) -> anyhow::Result<()> {
    let target = account_and_region(&settings).await?;
    let document = if settings.arguments.boundary_policy {
        boundary_policy(&target.partition, &target.account_id)
    } else {
        if settings.permissions_boundary.is_none() {
            eprint_line(
                "note: without --permissions-boundary, anyone with this policy can become \
                 administrator of the account; create the policy that `policy --boundary` prints, \
                 and pass its ARN here and to `serve`",
            );
        }
        let mut policy = service_policy(&ServiceScope {
            partition: &target.partition,
            account_id: &target.account_id,
            region: &target.region,
            boundary_arn: settings.permissions_boundary.as_deref(),
            service_role_arns: &settings.arguments.service_role_arn,
            lookups: settings.arguments.lookups.unwrap_or(LOOKUPS_BUILT_IN),
        });
        let simulation = settings.arguments.own_arn.as_deref().map(simulation_policy);
        policy.statement.extend(
            simulation
                .into_iter()
                .flat_map(|simulation| simulation.statement),
        );
        policy
    };
    print_line(serde_json::to_string_pretty(&document)?);
    Ok(())
}

struct AccountAndRegion {
    partition: String,
    account_id: String,
    region: String,
}

/// The account and Region in the arguments; AWS provides what is not set.
async fn account_and_region(settings: &Policy) -> anyhow::Result<AccountAndRegion> {
    let arguments = &settings.arguments;
    if let (Some(account_id), Some(region)) = (&arguments.account_id, &arguments.region) {
        let partition = arguments
            .partition
            .clone()
            .or_else(|| partition_of(region).map(str::to_owned))
            .with_context(|| format!("{region} is no Region of a known partition"))?;
        return Ok(AccountAndRegion {
            partition,
            account_id: account_id.clone(),
            region: region.clone(),
        });
    }
    let aws = Aws::open(&client_target(&settings.aws).await?).await;
    let account = aws
        .account()
        .await
        .map_err(|fault| anyhow!(describe_fault(&fault)))
        .context("set --account-id and --region, or AWS credentials and AWS_REGION")?;
    Ok(AccountAndRegion {
        partition: arguments.partition.clone().unwrap_or(account.partition),
        account_id: arguments.account_id.clone().unwrap_or(account.account_id),
        region: arguments.region.clone().unwrap_or(account.region),
    })
}
