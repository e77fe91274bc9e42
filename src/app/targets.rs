//! The targets of this process: those of the organisation, or the one of the flags, and what runs for
//! each. A new version of the organisation starts, ends and replaces them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api::targets::{AwsReads, Target, Targets};
use crate::aws::{AccountBudget, Aws, RoleToAssume};
use crate::config::{BadConfiguration, Serve};
use crate::domain::iam::policies::Access;
use crate::domain::iam::policies::sessions::reading_policy;
use crate::domain::installation::AwsAccount;
use crate::domain::partitions::partition_of;
use crate::domain::target::{TargetName, TargetStatus};
use crate::inspections::Inspector;
use crate::organisation::{AssumedRole, Organisation, TargetEntry};

use super::target::{Runner, Shared};

/// What a target is, by the organisation or by the flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TargetSettings {
    /// `None`: the Region of the SDK, or of the sandbox.
    pub(crate) region: Option<String>,
    pub(crate) account_id: Option<String>,
    pub(crate) role: Option<AssumedRole>,
    pub(crate) permissions_boundary: Option<String>,
    /// The boundaries of other targets of the account.
    pub(crate) other_boundaries: Vec<String>,
    pub(crate) default_access: Option<Access>,
}

/// A target while the organisation has it.
#[derive(Debug)]
struct Entry {
    settings: TargetSettings,
    aws: Aws,
    account: watch::Sender<Option<AwsAccount>>,
    status: watch::Sender<TargetStatus>,
    stop: CancellationToken,
    is_running: bool,
}

/// All targets.
#[derive(Debug)]
pub(super) struct TargetSet {
    place: Place,
    entries: BTreeMap<TargetName, Entry>,
    /// The targets that the database has and the organisation does not.
    removed: BTreeMap<TargetName, AwsAccount>,
    budgets: HashMap<Option<String>, AccountBudget>,
    published: watch::Sender<Targets>,
}

/// The AWS in which the targets are.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// Real AWS.
    Real,
    /// A sandbox in this process or in another, by its target. The ID is empty while a separate
    /// sandbox has not been reached.
    Sandbox(crate::aws::Target),
}

impl From<crate::aws::Target> for Place {
    fn from(target: crate::aws::Target) -> Self {
        match target {
            crate::aws::Target::Real { .. } => Self::Real,
            crate::aws::Target::Sandbox { .. } => Self::Sandbox(target),
        }
    }
}

impl Place {
    /// The target of clients in a Region.
    fn target(&self, region: Option<&str>) -> crate::aws::Target {
        match self {
            Self::Real => crate::aws::Target::Real {
                region: region.map(str::to_owned),
            },
            Self::Sandbox(target) => target.in_region(region),
        }
    }

    fn sandbox_id(&self) -> Option<String> {
        match self {
            Self::Sandbox(crate::aws::Target::Sandbox { sandbox_id, .. }) => {
                Some(sandbox_id.clone())
            }
            Self::Sandbox(crate::aws::Target::Real { .. }) | Self::Real => None,
        }
    }
}

/// The settings of every target: of the organisation, or of the flags for `default`.
pub(super) fn settings(
    serve: &Serve,
    organisation: Option<&Organisation>,
) -> BTreeMap<TargetName, TargetSettings> {
    if let Some(organisation) = organisation {
        return of_organisation(organisation);
    }
    let settings = TargetSettings {
        region: None,
        account_id: None,
        role: None,
        permissions_boundary: serve.permissions_boundary.clone(),
        other_boundaries: Vec::new(),
        default_access: serve.default_access,
    };
    BTreeMap::from([(TargetName::default(), settings)])
}

/// The settings of the targets of an organisation.
pub(crate) fn of_organisation(organisation: &Organisation) -> BTreeMap<TargetName, TargetSettings> {
    let entries = &organisation.targets;
    let setting = |(name, entry): (&TargetName, &TargetEntry)| {
        let is_other = |other: &(&TargetName, &TargetEntry)| {
            other.0 != name && other.1.account_id == entry.account_id
        };
        let others = entries.iter().filter(is_other);
        let settings = TargetSettings {
            region: Some(entry.region.clone()),
            account_id: entry.account_id.clone(),
            role: entry.role.clone(),
            permissions_boundary: entry.permissions_boundary.clone(),
            other_boundaries: others
                .filter_map(|(_, other)| other.permissions_boundary.clone())
                .collect(),
            default_access: entry.default_access,
        };
        (name.clone(), settings)
    };
    entries.iter().map(setting).collect()
}

impl TargetSet {
    /// Opens the clients of every target. Sends no request.
    pub(super) async fn open(
        place: Place,
        settings: BTreeMap<TargetName, TargetSettings>,
    ) -> Result<Self, BadConfiguration> {
        let mut set = Self {
            place,
            entries: BTreeMap::new(),
            removed: BTreeMap::new(),
            budgets: HashMap::new(),
            published: watch::channel(Targets::new()).0,
        };
        for (name, settings) in settings {
            let entry = set.entry(settings).await?;
            set.entries.insert(name, entry);
        }
        set.publish();
        Ok(set)
    }

    /// What the API uses; it follows every change.
    pub(super) fn subscribe(&self) -> watch::Receiver<Targets> {
        self.published.subscribe()
    }

