//! release_cluster: stops managing a cluster without changing anything in AWS.

use std::time::Duration;

use crate::domain::inventory::Presence;
use crate::domain::verdict::Findings;

use super::{Context, Plan, Step, StepOutcome};
use crate::domain::problems::fault::Fault;

/// One step, which only changes the inventory: there is nothing to undo.
pub const PLAN: Plan = Plan {
    steps: &[Step::new(
        "let_go",
        |_| Duration::from_secs(60),
        |context| Box::pin(release(context)),
    )],
    undo: &[],
    deadline: Duration::from_secs(60 * 60),
};

async fn release(context: &Context<'_>) -> Result<StepOutcome, Fault> {
    let present = context
        .task
        .inventory
        .iter()
        .filter(|item| item.presence == Presence::Present);
    let left =
        present.map(|item| item.left("released: this service no longer manages the cluster"));
    Ok(StepOutcome::Done(Findings {
        inventory: left.collect(),
        ..Findings::default()
    }))
}
