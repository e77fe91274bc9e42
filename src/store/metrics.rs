//! Figures: how many operations are unfinished, and which of them no program of this version can go on with.

use crate::domain::operation::Status;

use super::rows;
use super::{Store, StoreError};

/// Unfinished operations of one status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfinished {
    /// Their status.
    pub status: Status,
    /// How many.
    pub count: i64,
    /// How many of these wait at a step, or are of a kind, that the asker does not know.
    pub unknown: i64,
}

impl Store {
    /// Counts the unfinished operations; a status that none has is missing.
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
