//! Wildcards as IAM matches them: `*` is any run of characters, `?` exactly one.

use std::str::Chars;

/// Whether `text` matches `pattern` as a whole. As in IAM, `*` also matches `/` and `:`
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html>).
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // Where to resume after a mismatch: the last `*` then matches one more character.
    let mut last_star: Option<(Chars<'_>, Chars<'_>)> = None;
    while let Some(actual) = text.clone().next() {
        match pattern.next() {
            Some('*') => last_star = Some((pattern.clone(), text.clone())),
            Some(expected) if expected == '?' || expected == actual => {
                text.next();
            }
            Some(_) | None => {
                let Some((after_star, taken)) = &mut last_star else {
                    return false;
                };
                taken.next();
                (pattern, text) = (after_star.clone(), taken.clone());
            }
        }
    }
    pattern.all(|rest| rest == '*')
}

/// Like [`matches`], but ignores ASCII case, as IAM does for action names.
pub(super) fn matches_ignoring_case(pattern: &str, text: &str) -> bool {
    matches(&pattern.to_ascii_lowercase(), &text.to_ascii_lowercase())
}

/// Whether an ARN matches segment by segment, as in `ArnEquals` and `ArnLike`. A wildcard does not
/// cross segments
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>).
pub(super) fn arn_matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<&str> = pattern.splitn(6, ':').collect();
    let text: Vec<&str> = text.splitn(6, ':').collect();
    pattern.len() == text.len() && pattern.iter().zip(&text).all(|(p, t)| matches(p, t))
}

#[cfg(test)]
mod tests {
    use super::{arn_matches, matches, matches_ignoring_case};

    #[test]
    fn wildcards_match_as_iam_documents_them() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "*", true),
            ("", "", true),
            ("", "a", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("a*c", "ac", true),
            ("a*c", "abcbc", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "acb", false),
            (
                "arn:aws:iam::1:role/dax-*",
                "arn:aws:iam::1:role/dax-a/b:c",
                true,
            ),
            (
                "arn:aws:iam::1:role/dax-*",
                "arn:aws:iam::1:role/other",
                false,
            ),
            ("table/T", "table/t", false),
            ("?", "é", true),
            ("a**", "a", true),
            ("*a", "aaab", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
        }
        assert!(matches_ignoring_case("IAM:create*", "iam:CreateRole"));
    }

    #[test]
    fn arn_wildcards_stay_in_their_segment() {
        let role = "arn:aws:iam::123456789012:role/dax-provisioner/dax-a";
        assert!(arn_matches("arn:aws:iam::123456789012:role/*", role));
        assert!(arn_matches("arn:*:iam::*:role/*/dax-?", role));
        assert!(!arn_matches("arn:aws:*", role));
        assert!(!arn_matches("*", role));
    }
}
