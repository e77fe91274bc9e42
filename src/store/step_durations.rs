//! Step durations of finished operations, for estimates.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::operation::Kind;

use super::{Store, StoreError};

impl Store {
    /// The median duration of each step over the last 20 succeeded operations of a kind with the
    /// same number of nodes. Without such operations, all of the kind count. Skipped steps count as
    /// well.
    pub async fn medians_of_steps(
        &self,
        kind: Kind,
        nodes: Option<i32>,
    ) -> Result<BTreeMap<String, Duration>, StoreError> {
        let alike = self.medians(kind, nodes).await?;
        if nodes.is_some() && alike.is_empty() {
            self.medians(kind, None).await
        } else {
            Ok(alike)
        }
    }

    async fn medians(
        &self,
        kind: Kind,
        nodes: Option<i32>,
    ) -> Result<BTreeMap<String, Duration>, StoreError> {
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
