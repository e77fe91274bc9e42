//! Reads of single operations, in [batches](super::batches): portals and clients that wait for
//! operations read them one by one. A read never joins a statement that was sent before it, so it sees
//! what was committed before.

use std::collections::{HashMap, VecDeque};

use sqlx::QueryBuilder;
use tokio::sync::oneshot;
use tokio::time::timeout;
use uuid::Uuid;

use crate::domain::operation::Operation;

use super::batches::{PATIENCE, Run};
use super::operations::{OPERATIONS, Row};
use super::{Store, StoreError};

/// Most operations in one statement.
const LARGEST_BATCH: usize = 64;
/// Most statements at the same time: with one, a few clients wait for each other; with more, the
/// batches are small.
const STATEMENTS_MAX: usize = 2;
/// A read that waits for a statement. The sender is dropped if the statement fails.
#[derive(Debug)]
pub(super) struct Waiting {
    id: Uuid,
    outcome: oneshot::Sender<Option<Operation>>,
}

impl Store {
    /// The operation with this ID, with its steps and its receipt.
    pub async fn operation(&self, id: Uuid) -> Result<Option<Operation>, StoreError> {
        let (outcome, receiver) = oneshot::channel();
        let waiting = Waiting { id, outcome };
        if let Some(run) = self.operation_reads.push(waiting, STATEMENTS_MAX) {
            tokio::spawn(self.clone().read_waiting(run));
        }
        let limit = self.pool.timeout();
        if let Ok(Ok(outcome)) = timeout(limit / PATIENCE, receiver).await {
            return Ok(outcome);
        }
        // The statement was late or failed. A failure may be that of another operation.
        let rest = limit - limit / PATIENCE;
        match timeout(rest, self.operations_by_id(&[id])).await {
            Ok(found) => found?.remove(&id).transpose(),
            Err(_) => Err(StoreError::Database(sqlx::Error::PoolTimedOut)),
        }
    }

    /// Reads operations until no caller waits.
    async fn read_waiting(self, mut run: Run<Waiting>) {
        while let Some(batch) = run.next(split) {
            let ids: Vec<Uuid> = batch.iter().map(|waiting| waiting.id).collect();
            let Ok(found) = self.operations_by_id(&ids).await else {
                continue;
            };
            for Waiting { id, outcome } in batch {
                if let Ok(operation) = found.get(&id).map(Result::as_ref).transpose() {
                    let _ = outcome.send(operation.cloned());
                }
            }
        }
    }

    /// The operations with these IDs. One that this version cannot read is an error of its own.
    async fn operations_by_id(
        &self,
        ids: &[Uuid],
    ) -> Result<HashMap<Uuid, Result<Operation, StoreError>>, StoreError> {
        let mut query = QueryBuilder::new(OPERATIONS);
        // `limit 1` selects one by one: a plan of a join that was made while the table was small reads
        // all of it.
        query.push("unnest(").push_bind(ids);
        query.push(") wanted (id) cross join lateral (");
        query.push("select * from operations where id = wanted.id limit 1) o");
        let rows = query.build_query_as::<Row>();
        let rows = rows.fetch_all(&self.pool.planned_once()).await?;
        Ok(rows.into_iter().map(|row| (row.id, row.parse())).collect())
    }
}

/// The reads of the next statement, and the others. Those whose caller has given up are left out.
fn split(mut waiting: VecDeque<Waiting>) -> (Vec<Waiting>, VecDeque<Waiting>) {
    waiting.retain(|waiting| !waiting.outcome.is_closed());
    let left = waiting.split_off(waiting.len().min(LARGEST_BATCH));
    (waiting.into(), left)
}
