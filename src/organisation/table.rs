//! Reads a TOML table key by key. Every fault is collected, and a key that nothing has read is one.

use serde::de::DeserializeOwned;

use super::faults::Faults;

/// A table of a file, without the keys that were read.
pub(super) struct Table {
    file: &'static str,
    place: String,
    keys: toml::Table,
}

impl Table {
    /// Parses a file. A fault of its syntax is the only one that is reported.
    pub(super) fn parse(file: &'static str, text: &str, faults: &mut Faults) -> Option<Self> {
        match text.parse() {
            Ok(keys) => Some(Self {
                file,
                place: String::new(),
                keys,
            }),
            Err(error) => {
                faults.add(file, &line_of(text, &error), error.message());
                None
            }
        }
    }

    /// Where a key of this table is, such as `targets.default.region`.
    pub(super) fn place_of(&self, key: &str) -> String {
        if self.place.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.place)
        }
    }

    /// Records that the value of a key, or the table itself under an empty key, breaks a rule.
    pub(super) fn fault(&self, key: &str, rule: impl Into<String>, faults: &mut Faults) {
        let place = if key.is_empty() {
            self.place.clone()
        } else {
            self.place_of(key)
        };
        faults.add(self.file, &place, rule);
    }

    /// Takes the value of a key, if it is set. One of another type is a fault.
    pub(super) fn take<T: DeserializeOwned>(
        &mut self,
        key: &str,
        faults: &mut Faults,
    ) -> Option<T> {
        let value = self.keys.remove(key)?;
        let expected = T::deserialize(value).map_err(|error| {
            // serde quotes the value, which may be a misplaced secret.
            let message = error.message().to_owned();
            let kind = message
                .rsplit_once("expected ")
                .map(|(_, kind)| kind.to_owned());
            kind.map_or("has an invalid value".to_owned(), |kind| {
                format!("must be {kind}")
            })
        });
        expected.map_err(|rule| self.fault(key, rule, faults)).ok()
    }

    /// Takes a text and parses it by a rule.
    pub(super) fn parsed<T>(
        &mut self,
        key: &str,
        rule: &str,
        parse: impl FnOnce(&str) -> Option<T>,
        faults: &mut Faults,
    ) -> Option<T> {
        let text: String = self.take(key, faults)?;
        let value = parse(&text);
        if value.is_none() {
            self.fault(key, rule, faults);
        }
        value
    }

    /// Takes the tables below a key, by name: `[key.NAME]`.
    pub(super) fn tables(&mut self, key: &str, faults: &mut Faults) -> Vec<(String, Self)> {
        let Some(value) = self.keys.remove(key) else {
            return Vec::new();
        };
        let toml::Value::Table(named) = value else {
            self.fault(key, "must be a table", faults);
            return Vec::new();
        };
        let mut tables = Vec::new();
        for (name, value) in named {
            let place = format!("{}.{name}", self.place_of(key));
            match value {
                toml::Value::Table(keys) => {
                    let file = self.file;
                    tables.push((name, Self { file, place, keys }));
                }
                _ => faults.add(self.file, &place, "must be a table"),
            }
        }
        tables
    }

    /// Whether a key is set and not read yet.
    pub(super) fn has(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// Ends the table: each key that is left is unknown.
    pub(super) fn finish(self, faults: &mut Faults) {
        for key in self.keys.keys() {
            faults.add(
                self.file,
                &self.place_of(key),
                "is not a known key; remove it",
            );
        }
    }
}

fn line_of(text: &str, error: &toml::de::Error) -> String {
    let line = |at: usize| text[..at.min(text.len())].lines().count().max(1);
    error
        .span()
        .map(|span| format!("line {}", line(span.end)))
        .unwrap_or_default()
}
