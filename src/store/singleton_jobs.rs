//! Singleton jobs: periodic work on a target that one process at a time performs for all, such as
//! the sweep.

use std::time::{Duration, Instant};

use super::{Store, StoreError};

/// A singleton job that this process has taken, for a limited time.
#[derive(Debug, Clone)]
pub struct SingletonJob {
    /// The name of the job: `poll` or `sweep`.
    pub name: String,
    /// The fencing token: every write of the job names it.
    pub epoch: i64,
    /// The local monotonic clock before the job was taken.
    pub taken_at: Instant,
}

impl Store {
    /// Takes a job that is due, for at most `lease`. `None`: the job is not due, or another process
    /// holds it.
    pub async fn take_job(
        &self,
        name: &str,
        owner: &str,
        lease: Duration,
    ) -> Result<Option<SingletonJob>, StoreError> {
        let taken_at = Instant::now();
        let epoch = sqlx::query_scalar!(
            "update duties
             set epoch = epoch + 1, owner = $2, due_at = now() + $3::float8 * interval '1 second'
             where name = $1 and target = $4 and due_at <= now()
             returning epoch",
            name,
            owner,
            lease.as_secs_f64(),
            self.target.as_str()
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(epoch.map(|epoch| SingletonJob {
            name: name.to_owned(),
            epoch,
            taken_at,
        }))
    }

    /// Extends the lease of a job. `Fenced` if another process has taken it.
    pub async fn renew_job(
        &self,
        job: &mut SingletonJob,
        lease: Duration,
    ) -> Result<(), StoreError> {
        let taken_at = Instant::now();
        let done = sqlx::query!(
            "update duties set due_at = now() + $3::float8 * interval '1 second'
             where name = $1 and epoch = $2 and target = $4",
            job.name,
            job.epoch,
            lease.as_secs_f64(),
            self.target.as_str()
        )
        .execute(&self.pool)
        .await?;
        if done.rows_affected() == 0 {
            return Err(StoreError::Fenced);
        }
        job.taken_at = taken_at;
        Ok(())
    }

    /// Releases a failed job, which is due again after `next_in`.
    pub async fn fail_job(&self, job: &SingletonJob, next_in: Duration) -> Result<(), StoreError> {
        sqlx::query!(
            "update duties set owner = null, due_at = now() + $3::float8 * interval '1 second'
             where name = $1 and epoch = $2 and target = $4",
            job.name,
            job.epoch,
            next_in.as_secs_f64(),
            self.target.as_str()
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Ends a completed job, which is due again after `next_in`. `Fenced` if another process has
    /// taken it.
    pub async fn end_job(&self, job: &SingletonJob, next_in: Duration) -> Result<(), StoreError> {
        let done = sqlx::query!(
            "update duties set owner = null, done_at = now(), due_at = now() + $3::float8 * interval '1 second'
             where name = $1 and epoch = $2 and target = $4",
            job.name,
            job.epoch,
            next_in.as_secs_f64(),
            self.target.as_str()
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
