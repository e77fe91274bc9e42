//! Guards: what must hold of the database and of AWS before a worker may touch either.

use chrono::{DateTime, Utc};

use crate::config::BadConfiguration;
use crate::domain::installation::AwsAccount;
use crate::store::{SchemaState, Store, StoreError};

/// Clocks that differ by more are told.
pub const SKEW_WARNED_SECONDS: f64 = 30.0;
/// Clocks that differ by more are refused: AWS refuses signatures that are five minutes off, and people could no longer
/// compare our times with AWS's.
const SKEW_REFUSED_SECONDS: f64 = 240.0;

/// How a database was found.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// It passes every guard; here is the AWS it belongs to, once it has met one.
    Fit(Option<AwsAccount>),
    /// It does not answer; the text says why.
    Away(String),
    /// Its tables are older than this program.
    NotMigrated,
}

/// Looks at the database. What can mend itself is an answer; what cannot is refused.
pub async fn look_at_database(
    store: &Store,
    wants_sandbox: bool,
) -> Result<Found, BadConfiguration> {
    match examine(store, wants_sandbox).await {
        Ok(found) => found,
        Err(error) => Ok(Found::Away(chain(&error))),
    }
}

async fn examine(
    store: &Store,
    wants_sandbox: bool,
) -> Result<Result<Found, BadConfiguration>, StoreError> {
    store.ping().await?;
    let durability = store.durability().await?;
    if !durability.is_safe() {
        return Ok(Err(BadConfiguration::because(format!(
            "the database may lose what it has confirmed (fsync = {}, synchronous_commit = {}); switch both on, or use another",
            durability.fsync, durability.synchronous_commit
        ))));
    }
    if let Err(refusal) = judge_skew(store.clock_offset(now()).await?) {
        return Ok(Err(refusal));
    }
    match store.schema_state().await? {
        SchemaState::Current => {}
        SchemaState::Behind { .. } => return Ok(Ok(Found::NotMigrated)),
    }
    let place = store.installation().await?.place;
    Ok(place
        .as_ref()
        .map_or(Ok(()), |place| judge_kind(place, wants_sandbox))
        .map(|()| Found::Fit(place)))
}

/// Warns of clocks that differ, and refuses those that differ too much.
fn judge_skew(database_ahead_seconds: f64) -> Result<(), BadConfiguration> {
    let skew = database_ahead_seconds.abs();
    if skew >= SKEW_REFUSED_SECONDS {
        return Err(BadConfiguration::because(format!(
            "the clocks of the database and of this machine differ by {skew:.0} s; set them right first"
        )));
    }
    if skew > SKEW_WARNED_SECONDS {
        tracing::warn!("the clocks of the database and of this machine differ by {skew:.0} s");
    }
    Ok(())
}

/// A database of a sandbox never meets real AWS, nor the reverse.
fn judge_kind(database: &AwsAccount, wants_sandbox: bool) -> Result<(), BadConfiguration> {
    if database.sandbox_id.is_some() == wants_sandbox {
        return Ok(());
    }
    let here = if wants_sandbox {
        "a sandbox"
    } else {
        "real AWS"
    };
    Err(BadConfiguration::because(format!(
        "this database belongs to {database}; refusing to run it against {here}"
    )))
}

/// A database belongs to one account and Region, and a sandbox's to that very sandbox.
pub async fn claim_account(
    store: &Store,
    here: &AwsAccount,
) -> Result<Result<(), BadConfiguration>, StoreError> {
    let database = store.claim_account(here).await?;
    if database == *here {
        return Ok(Ok(()));
    }
    Ok(Err(BadConfiguration::because(format!(
        "this database belongs to {database}; refusing to run it against {here}"
    ))))
}

/// An error and its causes in one line. Some libraries repeat a cause in their own words; it is told once.
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
    reason = "compared with the database's clock, and shown to people; nothing is decided by it"
)]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(sandbox_id: Option<&str>) -> AwsAccount {
        AwsAccount {
            sandbox_id: sandbox_id.map(str::to_owned),
            account_id: "123456789012".to_owned(),
            partition: "aws".to_owned(),
            region: "us-east-1".to_owned(),
        }
    }

    #[test]
    fn clocks_may_differ_a_little() {
        for (ahead, fits) in [
            (0.0, true),
            (-29.0, true),
            (31.0, true),
            (-239.0, true),
            (240.0, false),
            (-900.0, false),
        ] {
            assert_eq!(judge_skew(ahead).is_ok(), fits, "{ahead}");
        }
    }

    #[test]
    fn a_database_of_one_kind_of_aws_refuses_the_other() {
        assert!(judge_kind(&place(None), false).is_ok());
        assert!(judge_kind(&place(Some("s1")), true).is_ok());
        let fault = judge_kind(&place(Some("s1")), false)
            .unwrap_err()
            .to_string();
        assert_eq!(
            fault,
            "this database belongs to the AWS sandbox s1 (account 123456789012, us-east-1); refusing to run it against real AWS"
        );
        assert!(
            judge_kind(&place(None), true)
                .unwrap_err()
                .to_string()
                .ends_with("against a sandbox")
        );
    }
}
