//! Distributes tables over policies of limited size.

use std::collections::BTreeSet;

use super::non_whitespace_len;

/// The resources of each policy in the order of the names, two per table: itself and its indexes.
/// `capacity` is the number of characters that a policy has for resources.
pub(super) fn parts(names: &BTreeSet<&str>, prefix: &str, capacity: usize) -> Vec<Vec<String>> {
    let mut parts: Vec<Vec<String>> = Vec::new();
    let mut left = 0;
    for name in names {
        let resources = [format!("{prefix}{name}"), format!("{prefix}{name}/index/*")];
        // Each resource adds two quotation marks and a comma; the first of a list has no comma.
        let needs = resources
            .iter()
            .map(|resource| non_whitespace_len(resource) + 3)
            .sum::<usize>();
        match parts.last_mut() {
            Some(part) if needs <= left => {
                part.extend(resources);
                left -= needs;
            }
            Some(_) | None => {
                parts.push(resources.into());
                left = (capacity + 1).saturating_sub(needs);
            }
        }
    }
    parts
}
