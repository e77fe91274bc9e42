//! Tags of clusters, the only things of DAX that have any.

use serde::{Deserialize, Serialize};

use crate::authority::Ask;
use crate::dax::messages::{fault, invalid_value};
use crate::dax::names::required;
use crate::state::cluster::{Cluster, Phase};
use crate::state::{Change, Tag, merge_tags};
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::json::{read, write};
use crate::wire::service::Service;

/// Checks tags that a request brings.
pub(super) fn check_tags(tags: &[Tag], most: u32) -> Result<(), ServiceFault> {
    for (index, tag) in tags.iter().enumerate() {
        if !(1..=128).contains(&tag.key.chars().count()) {
            return Err(invalid_value("A tag's key must have 1 to 128 characters."));
        }
        if tag.value.chars().count() > 256 {
            return Err(invalid_value(
                "A tag's value must have at most 256 characters.",
            ));
        }
        if tag.key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid_value("Tag keys that begin with aws: are reserved."));
        }
        if tags[..index].iter().any(|earlier| earlier.key == tag.key) {
            return Err(invalid_value(format!("Duplicate tag key: {}", tag.key)));
        }
    }
    if tags.len() > most as usize {
        return Err(fault("TagQuotaPerResourceExceeded"));
    }
    Ok(())
}

/// The cluster that an ARN names.
fn find_cluster<'a>(
    turn: &mut Turn<'a>,
    ask: Ask<'_>,
    arn: &str,
) -> Result<&'a Cluster, ServiceFault> {
    let prefix = format!("arn:aws:dax:{}:{}:cache/", turn.region(), turn.account_id());
    let name = arn
        .strip_prefix(&prefix)
        .filter(|name| !name.is_empty())
        .ok_or_else(|| fault("InvalidARNFault"))?;
    let name = name.to_ascii_lowercase();
    let cluster = turn.state.clusters.get(&name);
    let ask = match cluster {
        Some(cluster) => ask.resource_tags(Service::Dax, &cluster.tags),
        None => ask,
    };
    turn.authorize(&ask)?;
    cluster.ok_or_else(|| fault("ClusterNotFoundFault"))
}

/// Tags of a cluster that is being deleted can be read, but no longer changed.
fn find_living_cluster<'a>(
    turn: &mut Turn<'a>,
    ask: Ask<'_>,
    arn: &str,
) -> Result<&'a Cluster, ServiceFault> {
    let cluster = find_cluster(turn, ask, arn)?;
    match cluster.phase {
        Phase::Deleting { .. } => Err(fault("InvalidClusterStateFault")),
        Phase::Creating { .. } | Phase::Available | Phase::Modifying { .. } => Ok(cluster),
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct TagsResult<'a> {
    tags: &'a [Tag],
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListTagsRequest {
    resource_name: Option<String>,
    next_token: Option<String>,
}

/// All tags fit on one page, so there is never a token, and none is lawful.
pub(super) fn list_tags(turn: &mut Turn<'_>, body: &[u8]) -> Result<Vec<u8>, ServiceFault> {
    let request: ListTagsRequest = read(body)?;
    let arn = required("ResourceName", request.resource_name)?;
    let cluster = find_cluster(turn, Ask::on("dax:ListTags", &arn), &arn)?;
    if request.next_token.is_some_and(|token| !token.is_empty()) {
        return Err(invalid_value("The NextToken is not valid."));
    }
    write(&TagsResult {
        tags: &cluster.tags,
    })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TagResourceRequest {
    resource_name: Option<String>,
    tags: Option<Vec<Tag>>,
}

pub(super) fn tag_resource(turn: &mut Turn<'_>, body: &[u8]) -> Result<Vec<u8>, ServiceFault> {
    let request: TagResourceRequest = read(body)?;
    let arn = required("ResourceName", request.resource_name)?;
    let tags = required("Tags", request.tags.filter(|tags| !tags.is_empty()))?;
    let ask = Ask::on("dax:TagResource", &arn).requesting_tags(&tags);
    let mut cluster = find_living_cluster(turn, ask, &arn)?.clone();
    check_tags(&tags, turn.settings.quotas.tags)?;
    merge_tags(&mut cluster.tags, &tags);
    if cluster.tags.len() > turn.settings.quotas.tags as usize {
        return Err(fault("TagQuotaPerResourceExceeded"));
    }
    let answer = write(&TagsResult {
        tags: &cluster.tags,
    });
    turn.change(Change::Cluster(Box::new(cluster)));
    answer
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UntagResourceRequest {
    resource_name: Option<String>,
    tag_keys: Option<Vec<String>>,
}

pub(super) fn untag_resource(turn: &mut Turn<'_>, body: &[u8]) -> Result<Vec<u8>, ServiceFault> {
    let request: UntagResourceRequest = read(body)?;
    let arn = required("ResourceName", request.resource_name)?;
    let keys = required("TagKeys", request.tag_keys.filter(|keys| !keys.is_empty()))?;
    let ask = Ask::on("dax:UntagResource", &arn).tag_keys(keys.clone());
    let mut cluster = find_living_cluster(turn, ask, &arn)?.clone();
    if keys
        .iter()
        .any(|key| !cluster.tags.iter().any(|tag| tag.key == *key))
    {
        return Err(fault("TagNotFoundFault"));
    }
    cluster.tags.retain(|tag| !keys.contains(&tag.key));
    let answer = write(&TagsResult {
        tags: &cluster.tags,
    });
    turn.change(Change::Cluster(Box::new(cluster)));
    answer
}
