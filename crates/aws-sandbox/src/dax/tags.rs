//! Tags of clusters, the only DAX resources that can be tagged.

use serde::{Deserialize, Serialize};

use crate::authorization::AccessRequest;
use crate::dax::messages::{fault, invalid_value};
use crate::dax::names::required;
use crate::state::cluster::{Cluster, Phase};
use crate::state::{Change, Tag, merge_tags};
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::json::{read, write};
use crate::wire::service::Service;

/// Validates the tags of a request.
pub(super) fn check_tags(tags: &[Tag], max: u32) -> Result<(), ServiceFault> {
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
    if tags.len() > max as usize {
        return Err(fault("TagQuotaPerResourceExceeded"));
    }
    Ok(())
}

/// Authorizes access to the cluster of an ARN and returns the cluster.
fn find_cluster<'a>(
    turn: &mut Turn<'a>,
    access: AccessRequest<'_>,
    arn: &str,
) -> Result<&'a Cluster, ServiceFault> {
    let prefix = format!("arn:aws:dax:{}:{}:cache/", turn.region(), turn.account_id());
    let name = arn
        .strip_prefix(&prefix)
        .filter(|name| !name.is_empty())
        .ok_or_else(|| fault("InvalidARNFault"))?;
    let name = name.to_ascii_lowercase();
    let access = match turn.current_state.clusters.get(&name) {
        Some(cluster) => access.resource_tags(Service::Dax, &cluster.tags),
        None => access,
    };
    turn.authorize(&access)?;
    turn.state
        .clusters
        .get(&name)
        .ok_or_else(|| fault("ClusterNotFoundFault"))
}

/// Like `find_cluster`, but the cluster must not be deleting: its tags can only be read.
fn find_taggable_cluster<'a>(
    turn: &mut Turn<'a>,
    access: AccessRequest<'_>,
    arn: &str,
) -> Result<&'a Cluster, ServiceFault> {
    let cluster = find_cluster(turn, access, arn)?;
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

/// All tags fit on one page, so no token is returned and none is valid.
pub(super) fn list_tags(turn: &mut Turn<'_>, body: &[u8]) -> Result<Vec<u8>, ServiceFault> {
    let request: ListTagsRequest = read(body)?;
    let arn = required("ResourceName", request.resource_name)?;
    let cluster = find_cluster(turn, AccessRequest::on("dax:ListTags", &arn), &arn)?;
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
    let access = AccessRequest::on("dax:TagResource", &arn).requesting_tags(&tags);
    let mut cluster = find_taggable_cluster(turn, access, &arn)?.clone();
    check_tags(&tags, turn.settings.quotas.tags)?;
    merge_tags(&mut cluster.tags, &tags);
    if cluster.tags.len() > turn.settings.quotas.tags as usize {
        return Err(fault("TagQuotaPerResourceExceeded"));
    }
    let response = write(&TagsResult {
        tags: &cluster.tags,
    });
    turn.change(Change::Cluster(Box::new(cluster)));
    response
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
    let access = AccessRequest::on("dax:UntagResource", &arn).tag_keys(keys.clone());
    let mut cluster = find_taggable_cluster(turn, access, &arn)?.clone();
    if keys
        .iter()
        .any(|key| !cluster.tags.iter().any(|tag| tag.key == *key))
    {
        return Err(fault("TagNotFoundFault"));
    }
    cluster.tags.retain(|tag| !keys.contains(&tag.key));
    let response = write(&TagsResult {
        tags: &cluster.tags,
    });
    turn.change(Change::Cluster(Box::new(cluster)));
    response
}
