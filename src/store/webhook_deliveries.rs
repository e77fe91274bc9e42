//! Deliveries of webhooks: claims, results, and what is shown.
//!
//! A claim leases a delivery for the time of an attempt. If its result is lost, because the process
//! died, the lease ends and the delivery is sent again with the same ID. The epoch fences a result
//! that arrives later.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use crate::domain::webhooks::{Delivery, DeliveryStatus, Responsiveness, TEST_EVENT};

use super::{Entry, Store, StoreError, rows};

/// How long an attempt has: longer than its timeout and the record of its result.
const LEASE: Duration = Duration::from_secs(30);
/// Attempts of a process to one receiver at a time. Receivers that are not quick have fewer.
const PER_WEBHOOK_MAX: usize = 16;
/// Age at which deliveries are deleted.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3_600);
/// Deliveries deleted by one statement.
const PRUNED_AT_ONCE: i64 = 5_000;

/// A delivery that this process has claimed.
#[derive(Debug)]
pub struct ClaimedDelivery {
    /// Its ID.
    pub id: Uuid,
    /// The webhook.
    pub webhook_id: Uuid,
    /// The fencing token of the claim.
    pub epoch: i64,
    /// The number of this attempt, from 1.
    pub attempts: i32,
    /// The time of the claim.
    pub claimed_at: DateTime<Utc>,
    /// The URL of the receiver.
    pub url: String,
    /// The body.
    pub body: String,
    /// The encrypted secret.
    pub secret: Vec<u8>,
    /// The encrypted previous secret, if deliveries are still signed with it.
    pub previous_secret: Option<Vec<u8>>,
    /// The first failed attempt of the webhook since its last successful one.
    pub failing_since: Option<DateTime<Utc>>,
    /// The lane of the receiver.
    pub lane: Responsiveness,
}

/// How many deliveries can be claimed in each lane.
#[derive(Debug)]
pub struct ClaimLimits {
    /// Those of receivers that are quick, or new.
    pub quick: usize,
    /// Those of slow receivers.
    pub slow: usize,
    /// Those of silent receivers.
    pub silent: usize,
    /// The running attempts, by webhook.
    pub running: Vec<RunningAttempts>,
}

/// The attempts of a webhook that this process runs.
#[derive(Debug)]
pub struct RunningAttempts {
    /// The webhook.
    pub webhook: Uuid,
    /// Their number.
    pub count: usize,
    /// Whether one of a quick receiver turns out to be slow: no other one begins.
    pub has_stalled: bool,
}

/// The result of an attempt.
#[derive(Debug, Default)]
pub struct AttemptResult {
    /// The status of the answer.
    pub response_status: Option<u16>,
    /// The start of the answer.
    pub response_body: Option<String>,
    /// Why there was no answer.
    pub error: Option<String>,
    /// Whether the receiver accepted the delivery.
    pub is_success: bool,
    /// Whether the receiver answered that the webhook must be disabled.
    pub is_gone: bool,
    /// The pause before the next attempt, if there is one.
    pub next_in: Option<Duration>,
    /// The pause that the receiver asks for, for all its deliveries.
    pub pause: Option<Duration>,
    /// How the receiver responded.
    pub responsiveness: Responsiveness,
}

impl RunningAttempts {
    /// The places that are taken of those of the webhook.
    fn taken(&self) -> usize {
        if self.has_stalled {
            PER_WEBHOOK_MAX
        } else {
            self.count
        }
    }
}

impl AttemptResult {
    fn status(&self) -> DeliveryStatus {
        match (self.is_success, self.next_in) {
            (true, _) => DeliveryStatus::Succeeded,
            (false, Some(_)) => DeliveryStatus::Pending,
            (false, None) => DeliveryStatus::Failed,
        }
    }
}

struct ClaimedRow {
    id: Uuid,
    webhook_id: Uuid,
    epoch: i64,
    attempts: i32,
    claimed_at: DateTime<Utc>,
    url: String,
    body: String,
    secret: Vec<u8>,
    previous_secret: Option<Vec<u8>>,
    failing_since: Option<DateTime<Utc>>,
    responsiveness: Option<String>,
}

impl ClaimedRow {
    fn parse(self) -> Result<ClaimedDelivery, StoreError> {
        let parse = |name: String| rows::parse("webhooks.responsiveness", &name);
        let responsiveness = self.responsiveness.map(parse).transpose()?;
        Ok(ClaimedDelivery {
            id: self.id,
            webhook_id: self.webhook_id,
            epoch: self.epoch,
            attempts: self.attempts,
            claimed_at: self.claimed_at,
            url: self.url,
            body: self.body,
            secret: self.secret,
            previous_secret: self.previous_secret,
            failing_since: self.failing_since,
            lane: responsiveness.unwrap_or_default(),
        })
    }
}

struct DeliveryRow {
    id: Uuid,
    event: String,
    operation_id: Option<Uuid>,
    status: String,
    attempts: i32,
    next_attempt_at: Option<DateTime<Utc>>,
    last_attempt_at: Option<DateTime<Utc>>,
    response_status: Option<i32>,
    response_body: Option<String>,
    error: Option<String>,
    created_at: DateTime<Utc>,
}

