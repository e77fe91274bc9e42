//! Language: comments, string literals and documents are plain technical English.

use std::sync::LazyLock;

use regex::Regex;

use super::{files, root, rust_files};

/// Words that a text must not contain: archaic, translated or personifying, each with a plain alternative at hand.
const BANNED: &str = concat!(
    r"(?i)\b(?:nobody|whoever|somebody|anew|in vain|for good|for want of|shall|heed(?:s|ed)?",
    r"|mend(?:s|ed|ing)?|notwithstanding|meanwhile|of ours|(?:is|are|be|was|were) told|tells|believe[sd]?",
    r"|hears|speaks|looks|at work|goes on|as it is to be|farewell|patience|in our eyes",
    r"|house rule|the door|law of|laws of)\b"
);

/// A comment, a string or a character of Rust source.
static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r##"(?s)//[^\n]*|r#"(.*?)"#|r"[^"]*"|"(?:\\.|[^"\\])*"|'(?:\\.[^']*|[^'\\])'"##)
        .unwrap()
});

/// The end of a line of a literal that continues in the next line.
static CONTINUED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\\\n\s*").unwrap());

/// A comment or a string literal, with the number of its first line.
#[derive(Debug, PartialEq)]
struct Prose {
    line: usize,
    text: String,
}

/// The comments and string literals of Rust source, in order.
fn prose(source: &str) -> Vec<Prose> {
    let mut found = Vec::new();
    let (mut line, mut counted) = (1, 0);
    for token in TOKEN
        .find_iter(source)
        .filter(|token| !token.as_str().starts_with('\''))
    {
        line += source[counted..token.start()].matches('\n').count();
        counted = token.start();
        // A line that continues with a backslash reads as one sentence.
        let text = CONTINUED.replace_all(token.as_str(), "").into_owned();
        found.push(Prose { line, text });
    }
    found
}

#[test]
fn comments_and_string_literals_are_found() {
    let source = "let a = 'x'; // one\nlet b = \"two \\\n   words\"; let c = r#\"three \"3\"\"#;\n";
    let texts: Vec<(usize, String)> = prose(source)
        .into_iter()
        .map(|prose| (prose.line, prose.text))
        .collect();
    let expected = [
        (1, "// one"),
        (2, "\"two words\""),
        (3, "r#\"three \"3\"\"#"),
    ]
    .map(|(line, text)| (line, text.to_owned()));
    assert_eq!(texts, expected);
}

#[test]
fn rust_texts_are_plain_technical_english() {
    let banned = Regex::new(BANNED).unwrap();
    let mut violations = Vec::new();
    for (name, source) in ["src", "tests", "crates"].into_iter().flat_map(rust_files) {
        if name == "tests/it/tidy/language.rs" {
            continue;
        }
        // The name of a Unix user.
        for prose in prose(&source)
            .into_iter()
            .filter(|prose| prose.text != "\"nobody\"")
        {
            if let Some(word) = banned.find(&prose.text) {
                violations.push(format!("{name}:{}: {:?}", prose.line, word.as_str()));
            }
        }
    }
    assert_eq!(violations, Vec::<String>::new());
}

#[test]
fn documents_are_plain_technical_english() {
    let banned = Regex::new(BANNED).unwrap();
    let mut documents = files("docs", &[".md"]);
    documents.extend(files("crates", &[".md", ".toml", ".py"]));
    documents.extend(files("benches", &[".py", ".md"]));
    documents.extend(files("tests", &[".py"]));
    documents.extend(files("docker", &[""]));
    documents.extend(files("openapi", &[".json"]));
    for name in [
        "README.md",
        "ARCHITECTURE.md",
        "Cargo.toml",
        "clippy.toml",
        "deny.toml",
        ".ci/run",
    ] {
        documents.push((
            name.to_owned(),
            std::fs::read_to_string(root().join(name)).unwrap(),
        ));
    }
    let mut violations = Vec::new();
    for (name, text) in documents {
        for (at, line) in text.lines().enumerate() {
            if let Some(word) = banned.find(line) {
                violations.push(format!("{name}:{}: {:?}", at + 1, word.as_str()));
            }
        }
    }
    assert_eq!(violations, Vec::<String>::new());
}
