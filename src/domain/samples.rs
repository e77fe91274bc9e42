//! Samples: code that connects to a cluster, for each language with a DAX client from AWS.
//!
//! The templates are in `samples/`. `"{{url}}"` and `"{{region}}"` are placeholders for string
//! literals. A line that ends in `{{dual_stack}}` is only for clusters with both address families.
//! Sources: amazon-dax-client 2.1 (Python), @amazon-dax-sdk/lib-dax 3.1 (Node), aws-dax-go-v2 1.0;
//! for Java and .NET the developer guide, "Java and DAX", ".NET and DAX" and "DAX and IPv6".

use serde::{Deserialize, Serialize};

use super::spec::NetworkType;

const DUAL_STACK_LINE: &str = "{{dual_stack}}";

/// A programming language with a DAX client from AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::VariantArray, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Language {
    /// Java, with `software.amazon.dax:amazon-dax-client`.
    Java,
    /// Python, with `amazon-dax-client`.
    Python,
    /// Node.js, with `@amazon-dax-sdk/lib-dax`.
    Node,
    /// Go, with `github.com/aws/aws-dax-go-v2`.
    Go,
    /// .NET, with `AWSSDK.DAX.Client`.
    Dotnet,
}

impl Language {
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

/// The cluster that a sample connects to.
#[derive(Debug, Clone, Copy)]
pub struct Destination<'a> {
    /// URL of the endpoint, `dax://…` or `daxs://…`.
    pub url: &'a str,
    /// Region of the cluster, such as `eu-west-1`.
    pub region: &'a str,
    /// Whether clients can choose between IPv4 and IPv6.
    pub dual_stack: bool,
}

/// Returns the code of a program that reads one item through a cluster.
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

/// Appends a line with its placeholder replaced. The replacement is not searched for placeholders.
fn fill(code: &mut String, line: &str, destination: Destination<'_>) {
    let placeholders = [
        ("\"{{url}}\"", destination.url),
        ("\"{{region}}\"", destination.region),
    ];
    let replacement = placeholders
        .into_iter()
        .find_map(|(placeholder, text)| line.split_once(placeholder).map(|parts| (parts, text)));
    match replacement {
        Some(((before, after), text)) => {
            code.push_str(before);
            code.push_str(&literal(text));
            code.push_str(after);
        }
        None => code.push_str(line),
    }
}

/// A string literal that is valid in every language: a JSON string of printable ASCII characters.
/// URLs and Regions have no others, so other characters are dropped.
fn literal(text: &str) -> String {
    let plain: String = text.chars().filter(|c| (' '..='~').contains(c)).collect();
    serde_json::Value::from(plain).to_string()
}

/// Whether clients can choose between IPv4 and IPv6: from what AWS reports, or else from the
/// desired settings.
pub fn is_dual_stack(observed: Option<&str>, desired: Option<NetworkType>) -> bool {
    let desired = desired.map(NetworkType::as_str);
    observed
        .or(desired)
        .is_some_and(|name| name.eq_ignore_ascii_case(NetworkType::DualStack.as_str()))
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    const URL: &str = "daxs://orders.l6fzcv.dax-clusters.eu-west-1.amazonaws.com";

    #[test]
    fn every_sample_has_the_endpoint_and_the_region_and_no_placeholder() {
        for &language in Language::VARIANTS {
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
    fn no_value_escapes_from_its_literal() {
        let hostile = "a\"); import os #\\\n\u{2028}{{region}}\u{0}";
        for &language in Language::VARIANTS {
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
    fn the_observed_network_type_takes_precedence_over_the_desired_one() {
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
