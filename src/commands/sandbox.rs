//! `sandbox`: the AWS sandbox alone, until a signal.

use crate::app::Signals;
use crate::app::sandbox::{Bound, cli_line};
use crate::config::SandboxChoice;

use super::say;

/// Serves the sandbox until a signal.
pub(super) async fn run(choice: SandboxChoice, signals: &Signals) -> anyhow::Result<()> {
    let kept = match &choice.settings.journal {
        Some(journal) => format!("what happens is kept in {}", journal.display()),
        None => "what happens is forgotten at the end; --data-dir keeps it".to_owned(),
    };
    let account = choice.settings.account_id.clone();
    let mut sandbox = Bound::bind(&choice)?.serve(false)?;
    say(format_args!(
        "The AWS sandbox plays account {account} in {} at {}; {kept}.\n\n{}\n\nControl: {}/_sandbox/health, identities, \
         faults, journal, inventory, clock, reset. Ctrl-C ends it.",
        sandbox.region(),
        sandbox.url(),
        cli_line(&sandbox.url(), sandbox.region()),
        sandbox.url(),
    ));
    let ended = tokio::select! {
        ended = sandbox.ended() => ended,
        () = signals.stop.cancelled() => Ok(()),
    };
    tokio::select! {
        () = sandbox.stop() => {}
        () = signals.force.cancelled() => {}
    }
    ended
}
