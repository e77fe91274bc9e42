//! `[oidc.NAME]`: the identity providers whose tokens name callers.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::issuer::{ClaimPath, ISSUER_TEXT_MAX, IssuerSettings, IssuerUrl, is_name};
use crate::domain::validation::violation::RuleViolation;

use super::faults::Faults;
use super::files::ORGANISATION;
use super::table::Table;

#[cfg(test)]
mod tests;

/// The rule of a name, in words.
const NAME_RULE: &str =
    "must have 1 to 40 lower-case letters, digits and hyphens, and start with a letter";

/// Reads the tables below `oidc`.
pub(super) fn read(file: &mut Table, faults: &mut Faults) -> BTreeMap<String, IssuerSettings> {
    let mut issuers = BTreeMap::new();
    for (name, table) in file.tables("oidc", faults) {
        if !is_name(&name) {
            table.fault("", format!("the name {NAME_RULE}"), faults);
        }
        if let Some(settings) = settings(table, faults) {
            issuers.insert(name, settings);
        }
    }
    check_together(&issuers, faults);
    issuers
}

fn settings(mut table: Table, faults: &mut Faults) -> Option<IssuerSettings> {
    let issuer = required(&mut table, "issuer", "name the `iss` of its tokens", faults);
    let issuer = issuer.and_then(|text| valid(&table, "issuer", IssuerUrl::parse(&text), faults));
    let audience = required(
        &mut table,
        "audience",
        "name the `aud` of its tokens",
        faults,
    );
    let audience = audience.filter(|text| {
        let rule = format!("must have 1 to {ISSUER_TEXT_MAX} characters");
        let fits = !text.is_empty() && text.chars().count() <= ISSUER_TEXT_MAX;
        fits || fault(&table, "audience", &rule, faults)
    });
    let has_groups_claim = table.has("groups_claim");
    let groups_claim = claim(&mut table, "groups_claim", faults);
    let group_map = group_map(&mut table, has_groups_claim, faults);
    let projects_claim = claim(&mut table, "projects_claim", faults);
    table.finish(faults);
    Some(IssuerSettings {
        issuer: issuer?,
        audience: audience?,
        groups_claim,
        group_map,
        projects_claim,
    })
}

fn required(table: &mut Table, key: &str, advice: &str, faults: &mut Faults) -> Option<String> {
    if !table.has(key) {
        table.fault(key, format!("is not set; {advice}"), faults);
    }
    table.take(key, faults)
}

fn claim(table: &mut Table, key: &str, faults: &mut Faults) -> Option<ClaimPath> {
    let text: String = table.take(key, faults)?;
    valid(table, key, ClaimPath::parse(&text), faults)
}

fn group_map(
    table: &mut Table,
    has_groups_claim: bool,
    faults: &mut Faults,
) -> BTreeMap<String, String> {
    if table.has("group_map") && !has_groups_claim {
        table.fault("group_map", "needs `groups_claim`", faults);
    }
    let map: BTreeMap<String, String> = table.take("group_map", faults).unwrap_or_default();
    if !map.values().all(|group| is_name(group)) {
        table.fault("group_map", format!("each value {NAME_RULE}"), faults);
    }
    map
}

fn valid<T>(
    table: &Table,
    key: &str,
    parsed: Result<T, RuleViolation>,
    faults: &mut Faults,
) -> Option<T> {
    parsed
        .map_err(|rule| table.fault(key, rule.detail, faults))
        .ok()
}

/// Records a fault. Returns false, for use in a condition.
fn fault(table: &Table, key: &str, rule: &str, faults: &mut Faults) -> bool {
    table.fault(key, rule, faults);
    false
}

/// A token must belong to one table, so no two have the same issuer and audience.
fn check_together(issuers: &BTreeMap<String, IssuerSettings>, faults: &mut Faults) {
    let mut before = BTreeSet::new();
    for (name, settings) in issuers {
        if !before.insert((settings.issuer.as_str(), &settings.audience)) {
            let rule = "must not be issuer and audience of another table";
            faults.add(ORGANISATION, &format!("oidc.{name}.audience"), rule);
        }
    }
}
