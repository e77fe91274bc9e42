//! Intents: a worker commits the name and body of each mutating call, under its epoch, before it
//! sends the call.

use sqlx::{Connection, PgExecutor};

use crate::domain::mutation::Mutation;
use crate::domain::task::Task;

use super::rows::to_json;
use super::{Claim, Store, StoreError, shared_rules};

impl Store {
    /// Commits the intent to send this call and returns its ID. `Fenced` if the claim is no longer
    /// valid, or if another cluster uses the security group rule to remove. The row of the same call that was rejected before is used again, so a blocked
    /// operation that re-checks adds no rows.
    pub async fn open_intent(
        &self,
        claim: &Claim,
        task: &Task,
        mutation: &Mutation,
    ) -> Result<i64, StoreError> {
        let Mutation::RevokeIngress { rule_arn, .. } = mutation else {
            return open(
                &self.pool.planned_once(),
                claim,
                task.step.position,
                mutation,
            )
            .await;
        };
        let (claim, rule_arn) = (claim.clone(), rule_arn.clone());
        let (position, mutation) = (task.step.position, mutation.clone());
        self.detached(move |connection| {
            Box::pin(async move {
                let mut transaction = connection.begin().await?;
                shared_rules::lock_unused(&mut transaction, &rule_arn, claim.operation_id).await?;
                let id = open(&mut *transaction, &claim, position, &mutation).await?;
                transaction.commit().await?;
                Ok(id)
            })
        })
        .await
    }
}

async fn open(
    executor: impl PgExecutor<'_>,
    claim: &Claim,
    position: i32,
    mutation: &Mutation,
) -> Result<i64, StoreError> {
    let id = sqlx::query_scalar!(
            "with fence as (
               select id, cluster_id, target, project, cluster_name, requested_by, requested_for from operations
               where id = $1 and epoch = $2 and owner = $3 and lease_until > now() + interval '8 seconds'
               for update
             ),
             step as (
               update operation_steps
               set status = 'running', started_at = coalesce(started_at, now()), patience_from = coalesce(patience_from, now())
               from fence
               where operation_id = fence.id and position = $4 and status in ('pending', 'running')
             ),
             again as (
               update intents
               set epoch = $2, mutation = $7, opened_at = clock_timestamp(), opened_order = nextval('engine_order'),
                   closed_at = null, closed_order = null, outcome = null
               from fence
               where intents.id = (
                 select id from intents
                 where operation_id = $1 and position = $4 and call = $5 and target = $6
                 order by id desc
                 limit 1)
                 and outcome = 'refused'
               returning intents.id, intents.opened_order
             ),
             opened as (
               insert into intents (operation_id, cluster_id, position, epoch, call, target, mutation)
               select id, cluster_id, $4, $2, $5, $6, $7 from fence
               where not exists (select 1 from again)
               returning id, opened_order
             ),
             audited as (
               insert into audit_records (caller, requested_for, action, decision, target, project, cluster, operation_id,
                                          subject, intent)
               select requested_by, requested_for, $5, 'intended', target, nullif(project, ''), cluster_name, fence.id, $6,
                      sending.opened_order
               from fence, (select opened_order from again union all select opened_order from opened) sending
             )
             select id as \"id!\" from again union all select id from opened",
            claim.operation_id,
            claim.epoch,
            claim.owner,
            position,
            mutation.call_name(),
            mutation.target(),
            to_json(mutation)
        )
        .fetch_optional(executor)
        .await?;
    id.ok_or(StoreError::Fenced)
}
