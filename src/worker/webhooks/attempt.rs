//! One attempt of a delivery: it is sent, and the result is recorded.

use std::time::{Duration, Instant};

use crate::domain::webhooks::{DisabledReason, Responsiveness, pause_after};
use crate::outgoing::secrets::SecretsKey;
use crate::outgoing::webhooks::{Answer, Attempt, SendError, WebhookClient};
use crate::store::{AttemptResult, ClaimedDelivery, Store, StoreError};

use super::lanes::SLOW;

/// Failures of this long disable a webhook.
const FAILING_MAX: Duration = Duration::from_secs(5 * 24 * 3_600);
/// Longest pause that a receiver can ask for by `Retry-After`.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3_600);
/// How often the record of a result is tried: without it, the delivery is sent again.
const RECORDS: usize = 3;
/// Pause between two of these.
const RECORD_PAUSE: Duration = Duration::from_millis(500);
/// A pause is longer by up to this share, so that deliveries which failed together spread.
const JITTER: f64 = 0.2;

/// What is needed to deliver.
#[derive(Debug, Clone)]
pub(in crate::worker) struct WebhookSender {
    pub(in crate::worker) client: WebhookClient,
    pub(in crate::worker) key: SecretsKey,
}

/// Sends a delivery and records the result.
pub(super) async fn attempt(store: Store, sender: WebhookSender, delivery: ClaimedDelivery) {
    let began = Instant::now();
    let mut result = match send(&sender, &delivery).await {
        Ok(answer) => result_of(answer, delivery.attempts),
        Err(error) => AttemptResult {
            error: Some(error),
            next_in: next_in(delivery.attempts, None),
            ..AttemptResult::default()
        },
    };
    result.responsiveness = match (began.elapsed() < SLOW, result.is_success) {
        (true, _) => Responsiveness::Quick,
        (false, true) => Responsiveness::Slow,
        (false, false) => Responsiveness::Silent,
    };
    let outcome = if result.is_success {
        "succeeded"
    } else {
        "failed"
    };
    metrics::counter!("dax_provisioner_webhook_attempts_total", "outcome" => outcome).increment(1);
    if let Err(error) = record(&store, &delivery, &result).await {
        // Its lease ends, and it is sent again.
        tracing::debug!(%error, "the result of a delivery was not recorded");
    }
}

/// Records a result, and what follows from it for the webhook.
async fn record(
    store: &Store,
    delivery: &ClaimedDelivery,
    result: &AttemptResult,
) -> Result<(), StoreError> {
    let mut recorded = store.record_attempt(delivery, result).await;
    for _ in 1..RECORDS {
        if recorded.is_ok() {
            break;
        }
        tokio::time::sleep(RECORD_PAUSE).await;
        recorded = store.record_attempt(delivery, result).await;
    }
    let failing_since = delivery.failing_since.filter(|since| {
        let failing = (delivery.claimed_at - since).to_std();
        !result.is_success && failing.is_ok_and(|failing| failing > FAILING_MAX)
    });
    let reason = match failing_since {
        _ if result.is_gone => DisabledReason::Gone,
        Some(_) => DisabledReason::Failing,
        None => return recorded.map(drop),
    };
    // Not after another claim or a redelivery, whose result counts.
    if recorded?
        && store
            .disable_webhook(delivery, reason, failing_since)
            .await?
    {
        let (webhook, reason) = (delivery.webhook_id, <&str>::from(reason));
        tracing::warn!(webhook.id = %webhook, reason, "a webhook was disabled");
    }
    Ok(())
}

async fn send(sender: &WebhookSender, delivery: &ClaimedDelivery) -> Result<Answer, String> {
    let current = Some(&delivery.secret);
    let secrets = current.into_iter().chain(&delivery.previous_secret);
    let opened = secrets.map(|sealed| sender.key.open(delivery.webhook_id, sealed));
    let Some(secrets) = opened.collect::<Option<Vec<_>>>() else {
        tracing::warn!(
            webhook.id = %delivery.webhook_id,
            "the secret of a webhook was encrypted with another key than that of --secrets-key-file"
        );
        return Err("the service cannot decrypt the secret".to_owned());
    };
    let attempt = Attempt {
        url: &delivery.url,
        id: delivery.id,
        timestamp: delivery.claimed_at.timestamp(),
        body: &delivery.body,
        secrets: &secrets,
    };
    let answer = sender.client.send(&attempt).await;
    answer.map_err(|error: SendError| error.to_string())
}

fn result_of(answer: Answer, attempts: i32) -> AttemptResult {
    let is_success =
        (200..300).contains(&answer.status) || crate::sabotage::is("rejected_delivery_ends");
    let is_gone = answer.status == 410;
    let pause = answer.retry_after.map(|pause| pause.min(RETRY_AFTER_MAX));
    let pause = pause.filter(|_| !is_success && !is_gone);
    let next_in = if is_success || is_gone {
        None
    } else {
        next_in(attempts, pause)
    };
    AttemptResult {
        response_status: Some(answer.status),
        response_body: Some(answer.body),
        error: None,
        is_success,
        is_gone,
        next_in,
        pause,
        responsiveness: Responsiveness::default(),
    }
}

/// The pause after a failed attempt, of at least `pause`.
fn next_in(attempts: i32, pause: Option<Duration>) -> Option<Duration> {
    let scheduled = pause_after(attempts)?;
    let jitter = 1.0 + rand::random::<f64>() * JITTER;
    Some(scheduled.mul_f64(jitter).max(pause.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, retry_after: Option<u64>) -> Answer {
        Answer {
            status,
            body: String::new(),
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    #[test]
    fn only_2xx_is_a_success_and_410_ends_the_delivery() {
        for (status, is_success) in [(200, true), (204, true), (302, false), (500, false)] {
            let result = result_of(answer(status, None), 1);
            assert_eq!(result.is_success, is_success, "{status}");
            assert_eq!(result.next_in.is_none(), is_success, "{status}");
        }
        let gone = result_of(answer(410, Some(60)), 1);
        assert!(gone.is_gone && gone.next_in.is_none() && gone.pause.is_none());
        assert_eq!(result_of(answer(500, None), 10).next_in, None);
    }

    #[test]
    fn a_pause_has_jitter_and_is_as_long_as_the_receiver_asks() {
        let pauses: Vec<Duration> = (0..100)
            .filter_map(|_| result_of(answer(500, None), 2).next_in)
            .collect();
        let is_in_range = |pause: &Duration| (300.0..360.0).contains(&pause.as_secs_f64());
        assert!(pauses.iter().all(is_in_range), "{pauses:?}");
        assert!(pauses.iter().any(|pause| pause != &pauses[0]));
        let asked = result_of(answer(429, Some(3_600)), 1);
        assert_eq!(asked.next_in, Some(Duration::from_secs(3_600)));
        let longest = result_of(answer(503, Some(u64::MAX)), 1);
        assert_eq!(longest.pause, Some(RETRY_AFTER_MAX));
    }
}
