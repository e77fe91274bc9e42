//! Writes of the sweep: the intent before each of its calls and the outcome after it, fenced by its
//! singleton job.

use sqlx::{Connection, PgExecutor};
use uuid::Uuid;

use crate::domain::mutation::Mutation;
use crate::domain::target::TargetName;

use super::record::SentOutcome;
use super::rows::to_json;
use super::{SingletonJob, Store, StoreError, shared_rules};

/// The step position in a sweep's intents, which belong to no step.
const NO_STEP: i32 = -1;
/// The caller of a sweep's calls in audit records.
const CALLER: &str = "schedule:sweep";

impl Store {
    /// Commits the intent of a sweep to send this call, for a resource that `operation` created,
    /// and returns its ID. `Fenced` if another process has taken the sweep, if an operation on the
    /// cluster is in progress, if another cluster uses the security group rule to remove, or if the
    /// operation belongs to another target: its own sweep removes what it left.
    pub async fn open_sweep_intent(
        &self,
        job: &SingletonJob,
        operation: Uuid,
        mutation: &Mutation,
    ) -> Result<i64, StoreError> {
        let Mutation::RevokeIngress { rule_arn, .. } = mutation else {
            return open(&self.pool, &self.target, job, operation, mutation).await;
        };
        let (target, job) = (self.target.clone(), job.clone());
        let (rule_arn, mutation) = (rule_arn.clone(), mutation.clone());
        self.detached(move |connection| {
            Box::pin(async move {
                let mut transaction = connection.begin().await?;
                shared_rules::lock_unused(&mut transaction, &rule_arn, operation).await?;
                let id = open(&mut *transaction, &target, &job, operation, &mutation).await?;
                transaction.commit().await?;
                Ok(id)
            })
        })
        .await
    }

    /// Closes a sweep's intent. An unknown outcome is closed as well, because the next sweep reads
    /// from AWS again.
    pub async fn close_sweep_intent(
        &self,
        id: i64,
        outcome: SentOutcome,
    ) -> Result<(), StoreError> {
        let outcome = match outcome {
            SentOutcome::Applied => "applied",
            SentOutcome::Rejected => "refused",
            SentOutcome::Unknown => "settled",
        };
        sqlx::query!(
            "with closed as (
               update intents set closed_at = clock_timestamp(), closed_order = nextval('engine_order'), outcome = $2
               where id = $1 and closed_at is null
               returning operation_id, call, target, opened_order, outcome
             )
             insert into audit_records (caller, action, decision, target, project, cluster, operation_id, subject, intent)
             select $3, closed.call, closed.outcome, o.target, nullif(o.project, ''), o.cluster_name, o.id, closed.target,
                    closed.opened_order
             from closed join operations o on o.id = closed.operation_id",
            id,
            outcome,
            CALLER
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Closes old open intents of clusters without an unfinished operation. The sweep finds what
    /// they created.
    pub async fn settle_stale_intents(
        &self,
        older_than: std::time::Duration,
    ) -> Result<u64, StoreError> {
        let done = sqlx::query!(
            "with closed as (
               update intents
               set closed_at = clock_timestamp(), closed_order = nextval('engine_order'), outcome = 'settled'
               where closed_at is null and opened_at < now() - $1::float8 * interval '1 second'
                 and not exists (
                   select 1 from operations l where l.cluster_id = intents.cluster_id and l.finished_at is null and not l.dormant)
               returning operation_id, call, target, opened_order, outcome
             )
             insert into audit_records (caller, action, decision, target, project, cluster, operation_id, subject, intent)
             select $2, closed.call, closed.outcome, o.target, nullif(o.project, ''), o.cluster_name, o.id, closed.target,
                    closed.opened_order
             from closed join operations o on o.id = closed.operation_id",
            older_than.as_secs_f64(),
            CALLER
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }
}

async fn open(
    executor: impl PgExecutor<'_>,
    target: &TargetName,
    job: &SingletonJob,
    operation: Uuid,
    mutation: &Mutation,
) -> Result<i64, StoreError> {
    let id = sqlx::query_scalar!(
            r#"with opened as (
               insert into intents (operation_id, cluster_id, position, epoch, call, target, mutation)
               select o.id, o.cluster_id, $3, $2, $5, $6, $7
               from operations o, duties d
               where o.id = $4 and o.target = $8 and d.target = $8 and d.name = $1 and d.epoch = $2 and d.due_at > now()
                 and not exists (select 1 from operations l where l.cluster_id = o.cluster_id and l.finished_at is null and not l.dormant)
                 and not ($5 = 'dax:DeleteCluster' and exists (
                   select 1 from clusters k where k.target = $8 and k.name = $6 and k.deleted_at is null and k.status <> 'failed'))
               returning id, opened_order
             ),
             audited as (
               insert into audit_records (caller, action, decision, target, project, cluster, operation_id, subject, intent)
               select $9, $5, 'intended', o.target, nullif(o.project, ''), o.cluster_name, o.id, $6, opened.opened_order
               from opened, operations o
               where o.id = $4
             )
             select id as "id!" from opened"#,
            job.name,
            job.epoch,
            NO_STEP,
            operation,
            mutation.call_name(),
            mutation.target(),
            to_json(mutation),
            target.as_str(),
            CALLER
        )
        .fetch_optional(executor)
        .await?;
    id.ok_or(StoreError::Fenced)
}
