//! `serve`: runs the API and the workers, until a signal.

use crate::app::{App, Signals, sandbox};
use crate::config::{AwsChoice, Database, Role, Serve};

pub(super) async fn run(settings: Serve, signals: &Signals) -> anyhow::Result<()> {
    let starting = App::start(&settings, false);
    let Some(started) = signals.stop.run_until_cancelled(starting).await else {
        return Ok(());
    };
    let mut app = started?;
    log_start(&settings, &app);
    let ended = tokio::select! {
        ended = app.ended() => ended,
        () = signals.stop.cancelled() => {
            tracing::info!("shutting down; send the signal again to stop at once");
            Ok(())
        }
    };
    app.stop(signals).await;
    ended
}

fn log_start(settings: &Serve, app: &App) {
    match settings.role {
        Role::Api | Role::All => tracing::info!(
            "listening on {}, documentation at {}/docs",
            app.url(),
            app.url()
        ),
        Role::Worker => tracing::info!("listening on {} for probes and metrics only", app.url()),
    }
    if let Some(metrics) = settings.http.metrics_listen {
        tracing::info!("metrics are on {metrics} only");
    }
    if !settings.http.authentication {
        tracing::warn!("authentication is off: every user of this machine has full access");
    }
    if let Some(sandbox) = app.sandbox() {
        tracing::info!(
            "using the AWS sandbox at {}, not real AWS; to list its clusters: {}",
            sandbox.url(),
            sandbox::aws_cli_command(&sandbox.url(), sandbox.region())
        );
    }
    if let AwsChoice::Real = settings.aws
        && settings.organisation.is_none()
        && settings.permissions_boundary.is_none()
    {
        tracing::warn!(
            "--permissions-boundary is none: anyone with this service's credentials can become \
             administrator of the account; create the policy that `dax-provisioner policy \
             --boundary` prints, and set its ARN"
        );
    }
    if let Database::Embedded = settings.database
        && let Some(url) = app.private_database_url()
    {
        tracing::info!(
            "using a private database, for trials only; DATABASE_URL={}",
            url.expose()
        );
    }
}