    /// The clients of the target `default`, if there is one.
    pub(super) fn default_aws(&self) -> Option<&Aws> {
        self.entries
            .get(&TargetName::default())
            .map(|entry| &entry.aws)
    }

    async fn entry(&mut self, settings: TargetSettings) -> Result<Entry, BadConfiguration> {
        let budget = self.budgets.entry(settings.account_id.clone()).or_default();
        let region = settings.region.as_deref();
        let aws = open_aws(&self.place, region, &settings, budget.clone()).await?;
        let account = assumed_account(&settings, self.place.sandbox_id());
        let unreached = TargetStatus::Unreachable("it has not been reached yet".to_owned());
        Ok(Entry {
            settings,
            aws,
            account: watch::channel(account).0,
            status: watch::channel(unreached).0,
            stop: CancellationToken::new(),
            is_running: false,
        })
    }

    /// Notes what the database has bound. A target that the organisation does not have is removed.
    pub(super) fn note_bound(&mut self, bound: Vec<(TargetName, AwsAccount)>) {
        for (name, account) in bound {
            match self.entries.get(&name) {
                Some(entry) => {
                    entry.account.send_replace(Some(account));
                }
                None => {
                    self.removed.insert(name, account);
                }
            }
        }
        self.publish();
    }

    /// The names of the removed targets.
    pub(super) fn removed(&self) -> impl Iterator<Item = &TargetName> {
        self.removed.keys()
    }

    /// Starts every target that does not run.
    pub(super) fn start(
        &mut self,
        shared: &Arc<Shared>,
        tasks: &mut JoinSet<Result<(), BadConfiguration>>,
        stop: &CancellationToken,
    ) {
        for (name, entry) in &mut self.entries {
            if entry.is_running {
                continue;
            }
            entry.is_running = true;
            entry.stop = stop.child_token();
            let runner = Runner {
                shared: Arc::clone(shared),
                store: shared.store.of_target(name),
                settings: entry.settings.clone(),
                aws: entry.aws.clone(),
                account: entry.account.clone(),
                status: entry.status.clone(),
                stop: entry.stop.clone(),
            };
            tasks.spawn(runner.run());
        }
    }

    /// Takes a new version: ends the targets that it does not have, or has differently, and opens the
    /// new ones. After an error the version before is unchanged.
    pub(super) async fn replace(
        &mut self,
        settings: BTreeMap<TargetName, TargetSettings>,
    ) -> Result<(), BadConfiguration> {
        let is_kept =
            |name: &TargetName, entry: &mut Entry| settings.get(name) == Some(&entry.settings);
        let mut opened = Vec::new();
        for (name, new) in &settings {
            if self.entries.get(name).map(|entry| &entry.settings) != Some(new) {
                opened.push((name.clone(), self.entry(new.clone()).await?));
            }
        }
        let ended: Vec<(TargetName, Entry)> = self
            .entries
            .extract_if(.., |name, entry| !is_kept(name, entry))
            .collect();
        for (name, entry) in ended {
            entry.stop.cancel();
            entry.aws.forget_sessions().await;
            let account = entry.account.borrow().clone();
            entry.status.send_replace(TargetStatus::Removed);
            if let Some(account) = account {
                self.removed.insert(name, account);
            }
        }
        self.entries.extend(opened);
        self.removed.retain(|name, _| !settings.contains_key(name));
        self.publish();
        Ok(())
    }

    fn publish(&self) {
        let kept = self.entries.iter().map(|(name, entry)| Target {
            name: name.clone(),
            inspector: Some(Inspector::new(entry.aws.clone())),
            account: entry.account.subscribe(),
            status: entry.status.subscribe(),
            default_access: entry.settings.default_access,
            permissions_boundary: entry.settings.permissions_boundary.clone(),
            other_boundaries: entry.settings.other_boundaries.clone(),
            aws_reads: AwsReads::default(),
        });
        let removed = self.removed.iter().map(|(name, account)| Target {
            name: name.clone(),
            inspector: None,
            account: watch::channel(Some(account.clone())).1,
            status: watch::channel(TargetStatus::Removed).1,
            default_access: None,
            permissions_boundary: None,
            other_boundaries: Vec::new(),
            aws_reads: AwsReads::default(),
        });
        let targets = kept.chain(removed);
        let targets = targets.map(|target| (target.name.clone(), Arc::new(target)));
        self.published.send_replace(targets.collect());
    }
}

/// The account of a target whose role is assumed: the file names it, and GetCallerIdentity must
/// confirm it before anything is done there.
fn assumed_account(settings: &TargetSettings, sandbox_id: Option<String>) -> Option<AwsAccount> {
    settings.role.as_ref()?;
    let region = settings.region.clone()?;
    Some(AwsAccount {
        sandbox_id,
        account_id: settings.account_id.clone()?,
        partition: partition_of(&region)?.to_owned(),
        region,
    })
}

/// Opens the clients of a target.
pub(crate) async fn open_aws(
    place: &Place,
    region: Option<&str>,
    settings: &TargetSettings,
    budget: AccountBudget,
) -> Result<Aws, BadConfiguration> {
    let role = settings.role.as_ref().map(|role| RoleToAssume {
        arn: role.arn.clone(),
        external_id: role.external_id.clone(),
        reading: reading_policy().to_json(),
    });
    Aws::open_in(&place.target(region), role, budget)
        .await
        .map_err(|error| BadConfiguration::because(error.to_string()))
}
