//! `Filter.N` of the Describe operations: an item must match one value of each filter. Values may
//! contain the wildcards `*` and `?`.

use crate::wire::fault::ServiceFault;
use crate::wire::form::Form;

#[derive(Debug)]
struct Filter {
    name: String,
    values: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Filters(Vec<Filter>);

impl Filters {
    /// Parses the filters. A name that is not in `known` is rejected, as EC2 does.
    pub(super) fn read(form: &Form, known: &[&str]) -> Result<Filters, ServiceFault> {
        let filters = form.list("Filter", None);
        let filters = filters.iter().map(|filter| {
            let name = filter.text("Name").unwrap_or_default().to_owned();
            if !known.contains(&name.as_str()) && !name.starts_with("tag:") && name != "tag-key" {
                let message = format!("The filter '{name}' is invalid");
                return Err(ServiceFault::new("InvalidParameterValue", message));
            }
            Ok(Filter {
                name,
                values: filter.numbered("Value"),
            })
        });
        Ok(Filters(
            filters.collect::<Result<Vec<Filter>, ServiceFault>>()?,
        ))
    }

    /// Whether an item passes; `values` returns the item's values for the name of a filter.
    pub(super) fn pass(&self, values: impl Fn(&str) -> Vec<String>) -> bool {
        self.0.iter().all(|filter| {
            let actual = values(&filter.name);
            filter
                .values
                .iter()
                .any(|pattern| actual.iter().any(|value| matches(pattern, value)))
        })
    }
}

/// Whether a value matches a pattern with `*` for any characters and `?` for one character.
fn matches(pattern: &str, value: &str) -> bool {
    let (pattern, value): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), value.chars().collect());
    let (mut at, mut in_value) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while in_value < value.len() {
        if at < pattern.len() && pattern[at] == '*' {
            star = Some((at, in_value));
            at += 1;
        } else if at < pattern.len() && (pattern[at] == '?' || pattern[at] == value[in_value]) {
            (at, in_value) = (at + 1, in_value + 1);
        } else if let Some((star_at, from)) = star {
            (at, in_value) = (star_at + 1, from + 1);
            star = Some((star_at, from + 1));
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::{Filters, matches};
    use crate::wire::form::Form;

    #[test]
    fn patterns_match_whole_values() {
        for (pattern, value) in [
            ("default", "default"),
            ("d*t", "default"),
            ("?efault", "default"),
            ("*", ""),
        ] {
            assert!(matches(pattern, value), "{pattern} {value}");
        }
        for (pattern, value) in [("def", "default"), ("d*x", "default"), ("?", ""), ("", "d")] {
            assert!(!matches(pattern, value), "{pattern} {value}");
        }
        assert!(!matches(&"*a".repeat(40), &"a".repeat(39)));
    }

    #[test]
    fn all_filters_must_pass_by_one_of_their_values() {
        let form = Form::parse(
            b"Filter.1.Name=vpc-id&Filter.1.Value.1=x&Filter.1.Value.2=y&Filter.2.Name=state&Filter.2.Value.1=ok",
        );
        let filters = Filters::read(&form, &["vpc-id", "state"]).expect("both are known");
        let pass = |vpc: &str, state: &str| {
            filters.pass(|name| {
                vec![if name == "vpc-id" {
                    vpc.to_owned()
                } else {
                    state.to_owned()
                }]
            })
        };
        assert!(pass("y", "ok"));
        assert!(!pass("y", "no"));
        assert!(!pass("z", "ok"));
        assert!(Filters::read(&form, &["vpc-id"]).is_err());
    }
}
