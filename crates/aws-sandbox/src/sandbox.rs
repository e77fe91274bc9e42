//! The sandbox: one account with its journal, faults and gates.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use chrono::{DateTime, Utc};
use tokio::net::TcpListener;

use crate::call_log::{CallLog, CallRecord};
use crate::control;
use crate::faults::{ActiveFault, FaultRule, Rules};
use crate::gates::{Gates, Hold};
use crate::history::History;
use crate::identity::{Identity, Permissions};
use crate::inventory::Inventory;
use crate::journal::Journal;
use crate::new_security_group::NewSecurityGroup;
use crate::new_subnet::NewSubnet;
use crate::place::Place;
use crate::rate_limits::{RateLimit, RateLimiter};
use crate::sandbox_error::SandboxError;
use crate::serve;
use crate::settings::Settings;
use crate::state::network::Table;
use crate::state::{Change, State, builtin_changes, builtin_changes_at};
use crate::{clock, dax};

/// A simulation of the AWS control planes. Clones are handles to the same simulation.
#[derive(Debug, Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    core: Mutex<Core>,
}

/// The mutable state, behind one lock: calls are executed one at a time.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) state: State,
    pub(crate) calls: CallLog,
    pub(crate) rules: Rules,
    pub(crate) gates: Gates,
    pub(crate) rate_limiter: RateLimiter,
    pub(crate) history: History,
    pub(crate) journal: Option<Journal>,
}

impl Core {
    /// Writes changes to the journal, then applies them. If the journal fails, none is applied.
    pub(crate) fn commit(
        &mut self,
        call: Option<&CallRecord>,
        changes: Vec<Change>,
    ) -> io::Result<()> {
        if let Some(journal) = &mut self.journal {
            journal.append(call, &changes)?;
        }
        changes
            .into_iter()
            .for_each(|change| self.state.apply(change));
        self.keep_history();
        Ok(())
    }

    /// Creates the initial contents of a place that a call reaches first. If the journal fails, the
    /// call finds no such place.
    pub(crate) fn open_place(&mut self, place: &Place, now: DateTime<Utc>) {
        let account = Place::of_account(&place.account_id);
        for place in [&account, place] {
            if self.state.at(place).is_none() {
                let changes = builtin_changes_at(place, now).into_iter();
                let changes = changes
                    .map(|change| change.at(place, &self.state))
                    .collect();
                let _ = self.commit(None, changes);
            }
        }
    }

    /// Keeps the current state while there is a `lag` rule.
    fn keep_history(&mut self) {
        let now = clock::now(self.state.clock_offset_ms);
        match self.rules.longest_lag(now) {
            Some(longest) => self.history.keep(&self.state, now, longest),
            None => self.history.clear(),
        }
    }

    /// Applies all transitions that are due, and returns the sandbox's time.
    pub(crate) fn settle(&mut self) -> chrono::DateTime<chrono::Utc> {
        let now = clock::now(self.state.clock_offset_ms);
        self.state.settle(now);
        now
    }
}

impl Sandbox {
    /// Opens a sandbox and restores its state from an existing journal.
    pub fn open(settings: Settings) -> Result<Sandbox, SandboxError> {
        let (mut state, mut calls) = (State::default(), CallLog::default());
        let journal = match &settings.journal {
            Some(location) => Some(Journal::open(location, &mut state, &mut calls)?),
            None => None,
        };
        let is_new = state.id.is_empty();
        let now = clock::now(state.clock_offset_ms);
        let mut core = Core {
            state,
            calls,
            rules: Rules::default(),
            gates: Gates::default(),
            rate_limiter: RateLimiter::new(settings.rate_limits.clone(), now),
            history: History::default(),
            journal,
        };
        if is_new {
            let changes = builtin_changes(&settings, clock::now(0));
            let location = settings.journal.clone().unwrap_or_default();
            core.commit(None, changes)
                .map_err(|source| SandboxError::journal(&location, source))?;
        }
        let in_journal = format!("{} in {}", core.state.account_id, core.state.region);
        let in_settings = format!("{} in {}", settings.account_id, settings.region);
        if in_journal != in_settings {
            return Err(SandboxError::OtherAccount {
                journal: in_journal,
                settings: in_settings,
            });
        }
        Ok(Sandbox {
            inner: Arc::new(Inner {
                settings,
                core: Mutex::new(core),
            }),
        })
    }

    /// A router that serves AWS on every path and the control API under `/_sandbox/`. Unlike
    /// [`Sandbox::serve`], it sends the headers of a lost response, and its control API trusts
    /// the listener to be local.
    pub fn router(&self) -> Router {
        control::router(self.clone())
    }

    /// Serves HTTP/1 on a listener until `shutdown`. A lost or cut response closes its connection.
    pub async fn serve(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        serve::serve(self.router(), listener, shutdown).await
    }

    /// Random ID of the account's state. A restart keeps it; a reset replaces it.
    pub fn id(&self) -> String {
        self.core().state.id.clone()
    }

    /// Creates or replaces a caller, with effect from the next call.
    ///
    /// # Panics
    ///
    /// If IAM would reject a policy or the journal cannot be written. To handle these errors, use
    /// [`Sandbox::try_put_identity`].
    pub fn put_identity(&self, access_key_id: &str, identity: Identity) {
        if let Err(error) = self.try_put_identity(access_key_id, identity) {
            panic!("putting the identity {access_key_id}: {error}");
        }
    }

