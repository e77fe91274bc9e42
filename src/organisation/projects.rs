//! `[projects.NAME]`: what callers of a project may use.

use std::collections::BTreeMap;

use crate::authorization::ProjectRules;
use crate::domain::iam::arn::is_iam_arn;
use crate::domain::project::ProjectName;

use super::faults::Faults;
use super::table::Table;

/// Reads the tables below `projects`.
pub(super) fn read(file: &mut Table, faults: &mut Faults) -> BTreeMap<ProjectName, ProjectRules> {
    let mut projects = BTreeMap::new();
    for (name, mut table) in file.tables("projects", faults) {
        let parsed = ProjectName::parse(&name);
        if let Err(rule) = &parsed {
            table.fault("", rule.detail.clone(), faults);
        }
        let service_roles: Vec<String> = table.take("service_roles", faults).unwrap_or_default();
        if !service_roles.iter().all(|arn| is_iam_arn(arn, "role/")) {
            let rule = "must be ARNs of roles, such as arn:aws:iam::123456789012:role/DaxRole";
            table.fault("service_roles", rule, faults);
        }
        table.finish(faults);
        if let Ok(name) = parsed {
            projects.insert(name, ProjectRules { service_roles });
        }
    }
    projects
}
