//! Claims: one statement claims operations, raises their epochs and starts the leases. Another one reads
//! the tasks. Loops that claim at the same time share both ([batches](super::batches)).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::Value;
use strum::VariantArray;
use tokio::time::timeout;
use uuid::Uuid;

use crate::domain::operation::Kind;
use crate::domain::spec::SPEC_VERSION;
use crate::domain::target::TargetName;
use crate::domain::task::Task;

use super::batches::{Batched, PATIENCE};
use super::pool::Pool;
use super::tasks::{self, LIST_TRUSTED};
use super::{Store, StoreError, leases};

/// Length of a lease. A lease is never renewed during a turn: the turn ends earlier, or its writes are
/// fenced. The record of a turn can start the lease of the next one.
pub const LEASE: Duration = Duration::from_secs(15);

/// A worker's time-limited hold on an operation.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The claimed operation.
    pub operation_id: Uuid,
    /// The fencing token: every write of the turn names it.
    pub epoch: i64,
    /// The name of the worker.
    pub owner: String,
    /// The local monotonic clock before the claim was sent, so the real lease ends later than
    /// computed.
    pub taken_at: Instant,
    /// Number of consecutive claims without a recorded verdict, including this one.
    pub claims_without_progress: i32,
}

impl Claim {
    /// Lower bound of the time left in the lease.
    pub fn lease_left(&self) -> Duration {
        LEASE.saturating_sub(self.taken_at.elapsed())
    }
}

/// Who claims: the loops of one worker.
#[derive(Debug)]
pub struct Claimant {
    /// The name of the worker.
    pub owner: String,
    kinds: Vec<String>,
    steps: Vec<String>,
    /// The caller served last, and the number of statements: turns go round the callers, so that a caller
    /// with many operations does not delay another one.
    rotation: Mutex<(String, u64)>,
    /// Held during a statement.
    claiming: tokio::sync::Mutex<()>,
}

/// Of so many claims, one takes the operation that waited longest, whether or not a person waits.
const CLAIMS_PER_OTHER_LANE: u64 = 4;
/// Statements tried when other processes claim the same callers' operations at the same time.
const CONTENDED_CLAIMS: u32 = 4;

impl Claimant {
    /// A worker that claims operations of every kind that this process knows, at these steps.
    pub fn new(owner: String, steps: Vec<String>) -> Self {
        let kinds = Kind::VARIANTS.iter().map(|kind| kind.as_str().to_owned());
        Self {
            owner,
            kinds: kinds.collect(),
            steps,
            rotation: Mutex::default(),
            claiming: tokio::sync::Mutex::default(),
        }
    }

    /// The caller served last, and the lane to prefer.
    fn next(&self) -> (String, i16) {
        let mut state = self.rotation.lock().unwrap_or_else(PoisonError::into_inner);
        state.1 += 1;
        let lane = i16::from(state.1.is_multiple_of(CLAIMS_PER_OTHER_LANE));
        (state.0.clone(), lane)
    }

    fn served(&self, caller: String) {
        let mut state = self.rotation.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 = caller;
    }
}

/// A claimed operation.
#[derive(Debug)]
pub struct Claimed {
    /// The hold on the operation.
    pub claim: Claim,
    /// Its state after the claim. `Unreadable`: another version of the program stored it.
    pub task: Result<Task, StoreError>,
}

impl Store {
    /// Claims a due operation of this target, of the claimant's kinds and current steps, in a format of the
    /// spec that this process can read: of the next caller in turn, operations for which a person waits
    /// first, then the most overdue.
    ///
    /// `wake_at` moves to the end of the lease, so the operation of a crashed worker becomes
    /// claimable again.
    pub async fn claim(&self, claimant: &Arc<Claimant>) -> Result<Option<Claimed>, StoreError> {
        let claiming = self.claiming(claimant);
        let pool = self.pool.planned_once();
        Ok(self.claims.execute(&pool, claiming).await?.map(parsed))
    }

    /// The state of a held operation, later than the claim. `Fenced` if the claim is no longer valid.
    pub async fn task(&self, claim: &Claim) -> Result<Task, StoreError> {
        let mut tasks = read_tasks(&self.pool.planned_once(), &[claim]).await?;
        parse(claim, tasks.pop().flatten())
    }

    /// A loop of the claimant that waits for an operation of this target.
    pub(super) fn claiming(&self, claimant: &Arc<Claimant>) -> Claiming {
        Claiming {
            claimant: Arc::clone(claimant),
            target: self.target.clone(),
        }
    }
}

/// A claim and its task. No task: the claim is no longer valid.
pub(super) type Unparsed = (Claim, Result<Option<Value>, StoreError>);

/// A loop that waits for an operation.
#[derive(Debug, Clone)]
pub(super) struct Claiming {
    claimant: Arc<Claimant>,
    target: TargetName,
}

impl Batched for Claiming {
    /// `None`: nothing is due.
    type Outcome = Option<Unparsed>;

    const OUTLIVES_CALLER: bool = false;

