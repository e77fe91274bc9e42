//! The journal: restarts, damaged lines, locking and compaction.

use std::io::Write;
use std::time::Duration;

use aws_sandbox::{Sandbox, SandboxError, Settings};
use serde_json::{Value, json};

use crate::test_env::{TestEnv, folder, portal, settings};

fn with_journal(name: &str) -> Settings {
    Settings {
        journal: Some(folder(name)),
        ..settings()
    }
}

fn state(sandbox: &Sandbox) -> Value {
    serde_json::to_value(sandbox.inventory()).unwrap()
}

/// An account with all kinds of state that a restart must restore.
async fn populated(settings: &Settings) -> TestEnv {
    let env = TestEnv::with(settings.clone()).await;
    env.allow(json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}]));
    env.cluster("ready", 2).await;
    let role = env.service_role("Other").await;
    env.create("recent", 1, &role).send().await.unwrap();
    env.dax()
        .create_parameter_group()
        .parameter_group_name("fast")
        .send()
        .await
        .unwrap();
    env.dax()
        .delete_cluster()
        .cluster_name("ready")
        .send()
        .await
        .unwrap();
    env.iam()
        .delete_role()
        .role_name("Other")
        .send()
        .await
        .unwrap();
    env.sandbox.put_table("Orders");
    env
}

#[tokio::test]
async fn a_restart_restores_the_account_and_its_timers() {
    let settings = with_journal("restart");
    let env = populated(&settings).await;
    let (id, before, calls) = (env.sandbox.id(), state(&env.sandbox), env.sandbox.calls());
    let effects: Vec<_> = calls.into_iter().filter(|call| call.effect).collect();
    drop(env);
    let sandbox = reopen(&settings).await;
    assert_eq!((sandbox.id(), state(&sandbox)), (id, before));
    let again: Vec<_> = sandbox
        .calls()
        .into_iter()
        .filter(|call| call.effect)
        .collect();
    assert_eq!(again, effects);
    let env = TestEnv::serve(sandbox).await;
    assert_eq!(env.describe("recent").await.status(), Some("creating"));
    env.advance(30);
    assert_eq!(
        env.sandbox.inventory().clusters.len(),
        1,
        "the deletion ends at its time"
    );
    env.advance(30);
    assert_eq!(env.describe("recent").await.status(), Some("available"));
    assert!(
        env.dax_as("portal", "portal")
            .describe_clusters()
            .send()
            .await
            .is_ok()
    );
}

/// Opens the journal of a sandbox that is shutting down.
pub(crate) async fn reopen(settings: &Settings) -> Sandbox {
    for _ in 0..1000 {
        match Sandbox::open(settings.clone()) {
            Ok(sandbox) => return sandbox,
            Err(SandboxError::JournalInUse(_)) => {
                tokio::time::sleep(Duration::from_millis(10)).await
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the first sandbox did not release its journal");
}

#[tokio::test]
async fn a_change_is_in_the_journal_before_its_response_is_sent() {
    let settings = with_journal("before-response");
    let env = TestEnv::with(settings.clone()).await;
    let hold = env.sandbox.hold("iam:CreateRole");
    let iam = env.iam();
    let trust = crate::test_env::TRUST;
    let create = tokio::spawn(
        iam.create_role()
            .role_name("r")
            .assume_role_policy_document(trust)
            .send(),
    );
    hold.reached().await;
    let journal =
        std::fs::read_to_string(settings.journal.unwrap().join("aws-sandbox.journal")).unwrap();
    let last: Value = serde_json::from_str(journal.lines().last().unwrap()).unwrap();
    assert_eq!(last["call"]["operation"], "iam:CreateRole");
    assert_eq!(last["changes"][0]["role"]["name"], "r");
    hold.release();
    create.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_truncated_last_line_is_dropped_and_a_malformed_line_is_reported() {
    let settings = with_journal("truncated");
    let env = populated(&settings).await;
    let before = state(&env.sandbox);
    drop(env);
    drop(reopen(&settings).await);
    let path = settings
        .journal
        .clone()
        .unwrap()
        .join("aws-sandbox.journal");
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(&path)
        .unwrap();
    file.write_all(b"{\"changes\":[{\"role_gone\":\"Serv")
        .unwrap();
    assert_eq!(state(&reopen(&settings).await), before);
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(&path)
        .unwrap();
    file.write_all(b"{\"changes\":[{\"role_gone\":\"Serv\n")
        .unwrap();
    let error = Sandbox::open(settings).unwrap_err();
    assert!(matches!(error, SandboxError::JournalLine { .. }), "{error}");
}

#[test]
fn a_journal_is_locked_bound_to_its_account_and_has_a_new_id_after_a_reset() {
    let settings = with_journal("lock");
    let sandbox = Sandbox::open(settings.clone()).unwrap();
    assert!(matches!(
        Sandbox::open(settings.clone()),
        Err(SandboxError::JournalInUse(_))
    ));
    sandbox.put_identity(
        "portal",
        portal(json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}])),
    );
    let id = sandbox.id();
    sandbox.reset();
    let new = sandbox.id();
    assert_ne!(new, id);
    drop(sandbox);
    let other = Settings {
        account_id: "210987654321".to_owned(),
        ..settings.clone()
    };
    assert!(matches!(
        Sandbox::open(other),
        Err(SandboxError::OtherAccount { .. })
    ));
    assert_eq!(Sandbox::open(settings).unwrap().id(), new);
}

#[test]
fn compacting_keeps_the_journal_short() {
    let settings = with_journal("compact");
    let sandbox = Sandbox::open(settings.clone()).unwrap();
    for _ in 0..1000 {
        sandbox.advance_clock(Duration::from_secs(1));
    }
    drop(sandbox);
    let path = settings
        .journal
        .clone()
        .unwrap()
        .join("aws-sandbox.journal");
    let long = std::fs::metadata(&path).unwrap().len();
    drop(Sandbox::open(settings).unwrap());
    let short = std::fs::metadata(&path).unwrap().len();
    assert!(short < long / 2, "{short} of {long}");
}
