//! Wrappings of a pasted error: how logs, tools and languages print a text.

use serde_json::json;

/// Prints a text as a tool or a language does.
pub(crate) type Wrapping = fn(&str) -> String;

/// Wrappings that add neither a call nor an error code.
pub(crate) const WRAPPINGS: [(&str, Wrapping); 30] = [
    ("JSON", |text| json!({"message": text}).to_string()),
    ("JSON with a tail", |text| {
        format!(
            "{{\"errorMessage\":{},\"requestParameters\":null}}",
            json!(text)
        )
    }),
    ("pretty JSON", |text| {
        let value = json!({"detail": {"text": text, "zone": null}, "level": "x"});
        serde_json::to_string_pretty(&value).unwrap()
    }),
    ("JSON with escaped slashes", |text| {
        json!([text]).to_string().replace('/', "\\/")
    }),
    ("JSON in ASCII", |text| ascii_json(text)),
    ("XML", |text| {
        let text = escaped(text);
        format!(
            "<Response><Error><Message>{text}</Message></Error><RequestId>a-1</RequestId></Response>"
        )
    }),
    ("XML with CDATA", |text| {
        format!("<?xml version=\"1.0\"?>\n<m><![CDATA[{text}]]></m>")
    }),
    ("HTML", |text| {
        let text = escaped(text).replace('\n', "<br/>\n");
        format!("<html><p class=\"x\">{text}</p></html>")
    }),
    ("Rust debug", |text| {
        format!("Err(Failure {{ message: Some({text:?}), meta: None }})")
    }),
    ("Python", |text| {
        format!("RuntimeError('{}')", single_quoted(text))
    }),
    ("Java map", |text| {
        format!("{{message={text}, retryable=false}}")
    }),
    ("Java chain", |text| {
        format!(
            "java.lang.RuntimeException: {text}; nested exception is x.y.Z\n\tat x.y.Z.main(Z.java:1)"
        )
    }),
    ("Go", |text| {
        format!("level=x msg={} attempt=1", json!(text))
    }),
    ("terraform box", |text| {
        let lines = prefixed(text, 60, |_| "│ ".to_owned());
        format!(
            "╷\n│ Error: it failed\n│ \n{lines}\n│ \n│   with aws_x.y,\n│   on main.tf line 1\n╵"
        )
    }),
    ("closed box", |text| {
        let row = |line: &str| format!("║ {line:<100} ║");
        let rows: Vec<String> = wrapped(text, 90).iter().map(|line| row(line)).collect();
        format!("╔{0}╗\n{1}\n╚{0}╝", "═".repeat(102), rows.join("\n"))
    }),
    ("log lines", |text| {
        prefixed(text, 70, |_| {
            "2024-05-01T10:00:00.123Z ERROR app[12]: ".to_owned()
        })
    }),
    ("syslog", |text| {
        prefixed(text, 70, |_| "May  1 10:00:00 host-1 app[12]: ".to_owned())
    }),
    ("first line of a log", |text| {
        format!("2024-05-01 10:00:00,123 [main] {text}\n    next line")
    }),
    ("numbered lines", |text| {
        prefixed(text, 50, |number| format!("{number:>4} | "))
    }),
    ("counted lines", |text| {
        prefixed(text, 50, |number| format!("{number:>6}\t"))
    }),
    ("compose", |text| {
        prefixed(text, 50, |_| "web-1  | ".to_owned())
    }),
    ("unknown prefix", |text| {
        prefixed(text, 50, |_| "~prod/eu~ pod=a7 ".to_owned())
    }),
    ("line breaks", |text| {
        prefixed(text, 30, |_| "      ".to_owned())
    }),
    ("mail quote", |text| {
        prefixed(text, 60, |_| "> > ".to_owned())
    }),
    ("comment", |text| prefixed(text, 60, |_| "# ".to_owned())),
    ("parentheses", |text| format!("it failed ({text}).")),
    ("quotes", |text| format!("\"{text}\",")),
    ("single quotes", |text| format!("reason: '{text}';")),
    ("typographic quotes", |text| format!("He wrote: “{text}”.")),
    ("colours", |text| format!("\u{1b}[1;31m{text}\u{1b}[0m\r\n")),
];

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

fn single_quoted(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('\'', "\\'")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
        .replace('\t', "\\t")
}

fn ascii_json(text: &str) -> String {
    let escape = |c: char| match c {
        ' '..='~' => c.to_string(),
        _ => {
            let mut units = [0; 2];
            let units = c.encode_utf16(&mut units);
            units.iter().map(|unit| format!("\\u{unit:04x}")).collect()
        }
    };
    let json = json!({ "m": text }).to_string();
    json.chars().map(escape).collect()
}

/// Breaks every line at spaces. A line can be longer than the width.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.lines() {
        // A prefix that no tool is known for is found only if every line has it.
        if line.starts_with('~') {
            lines.push(line.to_owned());
            continue;
        }
        let mut row = String::new();
        for word in line.split(' ') {
            if !row.is_empty() && row.chars().count() + word.chars().count() >= width {
                lines.push(std::mem::take(&mut row));
            }
            if !row.is_empty() {
                row.push(' ');
            }
            row.push_str(word);
        }
        lines.push(row);
    }
    lines
}

/// The lines of a text, each after a prefix made from its number.
fn prefixed(text: &str, width: usize, prefix: impl Fn(usize) -> String) -> String {
    let lines = wrapped(text, width).into_iter().enumerate();
    let lines: Vec<String> = lines
        .map(|(at, line)| format!("{}{line}", prefix(at + 8)))
        .collect();
    lines.join("\n")
}

/// Checks that a text is read alike as it is, in every wrapping, and in every wrapping of every
/// wrapping.
pub(crate) fn assert_read_alike<T: PartialEq + std::fmt::Debug>(
    text: &str,
    expected: &T,
    read: impl Fn(&str) -> T,
) {
    assert_eq!(read(text), *expected, "{text}");
    let mut failures = Vec::new();
    let mut check = |name: &str, text: &str| {
        let found = read(text);
        if found != *expected {
            failures.push(format!("{name}: {text}\n  {found:?}"));
        }
    };
    for (inner_name, inner) in WRAPPINGS {
        let once = inner(text);
        check(inner_name, &once);
        for (name, outer) in WRAPPINGS {
            check(&format!("{name} of {inner_name}"), &outer(&once));
        }
    }
    assert!(
        failures.is_empty(),
        "{} failures\n{}",
        failures.len(),
        failures
            .iter()
            .take(8)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n")
    );
}
