//! Tasks: the state that a step may use, read at the start of a turn.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::domain::inventory::{Item, ResourceKind};
use crate::domain::mutation::Mutation;
use crate::domain::task::{
    ConfirmedDeletion, DoneCall, Intent, LatestObservation, Moment, StepState, Task,
};

use super::rows::{self, from_json, from_optional_json};
use super::{Claim, Store, StoreError};

/// For how long the last complete list of all clusters shows which roles are in use.
const LIST_TRUSTED: Duration = Duration::from_secs(300);

/// The claimed operation at its current step, and the latest observation of its cluster.
struct Row {
    kind: String,
    status: String,
    spec: Value,
    cluster_id: Uuid,
    cluster_name: String,
    deadline_at: DateTime<Utc>,
    now: DateTime<Utc>,
    position: i32,
    name: String,
    undo: bool,
    attempts: i32,
    faults_in_row: i32,
    blocks_in_row: i32,
    patience_from: Option<DateTime<Utc>>,
    step_fault: Option<Value>,
    observed: Option<Value>,
    observed_at: Option<DateTime<Utc>>,
    observed_order: Option<i64>,
    missing_at: Option<DateTime<Utc>>,
    missing_order: Option<i64>,
    polled_at: Option<DateTime<Utc>>,
    last_call_at: Option<DateTime<Utc>>,
    last_call_order: Option<i64>,
    read_order: i64,
    last_position: i32,
    installation_id: Uuid,
}

impl Row {
    fn step(&self) -> Result<StepState, StoreError> {
        Ok(StepState {
            name: self.name.clone(),
            position: self.position,
            attempts: self.attempts,
            faults_in_row: u32::try_from(self.faults_in_row).unwrap_or_default(),
            blocks_in_row: u32::try_from(self.blocks_in_row).unwrap_or_default(),
            timeout_from: self.patience_from,
            last_fault: from_optional_json("operation_steps.fault", self.step_fault.clone())?,
            undo: self.undo,
            is_last: self.position == self.last_position,
        })
    }

    fn latest_observation(&self) -> Result<LatestObservation, StoreError> {
        Ok(LatestObservation {
            cluster: from_optional_json("clusters.observed", self.observed.clone())?,
            observed: moment(self.observed_at, self.observed_order),
            missing: moment(self.missing_at, self.missing_order),
            last_call: moment(self.last_call_at, self.last_call_order),
            polled_at: self.polled_at,
        })
    }
}

fn moment(at: Option<DateTime<Utc>>, order: Option<i64>) -> Option<Moment> {
    // A row written before reads were ordered is older than every call.
    at.map(|at| Moment {
        at,
        order: order.unwrap_or_default(),
    })
}

impl Store {
    /// Reads the state for the current step of the claimed operation. `Fenced` if the claim is no
    /// longer valid.
    pub async fn load_task(&self, claim: &Claim) -> Result<Task, StoreError> {
        let row = sqlx::query_as!(
            Row,
            r#"select o.kind, o.status, o.spec, o.cluster_id, o.cluster_name, o.deadline_at, clock_timestamp() as "now!",
                      s.position, s.name, s.undo, s.attempts, s.faults_in_row, s.blocks_in_row, s.patience_from,
                      s.fault as step_fault,
                      c.observed, c.observed_at, c.observed_order, c.missing_at, c.missing_order,
                      poll.done_at as "polled_at?", last_call.at as last_call_at, last_call.position as last_call_order,
                      nextval('engine_order') as "read_order!",
                      (select max(position) from operation_steps where operation_id = o.id) as "last_position!",
                      i.id as installation_id
               from operations o
               join operation_steps s on s.operation_id = o.id and s.position = o.current_position
               join clusters c on c.id = o.cluster_id
               cross join installation i
               left join duties poll on poll.name = 'poll'
               cross join lateral (
                 select max(coalesce(closed_at, opened_at)) as at, max(coalesce(closed_order, opened_order)) as position
                 from intents
                 where cluster_id = o.cluster_id and call like 'dax:%' and outcome is distinct from 'refused'
               ) last_call
               where o.id = $1 and o.epoch = $2 and o.owner = $3"#,
            claim.operation_id,
            claim.epoch,
            claim.owner
        )
        .fetch_optional(&self.pool)
        .await?
        .ok_or(StoreError::Fenced)?;
        let inventory = self.inventory_of_cluster(row.cluster_id).await?;
        Ok(Task {
            operation_id: claim.operation_id,
            kind: rows::kind(&row.kind)?,
            status: rows::status(&row.status)?,
            cluster: rows::cluster_name(&row.cluster_name)?,
            step: row.step()?,
            latest_observation: row.latest_observation()?,
            spec: from_json("operations.spec", row.spec)?,
            shared_rules: self.shared_rules(row.cluster_id, &inventory).await?,
            inventory,
            done_calls: self.done_calls(claim.operation_id).await?,
            role_users: self.role_users(row.cluster_id).await?,
            confirmed_deletions: self.confirmed_deletions(row.cluster_id).await?,
            open_intents: self.open_intents(row.cluster_id).await?,
            installation_id: row.installation_id,
            read_order: row.read_order,
            now: row.now,
            deadline_at: row.deadline_at,
        })
    }

