//! Steps about the settings that UpdateCluster changes.

use crate::domain::drift::update_needed;
use crate::domain::mutation::Mutation;
use crate::domain::verdict::Findings;

use super::super::seen::Seen;
use super::super::{Context, Look, Looking};
use super::parameters::wanted_name;
use super::{change, resting_cluster, vanished, wait_unless_broken};

/// Asks DAX for whatever differs from the wanted settings, in one call.
pub(in super::super) fn update<'a>(context: &'a Context<'a>) -> Looking<'a> {
    Box::pin(async move {
        let change = change(context)?;
        let found = match resting_cluster(context).await? {
            Ok(found) => found,
            Err(wait) => return Ok(wait),
        };
        let update = update_needed(&change.after, wanted_name(context, change)?, &found);
        if update.is_empty() {
            return Ok(Look::Done(Findings::seen(found)));
        }
        Ok(Look::act(Mutation::UpdateCluster(Box::new(update))))
    })
}

/// Waits until the cluster and its nodes have taken the new settings.
pub(in super::super) fn await_updated<'a>(context: &'a Context<'a>) -> Looking<'a> {
    Box::pin(async move {
        let change = change(context)?;
        match context.seen().await? {
            Seen::There(found) if found.is_usable() => {
                let update = update_needed(&change.after, wanted_name(context, change)?, &found);
                let findings = Findings::seen(*found);
                Ok(if update.is_empty() { Look::Done(findings) } else { context.wait_for_cluster(findings) })
            }
            Seen::There(found) if found.is_deleting() => Err(vanished(context)),
            Seen::There(found) => wait_unless_broken(context, *found).await,
            Seen::NotThere => Err(vanished(context)),
            Seen::NotYet => Ok(context.wait_for_cluster(Findings::default())),
        }
    })
}
