//! Checks of the database.

use std::collections::HashMap;
use std::time::Duration;

use uuid::Uuid;

use crate::app::guards;
use crate::app::metrics::condition_of;
use crate::commands::connect;
use crate::config::{Secret, redacted_url};
use crate::domain::installation::AwsAccount;
use crate::domain::target::TargetName;
use crate::store::{SchemaState, Store, StoreError};

use super::{Check, Outcome};

const DATABASE: &str = "database reachable";
const MIGRATED: &str = "database migrated";
const DURABLE: &str = "database durable";
const CLOCK: &str = "clocks agree";
const WORK: &str = "operations progress";
/// `doctor` does not know the interval of the workers; few set a longer one.
const SWEEP_INTERVAL_MAX: Duration = Duration::from_secs(3_600);

/// What the database says about AWS.
pub(super) struct KnownDatabase {
    /// The installation.
    pub(super) installation: Uuid,
    /// What each target is bound to.
    pub(super) bound: HashMap<TargetName, AwsAccount>,
}

/// The checks, and what is known from the database.
pub(super) async fn checks(url: Option<&Secret>) -> (Vec<Check>, Option<KnownDatabase>) {
    let not_checked = |reason: &str| {
        let rest = [MIGRATED, DURABLE, CLOCK, WORK];
        rest.map(|name| Check::new(name, Outcome::NotChecked(reason.to_owned())))
            .to_vec()
    };
    let Some(url) = url else {
        let fix = "set DATABASE_URL, such as postgres://user:password@host/database".to_owned();
        let mut checks = vec![Check::new(
            DATABASE,
            Outcome::Fail("DATABASE_URL is not set".to_owned(), fix),
        )];
        checks.extend(not_checked("no database is set"));
        return (checks, None);
    };
    match connect(url).await {
        Ok(store) => {
            let reached = Outcome::Pass(format!("ok ({})", redacted_url(url)));
            let mut checks = vec![
                Check::new(DATABASE, reached),
                Check::new(MIGRATED, outcome(migrated(&store).await)),
                Check::new(DURABLE, outcome(durable(&store).await)),
                Check::new(CLOCK, outcome(clock(&store).await)),
            ];
            checks.extend(work(&store).await);
            let known = known(&store).await.ok();
            store.close().await;
            (checks, known)
        }
        Err(error) => {
            let problem = guards::chain(error.as_ref());
            let fix = "start the database, or correct DATABASE_URL".to_owned();
            let mut checks = vec![Check::new(DATABASE, Outcome::Fail(problem, fix))];
            checks.extend(not_checked("the database is unreachable"));
            (checks, None)
        }
    }
}

async fn known(store: &Store) -> Result<KnownDatabase, StoreError> {
    Ok(KnownDatabase {
        installation: store.installation().await?.id,
        bound: store.targets().await?.into_iter().collect(),
    })
}

fn outcome(checked: Result<Outcome, StoreError>) -> Outcome {
    checked.unwrap_or_else(|error| Outcome::NotChecked(guards::chain(&error)))
}

async fn migrated(store: &Store) -> Result<Outcome, StoreError> {
    Ok(match store.schema_state().await? {
        SchemaState::Current => Outcome::Pass("ok".to_owned()),
        SchemaState::Behind { missing } => Outcome::Fail(
            format!("migration {missing} is missing"),
            "run dax-provisioner migrate".to_owned(),
        ),
    })
}

async fn durable(store: &Store) -> Result<Outcome, StoreError> {
    let durability = store.durability().await?;
    let settings = format!(
        "fsync = {}, synchronous_commit = {}",
        durability.fsync, durability.synchronous_commit
    );
    Ok(if durability.is_safe() {
        Outcome::Pass(settings)
    } else {
        Outcome::Fail(
            settings,
            "turn both on; otherwise accepted operations can be lost".to_owned(),
        )
    })
}

async fn clock(store: &Store) -> Result<Outcome, StoreError> {
    let skew = store.clock_offset(guards::now()).await?.abs();
    Ok(if skew < guards::SKEW_WARNING_SECONDS {
        Outcome::Pass(format!("within {skew:.1} s"))
    } else {
        Outcome::Fail(
            format!("they differ by {skew:.1} s"),
            "run NTP on both machines".to_owned(),
        )
    })
}

/// A check for each state of the workers that needs an operator.
async fn work(store: &Store) -> Vec<Check> {
    let condition = match condition_of(store, None).await {
        Ok(condition) => condition,
        Err(error) => {
            let reason = Outcome::NotChecked(guards::chain(&error));
            return vec![Check::new(WORK, reason)];
        }
    };
    let warnings = condition.warnings(SWEEP_INTERVAL_MAX);
    if warnings.is_empty() {
        return vec![Check::new(WORK, Outcome::Pass("ok".to_owned()))];
    }
    let checks = warnings.into_iter().map(|warning| {
        let outcome = Outcome::Fail(warning.problem, warning.fix.to_owned());
        Check::new(WORK, outcome)
    });
    checks.collect()
}
