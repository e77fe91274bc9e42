//! Tags in EC2's requests and responses.

use serde::Serialize;

use crate::state::Tag;
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::form::Form;
use crate::wire::xml::Items;

#[derive(Serialize)]
pub(super) struct TagView {
    key: String,
    value: String,
}

pub(super) fn tag_set(tags: &[Tag]) -> Items<TagView> {
    tags.iter()
        .map(|tag| TagView {
            key: tag.key.clone(),
            value: tag.value.clone(),
        })
        .collect()
}

/// The values that the filters `tag:<key>` and `tag-key` match.
pub(super) fn tag_values(tags: &[Tag], filter: &str) -> Vec<String> {
    match filter.strip_prefix("tag:") {
        Some(key) => tags
            .iter()
            .filter(|tag| tag.key == key)
            .map(|tag| tag.value.clone())
            .collect(),
        None if filter == "tag-key" => tags.iter().map(|tag| tag.key.clone()).collect(),
        None => Vec::new(),
    }
}

fn invalid(message: impl Into<String>) -> ServiceFault {
    ServiceFault::new("InvalidParameterValue", message)
}

/// The tags in `TagSpecification.N`, which must all be for `resource_type`.
pub(super) fn read_tags(
    turn: &Turn<'_>,
    form: &Form,
    resource_type: &str,
) -> Result<Vec<Tag>, ServiceFault> {
    let mut tags: Vec<Tag> = Vec::new();
    for specification in form.list("TagSpecification", None) {
        let requested = specification.text("ResourceType").unwrap_or_default();
        if requested != resource_type {
            return Err(invalid(format!(
                "'{requested}' is not a valid taggable resource type for this operation."
            )));
        }
        for tag in specification.list("Tag", None) {
            let text = |member: &str| tag.text(member).unwrap_or_default().to_owned();
            let tag = Tag {
                key: text("Key"),
                value: text("Value"),
            };
            if tags.iter().any(|earlier| earlier.key == tag.key) {
                return Err(invalid(format!(
                    "Duplicate tag key '{}' specified.",
                    tag.key
                )));
            }
            check_tag(&tag)?;
            tags.push(tag);
        }
    }
    if tags.len() > turn.settings.quotas.tags as usize {
        return Err(ServiceFault::new(
            "TagLimitExceeded",
            "The maximum number of Tags for a resource has been reached.",
        ));
    }
    Ok(tags)
}

fn check_tag(tag: &Tag) -> Result<(), ServiceFault> {
    match tag {
        tag if tag.key.is_empty() => Err(invalid("Tag key cannot be null or empty.")),
        tag if tag.key.chars().count() > 128 => Err(invalid(
            "Tag key exceeds the maximum length of 128 characters",
        )),
        tag if tag.value.chars().count() > 256 => Err(invalid(
            "Tag value exceeds the maximum length of 256 characters",
        )),
        tag if tag.key.to_ascii_lowercase().starts_with("aws:") => Err(invalid(
            "Tag keys starting with 'aws:' are reserved for internal use",
        )),
        _ => Ok(()),
    }
}
