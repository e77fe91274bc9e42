//! A restart forgets nothing that was said.

use std::io::Write;
use std::time::Duration;

use aws_sandbox::{Sandbox, SandboxError, Settings};
use serde_json::{Value, json};

use crate::world::{World, folder, portal, settings};

fn kept(name: &str) -> Settings {
    Settings {
        journal: Some(folder(name)),
        ..settings()
    }
}

fn state(sandbox: &Sandbox) -> Value {
    serde_json::to_value(sandbox.inventory()).unwrap()
}

/// Everything that a restart has to bring back, in one account.
async fn busy_world(settings: &Settings) -> World {
    let world = World::with(settings.clone()).await;
    world.allow(json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}]));
    world.cluster("ready", 2).await;
    let role = world.service_role("Other").await;
    world.create("young", 1, &role).send().await.unwrap();
    world
        .dax()
        .create_parameter_group()
        .parameter_group_name("fast")
        .send()
        .await
        .unwrap();
    world
        .dax()
        .delete_cluster()
        .cluster_name("ready")
        .send()
        .await
        .unwrap();
    world
        .iam()
        .delete_role()
        .role_name("Other")
        .send()
        .await
        .unwrap();
    world.sandbox.put_table("Orders");
    world
}

#[tokio::test]
async fn a_restart_gives_the_same_account_with_its_times_running_on() {
    let settings = kept("restart");
    let world = busy_world(&settings).await;
    let (id, before, calls) = (
        world.sandbox.id(),
        state(&world.sandbox),
        world.sandbox.calls(),
    );
    let effects: Vec<_> = calls.into_iter().filter(|call| call.effect).collect();
    drop(world);
    let sandbox = reopen(&settings).await;
    assert_eq!((sandbox.id(), state(&sandbox)), (id, before));
    let again: Vec<_> = sandbox
        .calls()
        .into_iter()
        .filter(|call| call.effect)
        .collect();
    assert_eq!(again, effects);
    let world = World::serve(sandbox).await;
    assert_eq!(world.describe("young").await.status(), Some("creating"));
    world.advance(30);
    assert_eq!(
        world.sandbox.inventory().clusters.len(),
        1,
        "the deleted cluster is gone after its time"
    );
    world.advance(30);
    assert_eq!(world.describe("young").await.status(), Some("available"));
    assert!(
        world
            .dax_as("portal", "portal")
            .describe_clusters()
            .send()
            .await
            .is_ok()
    );
}

/// Opens the journal of a sandbox that is just going away.
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
    panic!("the first sandbox kept its journal");
}

#[tokio::test]
async fn the_journal_has_a_change_before_its_answer_is_sent() {
    let settings = kept("before-answer");
    let world = World::with(settings.clone()).await;
    let hold = world.sandbox.hold("iam:CreateRole");
    let iam = world.iam();
    let trust = crate::world::TRUST;
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
async fn a_torn_last_line_is_dropped_and_a_broken_one_is_reported() {
    let settings = kept("torn");
    let world = busy_world(&settings).await;
    let before = state(&world.sandbox);
    drop(world);
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
fn one_journal_serves_one_process_one_account_and_a_reset_begins_anew() {
    let settings = kept("lock");
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
    let settings = kept("compact");
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
