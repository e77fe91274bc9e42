//! Samples: how a program connects to a cluster, for each language that AWS has a DAX client for.
//!
//! The templates beside this file are code in which `"{{url}}"` and `"{{region}}"` stand for texts, and lines that end in
//! `{{dual_stack}}` are for clusters with both address families. The names they use are those of amazon-dax-client 2.1
//! (Python), @amazon-dax-sdk/lib-dax 3.1 (Node), aws-dax-go-v2 1.0, and for Java and .NET of the developer guide,
//! "Java and DAX", ".NET and DAX" and "DAX and IPv6".

use serde::{Deserialize, Serialize};

use super::spec::NetworkType;

const DUAL_STACK_LINE: &str = "{{dual_stack}}";

/// A language that AWS has a DAX client for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// `software.amazon.dax:amazon-dax-client`.
    Java,
    /// `amazon-dax-client`.
    Python,
    /// `@amazon-dax-sdk/lib-dax`.
    Node,
    /// `github.com/aws/aws-dax-go-v2`.
    Go,
    /// `AWSSDK.DAX.Client`.
    Dotnet,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 5] = [Self::Java, Self::Python, Self::Node, Self::Go, Self::Dotnet];

    /// The word used in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Java => "java",
            Self::Python => "python",
            Self::Node => "node",
            Self::Go => "go",
            Self::Dotnet => "dotnet",
        }
    }

    fn template(self) -> &'static str {
        match self {
            Self::Java => include_str!("samples/Sample.java"),
            Self::Python => include_str!("samples/sample.py"),
            Self::Node => include_str!("samples/sample.mjs"),
            Self::Go => include_str!("samples/sample.go"),
            Self::Dotnet => include_str!("samples/Sample.cs"),
        }
    }
}

/// Where a program connects.
#[derive(Debug, Clone, Copy)]
pub struct Destination<'a> {
    /// The endpoint's URL.
    pub url: &'a str,
    /// The Region.
    pub region: &'a str,
    /// Whether clients choose between address families.
    pub dual_stack: bool,
}

/// The code of a program that reads one item through a cluster.
pub fn sample(language: Language, destination: Destination<'_>) -> String {
    let lines =
        language
            .template()
            .lines()
            .filter_map(|line| match line.strip_suffix(DUAL_STACK_LINE) {
                Some(line) => destination.dual_stack.then(|| line.trim_end()),
                None => Some(line),
            });
    let mut code = String::new();
    for line in lines {
        fill(&mut code, line, destination);
        code.push('\n');
    }
    code
}

/// Writes a line with its texts; what a text holds is never looked at again.
fn fill(code: &mut String, line: &str, destination: Destination<'_>) {
    let blanks = [
        ("\"{{url}}\"", destination.url),
        ("\"{{region}}\"", destination.region),
    ];
    let found = blanks
        .into_iter()
        .find_map(|(blank, text)| line.split_once(blank).map(|parts| (parts, text)));
    match found {
        Some(((before, after), text)) => {
            code.push_str(before);
            code.push_str(&literal(text));
            code.push_str(after);
        }
        None => code.push_str(line),
    }
}

/// A text as a literal that means the same in all the languages: JSON's, which they have in common as long as the text is
/// printable ASCII. A URL or a Region holds nothing else, so anything else is left out.
fn literal(text: &str) -> String {
    let plain: String = text.chars().filter(|c| (' '..='~').contains(c)).collect();
    serde_json::Value::from(plain).to_string()
}

/// Whether clients of a cluster choose between address families: by AWS's word for it, or what was asked for.
pub fn is_dual_stack(observed: Option<&str>, desired: Option<NetworkType>) -> bool {
    let asked = desired.map(NetworkType::as_str);
    observed
        .or(asked)
        .is_some_and(|word| word.eq_ignore_ascii_case(NetworkType::DualStack.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "daxs://orders.l6fzcv.dax-clusters.eu-west-1.amazonaws.com";

    #[test]
    fn every_sample_names_the_endpoint_and_the_region_and_has_no_blank_left() {
        for language in Language::ALL {
            for dual_stack in [false, true] {
                let code = sample(
                    language,
                    Destination {
                        url: URL,
                        region: "eu-west-1",
                        dual_stack,
                    },
                );
                assert!(
                    code.contains(&format!("\"{URL}\"")) && code.contains("\"eu-west-1\""),
                    "{code}"
                );
                assert!(code.contains("YourTable") && !code.contains("{{"), "{code}");
                let chooses = code
                    .to_lowercase()
                    .replace(['_', ' '], "")
                    .contains("ipdiscovery");
                assert_eq!(chooses, dual_stack, "{code}");
            }
        }
    }

    #[test]
    fn no_text_breaks_out_of_its_literal() {
        let hostile = "a\"); import os #\\\n\u{2028}{{region}}\u{0}";
        for language in Language::ALL {
            let code = sample(
                language,
                Destination {
                    url: hostile,
                    region: hostile,
                    dual_stack: true,
                },
            );
            assert_eq!(
                code.matches(r#""a\"); import os #\\{{region}}""#).count(),
                2,
                "{code}"
            );
            assert_eq!(code.lines().count(), language.template().lines().count());
        }
    }

    #[test]
    fn what_aws_says_of_the_network_counts_before_what_was_asked_for() {
        assert!(
            is_dual_stack(Some("dual_stack"), None)
                && is_dual_stack(None, Some(NetworkType::DualStack))
        );
        assert!(
            !is_dual_stack(Some("ipv4"), Some(NetworkType::DualStack))
                && !is_dual_stack(None, None)
        );
    }
}
