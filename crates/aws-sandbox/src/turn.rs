//! One call being carried out: what it may see, and the changes it collects.

use chrono::{DateTime, Utc};

use crate::clock;
use crate::faults::{Injected, Rules};
use crate::identity::Caller;
use crate::settings::Settings;
use crate::state::{Change, State};
use crate::wire::codes;
use crate::wire::fault::ServiceFault;
use crate::wire::form::Form;
use crate::wire::reply::Output;
use crate::wire::request::Input;
use crate::wire::service::Service;

/// What an operation sees. It reads the state as it was when the call began; what it changes it adds to `changes`,
/// which are applied all together once it has succeeded, and not at all otherwise.
pub(crate) struct Turn<'a> {
    pub(crate) service: Service,
    pub(crate) state: &'a State,
    pub(crate) settings: &'a Settings,
    pub(crate) caller: &'a Caller,
    pub(crate) now: DateTime<Utc>,
    pub(crate) rules: &'a mut Rules,
    pub(crate) injected: Option<&'a Injected>,
    pub(crate) changes: Vec<Change>,
}

impl Turn<'_> {
    /// Collects a change.
    pub(crate) fn change(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// A moment `seconds` from now, by the sandbox's clock.
    pub(crate) fn after(&self, seconds: f64) -> DateTime<Utc> {
        clock::after(self.now, seconds)
    }

    pub(crate) fn account_id(&self) -> &str {
        &self.state.account_id
    }

    pub(crate) fn region(&self) -> &str {
        &self.state.region
    }
}

/// An operation of a service.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    /// `service:Name`, as faults and the record of calls name it.
    pub(crate) call: &'static str,
    pub(crate) mutating: bool,
    pub(crate) run: Run,
}

/// How an operation is run, by the protocol of its service.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Run {
    Json(fn(&mut Turn<'_>, &[u8]) -> Result<Vec<u8>, ServiceFault>),
    Form(fn(&mut Turn<'_>, &Form) -> Result<String, ServiceFault>),
}

impl Operation {
    /// An operation that only reads, of a JSON service.
    pub(crate) const fn json_read(
        name: &'static str,
        call: &'static str,
        run: fn(&mut Turn<'_>, &[u8]) -> Result<Vec<u8>, ServiceFault>,
    ) -> Operation {
        Operation {
            name,
            call,
            mutating: false,
            run: Run::Json(run),
        }
    }

    /// An operation that changes something, of a JSON service.
    pub(crate) const fn json_write(
        name: &'static str,
        call: &'static str,
        run: fn(&mut Turn<'_>, &[u8]) -> Result<Vec<u8>, ServiceFault>,
    ) -> Operation {
        Operation {
            name,
            call,
            mutating: true,
            run: Run::Json(run),
        }
    }

    /// An operation that only reads, of a query service.
    pub(crate) const fn form_read(
        name: &'static str,
        call: &'static str,
        run: fn(&mut Turn<'_>, &Form) -> Result<String, ServiceFault>,
    ) -> Operation {
        Operation {
            name,
            call,
            mutating: false,
            run: Run::Form(run),
        }
    }

    /// An operation that changes something, of a query service.
    pub(crate) const fn form_write(
        name: &'static str,
        call: &'static str,
        run: fn(&mut Turn<'_>, &Form) -> Result<String, ServiceFault>,
    ) -> Operation {
        Operation {
            name,
            call,
            mutating: true,
            run: Run::Form(run),
        }
    }

    /// Runs it; the input was read by the protocol of the same service.
    pub(crate) fn run(&self, turn: &mut Turn<'_>, input: &Input) -> Result<Output, ServiceFault> {
        match (self.run, input) {
            (Run::Json(run), Input::Json(body)) => run(turn, body).map(Output::Json),
            (Run::Form(run), Input::Form(form)) => run(turn, form).map(Output::Xml),
            (Run::Json(_), Input::Form(_)) | (Run::Form(_), Input::Json(_)) => {
                Err(codes::unknown_operation(turn.service, self.name))
            }
        }
    }
}
