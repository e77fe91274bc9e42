//! The organisation: the directory in which an operator keeps, as code, what one installation serves.
//! It reads files, depends on `domain` and `authorization`, and asks neither the database nor AWS.
//!
//! A new table of `organisation.toml` is a field of [`Organisation`], read from its [`Table`] in a
//! file of its own. A new file is a name in [`files`]. All faults are collected before any is
//! reported.

use std::collections::BTreeMap;
use std::path::Path;

use crate::authorization::{Kept, Policies, Rules, TargetPlace};
use crate::domain::issuer::IssuerSettings;
use crate::domain::target::TargetName;

mod faults;
mod files;
mod oidc;
mod policy_tests;
mod prices;
mod projects;
pub mod reload;
mod table;
mod targets;
#[cfg(test)]
mod tests;

pub use faults::{Fault, Faults};
pub use targets::{AssumedRole, TargetEntry};

use files::{Files, ORGANISATION, POLICY_TESTS, PRICES};
use table::Table;

/// What the directory says, without faults.
#[derive(Debug, Clone)]
pub struct Organisation {
    /// SHA-256 of all its files, in hexadecimal.
    pub hash: String,
    /// The targets by name; at least one.
    pub targets: BTreeMap<TargetName, TargetEntry>,
    /// Policies, projects and prices.
    pub rules: Rules,
    /// Number of tests of the policies, which all pass.
    pub policy_tests: usize,
    /// The identity providers by name.
    pub oidc: BTreeMap<String, IssuerSettings>,
}

/// Two are equal if their files are.
impl PartialEq for Organisation {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
    }
}

impl Eq for Organisation {}

impl Organisation {
    /// Reads and validates a directory, or returns all its faults.
    pub fn read(directory: &Path) -> Result<Self, Faults> {
        Self::of(&Files::read(directory)?)
    }

    fn of(files: &Files) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let tables = files
            .text(ORGANISATION, &mut faults)
            .and_then(|text| Table::parse(ORGANISATION, text, &mut faults));
        let Some(mut tables) = tables else {
            return Err(faults);
        };
        let targets = targets::read(&mut tables, &mut faults);
        let projects = projects::read(&mut tables, &mut faults);
        let oidc = oidc::read(&mut tables, &mut faults);
        tables.finish(&mut faults);
        let hash = files.hash();
        let rules = Rules {
            hash: Some(hash.clone()),
            has_own_policies: files.has_policies(),
            policies: policies(files, &mut faults),
            targets: targets.iter().map(place).collect(),
            projects,
            prices: files
                .content(PRICES)
                .map(|content| prices::read(content, &mut faults))
                .unwrap_or_default(),
            kept: Kept::default(),
        };
        let tests = files.content(POLICY_TESTS);
        // A policy that is not valid makes every test fail.
        let policy_tests = match tests {
            Some(tests) if rules.policies.is_some() => {
                policy_tests::run(tests, &rules, &targets, &mut faults)
            }
            Some(_) | None => 0,
        };
        faults.or(Self {
            hash,
            targets,
            rules,
            policy_tests,
            oidc,
        })
    }
}

fn place((name, entry): (&TargetName, &TargetEntry)) -> (TargetName, TargetPlace) {
    let place = TargetPlace {
        account_id: entry.account_id.clone(),
        region: entry.region.clone(),
    };
    (name.clone(), place)
}

/// The policies of the directory, or the built-in ones if it has none.
fn policies(files: &Files, faults: &mut Faults) -> Option<Policies> {
    let texts = files.policies(faults);
    if texts.is_empty() {
        return Some(Policies::built_in());
    }
    let parsed = Policies::parse(&texts);
    let report = |errors: Vec<crate::authorization::PolicyFault>| {
        for fault in errors {
            faults.add(&fault.file, &fault.place, fault.rule);
        }
    };
    parsed.map_err(report).ok()
}
