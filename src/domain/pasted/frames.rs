//! Frames of terminals and logs: what stands before and after every line.

use std::sync::LazyLock;

use regex::Regex;

/// How many frames can be nested.
const FRAMES_MAX: usize = 6;

/// What tools write before a line: line numbers, times, levels, names of processes. A line can end
/// there.
static PREFIX: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"^(?:\d{1,6}(?:\t|\s\s)|(?:\d{1,6}\s*[:|.)]",
        r#"|\[(?:[^\]\n"':]|:[^\]\s]){0,80}\]"#,
        r"|\d{4}[-/]\d\d[-/]\d\d(?:[T\s]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?",
        r"|\d\d:\d\d:\d\d(?:[.,]\d+)?",
        r"|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\s+\d{1,2}\s\d\d:\d\d:\d\d\s\S+",
        r"|(?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|stderr|stdout)(?:\s[FP]|[:|])?",
        r"|[\w.-]{1,60}\[\d+\]:",
        r"|[\w.-]{1,60}\s*\|)(?:\s|$))",
    ))
    .expect("the pattern is a valid regular expression")
});

/// Removes the frames and joins the lines, with one line break between two of them.
pub(super) fn strip(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    for _ in 0..FRAMES_MAX {
        let before: usize = lines.iter().map(|line| line.len()).sum();
        lines = lines.into_iter().map(unframed).collect();
        lines.retain(|line| !line.trim().is_empty() && !is_line_number(line.trim()));
        lines = without_shared_prefixes(&lines);
        if lines.iter().map(|line| line.len()).sum::<usize>() == before {
            break;
        }
    }
    let is_outside = |c: char| is_border(c) || c == '\\' || c.is_whitespace();
    let spaced = lines.iter().map(|line| {
        let words = line.trim_end_matches(is_outside).split_whitespace();
        words.collect::<Vec<_>>().join(" ")
    });
    spaced
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

/// A line without borders and known prefixes at its start.
fn unframed(line: &str) -> &str {
    let mut rest = line;
    loop {
        let trimmed = rest.trim_start_matches(|c: char| is_border(c) || c.is_whitespace());
        let trimmed = ["//", "#", "> "]
            .iter()
            .find_map(|mark| trimmed.strip_prefix(mark))
            .unwrap_or(if trimmed == ">" { "" } else { trimmed });
        let trimmed = match PREFIX.find(trimmed) {
            Some(prefix) => &trimmed[prefix.end()..],
            None => without_bullet(trimmed),
        };
        if trimmed.len() == rest.len() {
            return rest;
        }
        rest = trimmed;
    }
}

/// Whether an empty line is left with its number only.
fn is_line_number(line: &str) -> bool {
    line.len() <= 6 && line.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a character draws a border.
fn is_border(c: char) -> bool {
    matches!(c, '\u{2500}'..='\u{259f}' | '|' | '•' | '·' | '¦')
}

/// A line without the mark of a list, a comment or a difference. A `*` can also be the resource of a
/// denial.
fn without_bullet(line: &str) -> &str {
    let rest = ["* ", "- ", "+ "]
        .iter()
        .find_map(|mark| line.strip_prefix(mark));
    match rest {
        Some(rest) if !rest.starts_with("because") && !rest.starts_with("with an") => rest,
        Some(_) | None => line,
    }
}

/// Shortest prefix that is removed because two lines share it.
const SHARED_MIN: usize = 3;

/// Most words of a prefix that is searched for in the line before.
const WORDS_MAX: usize = 8;

/// Removes from every line the prefix that it shares with the line before or after it.
fn without_shared_prefixes<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let line = |at: Option<usize>| at.and_then(|at| lines.get(at)).copied().unwrap_or_default();
    (0..lines.len())
        .map(|at| {
            let (before, after) = (line(at.checked_sub(1)), line(Some(at + 1)));
            let one = lines[at];
            let shared = [
                shared_prefix(one, before),
                shared_prefix(one, after),
                repeated_prefix(one, before),
            ];
            &one[shared.into_iter().max().unwrap_or(0)..]
        })
        .collect()
}

/// The length of the prefix that two lines share, if all digits are equal. It ends with white space
/// or punctuation.
fn shared_prefix(line: &str, other: &str) -> usize {
    let shape = |c: char| if c.is_ascii_digit() { '0' } else { c };
    let shared: usize = line
        .chars()
        .zip(other.chars())
        .take_while(|(one, two)| shape(*one) == shape(*two))
        .map(|(one, _)| one.len_utf8())
        .sum();
    let last = line[..shared]
        .char_indices()
        .rfind(|(_, c)| !c.is_alphanumeric());
    let end = last.map_or(0, |(at, c)| at + c.len_utf8());
    if names_action(&line[..shared]) || !is_prefix(&line[..end]) {
        return 0;
    }
    end
}

/// The length of the longest prefix that is also in the line before, after what surrounds the text.
fn repeated_prefix(line: &str, before: &str) -> usize {
    let ends = line
        .match_indices(' ')
        .map(|(at, _)| at + 1)
        .take(WORDS_MAX);
    let is_repeated = |end: &usize| before.contains(&line[..*end]);
    let end = ends.take_while(is_repeated).last().unwrap_or(0);
    if is_prefix(&line[..end]) { end } else { 0 }
}

/// Whether a text can be what a tool wrote before a line: not only words, and no part of an AWS
/// message.
fn is_prefix(text: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c.is_whitespace() || c == '.' || c == ',';
    let is_content = ["arn:", "User", "authorized", "An error"]
        .iter()
        .any(|word| text.contains(word));
    text.len() >= SHARED_MIN && !text.chars().all(is_word) && !is_content && !names_action(text)
}

/// Whether a text has an action, such as `iam:CreateRole`.
fn names_action(text: &str) -> bool {
    text.as_bytes().windows(3).any(|bytes| match bytes {
        [before, b':', after] => before.is_ascii_alphanumeric() && after.is_ascii_uppercase(),
        _ => false,
    })
}
