//! `organisation`: validates the directory of an organisation.

use crate::app::read_organisation;
use crate::config::operator::OrganisationCommand;

use super::print_line;

pub(super) fn run(command: &OrganisationCommand) -> anyhow::Result<()> {
    let OrganisationCommand::Check { directory } = command;
    let organisation = read_organisation(directory)?;
    let targets: Vec<&str> = organisation
        .targets
        .keys()
        .map(|name| name.as_str())
        .collect();
    print_line(format_args!("valid: {}", organisation.hash));
    print_line(format_args!("targets: {}", targets.join(", ")));
    Ok(())
}
