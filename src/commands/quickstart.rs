//! `quickstart`: the main job in one process, shown by one real request over HTTP.

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::{Context, anyhow};

use crate::app::{App, Signals, guards, sandbox};
use crate::config::{BadConfiguration, Quickstart};
use crate::store::StoreError;

use super::say;

mod caller;
mod screen;
mod wire;

use caller::Caller;
use screen::Screen;
use wire::Operation;

/// Clusters of the demonstration are called this and a number.
const NAME: &str = "demo-";
/// A refusal as AWS words it (developer guide, "Troubleshooting"), to be explained.
const REFUSAL: &str = "User: arn:aws:iam::123456789012:user/portal is not authorized to perform: iam:CreatePolicy on \
                       resource: policy orders-cache";

/// Runs the demonstration, and stays until a signal unless it was asked to end.
pub(super) async fn run(settings: Quickstart, signals: &Signals) -> anyhow::Result<ExitCode> {
    let starting = App::start(&settings.serve, settings.reset);
    let Some(started) = signals.stop.run_until_cancelled(starting).await else {
        return Ok(ExitCode::SUCCESS);
    };
    let mut app = started.map_err(advise)?;
    let site = Site::of(&settings, &app);
    let shown = tokio::select! {
        shown = demonstrate(&site) => shown,
        ended = app.ended() => ended.map_err(advise).map(|()| false),
        () = signals.stop.cancelled() => Ok(true),
    };
    let ended = match shown {
        Ok(succeeded) if settings.once || signals.stop.is_cancelled() => Ok(succeeded),
        Ok(_) => {
            say("\nCtrl-C ends all of it; what exists is found again by the next quickstart.");
            tokio::select! {
                ended = app.ended() => ended.map(|()| true),
                () = signals.stop.cancelled() => Ok(true),
            }
        }
        Err(error) => Err(error),
    };
    app.stop(signals).await;
    ended.map(|succeeded| {
        if succeeded {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    })
}

/// Adds the way out for those whose database and sandbox have lost each other, or whose tables are of another making.
fn advise(error: anyhow::Error) -> anyhow::Error {
    const ADVICE: &str = "quickstart --reset begins anew";
    let is_migration = |cause: &(dyn std::error::Error + 'static)| {
        matches!(
            cause.downcast_ref::<StoreError>(),
            Some(StoreError::Migration(_))
        )
    };
    if error.chain().any(is_migration) {
        return anyhow!("{}; {ADVICE}", guards::chain(error.as_ref()));
    }
    match error.downcast::<BadConfiguration>() {
        Ok(bad) => {
            let advised = bad.faults.iter().map(|fault| format!("{fault}; {ADVICE}"));
            BadConfiguration {
                faults: advised.collect(),
            }
            .into()
        }
        Err(other) => other,
    }
}

/// Where everything is.
struct Site {
    api: String,
    sandbox: String,
    region: String,
    account_id: String,
    data_dir: String,
}

impl Site {
    fn of(settings: &Quickstart, app: &App) -> Self {
        let account_id = aws_sandbox::Settings::default().account_id;
        let sandbox = app.sandbox();
        Self {
            api: app.url(),
            sandbox: sandbox.map(sandbox::OwnSandbox::url).unwrap_or_default(),
            region: sandbox
                .map(|sandbox| sandbox.region().to_owned())
                .unwrap_or_default(),
            account_id,
            data_dir: settings.serve.embedded.data_dir.display().to_string(),
        }
    }
}

/// Asks for a cluster as anybody would, and shows what happens. Whether it was made.
async fn demonstrate(site: &Site) -> anyhow::Result<bool> {
    let caller = Caller::new(&site.api, &site.sandbox)?;
    caller.until_ready().await?;
    introduce(site, &caller).await?;
    let name = format!(
        "{NAME}{}",
        next_number(&caller.names_ever_used(NAME).await?)
    );
    let request = wire::request(&name);
    say(format_args!(
        "POST {}/v1/clusters\n{}\n",
        site.api,
        serde_json::to_string(&request)?
    ));
    let accepted = caller
        .create(&request)
        .await
        .context("the API refused the request")?;
    say(format_args!("202 Accepted, operation {}\n", accepted.id));
    let mut screen = Screen::new(std::io::stdout().is_terminal());
    let operation = caller
        .watch(&accepted, |operation| screen.show(operation))
        .await?;
    conclude(site, &caller, &name, &operation).await
}

async fn introduce(site: &Site, caller: &Caller) -> anyhow::Result<()> {
    say(format_args!(
        "dax-provisioner, everything in one process; nothing leaves this machine.\n\n  \
         API       {api}  (no token is asked for here), documentation: {api}/docs\n  \
         AWS       the sandbox, account {account} in {region}, {sandbox}\n  \
         Database  a private PostgreSQL in {data_dir}",
        api = site.api,
        account = site.account_id,
        region = site.region,
        sandbox = site.sandbox,
        data_dir = site.data_dir,
    ));
    let (kept, in_aws) = (caller.clusters().await?, caller.clusters_in_aws().await?);
    if !kept.is_empty() || !in_aws.is_empty() {
        let kept = kept
            .iter()
            .map(|cluster| format!("{} ({})", cluster.name, cluster.status));
        say(format_args!(
            "  Earlier   in the database: {}",
            listed(kept.collect())
        ));
        say(format_args!("            in AWS: {}", listed(in_aws)));
    }
    say("");
    Ok(())
}

fn listed(mut names: Vec<String>) -> String {
    const SHOWN: usize = 5;
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    match (names.is_empty(), more) {
        (true, _) => "none".to_owned(),
        (false, 0) => names.join(", "),
        (false, more) => format!("{} and {more} more", names.join(", ")),
    }
}

/// One more than the highest number that was ever used.
fn next_number(names: &[String]) -> u64 {
    let numbers = names
        .iter()
        .filter_map(|name| name.strip_prefix(NAME)?.parse::<u64>().ok());
    numbers.max().unwrap_or(0) + 1
}

async fn conclude(
    site: &Site,
    caller: &Caller,
    name: &str,
    operation: &Operation,
) -> anyhow::Result<bool> {
    let succeeded = operation.status == "succeeded";
    if succeeded {
        let url = caller.endpoint(name).await?;
        say(format_args!("\n{name} is available:\n\n  {url}\n"));
    } else {
        say(format_args!("\nThe operation is {}.\n", operation.status));
        if let Some(problem) = &operation.problem {
            say(problem.readable());
        }
    }
    let api = &site.api;
    say(format_args!(
        "Go on with:\n\n  \
         curl -s {api}/v1/clusters\n  \
         curl -s -X DELETE {api}/v1/clusters/{name}\n  \
         curl -s {api}/v1/hints/explain -H 'content-type: application/json' -d '{{\"message\": \"{REFUSAL}\"}}'\n\n\
         The same account seen by the AWS CLI:\n\n  {}",
        sandbox::cli_line(&site.sandbox, &site.region)
    ));
    Ok(succeeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_number_counts_earlier_ones() {
        let names = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(next_number(&[]), 1);
        assert_eq!(
            next_number(&names(&[
                "demo-1", "demo-9", "demo-10", "demo-x", "other-99", "demo-"
            ])),
            11
        );
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(listed(Vec::new()), "none");
        assert_eq!(
            listed((1..=5).map(|n| n.to_string()).collect()),
            "1, 2, 3, 4, 5"
        );
        assert_eq!(
            listed((1..=7).map(|n| n.to_string()).collect()),
            "1, 2, 3, 4, 5 and 2 more"
        );
    }
}
