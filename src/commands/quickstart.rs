//! `quickstart`: runs everything in one process and provisions a demo cluster over HTTP.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow};

use crate::app::sandbox::LocalSandbox;
use crate::app::{App, Signals, guards, sandbox};
use crate::config::{BadConfiguration, PRODUCT, Quickstart};
use crate::store::StoreError;

use super::print_line;

mod client;
mod progress;
mod wire;

use client::DemoClient;
use progress::ProgressDisplay;
use wire::Operation;

/// Prefix of the names of demo clusters, followed by a number.
const NAME: &str = "demo-";
/// An example of a denial by AWS (developer guide, "Troubleshooting").
const DENIAL: &str = "User: arn:aws:iam::123456789012:user/portal is not authorized to perform: \
                      iam:CreatePolicy on resource: policy dax-orders-cache-abcdefghij";

/// Provisions a demo cluster. Without `--once`, keeps running until a signal.
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
            print_line("\nPress Ctrl-C to stop. The next quickstart continues with this state.");
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

/// Adds a fix to errors of a database that does not match the sandbox or the migrations.
fn advise(error: anyhow::Error) -> anyhow::Error {
    const ADVICE: &str = "run quickstart --reset to delete it and start over";
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
            let advised = bad.errors.iter().map(|error| format!("{error}; {ADVICE}"));
            BadConfiguration {
                errors: advised.collect(),
            }
            .into()
        }
        Err(other) => other,
    }
}

struct Site {
    once: bool,
    api: String,
    sandbox: String,
    region: String,
    account_id: String,
    data_dir: PathBuf,
}

impl Site {
    fn of(settings: &Quickstart, app: &App) -> Self {
        let account_id = aws_sandbox::Settings::default().account_id;
        let sandbox = app.sandbox();
        Self {
            once: settings.once,
            api: app.url(),
            sandbox: sandbox.map(LocalSandbox::url).unwrap_or_default(),
            region: sandbox
                .map(|sandbox| sandbox.region().to_owned())
                .unwrap_or_default(),
            account_id,
            data_dir: settings.serve.embedded.data_dir.clone(),
        }
    }
}

/// Requests a cluster as any client would and shows the progress. Returns whether it succeeded.
async fn demonstrate(site: &Site) -> anyhow::Result<bool> {
    let client = DemoClient::new(&site.api, &site.sandbox)?;
    client.await_ready().await?;
    introduce(site, &client).await?;
    let name = format!("{NAME}{}", next_number(&client.used_names(NAME).await?));
    let request = wire::request(&name);
    print_line(format_args!(
        "POST {}/v1/clusters\n{}\n",
        site.api,
        serde_json::to_string(&request)?
    ));
    let accepted = client
        .create(&request)
        .await
        .context("the API rejected the request")?;
    print_line(format_args!("202 Accepted, operation {}\n", accepted.id));
    let mut progress = ProgressDisplay::new(std::io::stdout().is_terminal());
    let operation = client
        .watch(&accepted, |operation| progress.show(operation))
        .await?;
    conclude(site, &client, &name, &operation).await
}

async fn introduce(site: &Site, client: &DemoClient) -> anyhow::Result<()> {
    print_line(format_args!(
        "dax-provisioner quickstart: everything runs in one process; real AWS is not used.\n\n  \
         API       {api}  (no authentication), documentation: {api}/docs\n  \
         AWS       sandbox, account {account} in {region}, {sandbox}\n  \
         Database  private PostgreSQL in {data_dir}",
        api = site.api,
        account = site.account_id,
        region = site.region,
        sandbox = site.sandbox,
        data_dir = site.data_dir.display(),
    ));
    let (stored, in_aws) = (client.clusters().await?, client.clusters_in_aws().await?);
    if !stored.is_empty() || !in_aws.is_empty() {
        let stored = stored
            .iter()
            .map(|cluster| format!("{} ({})", cluster.name, cluster.status));
        print_line(format_args!(
            "  Earlier   in the database: {}",
            shortened(stored.collect())
        ));
        print_line(format_args!("            in AWS: {}", shortened(in_aws)));
    }
    print_line("");
    Ok(())
}

fn shortened(mut names: Vec<String>) -> String {
    const SHOWN: usize = 5;
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    match (names.is_empty(), more) {
        (true, _) => "none".to_owned(),
        (false, 0) => names.join(", "),
        (false, more) => format!("{} and {more} more", names.join(", ")),
    }
}

/// The highest used number plus one.
fn next_number(names: &[String]) -> u64 {
    let numbers = names
        .iter()
        .filter_map(|name| name.strip_prefix(NAME)?.parse::<u64>().ok());
    numbers.max().unwrap_or(0) + 1
}

async fn conclude(
    site: &Site,
    client: &DemoClient,
    name: &str,
    operation: &Operation,
) -> anyhow::Result<bool> {
    let succeeded = operation.status == "succeeded";
    if succeeded {
        let url = client.endpoint(name).await?;
        print_line(format_args!("\n{name} is available:\n\n  {url}\n"));
    } else {
        print_line(format_args!("\nThe operation is {}.\n", operation.status));
        if let Some(problem) = &operation.problem {
            print_line(problem.readable());
        }
    }
    if site.once {
        print_line(format_args!(
            "to continue: {}",
            serve_command(&site.data_dir)
        ));
        return Ok(succeeded);
    }
    let api = &site.api;
    print_line(format_args!(
        "Try next:\n\n  \
         curl -s {api}/v1/clusters\n  \
         curl -s -X DELETE {api}/v1/clusters/{name}\n  \
         curl -s {api}/v1/hints/explain -H 'content-type: application/json' \
         -d '{{\"message\": \"{DENIAL}\"}}'\n\n\
         List the clusters of the sandbox with the AWS CLI:\n\n  {}",
        sandbox::aws_cli_command(&site.sandbox, &site.region)
    ));
    Ok(succeeded)
}

/// The command that serves the same data directory.
fn serve_command(data_dir: &Path) -> String {
    if data_dir == local_postgres::default_data_dir(PRODUCT) {
        "dax-provisioner serve --sandbox".to_owned()
    } else {
        format!(
            "dax-provisioner serve --sandbox --data-dir {}",
            data_dir.display()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_number_follows_the_highest_used_one() {
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
    fn long_lists_are_shortened() {
        assert_eq!(shortened(Vec::new()), "none");
        assert_eq!(
            shortened((1..=5).map(|n| n.to_string()).collect()),
            "1, 2, 3, 4, 5"
        );
        assert_eq!(
            shortened((1..=7).map(|n| n.to_string()).collect()),
            "1, 2, 3, 4, 5 and 2 more"
        );
    }
}
