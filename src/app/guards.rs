//! Startup checks of the database and of the AWS account, which pass before a worker starts.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::config::BadConfiguration;
use crate::domain::installation::AwsAccount;
use crate::domain::target::TargetName;
use crate::store::{SchemaState, Store, StoreError};

/// Clock skew, in seconds, above which a warning is logged.
pub const SKEW_WARNING_SECONDS: f64 = 30.0;
/// Clock skew, in seconds, at which the service does not start. AWS rejects signatures that are
/// five minutes off.
const SKEW_LIMIT_SECONDS: f64 = 240.0;

/// The targets of a database, each with its account and Region.
pub type Bound = Vec<(TargetName, AwsAccount)>;

/// The result of the startup checks, unless the database can never be used.
#[derive(Debug, PartialEq, Eq)]
pub enum DatabaseState {
    /// All checks pass. Contains the targets that the database has bound.
    Ready(Bound),
    /// The database cannot be reached, for the contained reason.
    Unreachable(String),
    /// Migrations of this program are missing.
    NotMigrated,
}

/// Checks the database. Transient conditions are a [`DatabaseState`], permanent ones an error.
pub async fn check_database(
    store: &Store,
    wants_sandbox: bool,
) -> Result<DatabaseState, BadConfiguration> {
    match try_check(store, wants_sandbox).await {
        Ok(checked) => checked,
        Err(error) => Ok(DatabaseState::Unreachable(chain(&error))),
    }
}

async fn try_check(
    store: &Store,
    wants_sandbox: bool,
) -> Result<Result<DatabaseState, BadConfiguration>, StoreError> {
    store.ping().await?;
    let durability = store.durability().await?;
    if !durability.is_safe() && !crate::sabotage::is("durability_not_required") {
        return Ok(Err(BadConfiguration::because(format!(
            "the database can lose committed transactions (fsync = {}, synchronous_commit = {}); \
             turn both on",
            durability.fsync, durability.synchronous_commit
        ))));
    }
    if let Err(bad) = check_clock_skew(store.clock_offset(now()).await?) {
        return Ok(Err(bad));
    }
    match store.schema_state().await? {
        SchemaState::Current => {}
        SchemaState::Behind { .. } => return Ok(Ok(DatabaseState::NotMigrated)),
    }
    let bound = store.targets().await?;
    Ok(bound
        .iter()
        .try_for_each(|(_, account)| check_kind(account, wants_sandbox))
        .map(|()| DatabaseState::Ready(bound)))
}

fn check_clock_skew(database_ahead_seconds: f64) -> Result<(), BadConfiguration> {
    let skew = database_ahead_seconds.abs();
    if skew >= SKEW_LIMIT_SECONDS {
        return Err(BadConfiguration::because(format!(
            "the clocks of the database and of this machine differ by {skew:.0} s; \
             synchronise them"
        )));
    }
    if skew > SKEW_WARNING_SECONDS {
        tracing::warn!("the clocks of the database and of this machine differ by {skew:.0} s");
    }
    Ok(())
}

/// Rejects the database of a sandbox for real AWS, and the reverse.
fn check_kind(database: &AwsAccount, wants_sandbox: bool) -> Result<(), BadConfiguration> {
    if database.sandbox_id.is_some() == wants_sandbox {
        return Ok(());
    }
    let target = if wants_sandbox {
        "a sandbox"
    } else {
        "real AWS"
    };
    Err(wrong_database(database, target))
}

/// The rejection of a database, or of a name in it, that belongs to another account or Region.
pub(super) fn wrong_database(database: &AwsAccount, target: impl fmt::Display) -> BadConfiguration {
    BadConfiguration::because(format!(
        "the database is bound to {database} and cannot be used with {target}; \
         use another database"
    ))
}

/// An error and its causes in one line. A cause that the text above it already contains is omitted.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut line = error.to_string();
    for cause in
        std::iter::successors(error.source(), |cause| cause.source()).map(ToString::to_string)
    {
        if !line.ends_with(&cause) {
            line.push_str(": ");
            line.push_str(&cause);
        }
    }
    line
}

/// This machine's clock.
#[expect(
    clippy::disallowed_methods,
    reason = "only displayed or compared with the database's clock; no decision depends on it"
)]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(sandbox_id: Option<&str>) -> AwsAccount {
        AwsAccount {
            sandbox_id: sandbox_id.map(str::to_owned),
            account_id: "123456789012".to_owned(),
            partition: "aws".to_owned(),
            region: "us-east-1".to_owned(),
        }
    }

    #[test]
    fn clock_skew_is_limited() {
        for (ahead, accepted) in [
            (0.0, true),
            (-29.0, true),
            (31.0, true),
            (-239.0, true),
            (240.0, false),
            (-900.0, false),
        ] {
            assert_eq!(check_clock_skew(ahead).is_ok(), accepted, "{ahead}");
        }
    }

    #[test]
    fn a_database_of_a_sandbox_is_rejected_for_real_aws_and_the_reverse() {
        assert!(check_kind(&account(None), false).is_ok());
        assert!(check_kind(&account(Some("s1")), true).is_ok());
        let rejected = check_kind(&account(Some("s1")), false)
            .unwrap_err()
            .to_string();
        assert_eq!(
            rejected,
            "the database is bound to the AWS sandbox s1 (account 123456789012, us-east-1) \
             and cannot be used with real AWS; use another database"
        );
        assert!(
            check_kind(&account(None), true)
                .unwrap_err()
                .to_string()
                .ends_with("cannot be used with a sandbox; use another database")
        );
    }
}