    /// Of the cluster's own ingress rules, those that other managed clusters use, with the name of
    /// one such cluster.
    async fn shared_rules(
        &self,
        cluster_id: Uuid,
        own: &[Item],
    ) -> Result<BTreeMap<String, String>, StoreError> {
        let rules = own.iter().filter(|item| {
            item.kind == ResourceKind::SecurityGroupRule && item.is_managed_and_present()
        });
        let names: Vec<String> = rules.map(|item| item.name.clone()).collect();
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let found = sqlx::query!(
            "select i.name, c.name as cluster
             from inventory i
             join clusters c on c.id = i.cluster_id
             where i.name = any($1) and i.kind = 'security_group_rule' and i.owner = 'managed' and i.presence = 'present'
               and c.id <> $2 and c.deleted_at is null and c.status not in ('deleting', 'failed')",
            &names,
            cluster_id
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(found
            .into_iter()
            .map(|row| (row.name, row.cluster))
            .collect())
    }

    async fn done_calls(&self, operation: Uuid) -> Result<Vec<DoneCall>, StoreError> {
        let found = sqlx::query!(
            r#"select mutation, closed_at as "closed_at!", outcome = 'applied' as "is_confirmed!" from intents
               where operation_id = $1 and outcome in ('applied', 'settled') order by id"#,
            operation
        )
        .fetch_all(&self.pool)
        .await?;
        let done = found.into_iter().map(|row| {
            Ok(DoneCall {
                mutation: from_json("intents.mutation", row.mutation)?,
                at: row.closed_at,
                is_confirmed: row.is_confirmed,
            })
        });
        done.collect::<Result<_, StoreError>>()
    }

    /// The clusters that use a managed role of this cluster. `None` if the last complete list of all
    /// clusters is older than [`LIST_TRUSTED`].
    async fn role_users(&self, cluster_id: Uuid) -> Result<Option<Vec<String>>, StoreError> {
        let row = sqlx::query!(
            r#"select array(
                 select u.cluster_name from role_users u
                 join inventory i on i.arn = u.role_arn and i.kind = 'role' and i.owner = 'managed'
                 where i.cluster_id = $1
               ) as "users!",
               coalesce(listed_at > now() - $2::float8 * interval '1 second', false) as "is_recent!"
               from duties where name = 'poll'"#,
            cluster_id,
            LIST_TRUSTED.as_secs_f64()
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.filter(|row| row.is_recent).map(|row| row.users))
    }

    async fn confirmed_deletions(
        &self,
        cluster_id: Uuid,
    ) -> Result<Vec<ConfirmedDeletion>, StoreError> {
        let deletions = sqlx::query_as!(
            ConfirmedDeletion,
            r#"select call, target, max(opened_at) as "opened_at!" from intents
               where cluster_id = $1 and outcome = 'applied'
                 and (call like '%:Delete%' or call = 'ec2:RevokeSecurityGroupIngress')
               group by call, target"#,
            cluster_id
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(deletions)
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
}
