//! Settings of the commands about targets: `target`, `doctor` and `policy`.

use std::path::PathBuf;

use super::operator::{DoctorArguments, OrganisationArguments, PolicyArguments, TargetCommand};
use super::reader::Reader;
use super::{Doctor, Policy, Task, aws, database};
use crate::domain::target::TargetName;

/// The rule of a flag that an organisation sets for each target.
const OF_TARGETS: &str = "cannot be combined with a target of --organisation, which sets it";

pub(super) fn task(command: TargetCommand, reader: &mut Reader<'_>) -> Option<Task> {
    let mut name = |id: &str, text: &str| {
        let parsed = TargetName::parse(text);
        parsed.map_err(|rule| reader.error(id, &rule.detail)).ok()
    };
    match command {
        TargetCommand::Template(arguments) => {
            name("name", &arguments.name);
            aws::check_template(&arguments, reader);
            Some(Task::TargetTemplate(arguments))
        }
        TargetCommand::Rename { old, new } => {
            let (old, new) = (name("old", &old), name("new", &new));
            let database = database::required_url(reader);
            Some(Task::TargetRename {
                database: database?,
                old: old?,
                new: new?,
            })
        }
    }
}

pub(super) fn doctor(flags: &DoctorArguments, reader: &mut Reader<'_>) -> Option<Doctor> {
    let database = database::url(reader);
    let aws = aws::client(&flags.aws, reader);
    let boundary = aws::boundary(&flags.boundary, reader);
    let OrganisationArguments {
        target,
        organisation,
    } = &flags.organisation;
    if organisation.is_some() && flags.boundary.permissions_boundary.is_some() {
        reader.error("permissions_boundary", OF_TARGETS);
    }
    if target.is_some() && organisation.is_none() {
        reader.error("organisation", "is not set, but --target is");
    }
    let target = target.as_deref().map(|text| target_name(text, reader));
    Some(Doctor {
        verbose: flags.verbose,
        database,
        aws: aws?,
        permissions_boundary: boundary,
        organisation: organisation.clone(),
        target: target.flatten(),
    })
}

pub(super) fn policy(arguments: PolicyArguments, reader: &mut Reader<'_>) -> Option<Policy> {
    let aws = aws::client(&arguments.aws, reader);
    let target = target_of_policy(&arguments, reader);
    let boundary = if arguments.boundary_policy || arguments.guard || target.is_some() {
        aws::boundary(&arguments.boundary, reader)
    } else {
        aws::required_boundary(&arguments.boundary, reader)
    };
    aws::check_policy(&arguments, reader);
    Some(Policy {
        arguments,
        aws: aws?,
        permissions_boundary: boundary,
        target,
    })
}

/// The target of `policy --target`, which has settings that other flags set without it.
fn target_of_policy(
    arguments: &PolicyArguments,
    reader: &mut Reader<'_>,
) -> Option<(PathBuf, TargetName)> {
    let name = arguments.organisation.target.as_deref()?;
    let set = [
        ("account_id", arguments.account_id.is_some()),
        ("region", arguments.region.is_some()),
        ("partition", arguments.partition.is_some()),
        (
            "permissions_boundary",
            arguments.boundary.permissions_boundary.is_some(),
        ),
    ];
    for (id, _) in set.iter().filter(|(_, is_set)| *is_set) {
        reader.error(id, OF_TARGETS);
    }
    let directory = arguments.organisation.organisation.clone();
    if directory.is_none() {
        reader.error("organisation", "is not set, but --target is");
    }
    directory.zip(target_name(name, reader))
}

fn target_name(text: &str, reader: &mut Reader<'_>) -> Option<TargetName> {
    let parsed = TargetName::parse(text);
    parsed
        .map_err(|rule| reader.error("target", &rule.detail))
        .ok()
}
