//! The faults `gap` and `no_member`, which edit the list in a response.

use std::ops::Range;

use serde_json::{Map, Value};

use crate::wire::reply::Output;

/// The name of the list in the response of a call that these faults apply to.
pub(crate) fn list_of(call: &str) -> Option<&'static str> {
    match call {
        "dax:DescribeClusters" => Some("Clusters"),
        "dax:DescribeParameterGroups" => Some("ParameterGroups"),
        "dax:DescribeSubnetGroups" => Some("SubnetGroups"),
        "iam:ListAttachedRolePolicies" => Some("AttachedPolicies"),
        "iam:ListPolicies" => Some("Policies"),
        "iam:ListRoles" => Some("Roles"),
        _ => None,
    }
}

/// Removes one member of the list: the one at the index `seed` modulo the length.
pub(crate) fn remove_member(output: Output, list: &str, seed: u64) -> Output {
    let index = |length: usize| (seed % length as u64) as usize;
    match output {
        Output::Json(body) => edit_object(body, |object| match object.get_mut(list) {
            Some(Value::Array(members)) if !members.is_empty() => {
                members.remove(index(members.len()));
            }
            _ => {}
        }),
        Output::Xml(mut text) => {
            let members = element(&text, list).map_or_else(Vec::new, |range| {
                let start = range.start;
                let in_list = members(&text[range]).into_iter();
                in_list
                    .map(|member| start + member.start..start + member.end)
                    .collect()
            });
            if !members.is_empty() {
                text.replace_range(members[index(members.len())].clone(), "");
            }
            Output::Xml(text)
        }
    }
}

/// Removes the whole list.
pub(crate) fn remove_list(output: Output, list: &str) -> Output {
    match output {
        Output::Json(body) => edit_object(body, |object| {
            object.remove(list);
        }),
        Output::Xml(mut text) => {
            if let Some(range) = element(&text, list) {
                text.replace_range(range, "");
            }
            Output::Xml(text)
        }
    }
}

fn edit_object(body: Vec<u8>, edit: impl FnOnce(&mut Map<String, Value>)) -> Output {
    let Ok(mut object) = serde_json::from_slice(&body) else {
        return Output::Json(body);
    };
    edit(&mut object);
    Output::Json(serde_json::to_vec(&object).unwrap_or(body))
}

/// Where the only element of this name is in the text.
fn element(text: &str, name: &str) -> Option<Range<usize>> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    match (text.find(&open), text.find(&close)) {
        (Some(start), Some(end)) => Some(start..end + close.len()),
        _ => {
            let empty = format!("<{name}/>");
            text.find(&empty).map(|start| start..start + empty.len())
        }
    }
}

/// Where the members of a list are. A member can contain lists with members of their own.
fn members(list: &str) -> Vec<Range<usize>> {
    const CLOSE: &str = "</member>";
    let (mut ranges, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, _) in list.match_indices('<') {
        if list[at..].starts_with("<member>") {
            if depth == 0 {
                start = at;
            }
            depth += 1;
        } else if list[at..].starts_with(CLOSE) {
            depth -= 1;
            if depth == 0 {
                ranges.push(start..at + CLOSE.len());
            }
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::{remove_list, remove_member};
    use crate::wire::reply::Output;

    const ROLES: &str = "<R><Roles><member><A/><Tags><member>x</member></Tags></member>\
        <member><B/></member></Roles><IsTruncated>false</IsTruncated></R>";

    fn xml(output: Output) -> String {
        match output {
            Output::Xml(text) => text,
            Output::Json(body) => panic!("JSON: {body:?}"),
        }
    }

    #[test]
    fn the_seed_chooses_the_removed_member_of_an_xml_list() {
        let removed = |seed| xml(remove_member(Output::Xml(ROLES.to_owned()), "Roles", seed));
        let end = "</Roles><IsTruncated>false</IsTruncated></R>";
        let first = "<member><A/><Tags><member>x</member></Tags></member>";
        assert_eq!(removed(0), format!("<R><Roles><member><B/></member>{end}"));
        assert_eq!(removed(1), format!("<R><Roles>{first}{end}"));
        assert_eq!(removed(2), removed(0));
    }

    #[test]
    fn an_xml_list_is_removed_even_if_it_is_empty() {
        for text in [ROLES, "<R><Roles/><IsTruncated>false</IsTruncated></R>"] {
            let removed = xml(remove_list(Output::Xml(text.to_owned()), "Roles"));
            assert_eq!(removed, "<R><IsTruncated>false</IsTruncated></R>");
        }
    }
}
