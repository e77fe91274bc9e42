//! The constraints of IAM's API model.
//!
//! Like IAM, reports all violations of a request together.

use crate::state::Tag;
use crate::wire::fault::ServiceFault;
use crate::wire::form::Form;

/// Reads the members of a form and collects the violations until `finish`.
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

    /// Returns all violations as one `ValidationError`.
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

    /// A required name: letters, digits and `+=,.@_-`.
    pub(super) fn name(&mut self, member: &str, max: usize) -> &'a str {
        let value = self.required(member, max);
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

    /// A required ARN. Like the API model, checks only its length.
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

    pub(super) fn optional_arn(&mut self, member: &str) -> Option<&'a str> {
        self.form.text(member)?;
        Some(self.arn(member))
    }

    /// A required string of 1 to `max` characters.
    pub(super) fn required(&mut self, member: &str, max: usize) -> &'a str {
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
        self.at_most(member, value, max);
        value
    }

    /// A path, `/` or `/…/`; `/` when absent.
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

    /// The `PathPrefix` filter of a list; `/` when absent.
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

    /// An optional description. With `latin`, as for roles, it must be Latin-1.
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

    /// An optional integer from `min` to `max`.
    pub(super) fn number(&mut self, member: &str, min: u32, max: u32) -> Option<u32> {
        let value = self.form.text(member)?;
        match value.parse::<u32>() {
            Ok(number) if number < min => {
                self.violate(
                    member,
                    value,
                    &format!("Member must have value greater than or equal to {min}"),
                );
            }
            Ok(number) if number > max => {
                self.violate(
                    member,
                    value,
                    &format!("Member must have value less than or equal to {max}"),
                );
            }
            Ok(number) => return Some(number),
            Err(_) => self.violate(member, value, "Member must be a number"),
        }
        None
    }

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

    fn tag_part(&mut self, member: &str, value: &str, min: usize, max: usize) {
        let length = value.chars().count();
        if length < min {
            self.violate(
                member,
                value,
                &format!("Member must have length greater than or equal to {min}"),
            );
        }
        self.at_most(member, value, max);
        let is_tag_character = |c: char| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c);
        if !value.chars().all(is_tag_character) {
            self.violate(
                member,
                value,
                "Member must satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+",
            );
        }
    }

    fn at_most(&mut self, member: &str, value: &str, max: usize) {
        if value.chars().count() > max {
            self.violate(
                member,
                value,
                &format!("Member must have length less than or equal to {max}"),
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
