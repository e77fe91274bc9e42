//! Claims: the caller that a verified token names.
//!
//! A value that cannot be used refuses the token. To ignore it would be unsafe: a policy may forbid
//! something to a group, and a caller without projects is limited to none.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::domain::caller::is_person;
use crate::domain::issuer::{ClaimPath, ISSUER_TEXT_MAX, IssuerSettings, is_name};

use super::Verified;

/// Most groups, and most projects, of a token.
const VALUES_MAX: usize = 200;
/// Most characters of a `sub` (OpenID Connect Core 1.0, section 2).
const SUBJECT_MAX: usize = 255;
/// The claims with other names of the caller.
const ALIASES: [&str; 3] = ["preferred_username", "email", "upn"];

/// The caller of a token of the issuer `name`.
pub(super) fn caller(
    name: &str,
    settings: &IssuerSettings,
    claims: &Value,
) -> Result<Verified, String> {
    let subject = claims
        .get("sub")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let is_printable = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    if subject.is_empty() || subject.len() > SUBJECT_MAX || !subject.bytes().all(is_printable) {
        return Err(format!(
            "the token's `sub` must have 1 to {SUBJECT_MAX} printable ASCII characters"
        ));
    }
    let expiry = claims
        .get("exp")
        .and_then(Value::as_f64)
        .unwrap_or_default();
    Ok(Verified {
        issuer: name.to_owned(),
        subject: subject.to_owned(),
        groups: groups(name, settings, claims)?,
        projects: projects(settings, claims)?,
        aliases: aliases(claims),
        // A time that is too late for the type is its last one.
        expires_at: DateTime::from_timestamp(expiry as i64, 0).unwrap_or(DateTime::<Utc>::MAX_UTC),
    })
}

/// The groups. One that the map does not have is prefixed, so no issuer can assert a group of this
/// service or of another issuer.
fn groups(name: &str, settings: &IssuerSettings, claims: &Value) -> Result<Vec<String>, String> {
    let Some(path) = &settings.groups_claim else {
        return Ok(Vec::new());
    };
    let groups = values(path, claims)?;
    let is_group = |group: &&str| {
        let is_short = !group.is_empty() && group.chars().count() <= ISSUER_TEXT_MAX;
        is_short && !group.contains(char::is_control)
    };
    if !groups.iter().all(is_group) {
        return Err(format!(
            "each group in the token's claim `{path}` must have 1 to {ISSUER_TEXT_MAX} characters, \
             without control characters"
        ));
    }
    let mapped = |group: &str| {
        let own = settings.group_map.get(group).cloned();
        own.unwrap_or_else(|| format!("{name}:{group}"))
    };
    let groups: BTreeSet<String> = groups.into_iter().map(mapped).collect();
    Ok(groups.into_iter().collect())
}

/// The projects. With a claim for them a token must name one, because none is no limit.
fn projects(settings: &IssuerSettings, claims: &Value) -> Result<Vec<String>, String> {
    let Some(path) = &settings.projects_claim else {
        return Ok(Vec::new());
    };
    let projects = values(path, claims)?;
    if projects.is_empty() {
        return Err(format!("the token's claim `{path}` must name a project"));
    }
    if !projects.iter().all(|project| is_name(project)) {
        return Err(format!(
            "each project in the token's claim `{path}` must have 1 to 40 lower-case letters, digits \
             and hyphens, and start with a letter"
        ));
    }
    let projects: BTreeSet<&str> = projects.into_iter().collect();
    Ok(projects.into_iter().map(str::to_owned).collect())
}

/// The names by which a portal may know the caller (OpenID Connect Core 1.0, section 5.1). Only the
/// approvals compare them, so one that no portal can send is left out.
fn aliases(claims: &Value) -> Vec<String> {
    let named = ALIASES.iter().filter_map(|name| claims.get(name)?.as_str());
    let named = named.filter(|alias| is_person(alias));
    named.map(str::to_owned).collect()
}

/// The values of a claim: a string, or a list of strings. A claim that is missing or null has none.
fn values<'a>(path: &ClaimPath, claims: &'a Value) -> Result<Vec<&'a str>, String> {
    let values: Option<Vec<&str>> = match path.find(claims) {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::String(value)) => Some(vec![value]),
        Some(Value::Array(values)) => values.iter().map(Value::as_str).collect(),
        Some(Value::Bool(_) | Value::Number(_) | Value::Object(_)) => None,
    };
    values
        .filter(|values| values.len() <= VALUES_MAX)
        .ok_or_else(|| {
            format!(
                "the token's claim `{path}` must be a string or a list of at most {VALUES_MAX} \
                 strings"
            )
        })
}
