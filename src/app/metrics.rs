//! Metrics of the installation, read from the database. Every process reports the same values.

use std::time::Duration;

use strum::VariantArray;

use crate::domain::operation::{Kind, Status};
use crate::operations::known_steps;
use crate::store::{Store, StoreError};

const REFRESH_INTERVAL: Duration = Duration::from_secs(15);

/// Refreshes the metrics until the task is aborted. While the database is unreachable they keep
/// their last values.
pub(super) async fn refresh_periodically(store: Store) {
    let kinds: Vec<String> = Kind::VARIANTS
        .iter()
        .map(|kind| kind.as_str().to_owned())
        .collect();
    let steps = known_steps();
    loop {
        if let Err(error) = refresh(&store, &kinds, &steps).await {
            tracing::debug!(%error, "operation metrics were not refreshed");
        }
        tokio::time::sleep(REFRESH_INTERVAL).await;
    }
}

async fn refresh(store: &Store, kinds: &[String], steps: &[String]) -> Result<(), StoreError> {
    let counts = store.unfinished(kinds, steps).await?;
    for &status in Status::VARIANTS
        .iter()
        .filter(|status| !status.is_finished())
    {
        let count = counts
            .iter()
            .find(|unfinished| unfinished.status == status)
            .map_or(0, |unfinished| unfinished.count);
        metrics::gauge!("operations_unfinished", "status" => status.as_str()).set(count as f64);
    }
    let unknown: i64 = counts.iter().map(|unfinished| unfinished.unknown).sum();
    metrics::gauge!("operations_at_unknown_steps").set(unknown as f64);
    Ok(())
}
