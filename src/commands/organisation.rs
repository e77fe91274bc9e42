//! `organisation`: validates the directory of an organisation.

use std::path::Path;

use crate::app::read_organisation;
use crate::authorization::{BUILT_IN, SCHEMA};
use crate::config::operator::OrganisationCommand;

use super::print_line;

pub(super) fn run(command: &OrganisationCommand) -> anyhow::Result<()> {
    match command {
        OrganisationCommand::Check { directory } => check(directory)?,
        OrganisationCommand::Schema => print_line(SCHEMA.trim_end()),
        OrganisationCommand::Defaults => print_line(BUILT_IN.trim_end()),
    }
    Ok(())
}

fn check(directory: &Path) -> anyhow::Result<()> {
    let organisation = read_organisation(directory)?;
    let targets: Vec<&str> = organisation
        .targets
        .keys()
        .map(|name| name.as_str())
        .collect();
    print_line(format_args!("valid: {}", organisation.hash));
    print_line(format_args!("targets: {}", targets.join(", ")));
    let policies = organisation.rules.policies.iter();
    let policies: Vec<&str> = policies.flat_map(|policies| policies.ids()).collect();
    print_line(format_args!("policies: {}", policies.join(", ")));
    print_line(format_args!(
        "policy tests: {} passed",
        organisation.policy_tests
    ));
    Ok(())
}
