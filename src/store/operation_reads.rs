//! Reads of single operations, in [batches](super::batches): the portals and clients that wait for
//! operations read them one by one. A read never joins a statement that was sent before it, so it sees
//! what was committed before.

use std::collections::{HashMap, VecDeque};

use sqlx::QueryBuilder;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::domain::operation::Operation;

use super::batches::Run;
use super::operations::{OPERATIONS, Row};
use super::{Store, StoreError};

/// Most operations in one statement.
const LARGEST_BATCH: usize = 64;
/// Most statements at the same time: with one, a few clients wait for each other; with more, the
/// batches are small.
const STATEMENTS_MAX: usize = 2;

/// A read that waits for a statement.
#[derive(Debug)]
pub(super) struct Waiting {
    id: Uuid,
    outcome: oneshot::Sender<Result<Option<Operation>, StoreError>>,
}

impl Store {
    /// The operation with this ID, with its steps and its receipt.
    pub async fn operation(&self, id: Uuid) -> Result<Option<Operation>, StoreError> {
        let (outcome, receiver) = oneshot::channel();
        if let Some(run) = self
            .operation_reads
            .push(Waiting { id, outcome }, STATEMENTS_MAX)
        {
            tokio::spawn(self.clone().read_waiting(run));
        }
        match tokio::time::timeout(self.pool.timeout(), receiver).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(StoreError::Task("the operation was not read".to_owned())),
            Err(_) => Err(StoreError::Database(sqlx::Error::PoolTimedOut)),
        }
    }

    /// Reads operations until no caller waits.
    async fn read_waiting(self, run: Run<Waiting>) {
        let pool = self.pool.planned_once();
        while let Some(batch) = run.next(split) {
            let ids: Vec<Uuid> = batch.iter().map(|waiting| waiting.id).collect();
            let mut query = QueryBuilder::new(OPERATIONS);
            // `limit 1` selects one by one: a plan of a join that was made while the table was small
            // reads all of it.
            query.push("unnest(").push_bind(ids);
            query.push(") wanted (id) cross join lateral (");
            query.push("select * from operations where id = wanted.id limit 1) o");
            let rows = query.build_query_as::<Row>().fetch_all(&pool).await;
            match rows.map_err(StoreError::from) {
                Ok(rows) => {
                    let read = rows.into_iter().map(|row| (row.id, row.parse()));
                    let read: HashMap<Uuid, _> = read.collect();
                    for Waiting { id, outcome } in batch {
                        let operation = match read.get(&id) {
                            Some(Ok(operation)) => Ok(Some(operation.clone())),
                            Some(Err(error)) => Err(error.repeated()),
                            None => Ok(None),
                        };
                        let _ = outcome.send(operation);
                    }
                }
                Err(error) => {
                    for waiting in batch {
                        let _ = waiting.outcome.send(Err(error.repeated()));
                    }
                }
            }
        }
    }
}

/// The reads of the next statement, and the others. Those whose caller has given up are left out.
fn split(mut waiting: VecDeque<Waiting>) -> (Vec<Waiting>, VecDeque<Waiting>) {
    waiting.retain(|waiting| !waiting.outcome.is_closed());
    let left = waiting.split_off(waiting.len().min(LARGEST_BATCH));
    (waiting.into(), left)
}
