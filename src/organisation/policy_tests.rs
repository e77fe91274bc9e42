//! `policies/tests.json`: questions with the decisions that the policies must give.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::authorization::{Example, Place, Rules};
use crate::domain::target::TargetName;

use super::faults::Faults;
use super::files::POLICY_TESTS;
use super::targets::TargetEntry;

/// Runs every test. Returns their number.
pub(super) fn run(
    content: &[u8],
    rules: &Rules,
    targets: &BTreeMap<TargetName, TargetEntry>,
    faults: &mut Faults,
) -> usize {
    let tests: Vec<Value> = match serde_json::from_slice(content) {
        Ok(tests) => tests,
        Err(error) => {
            let rule = format!("must be a JSON list of tests: {error}");
            faults.add(POLICY_TESTS, "", rule);
            return 0;
        }
    };
    let places: Vec<Place<'_>> = targets
        .iter()
        .map(|(target, entry)| Place {
            target,
            account_id: entry.account_id.as_deref(),
            region: Some(&entry.region),
        })
        .collect();
    for (number, test) in tests.iter().enumerate() {
        match serde_json::from_value::<Example>(test.clone()) {
            Err(error) => faults.add(
                POLICY_TESTS,
                &format!("test {}", number + 1),
                error.to_string(),
            ),
            Ok(example) => {
                if let Err(found) = example.check(rules, &places) {
                    faults.add(POLICY_TESTS, &example.name, found);
                }
            }
        }
    }
    tests.len()
}
