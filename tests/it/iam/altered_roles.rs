//! Roles under the service's path that others can assume, or that have another boundary, are
//! reported by the list of orphans, the sweep and `doctor`.

use std::io::Write;
use std::process::Command;
use std::sync::{Arc, Mutex};

use dax_provisioner::domain::iam::policies::trust_policy;
use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::names::{IAM_PATH, INSTALLATION_TAG};
use serde_json::Value;

use crate::engine::processes::BINARY;
use crate::iam::escalation_names::{ADMINISTRATOR_ACCESS, TRUST_ACCOUNT};
use crate::iam::escalations::ADMINISTRATOR_KEYS;
use crate::support::identity::SERVICE;
use crate::support::requests::plain_spec;
use crate::support::signed_calls;
use crate::support::test_env::TestEnv;

const OPEN: &str = "dax-open-abcdefghij";
const LOOSE: &str = "dax-loose-abcdefghij";
const OTHER: &str = "dax-other-abcdefghij";
const TRUST_ALTERED: &str = "its trust policy is not the one that this service writes";
const BOUNDARY_ALTERED: &str = "its permissions boundary is not the one of this service";

fn role(name: &str, trust: &str, boundary: Option<&str>, installation: Option<&str>) -> Mutation {
    let tag = installation.map(|id| (INSTALLATION_TAG.to_owned(), id.to_owned()));
    Mutation::CreateRole {
        name: name.to_owned(),
        path: IAM_PATH.to_owned(),
        trust_policy: trust.to_owned(),
        permissions_boundary: boundary.map(str::to_owned),
        description: String::new(),
        tags: tag.into_iter().collect(),
    }
}

/// An account with a cluster, a role that admits the account, a role without a boundary, and a role
/// of another installation with a boundary of its own.
async fn account() -> TestEnv {
    let env = TestEnv::new().await;
    let create = env.create(&plain_spec("orders")).await;
    env.settle(&env.worker("w"), create).await;
    let boundary = env.settings.permissions_boundary.as_deref();
    let own = trust_policy().to_json();
    let open = role(OPEN, TRUST_ACCOUNT, boundary, None);
    env.aws.send(&open, &env.account).await.unwrap();
    for role in [
        role(LOOSE, &own, None, None),
        role(OTHER, &own, Some(ADMINISTRATOR_ACCESS), Some("other")),
    ] {
        env.admin.send(&role, &env.account).await.unwrap();
    }
    env
}

/// The role of the cluster.
fn managed_role(env: &TestEnv) -> String {
    let roles = env.sandbox.inventory().roles;
    let mut names = roles.into_iter().map(|role| role.name);
    names.find(|name| name.starts_with("dax-orders-")).unwrap()
}

/// Name and reason of each altered role in the list of orphans.
async fn listed(env: &TestEnv) -> Vec<(String, String, bool)> {
    let orphans = env.api().get("/v1/orphans").await.body;
    let items = orphans["items"].as_array().unwrap().iter();
    let altered = items.filter(|item| item["altered"] == Value::Bool(true));
    let text = |item: &Value, member: &str| item[member].as_str().unwrap().to_owned();
    let mut listed: Vec<_> = altered
        .map(|item| {
            let is_recorded = item["ours"].as_bool().unwrap();
            (text(item, "name"), text(item, "reason"), is_recorded)
        })
        .collect();
    listed.sort();
    listed
}

#[tokio::test]
async fn the_list_of_orphans_contains_roles_that_differ_from_created_ones() {
    let env = account().await;
    let listed_before = listed(&env).await;
    let expected = [(LOOSE, BOUNDARY_ALTERED), (OPEN, TRUST_ALTERED)];
    assert_eq!(listed_before.len(), 2, "{listed_before:?}");
    for ((name, reason, is_recorded), (role, alteration)) in listed_before.iter().zip(expected) {
        assert_eq!((name.as_str(), *is_recorded), (role, false));
        assert!(reason.ends_with(alteration), "{reason}");
    }

    let managed = managed_role(&env);
    let input = [
        ("RoleName", managed.as_str()),
        ("PolicyDocument", TRUST_ACCOUNT),
    ];
    let call = "UpdateAssumeRolePolicy";
    let response = signed_calls::query(&env, ADMINISTRATOR_KEYS, "iam", call, &input).await;
    assert_eq!(response.status, 200);
    let listed = listed(&env).await;
    assert_eq!(listed.len(), 3, "{listed:?}");
    let changed = (managed, TRUST_ALTERED.to_owned(), true);
    assert!(listed.contains(&changed), "{listed:?}");
}

/// Collects the log of one thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_sweep_warns_of_altered_roles_and_leaves_them() {
    let env = account().await;
    let (log, before) = (Log::default(), env.created_in_aws());
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    assert_eq!(env.worker("w").sweep().await.unwrap(), Some(0));
    drop(guard);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for (name, alteration) in [(OPEN, TRUST_ALTERED), (LOOSE, BOUNDARY_ALTERED)] {
        let of_role = |line: &&str| line.contains(name) && line.contains(alteration);
        let warned = text.lines().filter(of_role).count();
        assert_eq!(warned, 1, "{name}: {text}");
    }
    assert!(
        !text.contains(&managed_role(&env)) && !text.contains(OTHER),
        "{text}"
    );
    assert_eq!(env.created_in_aws(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_fails_for_altered_roles_and_names_them() {
    let env = account().await;
    let boundary = env.settings.permissions_boundary.clone().unwrap();
    let mut doctor = Command::new(BINARY);
    doctor
        .args(["doctor", "--aws-endpoint", &env.endpoint])
        .args(["--permissions-boundary", &boundary])
        .env("AWS_ACCESS_KEY_ID", SERVICE)
        .env("AWS_SECRET_ACCESS_KEY", SERVICE)
        .env_remove("DATABASE_URL");
    let output = tokio::task::spawn_blocking(move || doctor.output().unwrap())
        .await
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text
        .lines()
        .find(|line| line.contains("service roles: "))
        .unwrap_or_else(|| panic!("{text}"));
    assert!(line.starts_with("fail"), "{line}");
    for (name, alteration) in [(OPEN, TRUST_ALTERED), (LOOSE, BOUNDARY_ALTERED)] {
        assert!(line.contains(&format!("{name} ({alteration})")), "{line}");
    }
    assert!(!line.contains(OTHER), "{line}");
    assert_eq!(output.status.code(), Some(1));
}
