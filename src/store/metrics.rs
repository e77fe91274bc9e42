//! Operation metrics: unfinished operations by status, and those that this version cannot continue.

use crate::domain::operation::Status;

use super::rows;
use super::{Store, StoreError};

/// The number of unfinished operations with one status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfinished {
    /// The status that is counted.
    pub status: Status,
    /// Number of operations with this status.
    pub count: i64,
    /// Those among them whose kind or current step is not in the caller's lists.
    pub unknown: i64,
}

impl Store {
    /// Counts the unfinished operations by status. A status without operations is absent.
    pub async fn unfinished(
        &self,
        kinds: &[String],
        steps: &[String],
    ) -> Result<Vec<Unfinished>, StoreError> {
        let found = sqlx::query!(
            r#"select status, count(*) as "count!",
                      count(*) filter (where kind <> all($1) or current_step <> all($2)) as "unknown!"
               from operations
               where finished_at is null
               group by status"#,
            kinds,
            steps
        )
        .fetch_all(&self.pool)
        .await?;
        found
            .into_iter()
            .map(|row| {
                Ok(Unfinished {
                    status: rows::status(&row.status)?,
                    count: row.count,
                    unknown: row.unknown,
                })
            })
            .collect()
    }
}
