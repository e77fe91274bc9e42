//! Every kind of operation and every step has a scenario, so the properties cover a new one.

use std::collections::{BTreeSet, HashSet};

use dax_provisioner::aws::LOOKUPS_BUILT_IN;
use dax_provisioner::domain::operation::Kind;
use dax_provisioner::operations::plan;
use strum::VariantArray;

use crate::properties::prepared::{Prepared, all_prepared};
use crate::properties::scenario_run::ScenarioRun;
use crate::properties::scenarios::{COUNT, SCENARIOS};
use crate::properties::templates::SLOW;

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_and_every_step_has_a_scenario() {
    let mut done: HashSet<(Kind, String)> = HashSet::new();
    for prepared in all_prepared().await {
        let kind = prepared.scenario.kind;
        let undone = prepared.undo.iter().flat_map(|undo| &undo.done);
        done.extend(
            prepared
                .forward
                .done
                .iter()
                .chain(undone)
                .map(|step| (kind, step.clone())),
        );
        if ["create", "delete"].contains(&prepared.scenario.name) {
            let slowly = done_with_slow_deletions(prepared).await;
            done.extend(slowly.into_iter().map(|step| (kind, step)));
        }
        println!(
            "{:26} {} places, calls {:?}",
            prepared.scenario.name,
            prepared.forward.places.len(),
            prepared.forward.mutations
        );
    }
    let (mut steps, mut missing) = (0, Vec::new());
    for &kind in Kind::VARIANTS {
        let has_scenario = SCENARIOS.iter().any(|scenario| scenario.kind == kind)
            || (kind == Kind::ChangeIngress && !LOOKUPS_BUILT_IN);
        assert!(has_scenario, "{} has no scenario", kind.as_str());
        for step in plan(kind).steps.iter().chain(plan(kind).undo) {
            steps += 1;
            let is_covered = done.contains(&(kind, step.name.to_owned()));
            if !is_covered && !never_acts(kind, step.name) {
                missing.push(format!("{} {}", kind.as_str(), step.name));
            }
        }
    }
    println!(
        "{COUNT} scenarios, {} kinds, {steps} steps and undo steps",
        Kind::VARIANTS.len()
    );
    assert_eq!(
        missing,
        Vec::<String>::new(),
        "no scenario does these steps"
    );
}

/// The steps that are done while a deletion takes its time. A quick deletion may end before the
/// step that waits for it.
async fn done_with_slow_deletions(prepared: &Prepared) -> BTreeSet<String> {
    let env = prepared.template.fork_with_slow_deletions().await;
    let run = ScenarioRun::begin_in(prepared.scenario, env).await;
    if prepared.scenario.kind == Kind::CreateCluster {
        run.advance(prepared.forward.furthest()).await;
        run.cancel().await;
    }
    let step = "select coalesce(current_step, '') from operations where id = $1";
    for _ in 0..200 {
        let step: String = sqlx::query_scalar(step)
            .bind(run.id)
            .fetch_one(&run.env.pool)
            .await
            .unwrap();
        if step == "await_cluster_gone" {
            break;
        }
        run.turn().await;
    }
    run.env.sandbox.advance_clock(SLOW);
    let ended = run.finish(run.id).await;
    run.baseline(&ended, Vec::new()).await.done
}

/// Steps that a kind shares with other kinds, and that never act in this kind.
fn never_acts(kind: Kind, step: &str) -> bool {
    let undo_steps = ["delete_new_access_policies", "delete_new_parameter_group"];
    match kind {
        Kind::ScaleCluster => undo_steps.contains(&step),
        Kind::RepairCluster => step == undo_steps[0],
        // A cluster that was never created has no ingress rule to close.
        Kind::CreateCluster => step == "close_ingress",
        Kind::DeleteCluster => step == "close_ingress" && !LOOKUPS_BUILT_IN,
        Kind::ChangeIngress => !LOOKUPS_BUILT_IN,
        _ => false,
    }
}
