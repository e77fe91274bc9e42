//! Fan-out: reads new events of the feed and stores a delivery for each webhook that selects them.
//!
//! Any process does it. The position moves and the deliveries appear in one statement, which does
//! nothing if another process has moved the position.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::domain::problems::fault::Fault;
use crate::domain::webhooks::{OperationEvent, WebhookEvent};

use super::{Store, StoreError, rows};

/// Positions of the feed that one round examines at most.
const WINDOW_MAX: i64 = 500;
/// Deliveries of one round beyond which the other events are left to the next one.
const DELIVERIES_MAX: usize = 5_000;

/// The result of one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FannedOut {
    /// Whether other events follow.
    pub is_behind: bool,
    /// The positions that the next round examines: fewer if these had many deliveries.
    pub next_window: i64,
}

struct EventRow {
    position: i64,
    operation_id: Uuid,
    sequence: i64,
    feed_type: String,
    data: Value,
    at: DateTime<Utc>,
    kind: String,
    target: String,
    project: String,
    cluster: String,
    version: i64,
    fault: Option<Value>,
}

impl EventRow {
    fn parse(self) -> Result<Option<OperationEvent>, StoreError> {
        let Some(event) = WebhookEvent::of_feed(&self.feed_type) else {
            return Ok(None);
        };
        let code = self.data["code"].as_str().map(str::to_owned);
        let fault = self.fault.filter(|_| event == WebhookEvent::Failed);
        let fault: Option<Fault> = rows::from_optional_json("operations.fault", fault)?;
        Ok(Some(OperationEvent {
            event,
            at: self.at,
            operation_id: self.operation_id,
            kind: rows::kind(&self.kind)?,
            target: rows::target(&self.target)?,
            project: rows::project(&self.project)?,
            cluster: rows::cluster_name(&self.cluster)?,
            version: self.version,
            problem_code: code.or_else(|| Some(fault?.problem_code().as_str().to_owned())),
        }))
    }
}

/// What an enabled webhook selects.
struct Selection {
    id: Uuid,
    events: Vec<String>,
    /// Empty for every project.
    project: String,
    target: Option<String>,
    after_position: i64,
}

impl Selection {
    fn selects(&self, position: i64, event: &OperationEvent) -> bool {
        let is_selected = |name: &String| {
            [event.event.as_str(), WebhookEvent::All.as_str()].contains(&name.as_str())
        };
        let target = self.target.as_deref();
        let project = rows::project_column(event.project.as_ref());
        self.after_position < position
            && (self.project.is_empty() || self.project == project)
            && target.is_none_or(|target| target == event.target.as_str())
            && self.events.iter().any(is_selected)
    }
}

/// Deliveries to insert, by columns.
#[derive(Default)]
struct NewDeliveries {
    ids: Vec<Uuid>,
    webhooks: Vec<Uuid>,
    events: Vec<String>,
    operations: Vec<Uuid>,
    bodies: Vec<String>,
}

impl NewDeliveries {
    /// Adds a delivery for each webhook that selects the event.
    fn add(&mut self, row: EventRow, webhooks: &[Selection]) -> Result<(), StoreError> {
        let (position, sequence) = (row.position, row.sequence);
        let Some(event) = row.parse()? else {
            return Ok(());
        };
        let body = event.body();
        let selecting = webhooks.iter();
        for webhook in selecting.filter(|webhook| webhook.selects(position, &event)) {
            self.ids
                .push(delivery_id(webhook.id, event.operation_id, sequence));
            self.webhooks.push(webhook.id);
            self.events.push(event.event.as_str().to_owned());
            self.operations.push(event.operation_id);
            self.bodies.push(body.clone());
        }
        Ok(())
    }
}

/// The ID of the delivery of an event to a webhook. It is always the same, so an event that is read
/// again, after a restore of the database, is recognised by the receiver.
fn delivery_id(webhook: Uuid, operation: Uuid, sequence: i64) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(webhook.as_bytes());
    hash.update(operation.as_bytes());
    hash.update(sequence.to_be_bytes());
    let digest = hash.finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

impl Store {
    /// Stores the deliveries of the next events of the feed, of which it examines `window` positions.
    pub async fn fan_out(&self, window: i64) -> Result<FannedOut, StoreError> {
        let window = window.clamp(1, WINDOW_MAX);
        let state = sqlx::query!(
            "select f.position, n.last_position as last from webhook_fan_out f, event_numbering n"
        )
        .fetch_one(&self.pool)
        .await?;
        let after = state.position;
        let mut through = state.last.min(after + window);
        let mut next_window = window * 2;
        if through > after {
            let mut deliveries = NewDeliveries::default();
            let events = self.events_between(after, through).await?;
            let webhooks = if events.is_empty() {
                Vec::new()
            } else {
                self.selections().await?
            };
            for row in events {
                if deliveries.ids.len() > DELIVERIES_MAX {
                    through = row.position - 1;
                    next_window = through - after;
                    break;
                }
                deliveries.add(row, &webhooks)?;
            }
            self.insert_deliveries(after, through, &deliveries).await?;
        }
        Ok(FannedOut {
            is_behind: through < state.last,
            next_window,
        })
    }

    /// The events of a part of the feed that webhooks can select, in order.
    async fn events_between(&self, after: i64, through: i64) -> Result<Vec<EventRow>, StoreError> {
        Ok(sqlx::query_as!(
            EventRow,
            "select f.position, f.operation_id, f.sequence, e.type as feed_type, e.data, e.at,
                    o.kind, o.target, o.project, o.cluster_name as cluster, o.version, o.fault
             from event_feed f
             join operation_events e on e.operation_id = f.operation_id and e.sequence = f.sequence
             join operations o on o.id = f.operation_id
             where f.position > $1 and f.position <= $2 and e.type = any($3)
             order by f.position",
            after,
            through,
            &WebhookEvent::feed_types()
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// What the enabled webhooks select. They are compared with events here: a join would compare
    /// each webhook with each event by the plan of a nested loop.
    async fn selections(&self) -> Result<Vec<Selection>, StoreError> {
        Ok(sqlx::query_as!(
            Selection,
            "select id, events, project, target, after_position from webhooks where disabled_reason is null"
        )
        .fetch_all(&self.pool)
        .await?)
    }

    async fn insert_deliveries(
        &self,
        after: i64,
        through: i64,
        new: &NewDeliveries,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "with moved as (
               update webhook_fan_out set position = $2 where position = $1
               returning position
             )
             insert into webhook_deliveries (id, webhook_id, event, operation_id, body)
             select new.id, new.webhook_id, new.event, new.operation_id, new.body
             from moved, unnest($3::uuid[], $4::uuid[], $5::text[], $6::uuid[], $7::text[])
               as new (id, webhook_id, event, operation_id, body)
             on conflict (id) do nothing",
            after,
            through,
            &new.ids,
            &new.webhooks,
            &new.events,
            &new.operations,
            &new.bodies
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
