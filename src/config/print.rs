//! Prints the effective settings without secrets.

use std::fmt::Write;

use super::{AwsChoice, Database, Logging, SandboxChoice, Secret, Serve};

/// One line `name = value` per setting of `serve`. Secrets are printed as `***`.
pub fn printed(serve: &Serve, logging: &Logging) -> String {
    let mut lines = serving(serve);
    lines.extend(aws(&serve.aws));
    lines.push((
        "permissions_boundary",
        serve.permissions_boundary.clone().unwrap_or_else(none),
    ));
    lines.push((
        "organisation",
        serve
            .organisation
            .as_ref()
            .map_or_else(unset, |path| path.display().to_string()),
    ));
    lines.push(("ingress_sources", serve.ingress_sources.to_string()));
    lines.push((
        "default_access",
        serve
            .default_access
            .map_or_else(unset, |access| <&str>::from(access).to_owned()),
    ));
    let key = serve.webhooks.key.as_ref();
    lines.push((
        "secrets_key_file",
        key.map_or_else(unset, |key| format!("{key:?}")),
    ));
    let key = serve.audit_key.as_ref();
    lines.push((
        "audit_key_file",
        key.map_or_else(unset, |key| format!("{key:?}")),
    ));
    lines.push(("webhook_allow_network", serve.webhooks.networks.to_string()));
    let database = match &serve.database {
        Database::Url(url) => redacted_url(url),
        Database::Embedded => "private, started and stopped by this process".to_owned(),
    };
    lines.push(("database", database));
    lines.push((
        "database_max_connections",
        serve.database_max_connections.to_string(),
    ));
    lines.push(("data_dir", serve.embedded.data_dir.display().to_string()));
    lines.push((
        "pg_bin",
        serve
            .embedded
            .pg_bin
            .as_ref()
            .map_or_else(unset, |path| path.display().to_string()),
    ));
    lines.push(("offline", switch(serve.embedded.offline)));
    lines.extend(logs(logging));
    lines
        .into_iter()
        .fold(String::new(), |mut text, (name, value)| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name} = {value}");
            text
        })
}

fn none() -> String {
    "none".to_owned()
}

fn switch(on: bool) -> String {
    if on { "on" } else { "off" }.to_owned()
}

fn unset() -> String {
    "(unset)".to_owned()
}

fn serving(serve: &Serve) -> Vec<(&'static str, String)> {
    vec![
        ("role", serve.role.as_str().to_owned()),
        ("listen", serve.http.listen.to_string()),
        ("authentication", switch(serve.http.authentication)),
        (
            "connections_per_address",
            serve.http.connections_per_address.to_string(),
        ),
        (
            "metrics_listen",
            serve
                .http
                .metrics_listen
                .map_or_else(unset, |listen| listen.to_string()),
        ),
        ("trusted_proxies", serve.http.trusted_proxies.to_string()),
        ("worker_loops", serve.work.loops.to_string()),
        ("notify", switch(serve.work.notify)),
        (
            "history_days",
            (serve.work.history_age.as_secs() / 86_400).to_string(),
        ),
        (
            "sweep_seconds",
            serve.work.sweep_every.as_secs().to_string(),
        ),
        (
            "poll_seconds",
            serve.work.poll_every.as_secs_f64().to_string(),
        ),
    ]
}

fn logs(logging: &Logging) -> Vec<(&'static str, String)> {
    let collector = logging.otlp_endpoint.as_ref();
    vec![
        ("log", logging.filter.clone()),
        ("log_format", logging.format.as_str().to_owned()),
        (
            "otlp_endpoint",
            collector.map_or_else(unset, ToString::to_string),
        ),
    ]
}

fn aws(choice: &AwsChoice) -> Vec<(&'static str, String)> {
    match choice {
        AwsChoice::Real => vec![(
            "aws",
            "real AWS, with the SDK's default credentials and Region".to_owned(),
        )],
        AwsChoice::Endpoint(endpoint) => vec![
            ("aws", format!("the sandbox at {}", endpoint.url)),
            ("aws_access_key_id", endpoint.access_key_id.clone()),
            (
                "aws_secret_access_key",
                format!("{:?}", endpoint.secret_access_key),
            ),
        ],
        AwsChoice::Sandbox(sandbox) => sandbox_lines(sandbox),
    }
}

fn sandbox_lines(sandbox: &SandboxChoice) -> Vec<(&'static str, String)> {
    let settings = &sandbox.settings;
    vec![
        ("aws", "the sandbox in this process".to_owned()),
        ("sandbox_port", sandbox.port.to_string()),
        ("creating_seconds", settings.creating_seconds.to_string()),
        ("deleting_seconds", settings.deleting_seconds.to_string()),
        ("modifying_seconds", settings.modifying_seconds.to_string()),
        ("rebooting_seconds", settings.rebooting_seconds.to_string()),
        ("sandbox_region", settings.region.clone()),
        (
            "propagation_seconds",
            settings.propagation_seconds.to_string(),
        ),
        ("quotas", format!("{:?}", settings.quotas)),
    ]
}

/// Host, port and database of a URL, without user, password and parameters.
pub fn redacted_url(url: &Secret) -> String {
    match reqwest::Url::parse(url.expose()) {
        Ok(url) => {
            let port = url
                .port()
                .map(|port| format!(":{port}"))
                .unwrap_or_default();
            format!(
                "{}://***@{}{port}{}",
                url.scheme(),
                url.host_str().unwrap_or_default(),
                url.path()
            )
        }
        Err(_) => "***".to_owned(),
    }
}
