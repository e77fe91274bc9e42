//! Shared by EC2's requests: authorization, dry runs, checks of IDs, and paging.

use std::collections::BTreeMap;

use crate::authorization::AccessRequest;
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::form::Form;

/// Authorizes a request and ends a dry run.
pub(super) fn check_access(
    turn: &mut Turn<'_>,
    form: &Form,
    access: &AccessRequest<'_>,
) -> Result<(), ServiceFault> {
    turn.authorize(access)?;
    end_dry_run(form)
}

/// Ends a dry run after all authorization, with the error that EC2 returns for its success.
pub(super) fn end_dry_run(form: &Form) -> Result<(), ServiceFault> {
    match form
        .text("DryRun")
        .is_some_and(|text| text.eq_ignore_ascii_case("true"))
    {
        true => Err(ServiceFault::new(
            "DryRunOperation",
            "Request would have succeeded, but DryRun flag is set.",
        )),
        false => Ok(()),
    }
}

/// Rejects IDs that do not exist, with EC2's error code and noun for them.
pub(super) fn check_ids<T>(
    ids: &[String],
    existing: &BTreeMap<String, T>,
    code: &'static str,
    noun: &str,
) -> Result<(), ServiceFault> {
    match ids.iter().find(|id| !existing.contains_key(*id)) {
        Some(missing) => Err(ServiceFault::new(
            code,
            format!("The {noun} '{missing}' does not exist"),
        )),
        None => Ok(()),
    }
}

/// The requested page and the token of the next page. `MaxResults` is 5 to 1,000.
pub(super) fn page<T>(
    form: &Form,
    items: Vec<T>,
    key: impl Fn(&T) -> String,
) -> Result<(Vec<T>, Option<String>), ServiceFault> {
    let invalid = |message: String| ServiceFault::new("InvalidParameterValue", message);
    let limit = match form.text("MaxResults") {
        None => usize::MAX,
        Some(text) => text.parse().ok().filter(|limit| (5..=1000).contains(limit)).ok_or_else(|| {
            invalid(format!(
                "Value ( {text} ) for parameter maxResults is invalid. Expecting a value between 5 and 1000."
            ))
        })?,
    };
    let after = match form.text("NextToken") {
        None => None,
        Some(token) => {
            let key = hex::decode(token)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok());
            Some(key.ok_or_else(|| invalid("Unable to parse pagination token".to_owned()))?)
        }
    };
    let mut rest = items
        .into_iter()
        .filter(|item| after.as_ref().is_none_or(|after| key(item) > *after));
    let items: Vec<T> = rest.by_ref().take(limit).collect();
    let has_more = rest.next().is_some();
    let token = items
        .last()
        .filter(|_| has_more)
        .map(|last| hex::encode(key(last)));
    Ok((items, token))
}
