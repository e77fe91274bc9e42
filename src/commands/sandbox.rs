//! `sandbox`: runs only the AWS sandbox, until a signal.

use crate::app::Signals;
use crate::app::sandbox::{Bound, aws_cli_command};
use crate::config::SandboxChoice;

use super::print_line;

pub(super) async fn run(choice: SandboxChoice, signals: &Signals) -> anyhow::Result<()> {
    let state = match &choice.settings.journal {
        Some(journal) => format!("kept in {}", journal.display()),
        None => "in memory only; set --data-dir to keep it".to_owned(),
    };
    let account = choice.settings.account_id.clone();
    let mut sandbox = Bound::bind(&choice)?.serve(false)?;
    print_line(format_args!(
        "AWS sandbox, account {account} in {}, at {}\nState: {state}\n\n{}\n\n\
         Control: {}/_sandbox/health, identities, faults, journal, inventory, clock, reset\n\
         Press Ctrl-C to stop.",
        sandbox.region(),
        sandbox.url(),
        aws_cli_command(&sandbox.url(), sandbox.region()),
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
