//! `policy`: prints the least IAM policy that the service itself needs, or the boundary for the roles it makes.

use anyhow::{Context, anyhow};

use crate::app::startup::{client_target, told};
use crate::aws::{Aws, LOOKUPS_BUILT_IN};
use crate::config::Policy;
use crate::domain::iam::policies::boundary_policy;
use crate::domain::iam::policies::service::{ServiceScope, service_policy, simulation_policy};

use super::{complain, say};

/// Prints the document on standard output, and advice on standard error.
pub(super) async fn run(settings: Policy) -> anyhow::Result<()> {
    let whereabouts = whereabouts(&settings).await?;
    let document = if settings.arguments.boundary_policy {
        boundary_policy(&whereabouts.partition, &whereabouts.account_id)
    } else {
        if settings.permissions_boundary.is_none() {
            complain(
                "note: without --permissions-boundary whoever has this policy can make themselves administrator of the \
                 account; make the policy that `policy --boundary` prints, and pass its ARN here and to `serve`",
            );
        }
        let mut policy = service_policy(&ServiceScope {
            partition: &whereabouts.partition,
            account_id: &whereabouts.account_id,
            region: &whereabouts.region,
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
    say(serde_json::to_string_pretty(&document)?);
    Ok(())
}

struct AccountAndRegion {
    partition: String,
    account_id: String,
    region: String,
}

/// What was given, and from AWS what was not.
async fn whereabouts(settings: &Policy) -> anyhow::Result<AccountAndRegion> {
    let given = &settings.arguments;
    if let (Some(account_id), Some(region)) = (&given.account_id, &given.region) {
        let partition = given
            .partition
            .clone()
            .unwrap_or_else(|| partition_of(region).to_owned());
        return Ok(AccountAndRegion {
            partition,
            account_id: account_id.clone(),
            region: region.clone(),
        });
    }
    let aws = Aws::open(&client_target(&settings.aws).await?).await;
    let place = aws.place().await.map_err(|fault| anyhow!(told(&fault)));
    let place = place.context(
        "pass --account-id and --region, or AWS credentials and a Region to ask AWS with",
    )?;
    Ok(AccountAndRegion {
        partition: given.partition.clone().unwrap_or(place.partition),
        account_id: given.account_id.clone().unwrap_or(place.account_id),
        region: given.region.clone().unwrap_or(place.region),
    })
}

/// The partition of a Region, by AWS's naming.
fn partition_of(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}
