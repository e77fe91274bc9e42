//! What `doctor` checks of the database.

use crate::app::{guards, open_store};
use crate::config::Secret;
use crate::domain::installation::AwsAccount;
use crate::store::{SchemaState, Store, StoreError};

use super::{Check, Outcome};

const DATABASE: &str = "database reachable";
const MIGRATED: &str = "database migrated";
const DURABLE: &str = "database durable";
const CLOCK: &str = "clocks agree";

/// The checks, and which AWS the database belongs to.
pub(super) async fn checks(url: Option<&Secret>) -> (Vec<Check>, Option<AwsAccount>) {
    let absent = |why: &str| {
        let rest = [MIGRATED, DURABLE, CLOCK];
        rest.map(|name| Check::new(name, Outcome::NotChecked(why.to_owned())))
            .to_vec()
    };
    let Some(url) = url else {
        let fix = "set DATABASE_URL, such as postgres://user:password@host/database".to_owned();
        let mut checks = vec![Check::new(
            DATABASE,
            Outcome::Fail("DATABASE_URL is not set".to_owned(), fix),
        )];
        checks.extend(absent("there is no database"));
        return (checks, None);
    };
    let reached = match open_store(url, 2) {
        Ok(store) => store
            .ping()
            .await
            .map(|()| store)
            .map_err(|error| guards::chain(&error)),
        Err(error) => Err(format!("{error:#}")),
    };
    match reached {
        Ok(store) => {
            let mut checks = vec![Check::new(DATABASE, Outcome::Pass("it answers".to_owned()))];
            checks.push(Check::new(MIGRATED, answered(migrated(&store).await)));
            checks.push(Check::new(DURABLE, answered(durable(&store).await)));
            checks.push(Check::new(CLOCK, answered(clock(&store).await)));
            let place = store
                .installation()
                .await
                .ok()
                .and_then(|installation| installation.place);
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
        SchemaState::Behind { missing } => Outcome::Fail(
            format!("migration {missing} is missing"),
            "run dax-provisioner migrate".to_owned(),
        ),
    })
}

async fn durable(store: &Store) -> Result<Outcome, StoreError> {
    let durability = store.durability().await?;
    let found = format!(
        "fsync = {}, synchronous_commit = {}",
        durability.fsync, durability.synchronous_commit
    );
    Ok(if durability.is_safe() {
        Outcome::Pass(found)
    } else {
        Outcome::Fail(
            found,
            "switch both on; what was accepted may be lost otherwise".to_owned(),
        )
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