    fn fits(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.claimant, &other.claimant) && self.target == other.target
    }

    async fn execute(
        pool: &Pool,
        batch: &[&Self],
    ) -> Result<Vec<Option<Self::Outcome>>, StoreError> {
        let claims = batch[0].claims(pool, batch.len()).await?;
        let tasks = tasks(pool, &claims.iter().collect::<Vec<_>>()).await;
        let mut claimed = claims.into_iter().zip(tasks);
        Ok(batch.iter().map(|_| Some(claimed.next())).collect())
    }

    async fn forget(pool: &Pool, outcome: Self::Outcome) {
        if let Some((claim, _)) = outcome {
            leases::give_back_unused(pool, &[claim]).await;
        }
    }
}

impl Claiming {
    /// Claims for so many loops. Fewer claims: nothing else was due, or the database is slow.
    pub(super) async fn claims(&self, pool: &Pool, loops: usize) -> Result<Vec<Claim>, StoreError> {
        // Two statements of one worker at once would contend for the operations of the same callers.
        let limit = pool.timeout() / PATIENCE;
        let _only = timeout(limit, self.claimant.claiming.lock()).await;
        let (mut claims, mut contended) = (Vec::new(), 0);
        // When the database is slow, what is claimed is worked on before more is claimed.
        let until = Instant::now() + limit;
        let is_wanted = |count| count == 0 || count < loops && Instant::now() < until;
        while is_wanted(claims.len()) && contended < CONTENDED_CLAIMS {
            match self.claim(pool, loops - claims.len()).await {
                Ok(Some(more)) => {
                    contended += u32::from(more.is_empty());
                    claims.extend(more);
                }
                Ok(None) => break,
                Err(error) if claims.is_empty() => return Err(error),
                // What is claimed is worked on. The next claim meets the error again.
                Err(_) => break,
            }
        }
        Ok(claims)
    }

    /// Claims at most `wanted` operations of the next callers. `None`: nothing is due. Empty: other
    /// processes are claiming what they have.
    async fn claim(&self, pool: &Pool, wanted: usize) -> Result<Option<Vec<Claim>>, StoreError> {
        let claimant = &self.claimant;
        let (last_caller, lane) = claimant.next();
        let taken_at = Instant::now();
        let rows = sqlx::query_file!(
            "src/store/sql/claims.sql",
            claimant.owner,
            LEASE.as_secs_f64(),
            &claimant.kinds,
            &claimant.steps,
            SPEC_VERSION,
            last_caller,
            lane,
            self.target.as_str(),
            i64::try_from(wanted).unwrap_or(1)
        )
        .fetch_all(pool)
        .await?;
        let served = rows.iter().rev().find(|row| row.id.is_some());
        let Some(served) = served.or(rows.last()) else {
            return Ok(None);
        };
        claimant.served(served.caller.clone());
        let claims = rows.into_iter().filter_map(|row| {
            Some(Claim {
                operation_id: row.id?,
                epoch: row.epoch?,
                owner: claimant.owner.clone(),
                taken_at,
                claims_without_progress: row.claims_without_progress?,
            })
        });
        Ok(Some(claims.collect()))
    }
}

/// The tasks of held operations, in the same order. One that the server cannot read fails no other.
pub(super) async fn tasks(
    pool: &Pool,
    claims: &[&Claim],
) -> Vec<Result<Option<Value>, StoreError>> {
    let error = match read_tasks(pool, claims).await {
        Ok(tasks) => return tasks.into_iter().map(Ok).collect(),
        Err(error) => error,
    };
    let is_of_server = matches!(error, StoreError::Database(sqlx::Error::Database(_)));
    if is_of_server && claims.len() > 1 {
        let alone = claims
            .iter()
            .map(async |&claim| Ok(read_tasks(pool, &[claim]).await?.pop().flatten()));
        return join_all(alone).await;
    }
    let mut errors: Vec<_> = claims[1..].iter().map(|_| Err(error.repeated())).collect();
    errors.push(Err(error));
    errors
}

/// The same in one statement.
async fn read_tasks(pool: &Pool, claims: &[&Claim]) -> Result<Vec<Option<Value>>, StoreError> {
    if claims.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = claims.iter().map(|claim| claim.operation_id).collect();
    let epochs: Vec<i64> = claims.iter().map(|claim| claim.epoch).collect();
    let owners: Vec<String> = claims.iter().map(|claim| claim.owner.clone()).collect();
    let rows = sqlx::query_file!(
        "src/store/sql/tasks.sql",
        &ids,
        &epochs,
        &owners,
        LIST_TRUSTED.as_secs_f64()
    )
    .fetch_all(pool)
    .await?;
    let mut tasks: HashMap<Uuid, Value> = rows.into_iter().map(|row| (row.id, row.task)).collect();
    Ok(ids.iter().map(|id| tasks.remove(id)).collect())
}

pub(super) fn parsed((claim, task): Unparsed) -> Claimed {
    let task = task.and_then(|task| parse(&claim, task));
    Claimed { claim, task }
}

fn parse(claim: &Claim, task: Option<Value>) -> Result<Task, StoreError> {
    tasks::parse(claim.operation_id, task.ok_or(StoreError::Fenced)?)
}
