//! The end of the transaction of a turn that ends its operation or rolls it back.

use sqlx::PgConnection;

use crate::domain::operation::{Kind, Status};
use crate::domain::problems::fault::Fault;
use crate::domain::task::Task;

use super::turn_row::RecordedRow;
use crate::store::finish::{self, Ending, EndingCluster};
use crate::store::{Claim, StoreError, rows, undo};

/// Ends the operation. Its last step is recorded. Returns the final status.
pub(super) async fn finish(
    connection: &mut PgConnection,
    claim: &Claim,
    task: &Task,
    recorded: &RecordedRow,
) -> Result<Status, StoreError> {
    let status = rows::status(&recorded.ending)?;
    // The undo of a change keeps what AWS applied. Only a create and an adoption are undone
    // completely.
    let undone = matches!(task.kind, Kind::CreateCluster | Kind::AdoptCluster);
    if status != Status::Succeeded && undone {
        sqlx::query!(
            "update operation_steps set status = 'undone'
             where operation_id = $1 and not undo and status = 'succeeded'",
            claim.operation_id
        )
        .execute(&mut *connection)
        .await?;
    }
    let prior = recorded.prior_status.as_deref();
    let cluster = EndingCluster {
        id: recorded.cluster_id,
        kind: task.kind,
        prior: prior.map(rows::cluster_status).transpose()?,
    };
    let (kind, status_name) = (task.kind.as_str(), status.as_str());
    let ending = Ending {
        operation_id: claim.operation_id,
        status,
        fault: None,
        claimed_epoch: Some(claim.epoch),
        cluster: Some(cluster),
        message: format!("{kind} of {} {status_name}", task.cluster),
        by: None,
    };
    finish::operation(connection, ending).await?;
    Ok(status)
}

/// Appends the undo steps. The failed step is recorded.
pub(super) async fn roll_back(
    connection: &mut PgConnection,
    claim: &Claim,
    undo_steps: &[&'static str],
    fault: &Fault,
) -> Result<(), StoreError> {
    let id = claim.operation_id;
    undo::append_undo_steps(connection, id, undo_steps, Status::Failed, Some(fault)).await
}
