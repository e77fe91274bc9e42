//! Duties: work that one process at a time does for all, such as the sweep.

use std::time::{Duration, Instant};

use super::{Store, StoreError};

/// A process's time-limited hold on a duty.
#[derive(Debug, Clone)]
pub struct SingletonJob {
    /// Which.
    pub name: String,
    /// The fence.
    pub epoch: i64,
    /// This process's monotonic clock before it was taken.
    pub taken_at: Instant,
}

impl Store {
    /// Takes a duty that is due, for at most `lease`. `None`: not due, or another process has it.
    pub async fn take_duty(
        &self,
        name: &str,
        owner: &str,
        lease: Duration,
    ) -> Result<Option<SingletonJob>, StoreError> {
        let taken_at = Instant::now();
        let epoch = sqlx::query_scalar!(
            "update duties
             set epoch = epoch + 1, owner = $2, due_at = now() + $3::float8 * interval '1 second'
             where name = $1 and due_at <= now()
             returning epoch",
            name,
            owner,
            lease.as_secs_f64()
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(epoch.map(|epoch| SingletonJob {
            name: name.to_owned(),
            epoch,
            taken_at,
        }))
    }

    /// Gives a duty back that could not be done; it is due again after a while.
    pub async fn fail_duty(
        &self,
        duty: &SingletonJob,
        next_in: Duration,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update duties set owner = null, due_at = now() + $3::float8 * interval '1 second'
             where name = $1 and epoch = $2",
            duty.name,
            duty.epoch,
            next_in.as_secs_f64()
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Ends a duty and says when it is due next. Fenced if another process took it meanwhile.
    pub async fn end_duty(&self, duty: &SingletonJob, next_in: Duration) -> Result<(), StoreError> {
        let done = sqlx::query!(
            "update duties set owner = null, done_at = now(), due_at = now() + $3::float8 * interval '1 second'
             where name = $1 and epoch = $2",
            duty.name,
            duty.epoch,
            next_in.as_secs_f64()
        )
        .execute(&self.pool)
        .await?;
        if done.rows_affected() == 0 {
            Err(StoreError::Fenced)
        } else {
            Ok(())
        }
    }
}
