//! Forms of the query protocols, which encode lists and structures in the names of fields.

use std::collections::BTreeMap;

/// A form, or the part of a form that is one member of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Form(BTreeMap<String, String>);

impl Form {
    /// Parses `a=b&c=d`. The last value of a repeated name counts.
    pub(crate) fn parse(text: &[u8]) -> Form {
        Form(form_urlencoded::parse(text).into_owned().collect())
    }

    /// Adds the pairs of another form, which take precedence.
    pub(crate) fn extend(&mut self, other: Form) {
        self.0.extend(other.0);
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The value of a list member that is a string.
    pub(crate) fn value(&self) -> &str {
        self.text("").unwrap_or_default()
    }

    /// The members of a list, in order of their numbers.
    ///
    /// `Tags` with `member` reads `Tags.member.1.Key` as a form with `Key`. Without `member`, as in
    /// EC2, `Filter` reads `Filter.1.Name`.
    pub(crate) fn list(&self, name: &str, member: Option<&str>) -> Vec<Form> {
        let prefix = match member {
            Some(member) => format!("{name}.{member}."),
            None => format!("{name}."),
        };
        let mut members: BTreeMap<u32, Form> = BTreeMap::new();
        for (key, value) in self.0.range(prefix.clone()..) {
            let Some(rest) = key.strip_prefix(&prefix) else {
                break;
            };
            let (number, field) = rest.split_once('.').unwrap_or((rest, ""));
            if let Ok(number) = number.parse() {
                members
                    .entry(number)
                    .or_default()
                    .0
                    .insert(field.to_owned(), value.clone());
            }
        }
        members.into_values().collect()
    }

    /// A list of strings as IAM and STS send it.
    pub(crate) fn strings(&self, name: &str) -> Vec<String> {
        self.list(name, Some("member"))
            .iter()
            .map(|member| member.value().to_owned())
            .collect()
    }

    /// A list of strings as EC2 sends it.
    pub(crate) fn numbered(&self, name: &str) -> Vec<String> {
        self.list(name, None)
            .iter()
            .map(|member| member.value().to_owned())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Form;

    #[test]
    fn lists_of_strings_and_structures_are_read_in_order() {
        let form = Form::parse(
            b"Tags.member.10.Key=z&Tags.member.2.Key=b&Tags.member.2.Value=v%20w&ActionNames.member.1=a%3Ab&Empty=",
        );
        let tags = form.list("Tags", Some("member"));
        assert_eq!(tags.len(), 2);
        assert_eq!(
            (tags[0].text("Key"), tags[0].text("Value")),
            (Some("b"), Some("v w"))
        );
        assert_eq!(
            (tags[1].text("Key"), tags[1].text("Value")),
            (Some("z"), None)
        );
        assert_eq!(form.strings("ActionNames"), ["a:b"]);
        assert!(form.list("Empty", Some("member")).is_empty());
    }

    #[test]
    fn ec2_lists_nest() {
        let form =
            Form::parse(b"Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-1&Filter.1.Value.2=vpc-2&SubnetId.1=subnet-1");
        let filters = form.list("Filter", None);
        assert_eq!(filters[0].text("Name"), Some("vpc-id"));
        assert_eq!(filters[0].numbered("Value"), ["vpc-1", "vpc-2"]);
        assert_eq!(form.numbered("SubnetId"), ["subnet-1"]);
    }
}
