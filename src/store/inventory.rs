//! The inventory: one row for each resource that was created or is used.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

use crate::domain::inventory::{Item, Presence, ResourceKind};
use crate::domain::orphan::Evidence;

use super::{Store, StoreError, rows};

/// A row of the inventory.
#[derive(Deserialize)]
pub(super) struct ItemRow {
    /// Absent where the statement has sorted the rows.
    #[serde(default)]
    pub(super) id: i64,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) arn: Option<String>,
    pub(super) owner: String,
    pub(super) presence: String,
    pub(super) reason: Option<String>,
    pub(super) operation_id: Uuid,
    pub(super) recorded_at: DateTime<Utc>,
}

impl ItemRow {
    pub(super) fn parse(self) -> Result<Item, StoreError> {
        Ok(Item {
            kind: rows::resource_kind(&self.kind)?,
            name: self.name,
            arn: self.arn,
            owner: rows::owner(&self.owner)?,
            presence: rows::presence(&self.presence)?,
            reason: self.reason,
            operation_id: self.operation_id,
            recorded_at: Some(self.recorded_at),
        })
    }
}

/// How much a piece of evidence says that a resource belongs to a cluster. An inventory row has a
/// presence; an intent has none.
fn rank(evidence: &Evidence) -> u8 {
    match evidence.presence {
        Some(Presence::Present) if evidence.cluster_kept => 2,
        Some(_) => 1,
        None => 0,
    }
}

impl Store {
    /// The evidence in this database for resources of this target with these names, from the
    /// inventory and the intents. IAM knows no Region, so its resources can belong to each target
    /// of the account.
    pub async fn evidence(&self, names: &[String]) -> Result<Vec<Evidence>, StoreError> {
        let found = sqlx::query!(
            r#"with account as (
                 select name from targets
                 where account_id = (select account_id from targets where name = $2)
               )
               select i.kind as "kind!", i.name as "name!", i.operation_id as "operation_id!", i.presence,
                      exists (select 1 from operations o where o.cluster_id = i.cluster_id and o.finished_at is null and not o.dormant)
                        as "in_progress!",
                      c.deleted_at is null and c.status <> 'failed' as "cluster_kept!"
               from inventory i
               join clusters c on c.id = i.cluster_id
               where i.name = any($1) and i.owner = 'managed'
                 and (c.target = $2 or i.kind in ('role', 'policy') and c.target in (select name from account))
               union all
               select case t.call when 'iam:CreateRole' then 'role' when 'iam:CreatePolicy' then 'policy'
                        when 'dax:CreateSubnetGroup' then 'subnet_group'
                        when 'dax:CreateParameterGroup' then 'parameter_group'
                        when 'ec2:AuthorizeSecurityGroupIngress' then 'security_group_rule' else 'cluster' end,
                      t.target, t.operation_id, null,
                      exists (select 1 from operations o where o.cluster_id = t.cluster_id and o.finished_at is null and not o.dormant),
                      c.deleted_at is null and c.status <> 'failed'
               from intents t
               join clusters c on c.id = t.cluster_id
               where t.target = any($1) and t.outcome is distinct from 'refused'
                 and (c.target = $2 or t.call like 'iam:%' and c.target in (select name from account))
                 and t.call in ('iam:CreateRole', 'iam:CreatePolicy', 'dax:CreateSubnetGroup',
                                'dax:CreateParameterGroup', 'dax:CreateCluster', 'ec2:AuthorizeSecurityGroupIngress')"#,
            names,
            self.target.as_str()
        )
        .fetch_all(&self.pool)
        .await?;
        let mut evidence: HashMap<(ResourceKind, String, Uuid), Evidence> = HashMap::new();
        for row in found {
            let presence = row.presence.as_deref().map(rows::presence).transpose()?;
            let one = Evidence {
                kind: rows::resource_kind(&row.kind)?,
                name: row.name,
                operation_id: row.operation_id,
                presence,
                in_progress: row.in_progress,
                cluster_kept: row.cluster_kept,
            };
            // Clusters share the rules of a security group: each has a row for the same rule. The
            // row of one that still relies on the resource decides.
            let kept = evidence
                .entry((one.kind, one.name.clone(), one.operation_id))
                .or_insert_with(|| one.clone());
            let in_progress = kept.in_progress || one.in_progress;
            if rank(&one) > rank(kept) {
                *kept = one;
            }
            kept.in_progress = in_progress;
        }
        Ok(evidence.into_values().collect())
    }
}
