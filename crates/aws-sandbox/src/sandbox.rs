//! The sandbox itself: a cheap handle to one account, its journal, its faults and its gates.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;

use crate::call_log::{CallLog, CallRecord};
use crate::control;
use crate::faults::{ActiveFault, FaultRule, Rules};
use crate::gates::{Gates, Hold};
use crate::identity::{Identity, Permissions};
use crate::inventory::Inventory;
use crate::journal::Journal;
use crate::new_security_group::NewSecurityGroup;
use crate::new_subnet::NewSubnet;
use crate::sandbox_error::SandboxError;
use crate::serve;
use crate::settings::Settings;
use crate::state::network::Table;
use crate::state::{Change, State, builtin_changes};
use crate::{clock, dax};

/// A stand-in for the AWS control planes; clones are handles to the same one.
#[derive(Debug, Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    core: Mutex<Core>,
}

/// Everything that a call may touch, behind one lock: calls are carried out one after another.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) state: State,
    pub(crate) calls: CallLog,
    pub(crate) rules: Rules,
    pub(crate) gates: Gates,
    pub(crate) journal: Option<Journal>,
}

impl Core {
    /// Makes changes true after the journal has them; if the journal fails, nothing has happened.
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
        Ok(())
    }

    /// The sandbox's time, with everything brought about that is due.
    pub(crate) fn settle(&mut self) -> chrono::DateTime<chrono::Utc> {
        let now = clock::now(self.state.clock_offset_ms);
        self.state.settle(now);
        now
    }
}

impl Sandbox {
    /// Opens a sandbox; an existing journal gives back everything it said.
    pub fn open(settings: Settings) -> Result<Sandbox, SandboxError> {
        let (mut state, mut calls) = (State::default(), CallLog::default());
        let journal = match &settings.journal {
            Some(place) => Some(Journal::open(place, &mut state, &mut calls)?),
            None => None,
        };
        let is_new = state.id.is_empty();
        let mut core = Core {
            state,
            calls,
            rules: Rules::default(),
            gates: Gates::default(),
            journal,
        };
        if is_new {
            let changes = builtin_changes(&settings, clock::now(0));
            let place = settings.journal.clone().unwrap_or_default();
            core.commit(None, changes)
                .map_err(|source| SandboxError::journal(&place, source))?;
        }
        let found = format!("{} in {}", core.state.account_id, core.state.region);
        let wanted = format!("{} in {}", settings.account_id, settings.region);
        if found != wanted {
            return Err(SandboxError::OtherAccount { found, wanted });
        }
        Ok(Sandbox {
            inner: Arc::new(Inner {
                settings,
                core: Mutex::new(core),
            }),
        })
    }

    /// The whole thing as a router: AWS on every path, the control API under `/_sandbox/`. Served by anything else than
    /// [`Sandbox::serve`], a lost answer still sends its headers, and the control API trusts the listener to be local.
    pub fn router(&self) -> Router {
        control::router(self.clone())
    }

    /// Serves HTTP/1 on a listener until `shutdown`; lost and cut answers really end their connection.
    pub async fn serve(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        serve::serve(self.router(), listener, shutdown).await
    }

    /// Drawn when the journal began; a restart keeps it, a reset draws a new one.
    pub fn id(&self) -> String {
        self.core().state.id.clone()
    }

    /// Makes or changes a caller; takes effect at the next call.
    ///
    /// # Panics
    ///
    /// If a policy is one that IAM would refuse, or the journal cannot be written; [`Sandbox::try_put_identity`] reports
    /// that instead.
    pub fn put_identity(&self, access_key_id: &str, identity: Identity) {
        if let Err(error) = self.try_put_identity(access_key_id, identity) {
            panic!("putting the identity {access_key_id}: {error}");
        }
    }

    /// Makes or changes a caller, or says why that cannot be.
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

    /// Makes a DynamoDB table; from the first one on, only tables that were put exist.
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

    /// Makes or changes a subnet, with its VPC and that VPC's default security group if they are new.
    pub fn put_subnet(&self, subnet_id: &str, subnet: &NewSubnet) -> Result<(), SandboxError> {
        let mut core = self.core();
        let changes = subnet.changes(subnet_id, &core.state)?;
        core.commit(None, changes)
            .map_err(|source| SandboxError::journal(&self.journal_place(), source))
    }

    /// Makes or renames a security group, in a VPC that is there.
    pub fn put_security_group(
        &self,
        group_id: &str,
        group: &NewSecurityGroup,
    ) -> Result<(), SandboxError> {
        let mut core = self.core();
        let change = group.change(group_id, &core.state)?;
        core.commit(None, vec![change])
            .map_err(|source| SandboxError::journal(&self.journal_place(), source))
    }

    /// Adds a fault rule; rules live in memory only.
    pub fn add_fault(&self, rule: FaultRule) {
        let mut core = self.core();
        let now = core.settle();
        core.rules.add(rule, now);
    }

    /// The rules in force, with what is left of them.
    pub fn faults(&self) -> Vec<ActiveFault> {
        let mut core = self.core();
        let now = core.settle();
        core.rules.active(now)
    }

    /// Ends all faults; a cluster that was stuck goes on being created.
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

    /// All calls so far, oldest first; of very many only the newest are kept.
    pub fn calls(&self) -> Vec<CallRecord> {
        self.core().calls.all()
    }

    /// Everything that exists now.
    pub fn inventory(&self) -> Inventory {
        let mut core = self.core();
        let now = core.settle();
        Inventory::of(&core.state, now)
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

    /// Forgets all: the account begins anew, under a new id.
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
                .unwrap_or_else(|error| panic!("beginning the sandbox's journal anew: {error}"));
        }
        core.calls = CallLog::default();
        core.rules.clear();
        changes
            .into_iter()
            .for_each(|change| core.state.apply(change));
    }

    /// Holds the next call of that name after its effect, before its answer; [`Hold::before`] moves that.
    pub fn hold(&self, call: &str) -> Hold {
        self.core().gates.add(call)
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    pub(crate) fn core(&self) -> MutexGuard<'_, Core> {
        // The state changes only by applying whole changes, so a panic elsewhere leaves it sound.
        self.inner
            .core
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn commit(&self, changes: Vec<Change>) -> Result<(), SandboxError> {
        self.core()
            .commit(None, changes)
            .map_err(|source| SandboxError::journal(&self.journal_place(), source))
    }

    fn journal_place(&self) -> PathBuf {
        self.inner.settings.journal.clone().unwrap_or_default()
    }
}
