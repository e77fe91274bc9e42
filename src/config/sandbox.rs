//! Settings of the AWS sandbox.

use std::path::PathBuf;

use super::arguments::{SandboxArguments, SandboxTimes};
use super::reader::Reader;
use crate::domain::partitions::partition_of;

/// A sandbox that runs in this process.
#[derive(Debug, Clone)]
pub struct SandboxChoice {
    /// Delays, quotas and the path of the journal.
    pub settings: aws_sandbox::Settings,
    /// Port on 127.0.0.1; 0 selects a free port.
    pub port: u16,
}

/// The defaults that differ between commands.
pub(super) struct SandboxTiming {
    pub(super) creating_seconds: f64,
    pub(super) propagation_seconds: f64,
}

impl SandboxTiming {
    /// Slow enough to see every state.
    pub(super) const SERVE: Self = Self {
        creating_seconds: 3.0,
        propagation_seconds: 1.0,
    };
    pub(super) const QUICKSTART: Self = Self {
        creating_seconds: 1.0,
        propagation_seconds: 0.3,
    };
}

pub(super) fn of_sandbox(
    flags: &SandboxArguments,
    reader: &mut Reader<'_>,
) -> Option<SandboxChoice> {
    let port = port("port", &flags.port, reader);
    let journal = flags
        .data_dir
        .as_ref()
        .map(|directory| directory.join(JOURNAL));
    let settings = settings(&flags.times, &SandboxTiming::SERVE, journal, reader);
    Some(SandboxChoice {
        settings: settings?,
        port: port?,
    })
}

/// File name of the journal in the data directory.
pub(super) const JOURNAL: &str = "sandbox.journal";

pub(super) fn port(id: &str, text: &str, reader: &mut Reader<'_>) -> Option<u16> {
    reader.value(id, text, "must be a port from 0 to 65535", |text| {
        text.parse().ok()
    })
}

pub(super) fn settings(
    times: &SandboxTimes,
    timing: &SandboxTiming,
    journal: Option<PathBuf>,
    reader: &mut Reader<'_>,
) -> Option<aws_sandbox::Settings> {
    let mut optional = |id, text: &Option<String>, default| match text {
        Some(text) => reader.seconds(id, text),
        None => Some(default),
    };
    let creating = optional(
        "creating_seconds",
        &times.creating_seconds,
        timing.creating_seconds,
    );
    let propagation = optional(
        "propagation_seconds",
        &times.propagation_seconds,
        timing.propagation_seconds,
    );
    let deleting = reader.seconds("deleting_seconds", &times.deleting_seconds);
    let modifying = reader.seconds("modifying_seconds", &times.modifying_seconds);
    let rebooting = reader.seconds("rebooting_seconds", &times.rebooting_seconds);
    let quotas = quotas(&times.quota, reader);
    let region = reader.value(
        "sandbox_region",
        &times.sandbox_region,
        "must be a Region, such as us-east-1",
        |text| partition_of(text).map(|_| text.to_owned()),
    );
    let is_region = |region: &String| partition_of(region) == Some("aws");
    if !times.sandbox_more_regions.iter().all(is_region) {
        reader.error(
            "sandbox_more_regions",
            "must be a Region of AWS, such as eu-west-1",
        );
    }
    Some(aws_sandbox::Settings {
        creating_seconds: creating?,
        deleting_seconds: deleting?,
        modifying_seconds: modifying?,
        rebooting_seconds: rebooting?,
        region: region?,
        propagation_seconds: propagation?,
        more_regions: times.sandbox_more_regions.clone(),
        quotas,
        journal,
        ..aws_sandbox::Settings::default()
    })
}

fn quotas(settings: &[String], reader: &mut Reader<'_>) -> aws_sandbox::Quotas {
    let mut quotas = aws_sandbox::Quotas::default();
    for setting in settings {
        let pair = setting
            .split_once('=')
            .and_then(|(name, value)| Some((name.trim(), value.trim().parse().ok()?)));
        match pair {
            None => reader.error("quota", "must be a name and an integer, such as nodes=5"),
            Some((name, value)) => {
                if quotas.set(name, value).is_err() {
                    reader.error(
                        "quota",
                        &format!("must be one of {}", aws_sandbox::Quotas::NAMES.join(", ")),
                    );
                }
            }
        }
    }
    quotas
}
