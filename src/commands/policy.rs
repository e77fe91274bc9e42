//! `policy`: prints the minimal IAM policy for this service, the permissions boundary, or the guard.

use std::path::Path;

use anyhow::{Context, anyhow, ensure};

use crate::app::read_organisation;
use crate::app::startup::{client_target, describe_fault, open_aws};
use crate::app::targets::of_organisation;
use crate::aws::LOOKUPS_BUILT_IN;
use crate::config::Policy;
use crate::domain::iam::policies::boundary::{boundary_policy, guard_policy};
use crate::domain::iam::policies::service::{ServiceScope, service_policy, simulation_policy};
use crate::domain::iam::policies::{POLICY_CHARACTERS_MAX, PolicyDocument, non_whitespace_len};
use crate::domain::installation::AwsAccount;
use crate::domain::partitions::partition_of;
use crate::domain::target::TargetName;

use super::doctor::subjects::named;
use super::{eprint_line, print_line};

/// Prints the document on standard output, and notes on standard error.
pub(super) async fn run(settings: Policy) -> anyhow::Result<()> {
    let target = match &settings.target {
        Some((directory, name)) => of_target(&settings, directory, name).await?,
        None => AccountAndRegion {
            boundary: settings.permissions_boundary.arn().map(str::to_owned),
            ..account_and_region(&settings).await?
        },
    };
    let arguments = &settings.arguments;
    let document = if arguments.boundary_policy {
        boundary(&target, &arguments.table)?
    } else if arguments.guard {
        eprint_line(
            "note: attach this as a resource control policy of AWS Organizations to the account or \
             to a unit above it; AWS does not apply such policies to the management account",
        );
        guard_policy(&target.partition, &target.account_id)
    } else {
        of_service(&settings, &target)
    };
    print_line(serde_json::to_string_pretty(&document)?);
    Ok(())
}

fn boundary(target: &AccountAndRegion, tables: &[String]) -> anyhow::Result<PolicyDocument> {
    let document = boundary_policy(
        &target.partition,
        &target.region,
        &target.account_id,
        tables,
    );
    let length = non_whitespace_len(&document.to_json());
    ensure!(
        length <= POLICY_CHARACTERS_MAX,
        "the boundary of {} tables has {length} characters, and IAM accepts \
         {POLICY_CHARACTERS_MAX}; name fewer tables, or none to allow every table of the Region",
        tables.len()
    );
    Ok(document)
}

fn of_service(settings: &Policy, target: &AccountAndRegion) -> PolicyDocument {
    let arguments = &settings.arguments;
    let boundary = target.boundary.as_deref();
    if boundary.is_none() {
        eprint_line(
            "note: without a boundary, anyone with this policy can become administrator of the \
             account; create the policy that `policy --boundary` prints, and pass its ARN here and \
             to `serve`",
        );
    }
    let mut policy = service_policy(&ServiceScope {
        partition: &target.partition,
        account_id: &target.account_id,
        region: &target.region,
        boundary_arn: boundary,
        service_role_arns: &arguments.service_role_arn,
        lookups: arguments.lookups.unwrap_or(LOOKUPS_BUILT_IN),
    });
    let simulation = arguments.own_arn.as_deref().map(simulation_policy);
    policy.statement.extend(
        simulation
            .into_iter()
            .flat_map(|simulation| simulation.statement),
    );
    policy
}

struct AccountAndRegion {
    partition: String,
    account_id: String,
    region: String,
    boundary: Option<String>,
}

/// The account, the Region and the boundary of a target of an organisation.
async fn of_target(
    settings: &Policy,
    directory: &Path,
    name: &TargetName,
) -> anyhow::Result<AccountAndRegion> {
    let mut targets = of_organisation(&read_organisation(directory)?);
    let (_, target) = named(&mut targets, name)?;
    let region = target.region.context("a target has a Region")?;
    let account_id = match target.account_id {
        Some(account_id) => account_id,
        None => account_of_credentials(settings).await?.account_id,
    };
    Ok(AccountAndRegion {
        partition: partition_of(&region)
            .context("the Region has no partition")?
            .to_owned(),
        account_id,
        region,
        boundary: target.permissions_boundary,
    })
}

async fn account_of_credentials(settings: &Policy) -> anyhow::Result<AwsAccount> {
    let aws = open_aws(&client_target(&settings.aws).await?).await?;
    aws.account()
        .await
        .map_err(|fault| anyhow!(describe_fault(&fault)))
        .context("set --account-id and --region, or AWS credentials and AWS_REGION")
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
            boundary: None,
        });
    }
    let account = account_of_credentials(settings).await?;
    Ok(AccountAndRegion {
        partition: arguments.partition.clone().unwrap_or(account.partition),
        account_id: arguments.account_id.clone().unwrap_or(account.account_id),
        region: arguments.region.clone().unwrap_or(account.region),
        boundary: None,
    })
}
