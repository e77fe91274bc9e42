//! What the loops work on after their turns: the same operations, or others that are claimed for them
//! together.

use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;

use crate::store::batches::{Batched as _, PATIENCE};
use crate::store::claims::{Claiming, Unparsed, give_back_unused, tasks};
use crate::store::pool::Pool;
use crate::store::{Claim, StoreError};

use super::turn_row::RecordedRow;

/// What a loop works on next.
#[derive(Debug)]
pub enum Next<T> {
    /// The loop did not ask, or the database was slow or failed: it must claim.
    Unknown,
    /// No operation is due.
    Nothing,
    /// The same operation, or another one.
    Claimed(T),
}

impl<T> Next<T> {
    pub(super) fn map<U>(self, parse: impl FnOnce(T) -> U) -> Next<U> {
        match self {
            Self::Unknown => Next::Unknown,
            Self::Nothing => Next::Nothing,
            Self::Claimed(claimed) => Next::Claimed(parse(claimed)),
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

type Recorded = Vec<Option<RecordedRow>>;

/// Records turns, and finds what each of their loops works on next, in the same order. `None` wants nothing.
///
/// The record of one turn may wait for a lock, so its loop claims later. The record of several turns does
/// not wait for their operations: other operations are claimed at the same time.
pub(super) async fn after(
    pool: &Pool,
    record: impl Future<Output = Result<Recorded, StoreError>>,
    wanted: Vec<Option<Wanted>>,
) -> Result<(Recorded, Vec<Next<Unparsed>>), StoreError> {
    let (began, patience) = (Instant::now(), pool.timeout() / PATIENCE);
    let (count, is_single) = (wanted.len(), wanted.len() == 1);
    let claims = claim(pool.clone(), wanted.clone());
    let claims = match is_single {
        true => claims.boxed(),
        false => claimed_during_record(tokio::spawn(claims)).boxed(),
    };
    let recorded = record.await;
    let is_recorded: Vec<bool> = match &recorded {
        Ok(rows) => rows.iter().map(Option::is_some).collect(),
        Err(_) => vec![false; count],
    };
    let is_wanted = !is_single || is_recorded[0] && began.elapsed() < patience;
    let pool = pool.clone();
    let finding = tokio::spawn(async move {
        let mut next = match is_wanted {
            true => claims.await,
            false => Vec::new(),
        };
        next.resize_with(count, || Next::Unknown);
        let next = of_recorded(&pool, next, wanted, &is_recorded).await;
        (with_tasks(&pool, next).await, pool)
    });
    let mut next = Vec::new();
    if recorded.is_ok() {
        next = found_within(patience, finding).await;
    }
    next.resize_with(count, || Next::Unknown);
    Ok((recorded?, next))
}

/// Claims operations for the loops that want others, in the same order.
async fn claim(pool: Pool, wanted: Vec<Option<Wanted>>) -> Vec<Next<Claim>> {
    let mut next: Vec<_> = wanted.iter().map(|_| Next::Unknown).collect();
    let others = wanted.iter().enumerate();
    let mut others: Vec<(usize, &Claiming)> = others
        .filter_map(|(number, wanted)| match wanted {
            Some(Wanted::Other(claiming)) => Some((number, claiming)),
            Some(Wanted::Held(_)) | None => None,
        })
        .collect();
    while let Some(&(_, claiming)) = others.first() {
        let (same, left): (Vec<_>, Vec<_>) = others
            .into_iter()
            .partition(|(_, other)| claiming.fits(other));
        others = left;
        // A loop that claims alone meets the error again.
        let Ok(claims) = claiming.claims(&pool, same.len()).await else {
            continue;
        };
        let mut claims = claims.into_iter();
        for (number, _) in same {
            next[number] = claims.next().map_or(Next::Nothing, Next::Claimed);
        }
    }
    next
}

/// The same, begun before the record: what the record makes due was not found.
async fn claimed_during_record(claims: JoinHandle<Vec<Next<Claim>>>) -> Vec<Next<Claim>> {
    let mut next = claims.await.unwrap_or_default();
    for next in &mut next {
        if matches!(next, Next::Nothing) && !crate::sabotage::is("due_by_record_overlooked") {
            *next = Next::Unknown;
        }
    }
    next
}

/// What the loops whose turns were recorded work on next. Gives the claims of the others back.
async fn of_recorded(
    pool: &Pool,
    mut next: Vec<Next<Claim>>,
    wanted: Vec<Option<Wanted>>,
    is_recorded: &[bool],
) -> Vec<Next<Claim>> {
    for ((next, wanted), is_recorded) in next.iter_mut().zip(wanted).zip(is_recorded) {
        if !is_recorded {
            if let Next::Claimed(claim) = std::mem::replace(next, Next::Unknown) {
                give_back_unused(pool, &claim).await;
            }
        } else if let Some(Wanted::Held(claim)) = wanted {
            *next = Next::Claimed(claim);
        }
    }
    next
}

async fn with_tasks(pool: &Pool, next: Vec<Next<Claim>>) -> Vec<Next<Unparsed>> {
    let claims = next.iter().filter_map(|next| match next {
        Next::Claimed(claim) => Some(claim),
        Next::Unknown | Next::Nothing => None,
    });
    let tasks = tasks(pool, &claims.collect::<Vec<_>>()).await;
    let mut tasks = tasks.into_iter();
    let mut with_task = |claim| (claim, tasks.next().unwrap_or(Ok(None)));
    next.into_iter()
        .map(|next| next.map(&mut with_task))
        .collect()
}

/// What is found in time. The record is answered without what comes later, which is given back.
async fn found_within(
    patience: Duration,
    mut finding: JoinHandle<(Vec<Next<Unparsed>>, Pool)>,
) -> Vec<Next<Unparsed>> {
    let patience = match crate::sabotage::is("late_claims_awaited") {
        true => Duration::MAX,
        false => patience,
    };
    if let Ok(found) = timeout(patience, &mut finding).await {
        return found.map(|(next, _)| next).unwrap_or_default();
    }
    tokio::spawn(async move {
        let (late, pool) = finding.await?;
        for next in late {
            if let Next::Claimed((claim, _)) = next {
                give_back_unused(&pool, &claim).await;
            }
        }
        Ok::<_, JoinError>(())
    });
    Vec::new()
}
