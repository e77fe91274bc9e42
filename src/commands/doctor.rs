//! `doctor`: checks the database, AWS and the permissions, and says how to mend what is wrong.

use std::process::ExitCode;

use crate::app::opening::{client_target, told};
use crate::app::{guards, open_store};
use crate::aws::Aws;
use crate::config::{Doctor, Secret};
use crate::domain::fault::Fault;
use crate::domain::installation::AwsPlace;
use crate::domain::names::IAM_PATH;
use crate::store::{SchemaState, Store, StoreError};

use super::say;

/// How a check went.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    Pass(String),
    /// What is wrong, and how to mend it.
    Fail(String, String),
    /// Why it was not looked at.
    NotChecked(String),
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Check {
    name: &'static str,
    outcome: Outcome,
}

impl Check {
    fn new(name: &'static str, outcome: Outcome) -> Self {
        Self { name, outcome }
    }

    fn print(&self) {
        match &self.outcome {
            Outcome::Pass(what) => say(format_args!("pass         {}: {what}", self.name)),
            Outcome::Fail(what, fix) => {
                say(format_args!("fail         {}: {what}\n             fix: {fix}", self.name));
            }
            Outcome::NotChecked(why) => say(format_args!("not checked  {}: {why}", self.name)),
        }
    }
}

/// Prints one line for each check; exit code 1 if one failed.
pub(super) async fn run(settings: Doctor) -> anyhow::Result<ExitCode> {
    let (mut checks, belongs_to) = database(settings.database.as_ref()).await;
    checks.extend(aws(&settings, belongs_to.as_ref()).await);
    checks.push(boundary(&settings));
    checks.iter().for_each(Check::print);
    let failed = checks.iter().any(|check| matches!(check.outcome, Outcome::Fail(..)));
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

const DATABASE: &str = "database reachable";
const MIGRATED: &str = "database migrated";
const DURABLE: &str = "database durable";
const CLOCK: &str = "clocks agree";

async fn database(url: Option<&Secret>) -> (Vec<Check>, Option<AwsPlace>) {
    let absent = |why: &str| {
        let rest = [MIGRATED, DURABLE, CLOCK];
        rest.map(|name| Check::new(name, Outcome::NotChecked(why.to_owned()))).to_vec()
    };
    let Some(url) = url else {
        let fix = "set DATABASE_URL, such as postgres://user:password@host/database".to_owned();
        let mut checks = vec![Check::new(DATABASE, Outcome::Fail("DATABASE_URL is not set".to_owned(), fix))];
        checks.extend(absent("there is no database"));
        return (checks, None);
    };
    let reached = match open_store(url, 2) {
        Ok(store) => store.ping().await.map(|()| store).map_err(|error| guards::chain(&error)),
        Err(error) => Err(format!("{error:#}")),
    };
    match reached {
        Ok(store) => {
            let mut checks = vec![Check::new(DATABASE, Outcome::Pass("it answers".to_owned()))];
            checks.push(Check::new(MIGRATED, answered(migrated(&store).await)));
            checks.push(Check::new(DURABLE, answered(durable(&store).await)));
            checks.push(Check::new(CLOCK, answered(clock(&store).await)));
            let place = store.installation().await.ok().and_then(|installation| installation.place);
            store.close().await;
            (checks, place)
        }
        Err(why) => {
            let fix = "start the database, or mend DATABASE_URL".to_owned();
            let mut checks = vec![Check::new(DATABASE, Outcome::Fail(why, fix))];
            checks.extend(absent("the database does not answer"));
            (checks, None)
        }
    }
}

fn answered(outcome: Result<Outcome, StoreError>) -> Outcome {
    outcome.unwrap_or_else(|error| Outcome::NotChecked(guards::chain(&error)))
}

async fn migrated(store: &Store) -> Result<Outcome, StoreError> {
    Ok(match store.schema_state().await? {
        SchemaState::Current => Outcome::Pass("its tables are those of this program".to_owned()),
        SchemaState::Behind { missing } => {
            Outcome::Fail(format!("migration {missing} is missing"), "run dax-provisioner migrate".to_owned())
        }
    })
}

async fn durable(store: &Store) -> Result<Outcome, StoreError> {
    let durability = store.durability().await?;
    let found = format!("fsync = {}, synchronous_commit = {}", durability.fsync, durability.synchronous_commit);
    Ok(if durability.is_safe() {
        Outcome::Pass(found)
    } else {
        Outcome::Fail(found, "switch both on; what was accepted may be lost otherwise".to_owned())
    })
}

async fn clock(store: &Store) -> Result<Outcome, StoreError> {
    let skew = store.clock_offset(guards::now()).await?.abs();
    let found = format!("they differ by {skew:.1} s");
    Ok(if skew < guards::SKEW_WARNED_SECONDS {
        Outcome::Pass(found)
    } else {
        Outcome::Fail(found, "run NTP on both machines".to_owned())
    })
}

const IDENTITY: &str = "AWS identity";
const OWNER: &str = "database belongs to this AWS";
const REGION: &str = "Region offers DAX";
const READING: &str = "reading permissions";
const CHANGING: &str = "changing permissions";

async fn aws(settings: &Doctor, belongs_to: Option<&AwsPlace>) -> Vec<Check> {
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
                Check::new(
                    CHANGING,
                    Outcome::NotChecked(
                        "only changing something would show; `policy` prints what is needed".to_owned(),
                    ),
                ),
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
        Ok(clusters) => Outcome::Pass(format!("DescribeClusters answers with {} clusters", clusters.len())),
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

fn boundary(settings: &Doctor) -> Check {
    let outcome = match &settings.permissions_boundary {
        Some(arn) => Outcome::Pass(arn.clone()),
        None if settings.aws.is_sandbox() => Outcome::NotChecked("a sandbox needs none".to_owned()),
        None => Outcome::Fail(
            "none is set: whoever has the service's credentials can make themselves administrator".to_owned(),
            "make the policy that `policy --boundary` prints, and pass its ARN as --permissions-boundary".to_owned(),
        ),
    };
    Check::new("permissions boundary", outcome)
}
