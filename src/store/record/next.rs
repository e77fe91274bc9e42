//! What the loops work on after their turns: the same operations, or others that are claimed for them
//! together.

use std::pin::pin;

use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use crate::store::batches::PATIENCE;
use crate::store::claims::{Claiming, Unparsed, tasks};
use crate::store::leases::give_back_unused;
use crate::store::pool::Pool;
use crate::store::{Claim, StoreError};

use super::turn_row::RecordedRow;

/// What a loop works on next.
#[derive(Debug)]
pub enum Next<T> {
    /// The loop did not ask, or nothing was found in time: it must claim.
    Unknown,
    /// The same operation, whose task was not read in time.
    Held(Claim),
    /// The same operation, or another one.
    Claimed(T),
}

impl<T> Next<T> {
    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Next<U> {
        match self {
            Self::Unknown => Next::Unknown,
            Self::Held(claim) => Next::Held(claim),
            Self::Claimed(claimed) => Next::Claimed(change(claimed)),
        }
    }
}

/// What a loop wants after its turn.
#[derive(Debug, Clone)]
pub(in crate::store) enum Wanted {
    /// The operation of the turn, whose lease the record starts again.
    Held(Claim),
    /// Another operation.
    Other(Claiming),
}

impl Wanted {
    pub(super) fn claiming(&self) -> Option<&Claiming> {
        match self {
            Self::Held(_) => None,
            Self::Other(claiming) => Some(claiming),
        }
    }
}

type Recorded = Vec<Option<RecordedRow>>;

/// Records turns, and finds what each of their loops works on next, in the same order. `None` wants nothing.
///
/// While several turns are recorded, other operations are claimed for their loops. What is claimed is given
/// back if the record or what follows takes long: then the loops claim or read alone.
pub(super) async fn after(
    pool: &Pool,
    record: impl Future<Output = Result<Recorded, StoreError>>,
    wanted: Vec<Option<Wanted>>,
) -> Result<(Recorded, Vec<Next<Unparsed>>), StoreError> {
    let patience = match crate::sabotage::is("late_claims_awaited") {
        true => pool.timeout(),
        false => pool.timeout() / PATIENCE,
    };
    let deadline = Instant::now() + patience;
    let late = |recorded: Recorded| {
        let next = of_recorded(&recorded, &wanted, Next::Held, || Next::Unknown);
        Ok((recorded, next))
    };
    let mut claims = Claims::begin(pool, &wanted);
    let mut record = pin!(record);
    let recorded = match timeout_at(deadline, &mut record).await {
        Ok(recorded) => recorded?,
        Err(_) => {
            drop(claims);
            return late(record.await?);
        }
    };
    if timeout_at(deadline, claims.arrive()).await.is_err() {
        return late(recorded);
    }
    match timeout(patience, find(pool, &recorded, &wanted, claims)).await {
        Ok(next) => Ok((recorded, next)),
        Err(_) => late(recorded),
    }
}

/// What the loops whose turns were recorded work on: what they hold, or another operation.
fn of_recorded<T>(
    recorded: &Recorded,
    wanted: &[Option<Wanted>],
    held: impl Fn(Claim) -> Next<T>,
    mut other: impl FnMut() -> Next<T>,
) -> Vec<Next<T>> {
    let of_loop = |(row, wanted): (&Option<RecordedRow>, &Option<Wanted>)| match (row, wanted) {
        (Some(_), Some(Wanted::Held(claim))) => held(claim.clone()),
        (Some(_), Some(Wanted::Other(_))) => other(),
        (None, _) | (_, None) => Next::Unknown,
    };
    recorded.iter().zip(wanted).map(of_loop).collect()
}

async fn find(
    pool: &Pool,
    recorded: &Recorded,
    wanted: &[Option<Wanted>],
    mut claims: Claims,
) -> Vec<Next<Unparsed>> {
    let mut others = claims.arrived.clone().into_iter();
    let other = || others.next().map_or(Next::Unknown, Next::Claimed);
    let next = of_recorded(recorded, wanted, Next::Claimed, other);
    let surplus = others.len();
    let next = with_tasks(pool, next).await;
    claims.keep_last(surplus);
    next
}

async fn with_tasks(pool: &Pool, next: Vec<Next<Claim>>) -> Vec<Next<Unparsed>> {
    let claims = next.iter().filter_map(|next| match next {
        Next::Claimed(claim) => Some(claim),
        Next::Unknown | Next::Held(_) => None,
    });
    let tasks = tasks(pool, &claims.collect::<Vec<_>>()).await;
    let mut tasks = tasks.into_iter();
    let mut with_task = |claim| (claim, tasks.next().unwrap_or(Ok(None)));
    next.into_iter()
        .map(|next| next.map(&mut with_task))
        .collect()
}

/// Claims that are made for loops. Those that are left when it is dropped are given back.
struct Claims {
    pool: Pool,
    coming: Option<JoinHandle<Vec<Claim>>>,
    arrived: Vec<Claim>,
}

impl Claims {
    /// Claims for those of several loops that want other operations. A single loop shares a statement with
    /// those that claim at the same time.
    fn begin(pool: &Pool, wanted: &[Option<Wanted>]) -> Self {
        let mut others = wanted.iter().flatten().filter_map(Wanted::claiming);
        let loops = others.clone().count();
        let claim = |claiming: &Claiming| {
            let (pool, claiming) = (pool.clone(), claiming.clone());
            // After an error each loop claims.
            tokio::spawn(async move { claiming.claims(&pool, loops).await.unwrap_or_default() })
        };
        let first = others.next().filter(|_| wanted.len() > 1);
        Self {
            pool: pool.clone(),
            coming: first.map(claim),
            arrived: Vec::new(),
        }
    }

    async fn arrive(&mut self) {
        if let Some(coming) = &mut self.coming {
            self.arrived = coming.await.unwrap_or_default();
            self.coming = None;
        }
    }

    /// All but so many have been handed to loops.
    fn keep_last(&mut self, surplus: usize) {
        let used = self.arrived.len() - surplus;
        self.arrived.drain(..used);
    }
}

impl Drop for Claims {
    fn drop(&mut self) {
        let (pool, coming) = (self.pool.clone(), self.coming.take());
        let mut unused = std::mem::take(&mut self.arrived);
        if coming.is_none() && unused.is_empty() {
            return;
        }
        tokio::spawn(async move {
            if let Some(coming) = coming {
                unused.extend(coming.await.unwrap_or_default());
            }
            give_back_unused(&pool, &unused).await;
        });
    }
}
