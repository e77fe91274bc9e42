//! release_cluster: forgets a cluster. AWS is not touched, and nothing of it is ours to delete any more.

use std::time::Duration;

use crate::domain::inventory::Presence;
use crate::domain::verdict::Findings;

use super::{Context, Plan, Step, StepFuture, StepOutcome};

/// The plan. Until its one step is done nothing has happened, so there is nothing to undo.
pub const PLAN: Plan = Plan {
    steps: &[Step::new("let_go", |_| Duration::from_secs(60), let_go)],
    undo: &[],
    deadline: Duration::from_secs(60 * 60),
};

fn let_go<'a>(context: &'a Context<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let present = context
            .task
            .inventory
            .iter()
            .filter(|item| item.presence == Presence::Present);
        let left = present
            .map(|item| item.left("released: this service does not manage the cluster any more"));
        Ok(StepOutcome::Done(Findings {
            inventory: left.collect(),
            ..Findings::default()
        }))
    })
}
