//! Webhooks: receivers of events, with their encrypted secrets.

use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::domain::project::ProjectName;
use crate::domain::target::TargetName;
use crate::domain::webhooks::{DisabledReason, Webhook, WebhookEvent, disabled_body};

use super::{ClaimedDelivery, Entry, Store, StoreError, rows};

/// Deliveries that the removal of a webhook deletes at once; retention deletes the others.
const DELETED_AT_ONCE: i64 = 10_000;

/// A webhook to store.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// Its ID.
    pub id: Uuid,
    /// The URL of the receiver.
    pub url: String,
    /// The caller's text.
    pub description: Option<String>,
    /// The names of the selected events.
    pub events: Vec<String>,
    /// The project whose events it receives; `None` for those of every project.
    pub project: Option<ProjectName>,
    /// The target whose events it receives; `None` for those of every target.
    pub target: Option<TargetName>,
    /// The encrypted secret.
    pub secret: Vec<u8>,
    /// The caller.
    pub created_by: String,
}

/// Whose events a webhook receives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookSubject {
    /// Those of this project; `None` for every project.
    pub project: Option<ProjectName>,
    /// Those of this target; `None` for every target.
    pub target: Option<TargetName>,
}

/// New values of a webhook. `None` keeps the value.
#[derive(Debug, Clone, Default)]
pub struct WebhookChange {
    /// The URL of the receiver.
    pub url: Option<String>,
    /// The caller's text; the inner `None` removes it.
    pub description: Option<Option<String>>,
    /// The names of the selected events.
    pub events: Option<Vec<String>>,
    /// The target whose events it receives; the inner `None` selects every target.
    pub target: Option<Option<TargetName>>,
    /// Whether events are delivered.
    pub enabled: Option<bool>,
}

struct WebhookRow {
    id: Uuid,
    url: String,
    description: Option<String>,
    events: Vec<String>,
    project: String,
    target: Option<String>,
    previous_secret_until: Option<DateTime<Utc>>,
    failing_since: Option<DateTime<Utc>>,
    paused_until: Option<DateTime<Utc>>,
    disabled_reason: Option<String>,
    created_by: String,
    created_at: DateTime<Utc>,
    version: i64,
}

impl WebhookRow {
    fn parse(self) -> Result<Webhook, StoreError> {
        let event = |name: &String| rows::parse("webhooks.events", name);
        let reason = |name: String| rows::parse("webhooks.disabled_reason", &name);
        Ok(Webhook {
            id: self.id,
            url: self.url,
            description: self.description,
            events: self.events.iter().map(event).collect::<Result<_, _>>()?,
            project: rows::project(&self.project)?,
            target: self.target.as_deref().map(rows::target).transpose()?,
            previous_secret_until: self.previous_secret_until,
            failing_since: self.failing_since,
            paused_until: self.paused_until,
            disabled_reason: self.disabled_reason.map(reason).transpose()?,
            created_by: self.created_by,
            created_at: self.created_at,
            version: self.version,
        })
    }
}

impl Store {
    /// Stores a webhook, which receives the events after those that are in the feed now.
    pub async fn create_webhook(&self, new: &NewWebhook) -> Result<Webhook, StoreError> {
        let (entry, new) = (Entry::of("create_webhook", new.id), new.clone());
        let created = self.audited(entry, move |connection| Box::pin(async move {
        let row = sqlx::query_as!(
            WebhookRow,
            "insert into webhooks (id, url, description, events, target, secret, created_by, project, after_position)
             select $1, $2, $3, $4, $5, $6, $7, $8, last_position from event_numbering
             returning id, url, description, events, project, target, previous_secret_until, failing_since, paused_until,
                       disabled_reason, created_by, created_at, version",
            new.id,
            new.url,
            new.description,
            &new.events,
            new.target.as_ref().map(TargetName::as_str),
            new.secret,
            new.created_by,
            rows::project_column(new.project.as_ref())
        )
        .fetch_optional(connection)
        .await?;
        row.map(WebhookRow::parse).transpose()
        }));
        Ok(created.await?.expect("an insert returns its row"))
    }

