//! The targets of the database: their binding to an account and Region, and their names.

use futures_util::FutureExt;
use serde_json::json;
use sqlx::{Connection as _, PgConnection};

use crate::domain::installation::AwsAccount;
use crate::domain::target::TargetName;

use super::audit::COMMAND;
use super::{APPLICATION, Actor, Entry, Store, StoreError, audit, rows};

/// The outcome of a renaming.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renamed {
    /// All rows of the target have the new name.
    Done {
        /// Number of clusters, with deleted ones.
        clusters: u64,
    },
    /// No target has the old name.
    Unknown,
    /// A target has the new name.
    NameTaken,
    /// A process of the service is connected, or held an operation or a job of the target until now.
    InUse,
}

/// A row of the table of targets.
struct TargetRow {
    name: String,
    sandbox_id: Option<String>,
    account_id: String,
    partition: String,
    region: String,
}

impl Store {
    /// The account and Region that this target is bound to, if it is.
    pub async fn bound_account(&self) -> Result<Option<AwsAccount>, StoreError> {
        Ok(sqlx::query_as!(
            AwsAccount,
            "select sandbox_id, account_id, partition, region from targets where name = $1",
            self.target.as_str()
        )
        .fetch_optional(&self.pool)
        .await?)
    }

    /// The targets that this database has met, each with the account and Region it is bound to.
    pub async fn targets(&self) -> Result<Vec<(TargetName, AwsAccount)>, StoreError> {
        let found = sqlx::query_as!(
            TargetRow,
            "select name, sandbox_id, account_id, partition, region from targets order by name"
        )
        .fetch_all(&self.pool)
        .await?;
        let target = |row: TargetRow| {
            let account = AwsAccount {
                sandbox_id: row.sandbox_id,
                account_id: row.account_id,
                partition: row.partition,
                region: row.region,
            };
            Ok((rows::target(&row.name)?, account))
        };
        found.into_iter().map(target).collect()
    }

    /// Binds this target to an AWS account and Region if it is unbound. Returns what it is bound to.
    /// An account and Region of another target violate the constraint `targets_place`.
    pub async fn claim_account(&self, account: &AwsAccount) -> Result<AwsAccount, StoreError> {
        if self.target != TargetName::default() {
            // Processes of the version before targets cannot create from now on.
            sqlx::query!(r#"select end_upgrade_to_targets() as "done: ()""#)
                .execute(&self.pool)
                .await?;
        }
        sqlx::query!(
            "with jobs as (
               insert into duties (target, name) select $1, unnest(array['poll', 'sweep'])
               on conflict do nothing
             )
             insert into targets (name, sandbox_id, account_id, partition, region)
             values ($1, $2, $3, $4, $5)
             on conflict (name) do nothing",
            self.target.as_str(),
            account.sandbox_id,
            account.account_id,
            account.partition,
            account.region
        )
        .execute(&self.pool)
        .await?;
        let bound = self.bound_account().await?;
        bound.ok_or_else(|| StoreError::Task("a target vanished while it was bound".to_owned()))
    }

    /// Renames a target in one transaction. No process may run: one that has the old name would
    /// continue to write it.
    pub async fn rename_target(
        &self,
        old: &TargetName,
        new: &TargetName,
    ) -> Result<Renamed, StoreError> {
        let (old, new) = (old.to_string(), new.to_string());
        self.detached(move |connection| {
            async move { rename_in_transaction(connection, &old, &new).await }.boxed()
        })
        .await
    }
}

async fn rename_in_transaction(
    connection: &mut PgConnection,
    old: &str,
    new: &str,
) -> Result<Renamed, StoreError> {
    let mut transaction = connection.begin().await?;
    if let Some(refused) = refusal(&mut transaction, old, new).await? {
        return Ok(refused);
    }
    sqlx::query!("update targets set name = $2 where name = $1", old, new)
        .execute(&mut *transaction)
        .await?;
    sqlx::query!(
        "update duties set target = $2 where target = $1 and name <> 'seal'",
        old,
        new
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!(
        "with webhooks as (update webhooks set target = $2, version = version + 1 where target = $1)
         update role_users set target = $2 where target = $1",
        old,
        new
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!(
        "update operations set target = $2 where target = $1",
        old,
        new
    )
    .execute(&mut *transaction)
    .await?;
    let clusters = sqlx::query!(
        "update clusters set target = $2 where target = $1",
        old,
        new
    )
    .execute(&mut *transaction)
    .await?;
    let entry = Entry {
        details: Some(json!({"name": new})),
        ..Entry::of("rename_target", old)
    };
    audit::record(&mut *transaction, Some(&Actor::named(COMMAND)), &entry).await?;
    transaction.commit().await?;
    Ok(Renamed::Done {
        clusters: clusters.rows_affected(),
    })
}

/// Why a target cannot be renamed, if it cannot.
async fn refusal(
    connection: &mut PgConnection,
    old: &str,
    new: &str,
) -> Result<Option<Renamed>, StoreError> {
    let found = sqlx::query!(
        r#"select exists (select 1 from targets where name = $1) as "is_known!",
                  exists (select 1 from targets where name = $2)
                    or exists (select 1 from clusters where target = $2) as "is_taken!",
                  exists (select 1 from operations where target = $1 and lease_until > now())
                    or exists (select 1 from duties where target = $1 and owner is not null and due_at > now())
                    or exists (select 1 from pg_stat_activity
                               where datname = current_database() and application_name = $3
                                 and pid <> pg_backend_pid())
                    as "is_in_use!""#,
        old,
        new,
        APPLICATION
    )
    .fetch_one(connection)
    .await?;
    Ok(if !found.is_known {
        Some(Renamed::Unknown)
    } else if found.is_taken {
        Some(Renamed::NameTaken)
    } else if found.is_in_use {
        Some(Renamed::InUse)
    } else {
        None
    })
}
