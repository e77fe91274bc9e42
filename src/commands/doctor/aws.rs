//! What `doctor` checks of AWS.

use crate::app::opening::{client_target, told};
use crate::aws::Aws;
use crate::config::Doctor;
use crate::domain::fault::Fault;
use crate::domain::installation::AwsPlace;
use crate::domain::names::{ClusterName, IAM_PATH};
use crate::domain::policies::{Access, Tables};
use crate::domain::preflight;
use crate::domain::spec::{ClusterSpec, OnFailure, ParameterGroup, ServiceRole, SubnetGroup};
use crate::inspections::Inspector;
use crate::inspections::plan::Ground;

use super::{Check, Outcome};

const IDENTITY: &str = "AWS identity";
const OWNER: &str = "database belongs to this AWS";
const REGION: &str = "Region offers DAX";
const READING: &str = "reading permissions";
const CHANGING: &str = "changing permissions";

/// The checks.
pub(super) async fn checks(settings: &Doctor, belongs_to: Option<&AwsPlace>) -> Vec<Check> {
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
            let who = aws.caller().await.map(|caller| caller.arn).unwrap_or_default();
            vec![
                Check::new(IDENTITY, Outcome::Pass(format!("{who}, {place}"))),
                Check::new(OWNER, owner(belongs_to, &place)),
                Check::new(REGION, region(&aws).await),
                Check::new(READING, reading(&aws).await),
                Check::new(CHANGING, changing(&aws, &place, settings.permissions_boundary.as_deref()).await),
            ]
        }
        (_, identity) => {
            let fix = "set AWS_REGION and credentials, as for the AWS CLI; `aws sts get-caller-identity` must work";
            let why = identity.err().unwrap_or_default();
            let mut checks = vec![Check::new(IDENTITY, Outcome::Fail(why, fix.to_owned()))];
            let rest = [OWNER, REGION, READING, CHANGING];
            checks.extend(rest.map(|name| Check::new(name, Outcome::NotChecked("AWS does not know us".to_owned()))));
            checks
        }
    }
}

fn owner(belongs_to: Option<&AwsPlace>, here: &AwsPlace) -> Outcome {
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
        Ok(clusters) => Outcome::Pass(format!("DescribeClusters answers; clusters: {}", clusters.len())),
        Err(fault) => refused(&fault, "choose a Region with DAX, and allow dax:DescribeClusters (`policy` prints it)"),
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
        None => Outcome::Pass("roles, policies, subnet groups and parameter groups can be listed".to_owned()),
        Some(fault) => refused(&fault, "give the service the policy that `dax-provisioner policy` prints"),
    }
}

fn refused(fault: &Fault, fix: &str) -> Outcome {
    let code = fault.aws.as_ref().map(|refusal| format!(" ({})", refusal.code)).unwrap_or_default();
    Outcome::Fail(format!("{}{code}", fault.detail), fix.to_owned())
}

/// Puts the permissions of a usual create to IAM's simulator, which changes nothing.
async fn changing(aws: &Aws, place: &AwsPlace, permissions_boundary: Option<&str>) -> Outcome {
    let Ok(name) = ClusterName::parse("doctor") else { return Outcome::NotChecked("no name to ask with".to_owned()) };
    let found =
        Inspector::new(aws.clone()).preflight(&usual_request(name), Ground { place, permissions_boundary }).await;
    let checks = match found {
        Ok(found) => found.checks,
        Err(fault) => return Outcome::NotChecked(fault.detail),
    };
    // A permission is named by its action; what the account holds is the business of each request's own preflight.
    let permissions: Vec<preflight::Check> = checks.into_iter().filter(|check| check.name.contains(':')).collect();
    let of_grade = |grade| permissions.iter().filter(move |check| check.grade() == grade);
    let names = |grade| of_grade(grade).map(|check| check.name.as_str()).collect::<Vec<_>>().join(", ");
    let refused = names(preflight::Grade::Fail);
    if !refused.is_empty() {
        let fix = "give the service the policy that `dax-provisioner policy` prints";
        return Outcome::Fail(format!("the simulator says no to {refused}"), fix.to_owned());
    }
    let open = of_grade(preflight::Grade::NotChecked).find_map(|check| match &check.outcome {
        preflight::Outcome::NotChecked(reason) => Some(reason.clone()),
        preflight::Outcome::Pass(_) | preflight::Outcome::Fail(_) => None,
    });
    match open {
        Some(reason) => Outcome::NotChecked(format!("{}: {reason}", names(preflight::Grade::NotChecked))),
        None => Outcome::Pass(format!("the simulator allows all {} actions of a usual create", permissions.len())),
    }
}

/// A request that needs everything a create can need.
fn usual_request(name: ClusterName) -> ClusterSpec {
    ClusterSpec {
        name,
        description: None,
        node_type: "dax.r5.large".to_owned(),
        replication_factor: 3,
        availability_zones: Vec::new(),
        service_role: ServiceRole::Made { access: Access::ReadWrite, tables: Tables::Named(vec!["doctor".to_owned()]) },
        subnet_group: SubnetGroup::Default,
        security_group_ids: Vec::new(),
        network_type: None,
        parameter_group: ParameterGroup::Default,
        encryption_at_rest: true,
        encryption_in_transit: true,
        maintenance_window: None,
        notification_topic_arn: None,
        tags: Default::default(),
        deletion_protection: false,
        on_failure: OnFailure::Hold,
    }
}
