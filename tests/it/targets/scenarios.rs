//! Every scenario in an account that the service enters by a role: its sessions are narrow enough to
//! write nothing else in IAM, and wide enough for everything that an operation does.

use dax_provisioner::domain::operation::Status;

use crate::properties::prepared::all_prepared;
use crate::properties::scenario_run::ScenarioRun;

#[tokio::test(flavor = "multi_thread")]
async fn every_scenario_succeeds_under_narrow_sessions() {
    for prepared in all_prepared().await {
        let name = prepared.scenario.name;
        let env = prepared.template.fork().await.entered_by_role().await;
        let run = ScenarioRun::begin_in(prepared.scenario, env).await;
        let places = run.places().await;
        let ended = run.env.operation(run.id).await;
        assert_eq!(
            ended.status,
            Status::Succeeded,
            "{name}: {:#?}",
            ended.fault
        );
        (prepared.scenario.check)(&run.env, &ended).await;
        assert!(!places.is_empty(), "{name}");
        let sessions = run.calls().into_iter().filter(|call| call.mutating);
        let callers: Vec<String> = sessions.map(|call| call.caller).collect();
        let is_narrow = |caller: &String| {
            caller.contains(":assumed-role/dax-provisioner-main/dax-provisioner-")
                || caller.contains("999999999999")
        };
        assert!(callers.iter().all(is_narrow), "{name}: {callers:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_undo_is_complete_under_narrow_sessions() {
    for prepared in all_prepared().await {
        let Some(undo) = &prepared.undo else { continue };
        let name = prepared.scenario.name;
        let env = prepared.template.fork().await.entered_by_role().await;
        let run = ScenarioRun::begin_in(prepared.scenario, env).await;
        run.advance(prepared.forward.furthest()).await;
        run.cancel().await;
        let ended = run.finish(run.id).await;
        assert_eq!(
            ended.status,
            Status::Cancelled,
            "{name}: {:#?}",
            ended.fault
        );
        let baseline = run.baseline(&ended, Vec::new()).await;
        assert_eq!(baseline.rows, undo.rows, "{name}");
    }
}
