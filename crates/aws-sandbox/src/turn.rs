//! The execution of one call: its inputs, and the changes it collects.

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

/// The context of one call. An operation reads the state as of the start of the call and collects
/// its changes. They are applied together if it succeeds, and discarded otherwise.
pub(crate) struct Turn<'a> {
    pub(crate) service: Service,
    /// The state that the operation reads. A `lag` fault replaces it by an earlier one.
    pub(crate) state: &'a State,
    /// The IAM of the account of `state`, as of the same time.
    pub(crate) iam: &'a State,
    /// What all accounts share: access keys and sessions.
    pub(crate) first: &'a State,
    pub(crate) settings: &'a Settings,
    pub(crate) caller: &'a Caller,
    /// The time of `state`.
    pub(crate) now: DateTime<Utc>,
    /// The state and the time that authorization uses.
    pub(crate) current_state: &'a State,
    pub(crate) current_time: DateTime<Utc>,
    pub(crate) rules: &'a mut Rules,
    pub(crate) injected: Option<&'a Injected>,
    pub(crate) changes: Vec<Change>,
}

impl Turn<'_> {
    pub(crate) fn change(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// The time `seconds` from now, by the sandbox's clock.
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

#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    /// `service:Name`, as in fault rules and in the call log.
    pub(crate) call: &'static str,
    pub(crate) mutating: bool,
    pub(crate) run: Run,
}

/// The function of an operation, by the protocol of its service.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Run {
    Json(fn(&mut Turn<'_>, &[u8]) -> Result<Vec<u8>, ServiceFault>),
    Form(fn(&mut Turn<'_>, &Form) -> Result<String, ServiceFault>),
}

impl Operation {
    /// A read-only operation of a JSON service.
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

    /// A mutating operation of a JSON service.
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

    /// A read-only operation of a query service.
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

    /// A mutating operation of a query service.
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

    /// Runs the operation. `input` must have been parsed by the protocol of the same service.
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
