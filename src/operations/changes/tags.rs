//! Step of the tags of an existing cluster.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::mutation::Mutation;
use crate::domain::observed::Details;
use crate::domain::operation::Kind;
use crate::domain::problems::fault::Fault;
use crate::domain::validation::typed::TagKey;
use crate::domain::verdict::Findings;

use super::{change, idle_cluster};
use crate::operations::cluster::project_tag;
use crate::operations::evidence::cluster_tags;
use crate::operations::{Context, StepOutcome};

/// Sets the desired tags and removes those that are no longer desired. All other tags stay.
pub(in crate::operations) async fn update(context: &Context<'_>) -> Result<StepOutcome, Fault> {
    let change = change(context)?;
    let is_same = change.before.tags == change.after.tags && change.project.is_none();
    if is_same && context.task.kind != Kind::RepairCluster {
        return Ok(StepOutcome::Skip);
    }
    let cluster = match idle_cluster(context).await? {
        Ok(cluster) => cluster,
        Err(wait) => return Ok(wait),
    };
    let (Some(arn), Some(tags)) = (
        cluster.arn.clone(),
        cluster_tags(context.aws, &cluster).await?,
    ) else {
        return Ok(context.wait_for_cluster(Findings::observed(cluster)));
    };
    let wanted = &change.after.tags;
    let desired = wanted
        .iter()
        .map(|(key, value)| (key.to_string(), value.clone()));
    let missing: BTreeMap<String, String> = desired
        .chain(project_tag(context.task, &tags))
        .filter(|(key, value)| tags.get(key) != Some(value))
        .collect();
    if !missing.is_empty() {
        return Ok(StepOutcome::act(Mutation::TagCluster {
            arn,
            tags: missing,
        }));
    }
    let is_dropped = |key: &&TagKey| !wanted.contains_key(*key) && tags.contains_key(key.as_str());
    let dropped = change.before.tags.keys().filter(is_dropped);
    let keys: BTreeSet<String> = dropped.map(TagKey::to_string).collect();
    if !keys.is_empty() {
        return Ok(StepOutcome::act(Mutation::UntagCluster { arn, keys }));
    }
    let details = Some(Details {
        tags: Some(tags),
        parameters: None,
    });
    Ok(StepOutcome::Done(Findings {
        details,
        ..Findings::observed(cluster)
    }))
}
