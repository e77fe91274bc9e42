//! Rules for IAM tags that its API model does not contain.

use crate::state::Tag;
use crate::wire::fault::ServiceFault;

/// Checks that keys are unique ignoring case and do not start with the reserved prefix `aws:`.
pub(super) fn check_tags(tags: &[Tag]) -> Result<(), ServiceFault> {
    let mut keys: Vec<String> = tags.iter().map(|tag| tag.key.to_lowercase()).collect();
    keys.sort_unstable();
    if keys.windows(2).any(|pair| pair[0] == pair[1]) {
        let message = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
        return Err(ServiceFault::new("InvalidInput", message));
    }
    if keys.iter().any(|key| key.starts_with("aws:")) {
        let message = "Tag keys that begin with aws: are reserved for system use.";
        return Err(ServiceFault::new("InvalidInput", message));
    }
    Ok(())
}

/// Adds tags or replaces their values. Keys are compared ignoring case.
pub(super) fn add_tags(tags: &mut Vec<Tag>, added: &[Tag], quota: u32) -> Result<(), ServiceFault> {
    check_tags(added)?;
    for tag in added {
        match tags
            .iter_mut()
            .find(|existing| existing.key.eq_ignore_ascii_case(&tag.key))
        {
            Some(existing) => existing.clone_from(tag),
            None => tags.push(tag.clone()),
        }
    }
    if tags.len() > quota as usize {
        let message = format!("The number of tags has reached the maximum limit: {quota}");
        return Err(ServiceFault::new("LimitExceeded", message));
    }
    Ok(())
}