    /// A webhook.
    pub async fn webhook(&self, id: Uuid) -> Result<Option<Webhook>, StoreError> {
        let row = sqlx::query_as!(
            WebhookRow,
            "select id, url, description, events, project, target, previous_secret_until, failing_since, paused_until,
                    disabled_reason, created_by, created_at, version
             from webhooks
             where id = $1",
            id
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(WebhookRow::parse).transpose()
    }

    /// What webhooks are for: each project, with `None` for all, and each target, with `None` for all.
    pub async fn webhook_subjects(&self) -> Result<Vec<WebhookSubject>, StoreError> {
        let rows = sqlx::query!("select distinct project, target from webhooks")
            .fetch_all(&self.pool)
            .await?;
        let subjects = rows.into_iter().map(|row| {
            Ok(WebhookSubject {
                project: rows::project(&row.project)?,
                target: row.target.as_deref().map(rows::target).transpose()?,
            })
        });
        subjects.collect()
    }

    /// At most `limit` webhooks, newest first; only those for `subjects`, and older than `before`, if
    /// given.
    pub async fn webhooks(
        &self,
        subjects: Option<&[WebhookSubject]>,
        before: Option<(DateTime<Utc>, Uuid)>,
        limit: i64,
    ) -> Result<Vec<Webhook>, StoreError> {
        let column = |subject: &WebhookSubject| {
            let project = rows::project_column(subject.project.as_ref()).to_owned();
            let target = subject.target.as_ref().map_or("", TargetName::as_str);
            (project, target.to_owned())
        };
        let columns = subjects.map(|subjects| subjects.iter().map(column).unzip());
        let (projects, targets): (Option<Vec<String>>, Option<Vec<String>>) = columns.unzip();
        let rows = sqlx::query_as!(
            WebhookRow,
            "select id, url, description, events, project, target, previous_secret_until, failing_since, paused_until,
                    disabled_reason, created_by, created_at, version
             from webhooks
             where ($1::timestamptz is null or (created_at, id) < ($1, $2::uuid))
               and ($4::text[] is null or (project, coalesce(target, '')) in (select * from unnest($4, $5::text[])))
             order by created_at desc, id desc
             limit $3",
            before.map(|(at, _)| at),
            before.map(|(_, id)| id),
            limit,
            projects.as_deref(),
            targets.as_deref()
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(WebhookRow::parse).collect()
    }

    /// Changes a webhook if it still has this version. A new URL, or enabling it, forgets earlier
    /// failures. An enabled webhook receives the events after those that are in the feed now.
    pub async fn change_webhook(
        &self,
        id: Uuid,
        version: i64,
        change: &WebhookChange,
    ) -> Result<Option<Webhook>, StoreError> {
        let (entry, change) = (Entry::of("update_webhook", id), change.clone());
        self.audited(entry, move |connection| Box::pin(async move {
        let row = sqlx::query_as!(
            WebhookRow,
            "update webhooks w
             set url = coalesce($3, w.url),
                 description = case when $4 then $5 else w.description end,
                 events = coalesce($6, w.events),
                 target = case when $8 then $9 else w.target end,
                 disabled_reason = case when $7 then null when not $7 then coalesce(w.disabled_reason, 'requested')
                                        else w.disabled_reason end,
                 after_position = case when $7 and w.disabled_reason is not null
                                       then (select last_position from event_numbering) else w.after_position end,
                 failing_since = case when $3 <> w.url or ($7 and w.disabled_reason is not null)
                                      then null else w.failing_since end,
                 paused_until = case when $3 <> w.url then null else w.paused_until end,
                 responsiveness = case when $3 <> w.url then null else w.responsiveness end,
                 version = w.version + 1
             where id = $1 and version = $2
             returning id, url, description, events, project, target, previous_secret_until, failing_since, paused_until,
                       disabled_reason, created_by, created_at, version",
            id,
            version,
            change.url,
            change.description.is_some(),
            change.description.clone().flatten(),
            change.events.as_deref(),
            change.enabled,
            change.target.is_some(),
            change.target.iter().flatten().next().map(TargetName::as_str)
        )
        .fetch_optional(connection)
        .await?;
        row.map(WebhookRow::parse).transpose()
        })).await
    }

    /// Disables the webhook of a delivery because of its answers, and stores a delivery of
    /// `webhook.disabled` for each other one that selects it. With `failing_since`, only if no attempt
    /// has succeeded since. False if nothing changed.
    pub async fn disable_webhook(
        &self,
        delivery: &ClaimedDelivery,
        reason: DisabledReason,
        failing_since: Option<DateTime<Utc>>,
    ) -> Result<bool, StoreError> {
        let id = delivery.webhook_id;
        let event = WebhookEvent::Disabled.as_str();
        Ok(sqlx::query_scalar!(
            r#"with disabled as (
               update webhooks set disabled_reason = $2, version = version + 1
               where id = $1 and disabled_reason is null and ($3::timestamptz is null or failing_since = $3)
               returning id, project, target
             ),
             announced as (
               insert into webhook_deliveries (id, webhook_id, event, body)
               select gen_random_uuid(), w.id, $4, $5
               from disabled, webhooks w
               where w.id <> disabled.id and w.disabled_reason is null and w.events && array[$4, '*']
                 and (w.target is null or w.target = disabled.target)
                 and (w.project = '' or w.project = disabled.project)
             )
             select exists (select 1 from disabled) as "is_disabled!""#,
            id,
            <&str>::from(reason),
            failing_since,
            event,
            disabled_body(id, reason, delivery.claimed_at)
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// Replaces the secret of a webhook. The previous one signs as well for `overlap`.
    pub async fn rotate_webhook_secret(
        &self,
        id: Uuid,
        secret: &[u8],
        overlap: Duration,
    ) -> Result<Option<Webhook>, StoreError> {
        let (entry, secret) = (Entry::of("rotate_webhook_secret", id), secret.to_owned());
        self.audited(entry, move |connection| Box::pin(async move {
        let row = sqlx::query_as!(
            WebhookRow,
            "update webhooks
             set secret = $2, previous_secret = secret,
                 previous_secret_until = now() + $3::float8 * interval '1 second', version = version + 1
             where id = $1
             returning id, url, description, events, project, target, previous_secret_until, failing_since, paused_until,
                       disabled_reason, created_by, created_at, version",
            id,
            secret,
            overlap.as_secs_f64()
        )
        .fetch_optional(connection)
        .await?;
        row.map(WebhookRow::parse).transpose()
        })).await
    }

    /// Deletes a webhook with its deliveries. False if it does not exist.
    pub async fn delete_webhook(&self, id: Uuid) -> Result<bool, StoreError> {
        let entry = Entry::of("delete_webhook", id);
        let deleted = self.audited(entry, move |connection| {
            Box::pin(async move {
                let deleted = sqlx::query_scalar!(
                    r#"with gone as (delete from webhooks where id = $1 returning id),
             deliveries as (
               delete from webhook_deliveries where id in (
                 select d.id from webhook_deliveries d
                 where d.webhook_id = $1
                 order by d.created_at desc, d.id desc
                 limit $2)
             )
             select count(*) as "count!" from gone"#,
                    id,
                    DELETED_AT_ONCE
                )
                .fetch_one(connection)
                .await?;
                Ok((deleted == 1).then_some(()))
            })
        });
        Ok(deleted.await?.is_some())
    }
}