impl DeliveryRow {
    fn parse(self) -> Result<Delivery, StoreError> {
        Ok(Delivery {
            id: self.id,
            event: self.event,
            operation_id: self.operation_id,
            status: rows::parse("webhook_deliveries.status", &self.status)?,
            attempts: self.attempts,
            next_attempt_at: self.next_attempt_at,
            last_attempt_at: self.last_attempt_at,
            response_status: self.response_status,
            response_body: self.response_body,
            error: self.error,
            created_at: self.created_at,
        })
    }
}

impl Store {
    /// At most `limit` deliveries of a webhook, newest first; only those older than `before`, and
    /// with this status, if given.
    pub async fn deliveries(
        &self,
        webhook: Uuid,
        status: Option<DeliveryStatus>,
        before: Option<(DateTime<Utc>, Uuid)>,
        limit: i64,
    ) -> Result<Vec<Delivery>, StoreError> {
        let rows = sqlx::query_as!(
            DeliveryRow,
            "select id, event, operation_id, status, attempts, next_attempt_at, last_attempt_at,
                    response_status, response_body, error, created_at
             from webhook_deliveries
             where webhook_id = $1
               and ($2::text is null or status = $2)
               and ($3::timestamptz is null or (created_at, id) < ($3, $4::uuid))
             order by created_at desc, id desc
             limit $5",
            webhook,
            status.map(<&str>::from),
            before.map(|(at, _)| at),
            before.map(|(_, id)| id),
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(DeliveryRow::parse).collect()
    }

    /// Stores a test delivery, which is due at once.
    pub async fn create_test_delivery(
        &self,
        webhook: Uuid,
        body: &str,
    ) -> Result<Delivery, StoreError> {
        let (entry, body) = (Entry::of("test_webhook", webhook), body.to_owned());
        let created = self.audited(entry, move |connection| {
            Box::pin(async move {
                let row = sqlx::query_as!(
            DeliveryRow,
            "insert into webhook_deliveries (id, webhook_id, event, body) values ($1, $2, $3, $4)
             returning id, event, operation_id, status, attempts, next_attempt_at, last_attempt_at,
                       response_status, response_body, error, created_at",
            Uuid::now_v7(),
            webhook,
            TEST_EVENT,
            body
        )
                .fetch_optional(connection)
                .await?;
                row.map(DeliveryRow::parse).transpose()
            })
        });
        Ok(created.await?.expect("an insert returns its row"))
    }

    /// Makes a delivery due again, with all its attempts. A running attempt is fenced.
    pub async fn redeliver(
        &self,
        webhook: Uuid,
        delivery: Uuid,
    ) -> Result<Option<Delivery>, StoreError> {
        let entry = Entry {
            details: Some(json!({"delivery_id": delivery})),
            ..Entry::of("redeliver_webhook_delivery", webhook)
        };
        self.audited(entry, move |connection| {
            Box::pin(async move {
                let row = sqlx::query_as!(
                    DeliveryRow,
                    "update webhook_deliveries
             set status = 'pending', attempts = 0, epoch = epoch + 1, next_attempt_at = now()
             where id = $1 and webhook_id = $2
             returning id, event, operation_id, status, attempts, next_attempt_at, last_attempt_at,
                       response_status, response_body, error, created_at",
                    delivery,
                    webhook
                )
                .fetch_optional(connection)
                .await?;
                row.map(DeliveryRow::parse).transpose()
            })
        })
        .await
    }

    /// Claims due deliveries. Those that wait longest go first.
    pub async fn claim_deliveries(
        &self,
        limits: &ClaimLimits,
    ) -> Result<Vec<ClaimedDelivery>, StoreError> {
        let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let running = limits.running.iter();
        let (webhooks, counts): (Vec<Uuid>, Vec<i64>) = running
            .map(|running| (running.webhook, number(running.taken())))
            .unzip();
        let rows = sqlx::query_file_as!(
            ClaimedRow,
            "src/store/sql/claim_deliveries.sql",
            number(limits.quick),
            number(limits.slow),
            number(limits.silent),
            &webhooks,
            &counts,
            LEASE.as_secs_f64()
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(ClaimedRow::parse).collect()
    }

    /// Records the result of an attempt. False if the delivery was claimed or requested again, so
    /// that another attempt counts.
    pub async fn record_attempt(
        &self,
        claimed: &ClaimedDelivery,
        result: &AttemptResult,
    ) -> Result<bool, StoreError> {
        let status: &str = result.status().into();
        let responsiveness: &str = result.responsiveness.into();
        Ok(sqlx::query_file_scalar!(
            "src/store/sql/record_attempt.sql",
            claimed.id,
            claimed.epoch,
            status,
            result.next_in.map(|pause| pause.as_secs_f64()),
            result.response_status.map(i32::from),
            result.response_body,
            result.error,
            result.is_success,
            result.pause.map(|pause| pause.as_secs_f64()),
            responsiveness
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// Deletes one batch of old deliveries, and the previous secrets that no longer sign. A delivery
    /// that is still due stays. Returns the number of deliveries.
    pub async fn prune_deliveries(&self) -> Result<u64, StoreError> {
        sqlx::query!(
            "update webhooks set previous_secret = null
             where previous_secret is not null and previous_secret_until < now()"
        )
        .execute(&self.pool)
        .await?;
        let done = sqlx::query!(
            "delete from webhook_deliveries where id in (
               select id from webhook_deliveries
               where created_at < now() - $1::float8 * interval '1 second'
                 and coalesce(next_attempt_at, '-infinity') < now() - interval '7 days'
               limit $2)",
            KEPT.as_secs_f64(),
            PRUNED_AT_ONCE
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }
}
