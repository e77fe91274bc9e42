//! XML bodies of the query protocols.

use std::borrow::Cow;

use serde::Serialize;

use crate::wire::fault::ServiceFault;

/// A list as IAM and STS write it: `<Tags><member>…</member></Tags>`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Members<T> {
    member: Vec<T>,
}

impl<T> FromIterator<T> for Members<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Members<T> {
        Members {
            member: items.into_iter().collect(),
        }
    }
}

/// A list as EC2 writes it: `<vpcSet><item>…</item></vpcSet>`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Items<T> {
    item: Vec<T>,
}

impl<T> FromIterator<T> for Items<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Items<T> {
        Items {
            item: items.into_iter().collect(),
        }
    }
}

/// One element with its content, escaped, without characters that XML 1.0 does not allow.
pub(crate) fn element<T: Serialize>(name: &str, content: &T) -> Result<String, ServiceFault> {
    let written = quick_xml::se::to_string_with_root(name, content)
        .map_err(|error| ServiceFault::new("InternalFailure", error.to_string()))?;
    Ok(remove_invalid(written))
}

/// The child elements only, which EC2 puts directly under its response.
pub(crate) fn children<T: Serialize>(content: &T) -> Result<String, ServiceFault> {
    let written = element("r", content)?;
    let inner = written
        .strip_prefix("<r>")
        .and_then(|rest| rest.strip_suffix("</r>"));
    Ok(inner.unwrap_or_default().to_owned())
}

/// Removes control characters, which XML does not allow even escaped, and escapes carriage returns,
/// which a parser would normalise.
fn remove_invalid(text: String) -> String {
    let is_valid = |c: char| matches!(c, '\t' | '\n' | ' '..='\u{FFFD}' | '\u{10000}'..);
    if text.chars().all(is_valid) {
        return text;
    }
    let piece = |c: char| match c {
        '\r' => Cow::Borrowed("&#13;"),
        c if is_valid(c) => Cow::Owned(c.to_string()),
        _ => Cow::Borrowed(""),
    };
    text.chars().map(piece).collect()
}

#[cfg(test)]
mod tests {
    use super::{Members, children, element};
    use serde::Serialize;

    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        missing: Option<String>,
        tags: Members<String>,
    }

    #[test]
    fn text_is_escaped_and_control_characters_are_removed() {
        let answer = Answer {
            name: "<&>\u{1}\r".to_owned(),
            missing: None,
            tags: ["a".to_owned()].into_iter().collect(),
        };
        let written = element("Result", &answer).expect("this serialises");
        assert_eq!(
            written,
            "<Result><Name>&lt;&amp;&gt;&#13;</Name><Tags><member>a</member></Tags></Result>"
        );
        assert!(
            children(&answer)
                .expect("this serialises")
                .starts_with("<Name>")
        );
    }

    #[test]
    fn an_empty_list_is_an_empty_element() {
        let answer = Answer {
            name: String::new(),
            missing: None,
            tags: Members::from_iter([]),
        };
        assert_eq!(
            element("R", &answer).expect("this serialises"),
            "<R><Name/><Tags/></R>"
        );
    }
}
