//! Prepared scenarios: each has a template to start from and a baseline to compare with.

use std::collections::{BTreeMap, BTreeSet};

use dax_provisioner::domain::operation::Status;
use dax_provisioner::operations::plan;
use tokio::sync::OnceCell;

use crate::properties::scenario_run::ScenarioRun;
use crate::properties::scenario_setup as setup;
use crate::properties::scenarios::{COUNT, FIRST_CREATE, Origin, SCENARIOS, Scenario};
use crate::properties::templates::Template;
use crate::support::test_env::instant;

/// A scenario, its template, and the results of its undisturbed runs.
pub struct Prepared {
    pub scenario: &'static Scenario,
    pub template: Template,
    pub forward: Baseline,
    /// The undo after a cancel at the furthest place, for kinds that have undo steps.
    pub undo: Option<Baseline>,
}

/// The result of an undisturbed run.
#[derive(Debug, Clone)]
pub struct Baseline {
    /// Mutating calls, each once, in order.
    pub mutations: Vec<String>,
    /// Reading calls, each once, in order.
    pub reads: Vec<String>,
    /// How often each mutating call took effect.
    pub effects: BTreeMap<String, usize>,
    /// Everything in AWS at the end.
    pub snapshot: Vec<String>,
    /// The rows of the cluster at the end.
    pub rows: Vec<String>,
    /// Every place that the operation passed.
    pub places: Vec<i64>,
    /// Steps that were done, not skipped.
    pub done: BTreeSet<String>,
}

impl Baseline {
    /// The last place before the end.
    pub fn furthest(&self) -> i64 {
        *self.places.last().unwrap()
    }
}

impl Prepared {
    pub async fn begin(&self) -> ScenarioRun {
        ScenarioRun::begin(self.scenario, &self.template).await
    }
}

static NEW_ACCOUNT: OnceCell<Template> = OnceCell::const_new();
static USED_ACCOUNT: OnceCell<Template> = OnceCell::const_new();
static WITH_CLUSTER: OnceCell<Template> = OnceCell::const_new();
static PREPARED: [OnceCell<Prepared>; COUNT] = [const { OnceCell::const_new() }; COUNT];
static PREPARED_FIRST_CREATE: OnceCell<Prepared> = OnceCell::const_new();

impl Origin {
    /// The account without any managed resource.
    pub async fn account(self) -> &'static Template {
        match self {
            Self::NewAccount => {
                NEW_ACCOUNT
                    .get_or_init(|| Template::new(sandbox_settings(), setup::nothing))
                    .await
            }
            Self::UsedAccount | Self::WithCluster => {
                USED_ACCOUNT
                    .get_or_init(|| Template::new(sandbox_settings(), setup::unmanaged_resources))
                    .await
            }
        }
    }

    async fn template(self) -> &'static Template {
        let account = self.account().await;
        match self {
            Self::NewAccount | Self::UsedAccount => account,
            Self::WithCluster => {
                WITH_CLUSTER
                    .get_or_init(|| account.extend(setup::managed_cluster))
                    .await
            }
        }
    }
}

/// Short delays between states, as long as a few turns.
fn sandbox_settings() -> aws_sandbox::Settings {
    aws_sandbox::Settings {
        creating_seconds: 0.02,
        deleting_seconds: 0.15,
        modifying_seconds: 0.02,
        rebooting_seconds: 0.03,
        parameter_changes_need_reboot: true,
        ..instant()
    }
}

/// Every scenario of the table, prepared.
pub async fn all_prepared() -> Vec<&'static Prepared> {
    let tasks: Vec<_> = (0..COUNT)
        .map(|index| tokio::spawn(prepared(index)))
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.push(task.await.unwrap());
    }
    all
}

/// A scenario of the table, prepared.
pub async fn prepared(index: usize) -> &'static Prepared {
    PREPARED[index]
        .get_or_init(|| prepare(&SCENARIOS[index]))
        .await
}

pub async fn prepared_named(name: &str) -> &'static Prepared {
    let index = SCENARIOS.iter().position(|scenario| scenario.name == name);
    prepared(index.unwrap()).await
}

/// A create in a new account, then a delete: the scenarios that send every call of both kinds.
pub async fn create_and_delete() -> [&'static Prepared; 2] {
    let first_create = PREPARED_FIRST_CREATE.get_or_init(|| prepare(&FIRST_CREATE));
    [first_create.await, prepared_named("delete").await]
}

async fn prepare(scenario: &'static Scenario) -> Prepared {
    let origin = scenario.origin.template().await;
    let template = origin.extend(scenario.prepare).await;
    let forward = undisturbed(scenario, &template).await;
    let undo = if plan(scenario.kind).undo.is_empty() {
        None
    } else {
        Some(undone(scenario, &template, forward.furthest()).await)
    };
    Prepared {
        scenario,
        template,
        forward,
        undo,
    }
}

async fn undisturbed(scenario: &'static Scenario, template: &Template) -> Baseline {
    let run = ScenarioRun::begin(scenario, template).await;
    let places = run.places().await;
    let ended = run.env.operation(run.id).await;
    let name = scenario.name;
    assert_eq!(
        ended.status,
        Status::Succeeded,
        "{name}: {:#?}",
        ended.fault
    );
    run.check_invariants(name).await;
    (scenario.check)(&run.env, &ended).await;
    run.baseline(&ended, places).await
}

async fn undone(scenario: &'static Scenario, template: &Template, place: i64) -> Baseline {
    let run = ScenarioRun::begin(scenario, template).await;
    run.advance(place).await;
    run.cancel().await;
    let ended = run.finish(run.id).await;
    let name = scenario.name;
    assert_eq!(
        ended.status,
        Status::Cancelled,
        "{name}: {:#?}",
        ended.fault
    );
    run.baseline(&ended, Vec::new()).await
}
