//! Decisions of callers on operations that wait for approvals.

use std::time::Duration;

use futures_util::FutureExt;
use serde_json::json;
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use crate::domain::caller::Identity;
use crate::domain::operation::ApprovalDecision;
use crate::store::change::lock_live;
use crate::store::events::{By, Event};
use crate::store::projects::{self, Limit};
use crate::store::{Actor, Entry, Store, StoreError, audit};

use super::{Locked, lock, need, requested};

/// The decision of a caller on an operation.
pub struct Vote {
    /// The operation.
    pub operation: Uuid,
    /// The caller.
    pub voter: Identity,
    /// The decision.
    pub decision: ApprovalDecision,
    /// What the caller says about it.
    pub comment: Option<String>,
    /// What the rules say now, as if the operation was requested now: the groups whose approval it
    /// needs, or why it is not permitted.
    pub needed: Result<Vec<String>, String>,
    /// The part of that which depends on the clusters of the project.
    pub limit: Option<Limit>,
    /// Maximum duration of the operation.
    pub deadline: Duration,
}

/// The outcome of a vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voted {
    /// It is recorded: the operation waits on, runs or has ended.
    Recorded,
    /// The operation does not wait for an approval of the caller's groups.
    NoneOfYours,
    /// The operation does not wait for an approval.
    NotAwaiting,
}

impl Store {
    /// Records the decision of a caller. The last approval starts the operation.
    pub async fn vote(&self, vote: Vote) -> Result<Voted, StoreError> {
        let actor = self.actor.clone();
        self.detached(move |connection| {
            async move {
                let mut transaction = connection.begin().await?;
                let voted = vote_in_transaction(&mut transaction, vote, actor.as_deref()).await?;
                if voted == Voted::Recorded {
                    transaction.commit().await?;
                }
                Ok(voted)
            }
            .boxed()
        })
        .await
    }

    /// Whether the caller has decided so on an operation.
    pub async fn has_voted(
        &self,
        operation: Uuid,
        voter: &Identity,
        decision: ApprovalDecision,
    ) -> Result<bool, StoreError> {
        let by = By::of(&voter.shown_as, self.actor.as_deref());
        let has_voted = sqlx::query_scalar!(
            r#"select exists (
                 select 1 from approvals
                 where operation_id = $1 and decided_by = $2 and decision = $3) as "has_voted!""#,
            operation,
            by.to_string(),
            decision.as_str()
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(has_voted)
    }
}

async fn vote_in_transaction(
    connection: &mut PgConnection,
    mut vote: Vote,
    actor: Option<&Actor>,
) -> Result<Voted, StoreError> {
    let cluster = sqlx::query_scalar!(
        "select cluster_name from operations where id = $1",
        vote.operation
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(cluster) = cluster else {
        return Ok(Voted::NotAwaiting);
    };
    // The project is locked before rows, in the same order by every request.
    let counted = projects::permitted(connection, vote.limit.take(), &cluster).await?;
    let Some(operation) = lock(connection, vote.operation).await? else {
        return Ok(Voted::NotAwaiting);
    };
    if operation.is_dormant {
        // Before the cluster, in the same order as by a worker's record.
        lock_live(connection, &operation.target, &operation.cluster).await?;
    }
    let by = By::of(&vote.voter.shown_as, actor);
    if !record_vote(connection, &operation, &vote, &by, actor).await? {
        return Ok(Voted::NoneOfYours);
    }
    if vote.decision == ApprovalDecision::Rejected {
        let comment = vote.comment.map(|text| format!(": {text}"));
        let reason = format!("it was rejected by {by}{}", comment.unwrap_or_default());
        operation.end(connection, reason, Some(&by)).await?;
        return Ok(Voted::Recorded);
    }
    let needed = vote.needed.and_then(|mut needed| {
        needed.extend(counted.ok_or("a limit on the project no longer permits it")?);
        Ok(needed)
    });
    match needed {
        Err(reason) => operation.end(connection, reason, Some(&by)).await?,
        Ok(needed) => {
            let added = need(connection, operation.id, &needed).await?;
            if !added.is_empty() {
                operation.note(connection, requested(&added)).await?;
            } else if !operation.is_open(connection).await? {
                operation.start(connection, vote.deadline, &by).await?;
            }
        }
    }
    Ok(Voted::Recorded)
}

/// Records the decision for every group of the caller that has not decided. False if there is none.
async fn record_vote(
    connection: &mut PgConnection,
    operation: &Locked,
    vote: &Vote,
    by: &By,
    actor: Option<&Actor>,
) -> Result<bool, StoreError> {
    let decided = sqlx::query_scalar!(
        "update approvals set decision = $3, decided_by = $4, comment = $5, decided_at = now()
         where operation_id = $1 and group_name = any($2) and decision is null
         returning group_name",
        operation.id,
        &vote.voter.groups,
        vote.decision.as_str(),
        by.to_string(),
        vote.comment
    )
    .fetch_all(&mut *connection)
    .await?;
    if decided.is_empty() {
        return Ok(false);
    }
    let entry = Entry {
        details: Some(json!({"groups": decided})),
        ..Entry::of_operation(operation.id)
    };
    audit::record(&mut *connection, actor, &entry).await?;
    let verb = vote.decision.as_str();
    let event = Event::new(
        &format!("operation_{verb}"),
        format!("{verb} by {by} for {}", decided.join(" and ")),
        by.data(),
    );
    operation.note(connection, event).await?;
    Ok(true)
}
