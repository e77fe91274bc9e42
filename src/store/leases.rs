//! The end of a claim without a verdict.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;

use uuid::Uuid;

use super::pool::Pool;
use super::{Claim, Store, StoreError, wake};

/// Longest interval between two re-checks of a blocked operation: one hour after repeated crashes,
/// and a reserve.
const LONGEST_RECHECK: Duration = Duration::from_secs(3_900);

impl Store {
    /// Returns a claim without a verdict. The operation becomes claimable again after the given
    /// time. `counts`: whether the claim counts as one without progress.
    pub async fn give_back(
        &self,
        claim: &Claim,
        after: Duration,
        counts: bool,
    ) -> Result<(), StoreError> {
        let done = sqlx::query!(
            "update operations
             set owner = null, lease_until = null, wake_at = now() + $4::float8 * interval '1 second',
                 claims_without_progress = claims_without_progress - case when $5 then 0 else 1 end
             where id = $1 and epoch = $2 and owner = $3 and finished_at is null",
            claim.operation_id,
            claim.epoch,
            claim.owner,
            after.as_secs_f64(),
            counts
        )
        .execute(&self.pool.in_foreground())
        .await?;
        if done.rows_affected() == 0 {
            Err(StoreError::Fenced)
        } else {
            Ok(())
        }
    }

    /// Gives back a claim that no loop works on.
    pub async fn give_back_unused(&self, claim: &Claim) {
        give_back_unused(&self.pool, std::slice::from_ref(claim)).await;
    }

    /// Leaves an operation that this process cannot read to another one. It is claimable again
    /// after `after`, shows that it waits for an operator, and the claim does not count.
    pub async fn leave_unreadable(&self, claim: &Claim, after: Duration) -> Result<(), StoreError> {
        let done = sqlx::query!(
            "update operations
             set owner = null, lease_until = null, wake_at = now() + $4::float8 * interval '1 second',
                 claims_without_progress = claims_without_progress - 1,
                 version = version + case when waiting_for is distinct from 'operator' then 1 else 0 end,
                 waiting_for = 'operator'
             where id = $1 and epoch = $2 and owner = $3 and finished_at is null",
            claim.operation_id,
            claim.epoch,
            claim.owner,
            after.as_secs_f64()
        )
        .execute(&self.pool)
        .await?;
        if done.rows_affected() == 0 {
            Err(StoreError::Fenced)
        } else {
            Ok(())
        }
    }

    /// Resets timestamps that a database clock which moved back has left in the future, and returns
    /// the number of rows. `longest_wait` is the longest pause of an operation that is not blocked,
    /// `longest_interval` the longest interval between two runs of a singleton job.
    pub async fn reset_future_timestamps(
        &self,
        longest_wait: Duration,
        longest_interval: Duration,
    ) -> Result<u64, StoreError> {
        let operations = sqlx::query!(
            "update operations
             set wake_at = now(), lease_until = least(lease_until, now())
             where id in (
               select id from operations
               where finished_at is null and wake_at <> 'infinity'
                 and (lease_until > now() + interval '20 seconds'
                   or wake_at > now() + case when status = 'blocked' then $1::float8 else $2::float8 end * interval '1 second')
               order by id
               for update)",
            LONGEST_RECHECK.as_secs_f64(),
            longest_wait.as_secs_f64()
        )
        .execute(&self.pool)
        .await?;
        let jobs = sqlx::query!(
            "update duties
             set due_at = least(due_at, now() + $1::float8 * interval '1 second'), done_at = least(done_at, now())
             where due_at > now() + $1::float8 * interval '1 second' or done_at > now()",
            longest_interval.as_secs_f64()
        )
        .execute(&self.pool)
        .await?;
        let clusters = sqlx::query!(
            "update clusters
             set observed_at = least(observed_at, now()), missing_at = least(missing_at, now()),
                 details_at = least(details_at, now())
             where id in (
               select id from clusters
               where deleted_at is null and (observed_at > now() or missing_at > now() or details_at > now())
               -- The next run finds one that is locked.
               for update skip locked)"
        )
        .execute(&self.pool)
        .await?;
        let intents = sqlx::query!(
            "update intents set opened_at = now() where closed_at is null and opened_at > now() + interval '1 second'"
        )
        .execute(&self.pool)
        .await?;
        let steps = sqlx::query!(
            "update operation_steps set patience_from = now()
             where (operation_id, position) in (
               select s.operation_id, s.position
               from operations o
               join operation_steps s on s.operation_id = o.id and s.position = o.current_position
               where o.finished_at is null and s.patience_from > now() + interval '1 second'
               for update of s skip locked)"
        )
        .execute(&self.pool)
        .await?;
        Ok([operations, jobs, clusters, intents, steps]
            .iter()
            .map(sqlx::postgres::PgQueryResult::rows_affected)
            .sum())
    }

    /// Releases every claim and singleton job of a worker that shuts down, so that other workers
    /// continue at once. Returns the number of claims.
    pub async fn release_all(&self, owner: &str) -> Result<u64, StoreError> {
        let pool = self.pool.in_foreground();
        let done = sqlx::query!(
            "update operations set owner = null, lease_until = null, wake_at = now(),
                 claims_without_progress = greatest(claims_without_progress - 1, 0)
             where id in (
               select id from operations where owner = $1 and finished_at is null order by id for update)",
            owner
        )
        .execute(&pool)
        .await?;
        sqlx::query!(
            "update duties set owner = null, due_at = now() where owner = $1",
            owner
        )
        .execute(&pool)
        .await?;
        Ok(done.rows_affected())
    }
}

/// Gives back claims that no loop works on, and wakes workers of their targets. After an error the leases
/// expire.
pub(super) async fn give_back_unused(pool: &Pool, claims: &[Claim]) {
    if claims.is_empty() || crate::sabotage::is("claim_of_gone_loop_kept") {
        return;
    }
    let pool = pool.in_foreground();
    let targets = match give_back_together(&pool, claims).await {
        // One may be locked: each is given back alone.
        Err(error) if claims.len() > 1 && error.is_rejection() => {
            let alone = claims
                .iter()
                .map(|claim| give_back_together(&pool, std::slice::from_ref(claim)));
            let targets = join_all(alone).await;
            targets
                .into_iter()
                .filter_map(Result::ok)
                .flatten()
                .collect()
        }
        given_back => given_back.unwrap_or_default(),
    };
    for target in targets {
        wake::notify(&pool, &target).await;
    }
}

/// The same in one statement. Returns the targets.
async fn give_back_together(pool: &Pool, claims: &[Claim]) -> Result<BTreeSet<String>, StoreError> {
    let ids: Vec<Uuid> = claims.iter().map(|claim| claim.operation_id).collect();
    let epochs: Vec<i64> = claims.iter().map(|claim| claim.epoch).collect();
    let owners: Vec<String> = claims.iter().map(|claim| claim.owner.clone()).collect();
    let targets = sqlx::query_scalar!(
        // An operation that has ended has no owner.
        "update operations
         set owner = null, lease_until = null, wake_at = now(), claims_without_progress = claims_without_progress - 1
         where id in (
           select o.id
           from unnest($1::uuid[], $2::bigint[], $3::text[]) as claim (id, epoch, owner)
           join operations o on o.id = claim.id
           where o.epoch = claim.epoch and o.owner = claim.owner
           order by o.id
           for update of o)
         returning target",
        &ids,
        &epochs,
        &owners
    )
    .fetch_all(pool)
    .await?;
    Ok(targets.into_iter().collect())
}
