//! The constraints of IAM's API model, all violations of a request reported together as IAM reports them.

use crate::state::Tag;
use crate::wire::fault::ServiceFault;
use crate::wire::form::Form;

/// Reads the members of a form, and remembers what is wrong with them until `finish`.
#[derive(Debug)]
pub(super) struct Constraints<'a> {
    form: &'a Form,
    violations: Vec<String>,
}

impl<'a> Constraints<'a> {
    pub(super) fn of(form: &'a Form) -> Constraints<'a> {
        Constraints {
            form,
            violations: Vec::new(),
        }
    }

    /// Reports the violations, if there are any.
    pub(super) fn finish(self) -> Result<(), ServiceFault> {
        let count = self.violations.len();
        if count == 0 {
            return Ok(());
        }
        let errors = if count == 1 { "error" } else { "errors" };
        let message = format!(
            "{count} validation {errors} detected: {}",
            self.violations.join("; ")
        );
        Err(ServiceFault::new("ValidationError", message))
    }

    /// A name: letters, digits and `+=,.@_-`.
    pub(super) fn name(&mut self, member: &str, longest: usize) -> &'a str {
        let value = self.required(member, longest);
        if !value.chars().all(is_name_character) {
            let message =
                "It must contain only alphanumeric characters and/or the following: +=,.@_-";
            self.violations.push(format!(
                "The specified value for {} is invalid. {message}",
                lower_first(member)
            ));
        }
        value
    }

    /// An ARN, as far as the model looks at it.
    pub(super) fn arn(&mut self, member: &str) -> &'a str {
        let value = self.required(member, 2048);
        if !value.is_empty() && value.chars().count() < 20 {
            self.violate(
                member,
                value,
                "Member must have length greater than or equal to 20",
            );
        }
        value
    }

    /// An ARN that may be missing.
    pub(super) fn optional_arn(&mut self, member: &str) -> Option<&'a str> {
        self.form.text(member)?;
        Some(self.arn(member))
    }

    /// A text that must be there and has at most so many characters.
    pub(super) fn required(&mut self, member: &str, longest: usize) -> &'a str {
        let Some(value) = self.form.text(member) else {
            let member = lower_first(member);
            let null = format!(
                "Value null at '{member}' failed to satisfy constraint: Member must not be null"
            );
            self.violations.push(null);
            return "";
        };
        if value.is_empty() {
            self.violate(
                member,
                value,
                "Member must have length greater than or equal to 1",
            );
        }
        self.at_most(member, value, longest);
        value
    }

    /// A path: `/`, or `/…/`.
    pub(super) fn path(&mut self, member: &str) -> String {
        let Some(value) = self.form.text(member) else {
            return "/".to_owned();
        };
        self.at_most(member, value, 512);
        let inside = value.chars().all(|c| matches!(c, '\u{21}'..='\u{7e}'));
        if !inside || !value.starts_with('/') || !value.ends_with('/') {
            let name = lower_first(member);
            self.violations.push(format!(
                "The specified value for {name} is invalid. It must begin and end with / and contain only alphanumeric \
                 characters and/or / characters."
            ));
        }
        value.to_owned()
    }

    /// The beginning of a path, by which a list is narrowed.
    pub(super) fn path_prefix(&mut self) -> String {
        let value = self.form.text("PathPrefix").unwrap_or("/");
        self.at_most("PathPrefix", value, 512);
        if !value.starts_with('/') {
            self.violations.push(
                "The specified value for pathPrefix is invalid. It must begin with /".to_owned(),
            );
        }
        value.to_owned()
    }

    /// A description; of a role it holds Latin-1 only.
    pub(super) fn description(&mut self, latin: bool) -> Option<String> {
        let value = self.form.text("Description")?;
        self.at_most("Description", value, 1000);
        let is_latin =
            |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{7e}' | '\u{a1}'..='\u{ff}');
        if latin && !value.chars().all(is_latin) {
            self.violate(
                "Description",
                value,
                "Member must satisfy regular expression pattern: [\\u0009\\u000A\\u000D\\u0020-\\u007E\\u00A1-\\u00FF]*",
            );
        }
        Some(value.to_owned())
    }

    /// A number within bounds, that may be missing.
    pub(super) fn number(&mut self, member: &str, least: u32, most: u32) -> Option<u32> {
        let value = self.form.text(member)?;
        match value.parse::<u32>() {
            Ok(number) if number < least => {
                self.violate(
                    member,
                    value,
                    &format!("Member must have value greater than or equal to {least}"),
                );
            }
            Ok(number) if number > most => {
                self.violate(
                    member,
                    value,
                    &format!("Member must have value less than or equal to {most}"),
                );
            }
            Ok(number) => return Some(number),
            Err(_) => self.violate(member, value, "Member must be a number"),
        }
        None
    }

    /// Tags, as members of a list.
    pub(super) fn tags(&mut self) -> Vec<Tag> {
        let members = self.form.list("Tags", Some("member"));
        if members.len() > 50 {
            self.violate(
                "Tags",
                "…",
                "Member must have length less than or equal to 50",
            );
        }
        let mut tags = Vec::with_capacity(members.len());
        for (index, member) in members.iter().enumerate() {
            let key = member.text("Key").unwrap_or_default().to_owned();
            let value = member.text("Value").unwrap_or_default().to_owned();
            self.tag_part(&format!("tags.{}.member.key", index + 1), &key, 1, 128);
            self.tag_part(&format!("tags.{}.member.value", index + 1), &value, 0, 256);
            tags.push(Tag { key, value });
        }
        tags
    }

    /// The keys of tags to be removed.
    pub(super) fn tag_keys(&mut self) -> Vec<String> {
        let keys = self.form.strings("TagKeys");
        if keys.len() > 50 {
            self.violate(
                "TagKeys",
                "…",
                "Member must have length less than or equal to 50",
            );
        }
        for (index, key) in keys.iter().enumerate() {
            self.tag_part(&format!("tagKeys.{}.member", index + 1), key, 1, 128);
        }
        keys
    }

    fn tag_part(&mut self, member: &str, value: &str, least: usize, most: usize) {
        let length = value.chars().count();
        if length < least {
            self.violate(
                member,
                value,
                &format!("Member must have length greater than or equal to {least}"),
            );
        }
        self.at_most(member, value, most);
        let is_tag_character = |c: char| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c);
        if !value.chars().all(is_tag_character) {
            self.violate(
                member,
                value,
                "Member must satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+",
            );
        }
    }

    fn at_most(&mut self, member: &str, value: &str, longest: usize) {
        if value.chars().count() > longest {
            self.violate(
                member,
                value,
                &format!("Member must have length less than or equal to {longest}"),
            );
        }
    }

    fn violate(&mut self, member: &str, value: &str, rule: &str) {
        let member = lower_first(member);
        let shown: String = value.chars().take(300).collect();
        self.violations.push(format!(
            "Value '{shown}' at '{member}' failed to satisfy constraint: {rule}"
        ));
    }
}

fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)
}

fn lower_first(member: &str) -> String {
    let mut characters = member.chars();
    let first = characters.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
}
