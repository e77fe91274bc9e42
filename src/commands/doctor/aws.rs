//! What `doctor` checks of AWS.

use crate::app::startup::{client_target, told};
use crate::aws::Aws;
use crate::config::Doctor;
use crate::domain::installation::AwsAccount;
use crate::domain::names::IAM_PATH;
use crate::domain::problems::fault::Fault;

use super::{Check, Outcome, permissions};

const IDENTITY: &str = "AWS identity";
const OWNER: &str = "database belongs to this AWS";
const REGION: &str = "Region offers DAX";
const READING: &str = "reading permissions";

/// The checks.
pub(super) async fn checks(settings: &Doctor, belongs_to: Option<&AwsAccount>) -> Vec<Check> {
    let (aws, identity) = match client_target(&settings.aws).await {
        Ok(target) => {
            let aws = Aws::open(&target).await;
            let place = aws.place().await.map_err(|fault| told(&fault));
            (Some(aws), place)
        }
        Err(error) => (None, Err(format!("{error:#}"))),
    };
    match (aws, identity) {
        (Some(aws), Ok(place)) => {
            let who = aws
                .caller()
                .await
                .map(|caller| caller.arn)
                .unwrap_or_default();
            let mut checks = vec![
                Check::new(IDENTITY, Outcome::Pass(format!("{who}, {place}"))),
                Check::new(OWNER, owner(belongs_to, &place)),
                Check::new(REGION, region(&aws).await),
                Check::new(READING, reading(&aws).await),
            ];
            if let Some(arn) = &settings.permissions_boundary {
                checks.push(permissions::boundary(&aws, &place, arn).await);
            }
            checks.extend(
                permissions::checks(&aws, &place, settings.permissions_boundary.as_deref()).await,
            );
            checks
        }
        (_, identity) => {
            let fix = "set AWS_REGION and credentials, as for the AWS CLI; `aws sts get-caller-identity` must work";
            let why = identity.err().unwrap_or_default();
            let mut checks = vec![Check::new(IDENTITY, Outcome::Fail(why, fix.to_owned()))];
            let rest = [OWNER, REGION, READING, permissions::ALL];
            checks.extend(rest.map(|name| {
                Check::new(name, Outcome::NotChecked("AWS does not know us".to_owned()))
            }));
            checks
        }
    }
}

fn owner(belongs_to: Option<&AwsAccount>, here: &AwsAccount) -> Outcome {
    match belongs_to {
        None => Outcome::NotChecked("the database has met no AWS yet".to_owned()),
        Some(place) if place == here => Outcome::Pass("it does".to_owned()),
        Some(place) => Outcome::Fail(
            format!("it belongs to {place}"),
            "use another database for this account and Region".to_owned(),
        ),
    }
}

async fn region(aws: &Aws) -> Outcome {
    match aws.clusters().await {
        Ok(clusters) => Outcome::Pass(format!(
            "DescribeClusters answers; clusters: {}",
            clusters.len()
        )),
        Err(fault) => refused(
            &fault,
            "choose a Region with DAX, and allow dax:DescribeClusters (`policy` prints it)",
        ),
    }
}

/// Tries every listing that the service reads with.
async fn reading(aws: &Aws) -> Outcome {
    let tried = [
        aws.roles(IAM_PATH).await.err(),
        aws.policies(IAM_PATH).await.err(),
        aws.subnet_groups().await.err(),
        aws.parameter_groups().await.err(),
    ];
    match tried.into_iter().flatten().next() {
        None => Outcome::Pass(
            "roles, policies, subnet groups and parameter groups can be listed".to_owned(),
        ),
        Some(fault) => refused(
            &fault,
            "give the service the policy that `dax-provisioner policy` prints",
        ),
    }
}

fn refused(fault: &Fault, fix: &str) -> Outcome {
    let code = fault
        .aws
        .as_ref()
        .map(|refusal| format!(" ({})", refusal.code))
        .unwrap_or_default();
    Outcome::Fail(format!("{}{code}", fault.detail), fix.to_owned())
}