    /// Creates or replaces a caller, or returns why that is not possible.
    pub fn try_put_identity(
        &self,
        access_key_id: &str,
        identity: Identity,
    ) -> Result<(), SandboxError> {
        Permissions::of(&identity).map_err(|fault| SandboxError::MalformedPolicy(fault.message))?;
        let change = Change::Identity {
            access_key_id: access_key_id.to_owned(),
            identity: Box::new(identity),
        };
        self.commit(vec![change])
    }

    /// Creates a DynamoDB table. Every valid table name exists until the first call of this method.
    ///
    /// # Panics
    ///
    /// If the journal cannot be written.
    pub fn put_table(&self, name: &str) {
        let created_at = self.core().settle();
        let change = Change::Table(Table {
            name: name.to_owned(),
            created_at,
        });
        self.commit(vec![change])
            .unwrap_or_else(|error| panic!("putting the table {name}: {error}"));
    }

    /// Creates or updates a subnet, and its VPC with a default security group if they are new.
    pub fn put_subnet(&self, subnet_id: &str, subnet: &NewSubnet) -> Result<(), SandboxError> {
        let mut core = self.core();
        let changes = subnet.changes(subnet_id, &core.state)?;
        core.commit(None, changes)
            .map_err(|source| SandboxError::journal(&self.journal_location(), source))
    }

    /// Creates or renames a security group in an existing VPC.
    pub fn put_security_group(
        &self,
        group_id: &str,
        group: &NewSecurityGroup,
    ) -> Result<(), SandboxError> {
        let mut core = self.core();
        let change = group.change(group_id, &core.state)?;
        core.commit(None, vec![change])
            .map_err(|source| SandboxError::journal(&self.journal_location(), source))
    }

    /// Adds a fault rule. Rules are kept in memory only.
    pub fn add_fault(&self, rule: FaultRule) {
        let mut core = self.core();
        let now = core.settle();
        core.rules.add(rule, now);
        core.keep_history();
    }

    /// The active fault rules with their remaining hits.
    pub fn faults(&self) -> Vec<ActiveFault> {
        let mut core = self.core();
        let now = core.settle();
        core.rules.active(now)
    }

    /// Removes all fault rules. The creation of stuck clusters continues.
    ///
    /// # Panics
    ///
    /// If the journal cannot be written.
    pub fn clear_faults(&self) {
        let mut core = self.core();
        core.rules.clear();
        let now = core.settle();
        let ready_at = clock::after(now, self.inner.settings.creating_seconds);
        let changes = dax::release_stuck_clusters(&core.state, ready_at);
        core.commit(None, changes)
            .unwrap_or_else(|error| panic!("writing the sandbox's journal: {error}"));
    }

    /// Replaces the rate limits, with full buckets. They are kept in memory only.
    pub fn set_rate_limits(&self, limits: Vec<RateLimit>) {
        let mut core = self.core();
        let now = core.settle();
        core.rate_limiter = RateLimiter::new(limits, now);
    }

    /// The log of calls, oldest first. It keeps the newest 100,000 mutating calls and 20,000 reads.
    pub fn calls(&self) -> Vec<CallRecord> {
        self.core().calls.all()
    }

    /// All resources that exist now in the first account and Region.
    pub fn inventory(&self) -> Inventory {
        let settings = self.settings();
        self.inventory_of(&settings.account_id, &settings.region)
    }

    /// All resources that exist now in an account and one of its Regions.
    pub fn inventory_of(&self, account_id: &str, region: &str) -> Inventory {
        let mut core = self.core();
        let now = core.settle();
        let account = Place::of_account(account_id);
        let place = Place {
            region: region.to_owned(),
            ..account.clone()
        };
        let empty = State::default();
        let iam = core.state.at(&account).unwrap_or(&empty);
        let regional = core.state.at(&place).unwrap_or(&empty);
        Inventory::of(iam, regional, now)
    }

    /// Moves the sandbox's clock forward. Signatures are still checked against the machine's clock.
    ///
    /// # Panics
    ///
    /// If the journal cannot be written.
    pub fn advance_clock(&self, by: Duration) {
        let by_ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        let mut core = self.core();
        let offset_ms = core.state.clock_offset_ms.saturating_add(by_ms);
        core.commit(None, vec![Change::ClockMoved { offset_ms }])
            .unwrap_or_else(|error| panic!("advancing the sandbox's clock: {error}"));
    }

    /// Deletes all state and starts an empty account with a new ID. The rate limits are those of the
    /// settings again.
    ///
    /// # Panics
    ///
    /// If the journal cannot be written.
    pub fn reset(&self) {
        let mut core = self.core();
        let changes = builtin_changes(&self.inner.settings, clock::now(0));
        if let Some(journal) = &mut core.journal {
            journal
                .restart(&changes)
                .unwrap_or_else(|error| panic!("replacing the sandbox's journal: {error}"));
        }
        core.calls = CallLog::default();
        core.rules.clear();
        core.history.clear();
        core.rate_limiter =
            RateLimiter::new(self.inner.settings.rate_limits.clone(), clock::now(0));
        changes
            .into_iter()
            .for_each(|change| core.state.apply(change));
    }

    /// Holds the next call of this name after its effect and before its response; see
    /// [`Hold::before`].
    pub fn hold(&self, call: &str) -> Hold {
        self.core().gates.add(call)
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    pub(crate) fn core(&self) -> MutexGuard<'_, Core> {
        // Only complete changes are applied to the state, so a panic leaves it consistent.
        self.inner
            .core
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn commit(&self, changes: Vec<Change>) -> Result<(), SandboxError> {
        self.core()
            .commit(None, changes)
            .map_err(|source| SandboxError::journal(&self.journal_location(), source))
    }

    fn journal_location(&self) -> PathBuf {
        self.inner.settings.journal.clone().unwrap_or_default()
    }
}
