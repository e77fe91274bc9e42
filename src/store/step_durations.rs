//! Step durations of finished operations, for estimates.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::operation::Kind;

use super::{Store, StoreError};

/// Age at which medians are computed again.
const MEDIANS_AGE: Duration = Duration::from_secs(60);

type Key = (Kind, Option<i32>);
type Medians = BTreeMap<String, Duration>;

/// The last medians, by kind and number of nodes, with the time of their computation.
#[derive(Debug, Default)]
pub(super) struct MediansCache(Mutex<HashMap<Key, (Instant, Medians)>>);

impl MediansCache {
    fn get(&self, key: Key) -> Option<Medians> {
        let cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, medians) = cache.get(&key)?;
        (at.elapsed() < MEDIANS_AGE).then(|| medians.clone())
    }

    fn put(&self, key: Key, medians: Medians) {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cache.insert(key, (Instant::now(), medians));
    }
}

impl Store {
    /// The median duration of each step over the last 20 succeeded operations of a kind with the
    /// same number of nodes, at most a minute old. Without such operations, all of the kind count.
    /// Skipped steps count as well.
    pub async fn medians_of_steps(
        &self,
        kind: Kind,
        nodes: Option<i32>,
    ) -> Result<Medians, StoreError> {
        if let Some(medians) = self.medians.get((kind, nodes)) {
            return Ok(medians);
        }
        let mut medians = self.medians(kind, nodes).await?;
        if nodes.is_some() && medians.is_empty() {
            medians = self.medians(kind, None).await?;
        }
        self.medians.put((kind, nodes), medians.clone());
        Ok(medians)
    }

    async fn medians(&self, kind: Kind, nodes: Option<i32>) -> Result<Medians, StoreError> {
        let found = sqlx::query!(
            r#"select s.name,
                      percentile_cont(0.5) within group (
                        order by extract(epoch from s.finished_at - s.started_at)::float8) as "seconds!"
               from (
                 select id from operations
                 where status = 'succeeded' and kind = $1 and ($2::int is null or node_count = $2)
                 order by created_at desc
                 limit 20
               ) as recent
               join operation_steps s on s.operation_id = recent.id
               where s.status in ('succeeded', 'skipped') and s.started_at is not null and s.finished_at is not null
               group by s.name"#,
            kind.as_str(),
            nodes
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(found
            .into_iter()
            .map(|row| {
                (
                    row.name,
                    Duration::try_from_secs_f64(row.seconds).unwrap_or_default(),
                )
            })
            .collect())
    }
}
