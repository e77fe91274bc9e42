//! Claims: one statement takes an operation, raises its epoch and starts the lease.

use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::domain::inventory::Item;
use crate::domain::mutation::Mutation;
use crate::domain::task::{Intent, StepState, Task};
use crate::domain::waiting::WaitingFor;

use super::rows::{self, from_json, from_optional_json};
use super::{Store, StoreError};

/// Length of a lease. It is never renewed: a turn is over before, or its writes are fenced.
pub const LEASE: Duration = Duration::from_secs(15);

/// A worker's time-limited hold on an operation.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The operation.
    pub operation_id: Uuid,
    /// The fence: every write names it.
    pub epoch: i64,
    /// The worker.
    pub owner: String,
    /// This process's monotonic clock before the claim was sent, so the real lease ends later than we think.
    pub taken_at: Instant,
    /// Claims in a row, this one included, that recorded no verdict.
    pub claims_without_progress: i32,
}

impl Claim {
    /// How much of the lease is surely left.
    pub fn lease_left(&self) -> Duration {
        LEASE.saturating_sub(self.taken_at.elapsed())
    }
}

impl Store {
    /// Claims the operation that has waited longest past its time, among those whose next step this program knows.
    ///
    /// `wake_at` moves to the end of the lease, so the head of the index is always claimable, and an operation whose
    /// worker died comes back by itself.
    pub async fn claim(&self, owner: &str, kinds: &[String], steps: &[String]) -> Result<Option<Claim>, StoreError> {
        let taken_at = Instant::now();
        let row = sqlx::query!(
            r#"with next as (
                 select id from operations
                 where finished_at is null and wake_at <= now() and kind = any($3) and current_step = any($4)
                 order by wake_at
                 limit 1
                 for update skip locked
               )
               update operations
               set epoch = epoch + 1, owner = $1,
                   lease_until = now() + $2::float8 * interval '1 second',
                   wake_at = now() + $2::float8 * interval '1 second',
                   claims_without_progress = claims_without_progress + 1,
                   retry_requested = false,
                   started_at = coalesce(started_at, now()),
                   version = version + case when status = 'pending' then 1 else 0 end,
                   status = case when status = 'pending' then 'running' else status end
               from next
               where operations.id = next.id
               returning operations.id, operations.epoch, operations.claims_without_progress"#,
            owner,
            LEASE.as_secs_f64(),
            kinds,
            steps
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| Claim {
            operation_id: row.id,
            epoch: row.epoch,
            owner: owner.to_owned(),
            taken_at,
            claims_without_progress: row.claims_without_progress,
        }))
    }

    /// Gives a claim back without a verdict, so that the operation is visited again soon although nothing was recorded.
    /// The count of claims without progress stays.
    pub async fn give_back(&self, claim: &Claim, after: Duration) -> Result<(), StoreError> {
        let done = sqlx::query!(
            "update operations
             set owner = null, lease_until = null, wake_at = now() + $4::float8 * interval '1 second'
             where id = $1 and epoch = $2 and owner = $3 and finished_at is null",
            claim.operation_id,
            claim.epoch,
            claim.owner,
            after.as_secs_f64()
        )
        .execute(&self.pool)
        .await?;
        if done.rows_affected() == 0 { Err(StoreError::Fenced) } else { Ok(()) }
    }

    /// Gives back every claim of a worker that is about to end, so that others go on at once.
    pub async fn release_all(&self, owner: &str) -> Result<u64, StoreError> {
        let done = sqlx::query!(
            "update operations set owner = null, lease_until = null, wake_at = now(),
                 claims_without_progress = greatest(claims_without_progress - 1, 0)
             where owner = $1 and finished_at is null",
            owner
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }

    /// Reads everything the claimed operation's step may look at.
    pub async fn load_task(&self, claim: &Claim) -> Result<Task, StoreError> {
        let row = sqlx::query!(
            r#"select o.kind, o.status, o.spec, o.cluster_id, o.cluster_name, o.deadline_at, clock_timestamp() as "now!",
                      s.position, s.name, s.undo, s.attempts, s.faults_in_row, s.blocks_in_row, s.patience_from,
                      s.fault as step_fault,
                      (select max(position) from operation_steps where operation_id = o.id) as "last_position!",
                      i.id as installation_id
               from operations o
               join operation_steps s on s.operation_id = o.id and s.position = o.current_position
               cross join installation i
               where o.id = $1 and o.epoch = $2 and o.owner = $3"#,
            claim.operation_id,
            claim.epoch,
            claim.owner
        )
        .fetch_optional(&self.pool)
        .await?
        .ok_or(StoreError::Fenced)?;
        let step = StepState {
            name: row.name,
            position: row.position,
            attempts: row.attempts,
            faults_in_row: u32::try_from(row.faults_in_row).unwrap_or_default(),
            blocks_in_row: u32::try_from(row.blocks_in_row).unwrap_or_default(),
            patience_from: row.patience_from,
            last_fault: from_optional_json("operation_steps.fault", row.step_fault)?,
            undo: row.undo,
            is_last: row.position == row.last_position,
        };
        Ok(Task {
            operation_id: claim.operation_id,
            kind: rows::kind(&row.kind)?,
            status: rows::status(&row.status)?,
            spec: from_json("operations.spec", row.spec)?,
            cluster: rows::cluster_name(&row.cluster_name)?,
            step,
            inventory: self.inventory_of_cluster(row.cluster_id).await?,
            open_intents: self.open_intents(row.cluster_id).await?,
            installation_id: row.installation_id,
            now: row.now,
            deadline_at: row.deadline_at,
        })
    }

    pub(super) async fn inventory_of_cluster(&self, cluster_id: Uuid) -> Result<Vec<Item>, StoreError> {
        let found = sqlx::query!(
            "select kind, name, arn, owner, presence, reason, operation_id, recorded_at
             from inventory where cluster_id = $1 order by id",
            cluster_id
        )
        .fetch_all(&self.pool)
        .await?;
        found
            .into_iter()
            .map(|row| {
                Ok(Item {
                    kind: rows::resource_kind(&row.kind)?,
                    name: row.name,
                    arn: row.arn,
                    owner: rows::owner(&row.owner)?,
                    presence: rows::presence(&row.presence)?,
                    reason: row.reason,
                    operation_id: row.operation_id,
                    recorded_at: Some(row.recorded_at),
                })
            })
            .collect()
    }

    async fn open_intents(&self, cluster_id: Uuid) -> Result<Vec<Intent>, StoreError> {
        let found = sqlx::query!(
            "select id, operation_id, position, mutation, opened_at
             from intents where cluster_id = $1 and closed_at is null order by id",
            cluster_id
        )
        .fetch_all(&self.pool)
        .await?;
        found
            .into_iter()
            .map(|row| {
                let mutation: Mutation = from_json("intents.mutation", row.mutation)?;
                Ok(Intent {
                    id: row.id,
                    operation_id: row.operation_id,
                    position: row.position,
                    mutation,
                    opened_at: row.opened_at,
                })
            })
            .collect()
    }

    /// How many live operations wait for a step that this program does not know.
    pub async fn unknown_steps(&self, kinds: &[String], steps: &[String]) -> Result<i64, StoreError> {
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!" from operations
               where finished_at is null and not (kind = any($1) and current_step = any($2))"#,
            kinds,
            steps
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(count)
    }
}

/// Words of the reasons to wait, as a column.
pub(super) fn waiting_word(reason: Option<WaitingFor>) -> Option<&'static str> {
    reason.map(WaitingFor::as_str)
}
