//! The settings of the commands that serve.

use crate::config::{AwsChoice, Database, HttpConfig, Role, Task};
use crate::domain::iam::policies::Access;

use super::{URL, read, serve};

#[test]
fn defaults_of_serve() {
    let serve = serve("serve", [URL]);
    assert_eq!(serve.role, Role::All);
    assert_eq!(
        serve.http,
        HttpConfig {
            listen: "127.0.0.1:8080".parse().unwrap(),
            authentication: true,
            connections_per_address: 1_000,
            metrics_listen: None,
            trusted_proxies: crate::api::http::address::TrustedProxies::default(),
        }
    );
    assert_eq!(
        (
            serve.work.loops,
            serve.work.notify,
            serve.work.sweep_every.as_secs()
        ),
        (16, true, 300)
    );
    assert!(matches!(serve.aws, AwsChoice::Real));
    assert!(matches!(&serve.database, Database::Url(url) if url.expose() == URL.1));
    assert_eq!(
        (serve.default_access, serve.permissions_boundary),
        (None, None)
    );
}

#[test]
fn the_sandbox_on_loopback_needs_no_token_and_no_external_database() {
    let local = serve("serve --sandbox", []);
    assert!(!local.http.authentication);
    assert!(matches!(local.database, Database::Embedded));
    assert_eq!(local.default_access, Some(Access::ReadWrite));
    let AwsChoice::Sandbox(sandbox) = local.aws else {
        panic!("no sandbox")
    };
    assert_eq!(sandbox.settings.creating_seconds, 3.0);
    assert_eq!(
        sandbox.settings.journal,
        Some(local.embedded.data_dir.join("sandbox.journal"))
    );
    assert!(
        serve("serve --sandbox --listen 0.0.0.0:8080", [])
            .http
            .authentication
    );
    assert!(
        serve("serve --sandbox --authentication on", [])
            .http
            .authentication
    );
    assert!(
        serve("serve --aws-endpoint http://127.0.0.1:4566", [URL])
            .http
            .authentication
    );
    assert!(
        !serve("serve --authentication off --listen [::1]:80", [URL])
            .http
            .authentication
    );
}

#[test]
fn each_setting_is_also_a_variable_and_the_flag_takes_precedence() {
    let environment = [
        URL,
        ("DAX_PROVISIONER_LISTEN", "127.0.0.1:1"),
        ("DAX_PROVISIONER_WORKER_LOOPS", "7"),
        ("DAX_PROVISIONER_NO_NOTIFY", "true"),
        ("DAX_PROVISIONER_SANDBOX", "off"),
        ("DAX_PROVISIONER_QUOTA", "nodes=5,clusters=2"),
        ("DAX_PROVISIONER_ROLE", ""),
    ];
    let serve = serve(
        "serve --listen 127.0.0.1:2 --metrics-listen [::1]:9 --connections-per-address 0",
        environment,
    );
    assert_eq!(
        (
            serve.http.metrics_listen,
            serve.http.connections_per_address
        ),
        (Some("[::1]:9".parse().unwrap()), 0)
    );
    assert_eq!(serve.http.listen.port(), 2);
    assert_eq!((serve.work.loops, serve.work.notify), (7, false));
    assert!(matches!(serve.aws, AwsChoice::Real));
    let Task::Sandbox(sandbox) = read("sandbox", environment).unwrap().task else {
        panic!("no sandbox")
    };
    assert_eq!(
        (
            sandbox.settings.quotas.nodes,
            sandbox.settings.quotas.clusters,
            sandbox.port
        ),
        (5, 2, 4566)
    );
}

#[test]
fn quickstart_uses_short_delays_and_the_private_database() {
    let Task::Quickstart(quickstart) = read("quickstart --once --data-dir /x", [URL]).unwrap().task
    else {
        panic!("no quickstart")
    };
    assert!(quickstart.once && !quickstart.reset && !quickstart.serve.http.authentication);
    let AwsChoice::Sandbox(sandbox) = quickstart.serve.aws else {
        panic!("no sandbox")
    };
    assert_eq!(sandbox.settings.creating_seconds, 1.0);
    assert!(matches!(quickstart.serve.database, Database::Embedded));
}

#[test]
fn keys_of_a_separate_sandbox_come_from_the_environment() {
    let endpoint = |environment: [(&str, &str); 3]| match serve(
        "serve --aws-endpoint http://localhost:4566/",
        environment,
    )
    .aws
    {
        AwsChoice::Endpoint(endpoint) => endpoint,
        other => panic!("{other:?}"),
    };
    let set = endpoint([
        URL,
        ("AWS_ACCESS_KEY_ID", "K"),
        ("AWS_SECRET_ACCESS_KEY", "S"),
    ]);
    assert_eq!(
        (
            set.url.as_str(),
            set.access_key_id.as_str(),
            set.secret_access_key.expose()
        ),
        ("http://localhost:4566", "K", "S")
    );
    let default = endpoint([URL, ("", ""), ("", "")]);
    assert_eq!(
        (
            default.access_key_id.as_str(),
            default.secret_access_key.expose()
        ),
        ("sandbox", "sandbox")
    );
}
