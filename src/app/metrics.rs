//! Metrics and condition of the installation, read from the database. Every process reports the
//! same values.

use std::time::Duration;

use metrics::gauge;
use strum::VariantArray;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::api::targets::Targets;
use crate::domain::condition::Condition;
use crate::domain::operation::{Kind, Status};
use crate::domain::target::TargetStatus;
use crate::operations::known_steps;
use crate::store::{Store, StoreError};

const REFRESH_INTERVAL: Duration = Duration::from_secs(15);

/// Refreshes the metrics and the condition until `stop`. While the database is unreachable they keep
/// their last values.
pub(super) async fn refresh_periodically(
    store: Store,
    targets: watch::Receiver<Targets>,
    sender: watch::Sender<Condition>,
    stop: CancellationToken,
) {
    let pause = || tokio::time::sleep(REFRESH_INTERVAL);
    loop {
        let ready = report_targets(&targets.borrow());
        match refresh(&store, &ready).await {
            Ok(condition) => {
                sender.send_replace(condition);
            }
            Err(error) => tracing::debug!(%error, "operation metrics were not refreshed"),
        }
        if stop.run_until_cancelled(pause()).await.is_none() {
            return;
        }
    }
}

/// Reports the status of each target, and returns the names of those that are ready.
fn report_targets(targets: &Targets) -> Vec<String> {
    let mut ready = Vec::new();
    for target in targets.values() {
        let is_ready = *target.status.borrow() == TargetStatus::Ready;
        gauge!("dax_provisioner_target_ready", "target" => target.name.to_string())
            .set(f64::from(u8::from(is_ready)));
        ready.extend(is_ready.then(|| target.name.to_string()));
    }
    ready
}

async fn refresh(store: &Store, ready: &[String]) -> Result<Condition, StoreError> {
    let counts = store.unfinished().await?;
    let unfinished = Status::VARIANTS
        .iter()
        .filter(|status| !status.is_finished());
    for &status in unfinished {
        let found = counts.iter().find(|(counted, _)| *counted == status);
        let count = found.map_or(0, |(_, count)| *count);
        gauge!("dax_provisioner_operations_unfinished", "status" => status.as_str())
            .set(count as f64);
    }
    let condition = condition_of(store, Some(ready)).await?;
    gauge!("dax_provisioner_operation_overdue_seconds").set(condition.overdue.as_secs_f64());
    gauge!("dax_provisioner_operation_blocked_seconds").set(condition.blocked.as_secs_f64());
    gauge!("dax_provisioner_operations_of_newer_versions").set(condition.newer_version as f64);
    gauge!("dax_provisioner_operations_crashed").set(condition.crashed as f64);
    let poll_age = condition.poll_age.unwrap_or_default();
    gauge!("dax_provisioner_poll_age_seconds").set(poll_age.as_secs_f64());
    gauge!("dax_provisioner_sweep_age_seconds").set(condition.sweep_age.as_secs_f64());
    gauge!("dax_provisioner_event_numbering_lag_seconds").set(condition.events_lag.as_secs_f64());
    Ok(condition)
}

/// Reads the condition as this version judges it.
pub(crate) async fn condition_of(
    store: &Store,
    targets: Option<&[String]>,
) -> Result<Condition, StoreError> {
    let kinds: Vec<String> = Kind::VARIANTS
        .iter()
        .map(|kind| kind.as_str().to_owned())
        .collect();
    store.condition(&kinds, &known_steps(), targets).await
}
