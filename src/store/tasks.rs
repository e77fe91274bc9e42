//! Tasks: the state that a step may use, read after the claim of its operation.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::domain::task::{
    ConfirmedDeletion, DoneCall, Intent, LatestObservation, Moment, RuleRemoval, StepState, Task,
};

use super::StoreError;
use super::inventory::ItemRow;
use super::rows::{self, from_json, from_optional_json};

/// For how long the last complete list of all clusters shows which roles are in use.
pub(super) const LIST_TRUSTED: Duration = Duration::from_secs(300);

/// The claimed operation at its current step, as `tasks.sql` returns it.
#[derive(Deserialize)]
struct Row {
    kind: String,
    requested_by: String,
    project: String,
    traceparent: Option<String>,
    status: String,
    spec: Value,
    cluster: String,
    created_at: DateTime<Utc>,
    deadline_at: DateTime<Utc>,
    now: DateTime<Utc>,
    read_order: i64,
    installation_id: Uuid,
    step: StepRow,
    observation: ObservationRow,
    inventory: Vec<ItemRow>,
    shared_rules: BTreeMap<String, String>,
    rule_removals: Vec<RuleRemoval>,
    role_users: Option<Vec<String>>,
    role_users_are_recent: Option<bool>,
    done_calls: Vec<DoneCallRow>,
    confirmed_deletions: Vec<ConfirmedDeletion>,
    open_intents: Vec<IntentRow>,
}

#[derive(Deserialize)]
struct StepRow {
    position: i32,
    name: String,
    undo: bool,
    attempts: i32,
    faults_in_row: i32,
    blocks_in_row: i32,
    patience_from: Option<DateTime<Utc>>,
    fault: Option<Value>,
    is_last: bool,
}

#[derive(Deserialize)]
struct ObservationRow {
    observed: Option<Value>,
    observed_at: Option<DateTime<Utc>>,
    observed_order: Option<i64>,
    missing_at: Option<DateTime<Utc>>,
    missing_order: Option<i64>,
    polled_at: Option<DateTime<Utc>>,
    last_call_at: Option<DateTime<Utc>>,
    last_call_order: Option<i64>,
}

#[derive(Deserialize)]
struct DoneCallRow {
    mutation: Value,
    closed_at: DateTime<Utc>,
    is_confirmed: bool,
}

#[derive(Deserialize)]
struct IntentRow {
    id: i64,
    operation_id: Uuid,
    position: i32,
    mutation: Value,
    opened_at: DateTime<Utc>,
}

/// The task of a claimed operation.
pub(super) fn parse(operation_id: Uuid, task: Value) -> Result<Task, StoreError> {
    let row: Row = from_json("task", task)?;
    let done_calls = row.done_calls.into_iter().map(DoneCallRow::parse);
    let open_intents = row.open_intents.into_iter().map(IntentRow::parse);
    let inventory = row.inventory.into_iter().map(ItemRow::parse);
    let role_users = row.role_users.unwrap_or_default();
    Ok(Task {
        operation_id,
        kind: rows::kind(&row.kind)?,
        requested_by: row.requested_by,
        project: rows::project(&row.project)?,
        traceparent: row.traceparent,
        status: rows::status(&row.status)?,
        spec: from_json("operations.spec", row.spec)?,
        cluster: rows::cluster_name(&row.cluster)?,
        step: row.step.parse()?,
        inventory: inventory.collect::<Result<_, _>>()?,
        shared_rules: row.shared_rules,
        rule_removals: row.rule_removals,
        role_users: row
            .role_users_are_recent
            .unwrap_or_default()
            .then_some(role_users),
        confirmed_deletions: row.confirmed_deletions,
        done_calls: done_calls.collect::<Result<_, _>>()?,
        latest_observation: row.observation.parse()?,
        open_intents: open_intents.collect::<Result<_, _>>()?,
        installation_id: row.installation_id,
        read_order: row.read_order,
        now: row.now,
        created_at: row.created_at,
        deadline_at: row.deadline_at,
    })
}

impl StepRow {
    fn parse(self) -> Result<StepState, StoreError> {
        Ok(StepState {
            name: self.name,
            position: self.position,
            attempts: self.attempts,
            faults_in_row: u32::try_from(self.faults_in_row).unwrap_or_default(),
            blocks_in_row: u32::try_from(self.blocks_in_row).unwrap_or_default(),
            timeout_from: self.patience_from,
            last_fault: from_optional_json("operation_steps.fault", self.fault)?,
            undo: self.undo,
            is_last: self.is_last,
        })
    }
}

impl ObservationRow {
    fn parse(self) -> Result<LatestObservation, StoreError> {
        Ok(LatestObservation {
            cluster: from_optional_json("clusters.observed", self.observed)?,
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

impl DoneCallRow {
    fn parse(self) -> Result<DoneCall, StoreError> {
        Ok(DoneCall {
            mutation: from_json("intents.mutation", self.mutation)?,
            at: self.closed_at,
            is_confirmed: self.is_confirmed,
        })
    }
}

impl IntentRow {
    fn parse(self) -> Result<Intent, StoreError> {
        Ok(Intent {
            id: self.id,
            operation_id: self.operation_id,
            position: self.position,
            mutation: from_json("intents.mutation", self.mutation)?,
            opened_at: self.opened_at,
        })
    }
}
