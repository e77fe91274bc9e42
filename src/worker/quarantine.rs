//! Quarantine: an operation whose step repeatedly ends its process is blocked, so that it ends no
//! other process.

use std::time::Duration;

use crate::domain::problems::fault::{Fault, FaultClass};
use crate::domain::task::Task;
use crate::domain::verdict::Verdict;
use crate::domain::waiting::WaitingFor;

/// Claims in a row that can end without a record; the next turn blocks the operation.
const CLAIMS_WITHOUT_PROGRESS: i32 = 5;
/// Pause of an operation whose step repeatedly ended its process, the first time and later.
const FIRST_QUARANTINE: Duration = Duration::from_secs(600);
const LATER_QUARANTINE: Duration = Duration::from_secs(3_600);

/// Whether the operation is blocked at a claim that follows so many without a record.
pub(super) fn is_needed(claims_without_progress: i32) -> bool {
    claims_without_progress > CLAIMS_WITHOUT_PROGRESS && !crate::sabotage::is("no_quarantine")
}

/// Blocks the operation, with the step that did not complete.
pub(super) fn verdict(task: &Task) -> Verdict {
    let detail = format!(
        "{} started {CLAIMS_WITHOUT_PROGRESS} times without completing",
        task.step.name
    );
    let fault = Fault {
        during_undo: task.step.undo,
        ..Fault::new(FaultClass::Crashed, detail)
    };
    // The cause may be the machine or a rollout instead of the operation, so it is tried again.
    let pause = if task.step.blocks_in_row == 0 {
        FIRST_QUARANTINE
    } else {
        LATER_QUARANTINE
    };
    Verdict::Block {
        fault,
        recheck_after: Some(pause),
        waiting_for: WaitingFor::Operator,
    }
}
