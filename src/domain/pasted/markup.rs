//! Markup of XML, HTML and Markdown.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Tags, comments, and the marks of CDATA sections.
static TAG: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?s)<!--.*?-->|<!\[CDATA\[|\]\]>|<[?!][A-Za-z][^<>]*>|</?(?P<name>[A-Za-z][A-Za-z0-9:._-]*)(?:\s[^<>]*)?/?>",
    )
    .expect("the pattern is a valid regular expression")
});

/// Bold text of Markdown.
static BOLD: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(^|[\s(])\*\*([^*\s][^*\n]*?)\*\*")
        .expect("the pattern is a valid regular expression")
});

/// Removes tags and marks. A tag inside an ARN is a placeholder, such as `<account>`, and stays.
pub(super) fn strip(text: &str) -> String {
    let without_tags = TAG.replace_all(text, |tag: &Captures<'_>| {
        let (start, whole) = tag
            .get(0)
            .map_or((0, ""), |found| (found.start(), found.as_str()));
        let name = tag.name("name").map_or("", |name| name.as_str());
        if is_placeholder(&text[..start], whole) {
            whole.to_owned()
        } else if whole.starts_with("</") || !["Code", "ErrorCode"].contains(&name) {
            let is_break = ["br", "BR"].contains(&name);
            if is_break { "\n" } else { " " }.to_owned()
        } else {
            format!(" {name}: ")
        }
    });
    BOLD.replace_all(&without_tags, "$1 $2 ").into_owned()
}

/// Whether a tag stands for a part of the ARN before it.
fn is_placeholder(before: &str, tag: &str) -> bool {
    let start = before.rfind(|c: char| c.is_whitespace() || c == '"' || c == '\'');
    let word = &before[start.map_or(0, |at| at + 1)..];
    word.trim_start_matches(['(', '[']).starts_with("arn:")
        && word.ends_with([':', '/', '-'])
        && !tag.starts_with("</")
        && !tag.starts_with("<!")
        && !tag.ends_with("/>")
}
