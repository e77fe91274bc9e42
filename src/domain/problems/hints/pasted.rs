//! Reads pasted error texts in the formats of the AWS CLI, boto3 and the SDKs.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::all;
use crate::domain::problems::aws_codes;

/// The operation in `… when calling the CreateRole operation: …`, or an empty string.
pub(super) fn operation(message: &str) -> &str {
    let call = message
        .split_once("when calling the ")
        .and_then(|(_, rest)| rest.split_once(" operation"));
    call.map_or("", |(call, _)| call).trim()
}

/// The first word of a text that is a code with a row, or an empty string.
pub(super) fn code(message: &str) -> &str {
    static KNOWN: LazyLock<BTreeSet<&str>> =
        LazyLock::new(|| all().map(|hint| aws_codes::normalize(hint.code)).collect());
    let is_known = |word: &&str| KNOWN.contains(aws_codes::normalize(word));
    message
        .split(|c: char| !c.is_ascii_alphanumeric())
        .find(is_known)
        .unwrap_or_default()
}
