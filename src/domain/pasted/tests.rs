//! What is removed from a pasted text, and what never changes.

use proptest::prelude::*;

use super::{unwrap, unwrap_url};

#[test]
fn escapes_markup_and_frames_are_removed() {
    for (text, plain) in [
        ("plain text", "plain text"),
        (
            r#"{"a":"one \"two\"\nthree"}"#,
            "{\"a\":\"one \"two\"\nthree\"}",
        ),
        (r#"a \\\"b\\\" c"#, "a \"b\" c"),
        (
            "&lt;b&gt;one&lt;/b&gt; &amp;quot;two&amp;quot;",
            "one \"two\"",
        ),
        ("│ one\n│\n│ two", "one\ntwo"),
        ("  12 | one\n  13 | two", "one\ntwo"),
        (
            "2024-05-01T10:00:00Z INFO one\n2024-05-01T10:00:01Z INFO two",
            "one\ntwo",
        ),
        ("\u{1b}[31mred\u{1b}[0m", "red"),
        ("**bold** text", "bold text"),
        ("arn:aws:iam::***:role/x", "arn:aws:iam::***:role/x"),
        (
            "arn:aws:iam::<account>:role/x</Message>",
            "arn:aws:iam::<account>:role/x",
        ),
        ("a\u{200b}b\u{a0}c:\u{200b}d", "a b c:d"),
        (r"no \u0061 letter", r"no \u0061 letter"),
    ] {
        assert_eq!(unwrap(text).plain, plain, "{text}");
    }
    assert_eq!(
        unwrap_url("error=User%3A%20x+is%20not").as_deref(),
        Some("error=User: x is not")
    );
    assert_eq!(unwrap_url("plain"), None);
}

/// A fragment of a wrapped text.
fn piece() -> impl Strategy<Value = String> {
    let fixed = prop::sample::select(vec![
        "\\", "\\n", "\\u", "\\u00", "\\u{", "}", "\\x4", "&", "&#", "&#x2", ";", "&amp;", "<",
        "</", ">", "<!--", "-->", "**", "\u{1b}[", "│", "12 | ", "\n", "\t", "`", "é", "\u{202e}",
        "arn:", "\"", "User", "%2", "+",
    ]);
    prop_oneof![5 => fixed.prop_map(str::to_owned), 1 => "\\PC{0,6}", 1 => "[a-z0-9:/]{0,6}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// The letters and digits of the result are those of the text, in the same order.
    #[test]
    fn no_letter_or_digit_is_invented(pieces in prop::collection::vec(piece(), 0..30)) {
        let text = pieces.concat();
        for result in [unwrap(&text).decoded, unwrap(&text).plain] {
            let mut letters = text.chars();
            for c in result.chars().filter(|c| c.is_alphanumeric()) {
                prop_assert!(letters.any(|one| one == c), "{c} in {result:?}");
            }
        }
        let _ = unwrap_url(&text);
    }

    #[test]
    fn no_text_panics(text in "(?s).{0,300}") {
        let _ = unwrap(&text);
        let _ = unwrap_url(&text);
    }
}
