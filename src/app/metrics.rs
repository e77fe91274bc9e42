//! Figures of the whole installation, which any process may tell: what every database row says, not this process.

use std::time::Duration;

use crate::domain::operation::{Kind, Status};
use crate::operations::known_steps;
use crate::store::{Store, StoreError};

/// How often the figures are renewed.
const EVERY: Duration = Duration::from_secs(15);

/// Renews the figures until the process ends. While the database is away they stay as they were.
pub(super) async fn keep_renewing(store: Store) {
    let kinds = Kind::ALL.map(|kind| kind.as_str().to_owned());
    let steps = known_steps();
    loop {
        if let Err(error) = renew(&store, &kinds, &steps).await {
            tracing::debug!(%error, "the figures of the operations stay as they were");
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn renew(store: &Store, kinds: &[String], steps: &[String]) -> Result<(), StoreError> {
    let found = store.unfinished(kinds, steps).await?;
    for status in Status::ALL
        .into_iter()
        .filter(|status| !status.is_finished())
    {
        let count = found
            .iter()
            .find(|unfinished| unfinished.status == status)
            .map_or(0, |unfinished| unfinished.count);
        metrics::gauge!("operations_unfinished", "status" => status.as_str()).set(count as f64);
    }
    let unknown: i64 = found.iter().map(|unfinished| unfinished.unknown).sum();
    metrics::gauge!("operations_at_unknown_steps").set(unknown as f64);
    Ok(())
}
