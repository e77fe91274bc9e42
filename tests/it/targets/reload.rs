//! New versions of an organisation while operations run.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::Client;

use crate::engine::processes::{BINARY, call, start_database, start_with};
use crate::support::api::strings;
use crate::targets::organisation::set_trust;
use crate::targets::service::{NAMES, Service, id_of, organisation, table, write};
use crate::targets::setup::{AccessRole, EXTERNAL_ID, OTHER, administrator, create_access_role};

/// The file with these targets only, each with the place of a role.
fn tables(targets: &[(&str, &AccessRole)]) -> String {
    let tables = targets
        .iter()
        .map(|(name, role)| table(name, role, &role.account.account_id, EXTERNAL_ID));
    tables.collect()
}

/// How often each mutating call on a cluster took effect.
fn effects(service: &Service, call: &str) -> BTreeMap<String, usize> {
    let mut effects = BTreeMap::new();
    let calls = service.sandbox.calls();
    for call in calls
        .into_iter()
        .filter(|one| one.operation == call && one.effect)
    {
        *effects.entry(call.target.unwrap_or_default()).or_default() += 1;
    }
    effects
}

async fn await_running(service: &Service, id: &str) {
    for _ in 0..400 {
        let operation = service.get(&format!("/v1/operations/{id}")).await;
        if operation["status"] == "running" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{id} does not run");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_leaves_and_returns_with_another_role_continues_its_operations() {
    let service = Service::start_with_clusters_in("dax-provisioner-roles", 4.0).await;
    let [main, payments, eu] = &service.roles;
    let mut held = Vec::new();
    for name in ["a", "b", "c"] {
        held.push(service.create(name, "payments").await);
    }
    let elsewhere = service.create("a", "payments-eu").await;
    for id in &held {
        await_running(&service, id).await;
    }
    service.rewrite(&tables(&[(NAMES[0], main), (NAMES[2], eu)]));
    service.await_status("payments", "removed").await;
    for id in &held {
        service.waits_for(id, "operator").await;
    }
    // Nothing more is done there, and the other Region of the account continues.
    let calls = || {
        let calls = service.sandbox.calls().into_iter();
        calls
            .filter(|call| call.caller.contains("/dax-provisioner-payments/"))
            .count()
    };
    let before = calls();
    service.succeeded(&elsewhere).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(calls(), before);
    // The account has a new role, and the old one trusts no longer.
    let admin = administrator(&service.sandbox, &service.endpoint, OTHER, "us-east-1").await;
    let second = create_access_role(&admin, "second", &[], payments.boundary.clone()).await;
    set_trust(&service, "another").await;
    service.rewrite(&tables(&[
        (NAMES[0], main),
        (NAMES[1], &second),
        (NAMES[2], eu),
    ]));
    service.await_status("payments", "ready").await;
    for id in &held {
        service.succeeded(id).await;
    }
    assert_eq!(calls(), before);
    let once = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), 1)).collect();
    let mut expected: BTreeMap<String, usize> = once(&["b", "c"]);
    // In each of the two Regions.
    expected.insert("a".to_owned(), 2);
    assert_eq!(effects(&service, "dax:CreateCluster"), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_that_follow_one_another_quickly_lose_and_repeat_nothing() {
    let service = Service::start_with_clusters_in("dax-provisioner-versions", 2.0).await;
    let [main, payments, eu] = &service.roles;
    let mut running = Vec::new();
    let names: Vec<String> = (0..8).map(|number| format!("c{number}")).collect();
    for name in &names {
        running.push(service.create(name, "payments").await);
    }
    for version in 0..4 {
        let without = [(NAMES[0], main), (NAMES[2], eu)];
        let with = [(NAMES[0], main), (NAMES[1], payments), (NAMES[2], eu)];
        let is_even = version % 2 == 0;
        service.rewrite(&tables(if is_even { &without } else { &with }));
        tokio::time::sleep(Duration::from_millis(1_300)).await;
    }
    service.rewrite(&organisation(&service.roles));
    for id in &running {
        service.succeeded(id).await;
    }
    let expected = names.into_iter().map(|name| (name, 1)).collect();
    assert_eq!(effects(&service, "dax:CreateCluster"), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_change_their_place_are_misconfigured_until_they_are_back() {
    let service = Service::start("dax-provisioner-places").await;
    let [main, payments, eu] = &service.roles;
    let created = service.create("before", "payments").await;
    service.succeeded(&created).await;
    // Two targets exchange their Regions.
    service.rewrite(&tables(&[
        (NAMES[0], main),
        (NAMES[1], eu),
        (NAMES[2], payments),
    ]));
    for name in ["payments", "payments-eu"] {
        let reason = service.await_status(name, "misconfigured").await;
        assert!(reason.contains(OTHER), "{reason}");
    }
    let body = serde_json::json!({
        "name": "after", "node_type": "dax.t3.small", "replication_factor": 1, "target": "payments",
        "service_role": {"access": "read_only", "tables": ["Orders"]},
    });
    let refused = service.send("POST", "/v1/clusters", Some(body)).await;
    assert_eq!(refused["code"], "target_unavailable", "{refused:#}");
    let path = "/v1/clusters/before?target=payments";
    let held = id_of(&service.send("DELETE", path, None).await);
    service.waits_for(&held, "operator").await;
    // A place that belongs to a name gets no other one.
    service.rewrite(&tables(&[
        (NAMES[0], main),
        ("renamed", payments),
        (NAMES[2], eu),
    ]));
    let reason = service.await_status("renamed", "misconfigured").await;
    assert!(reason.contains("belongs to another target"), "{reason}");
    service.await_status("payments", "removed").await;
    service.await_status("payments-eu", "ready").await;
    let kept = service.sandbox.inventory_of(OTHER, "us-east-1");
    assert!(kept.clusters.iter().any(|cluster| cluster.name == "before"));
    service.rewrite(&organisation(&service.roles));
    service.await_status("payments", "ready").await;
    service.succeeded(&held).await;
}

/// The names of the targets, and whether the organisation counts as valid.
async fn taken(client: &Client, url: &str, token: &str) -> (Vec<String>, bool) {
    let list = call(client.get(format!("{url}/v1/targets")).bearer_auth(token)).await;
    let names = strings(&list["items"], "name")
        .into_iter()
        .map(str::to_owned);
    let metrics = client.get(format!("{url}/metrics")).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    (
        names.collect(),
        metrics.contains("\ndax_provisioner_organisation_valid 1"),
    )
}

async fn await_taken(client: &Client, url: &str, token: &str, names: &[&str], is_valid: bool) {
    let begun = Instant::now();
    loop {
        let found = taken(client, url, token).await;
        if found.0 == names && found.1 == is_valid {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(40), "{found:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Clients cannot be opened while the AWS profile redirects calls. Nothing is sent to AWS here: the
/// proxy refuses connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_whose_clients_cannot_be_opened_leaves_the_one_before_in_force() {
    const PROFILE: &str = "[default]\naws_access_key_id = a\naws_secret_access_key = b\n";
    const MAIN: &str = "[targets.main]\nregion = \"us-east-1\"\npermissions_boundary = \"none\"\n";
    const BOTH: &str = "[targets.more]\nregion = \"eu-west-1\"\npermissions_boundary = \"none\"\n";
    let (_postgres, database) = start_database("dax-provisioner-clients").await;
    let directory = tempfile::tempdir().unwrap();
    let profile = directory.path().join("profile");
    std::fs::write(&profile, PROFILE).unwrap();
    let organisation = directory.path().join("organisation");
    std::fs::create_dir(&organisation).unwrap();
    write(&organisation, MAIN);
    let token = Command::new(BINARY)
        .args(["token", "create", "operator", "--group", "admins"])
        .env("DATABASE_URL", &database)
        .output()
        .unwrap();
    let token = String::from_utf8(token.stdout).unwrap().trim().to_owned();
    let arguments = format!(
        "serve --listen 127.0.0.1:0 --organisation {}",
        organisation.display()
    );
    let variables = [
        ("DATABASE_URL", database.as_str()),
        ("AWS_CONFIG_FILE", profile.to_str().unwrap()),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ("HTTPS_PROXY", "http://127.0.0.1:9"),
    ];
    let (_process, url) = start_with(&arguments, &variables, "listening on");
    let client = Client::builder().no_proxy().build().unwrap();
    await_taken(&client, &url, &token, &["main"], true).await;
    std::fs::write(
        &profile,
        format!("{PROFILE}endpoint_url = http://127.0.0.1:9\n"),
    )
    .unwrap();
    write(&organisation, &format!("{MAIN}{BOTH}"));
    await_taken(&client, &url, &token, &["main"], false).await;
    std::fs::write(&profile, PROFILE).unwrap();
    write(&organisation, &format!("{MAIN}{BOTH}# again\n"));
    await_taken(&client, &url, &token, &["main", "more"], true).await;
}
