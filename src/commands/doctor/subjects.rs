//! What `doctor` checks in AWS: the account and Region of the process, or the targets of an
//! organisation.

use std::collections::BTreeMap;

use crate::app::startup::client_target;
use crate::app::targets::{Place, TargetSettings, of_organisation, open_aws};
use crate::app::{guards, read_organisation};
use crate::aws::{AccountBudget, Aws};
use crate::config::{BadConfiguration, Boundary, Doctor};
use crate::domain::target::TargetName;

/// An account and Region to check.
pub(super) struct Subject {
    pub(super) name: TargetName,
    /// The account that AWS must name, if the organisation has it.
    pub(super) account_id: Option<String>,
    pub(super) boundary: Boundary,
    /// The boundaries of other targets of the account.
    pub(super) other_boundaries: Vec<String>,
    /// The clients, or why they cannot be opened.
    pub(super) aws: Result<Aws, String>,
}

/// Everything to check by these settings.
pub(super) async fn of(settings: &Doctor) -> Result<Vec<Subject>, BadConfiguration> {
    let Some(directory) = &settings.organisation else {
        let without = TargetSettings {
            region: None,
            account_id: None,
            role: None,
            permissions_boundary: None,
            other_boundaries: Vec::new(),
            default_access: None,
        };
        let mut subject = subject(settings, TargetName::default(), without).await;
        subject.boundary = settings.permissions_boundary.clone();
        return Ok(vec![subject]);
    };
    let organisation = read_organisation(directory)?;
    let mut targets = of_organisation(&organisation);
    if let Some(only) = &settings.target {
        let (name, target) = named(&mut targets, only)?;
        targets = BTreeMap::from([(name, target)]);
    }
    let mut subjects = Vec::new();
    for (name, target) in targets {
        subjects.push(subject(settings, name, target).await);
    }
    Ok(subjects)
}

/// Takes the target of this name.
pub(in crate::commands) fn named(
    targets: &mut BTreeMap<TargetName, TargetSettings>,
    name: &TargetName,
) -> Result<(TargetName, TargetSettings), BadConfiguration> {
    targets.remove_entry(name).ok_or_else(|| {
        let known: Vec<&str> = targets.keys().map(TargetName::as_str).collect();
        let known = known.join(", ");
        BadConfiguration::because(format!(
            "--target: the organisation has no target {name}; it has {known}"
        ))
    })
}

async fn subject(settings: &Doctor, name: TargetName, target: TargetSettings) -> Subject {
    let aws = match client_target(&settings.aws).await {
        Ok(own) => {
            let region = target.region.as_deref();
            open_aws(&Place::from(own), region, &target, AccountBudget::default())
                .await
                .map_err(|error| error.to_string())
        }
        Err(error) => Err(guards::chain(error.as_ref())),
    };
    let boundary = target.permissions_boundary;
    Subject {
        name,
        account_id: target.account_id,
        boundary: boundary.map_or(Boundary::Waived, Boundary::Policy),
        other_boundaries: target.other_boundaries,
        aws,
    }
}
