//! `serve`: the API and the workers, until a signal.

use crate::app::{App, Signals, sandbox};
use crate::config::{AwsChoice, Database, Role, Serve};

/// Serves until a signal, or until something is wrong.
pub(super) async fn run(settings: Serve, signals: &Signals) -> anyhow::Result<()> {
    let starting = App::start(&settings, false);
    let Some(started) = signals.stop.run_until_cancelled(starting).await else {
        return Ok(());
    };
    let mut app = started?;
    introduce(&settings, &app);
    let ended = tokio::select! {
        ended = app.ended() => ended,
        () = signals.stop.cancelled() => {
            tracing::info!("ending; a second signal does not wait");
            Ok(())
        }
    };
    app.stop(signals).await;
    ended
}

fn introduce(settings: &Serve, app: &App) {
    match settings.role {
        Role::Api | Role::All => tracing::info!(
            "listening on {}, documentation on {}/docs",
            app.url(),
            app.url()
        ),
        Role::Worker => tracing::info!("listening on {} for probes and metrics only", app.url()),
    }
    if !settings.door.authentication {
        tracing::warn!("authentication is off: everybody on this machine may call");
    }
    if let Some(sandbox) = app.sandbox() {
        let look = sandbox::cli_line(&sandbox.url(), sandbox.region());
        tracing::info!(
            "AWS is played by the sandbox at {}; nothing leaves this machine; to look: {look}",
            sandbox.url()
        );
    }
    if let AwsChoice::Real = settings.aws
        && settings.permissions_boundary.is_none()
    {
        tracing::warn!(
            "no --permissions-boundary: whoever has this service's credentials can make themselves administrator of the \
             account; `dax-provisioner policy --boundary` prints one"
        );
    }
    if let Database::Embedded = settings.database
        && let Some(url) = app.private_database_url()
    {
        tracing::info!(
            "the private database is for trying things; DATABASE_URL={}",
            url.expose()
        );
    }
}
