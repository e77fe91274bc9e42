//! What a pasted error text says of itself, as the AWS CLI, boto3 and the SDKs print it.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::{all, codes};

/// The call in `… when calling the CreateRole operation: …`, or nothing.
pub(super) fn operation(message: &str) -> &str {
    let call = message
        .split_once("when calling the ")
        .and_then(|(_, rest)| rest.split_once(" operation"));
    call.map_or("", |(call, _)| call).trim()
}

/// The first word of a text that is a code with a row, or nothing.
pub(super) fn code(message: &str) -> &str {
    static KNOWN: LazyLock<BTreeSet<&str>> =
        LazyLock::new(|| all().map(|hint| codes::canonical(hint.code)).collect());
    let is_known = |word: &&str| KNOWN.contains(codes::canonical(word));
    message
        .split(|c: char| !c.is_ascii_alphanumeric())
        .find(is_known)
        .unwrap_or_default()
}
