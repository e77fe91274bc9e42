//! Lives: one short scenario for each thing that can be done to a cluster. The laws hold for every one of them.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;

use dax_provisioner::aws::LOOKUPS_BUILT_IN;
use dax_provisioner::domain::operation::{Kind, Operation, Status};
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::properties::scenario_actions as begin;
use crate::properties::scenario_checks as check;
#[cfg(feature = "lookups")]
use crate::properties::scenario_ingress as ingress;
use crate::properties::scenario_run::{Run, picture};
use crate::properties::scenario_setup as prepare;
use crate::properties::snapshots::{Frozen, SLOW, new_journal};
use crate::support::test_env::{TestEnv, instant};

/// What a scenario's function comes to.
pub type Doing<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One scenario.
pub struct LifeTest {
    pub name: &'static str,
    pub kind: Kind,
    /// The cluster it is about.
    pub cluster: &'static str,
    /// Brings a world to where the operation begins; a cluster of ours is there, if it is about one.
    pub prepare: for<'a> fn(&'a TestEnv) -> Doing<'a, ()>,
    /// Has the operation accepted.
    pub begin: for<'a> fn(&'a TestEnv) -> Doing<'a, Uuid>,
    /// What must hold when it has succeeded, beyond what holds for all.
    pub check: for<'a> fn(&'a TestEnv, &'a Operation) -> Doing<'a, ()>,
}

const fn life(
    name: &'static str,
    kind: Kind,
    cluster: &'static str,
    prepare: for<'a> fn(&'a TestEnv) -> Doing<'a, ()>,
    begin: for<'a> fn(&'a TestEnv) -> Doing<'a, Uuid>,
    check: for<'a> fn(&'a TestEnv, &'a Operation) -> Doing<'a, ()>,
) -> LifeTest {
    LifeTest {
        name,
        kind,
        cluster,
        prepare,
        begin,
        check,
    }
}

/// How many there are; the ports of a cluster are changed only by builds with lookups.
pub const COUNT: usize = if LOOKUPS_BUILT_IN { 21 } else { 18 };

/// Every scenario.
pub static LIVES: [LifeTest; COUNT] = [
    life(
        "create",
        Kind::CreateCluster,
        "orders",
        prepare::nothing,
        begin::create,
        check::created,
    ),
    life(
        "create_of_given",
        Kind::CreateCluster,
        "orders",
        prepare::granted,
        begin::create_of_given,
        check::used,
    ),
    life(
        "delete",
        Kind::DeleteCluster,
        "orders",
        prepare::nothing,
        begin::delete,
        check::nothing_left,
    ),
    life(
        "delete_adopted",
        Kind::DeleteCluster,
        "legacy",
        prepare::adopted,
        begin::delete_legacy,
        check::nothing_left,
    ),
    life(
        "update_settings",
        Kind::UpdateCluster,
        "orders",
        prepare::nothing,
        begin::settings,
        check::settings,
    ),
    life(
        "update_values",
        Kind::UpdateCluster,
        "orders",
        prepare::nothing,
        begin::values,
        check::values,
    ),
    life(
        "update_to_default",
        Kind::UpdateCluster,
        "orders",
        prepare::nothing,
        begin::to_default,
        check::defaults,
    ),
    life(
        "update_to_given",
        Kind::UpdateCluster,
        "orders",
        prepare::nothing,
        begin::to_given,
        check::given,
    ),
    life(
        "update_from_given",
        Kind::UpdateCluster,
        "legacy",
        prepare::adopted,
        begin::from_given,
        check::made,
    ),
    life(
        "update_tables",
        Kind::UpdateCluster,
        "orders",
        prepare::nothing,
        begin::tables,
        check::tables,
    ),
    life(
        "scale_up",
        Kind::ScaleCluster,
        "orders",
        prepare::nothing,
        begin::scale_up,
        check::three_nodes,
    ),
    life(
        "scale_down",
        Kind::ScaleCluster,
        "orders",
        prepare::nothing,
        begin::scale_down,
        check::one_node,
    ),
    life(
        "reboot_all",
        Kind::RebootNodes,
        "orders",
        prepare::nothing,
        begin::reboot_all,
        check::rebooted_all,
    ),
    life(
        "reboot_named",
        Kind::RebootNodes,
        "orders",
        prepare::nothing,
        begin::reboot_named,
        check::rebooted_one,
    ),
    life(
        "repair",
        Kind::RepairCluster,
        "orders",
        prepare::drift,
        begin::repair,
        check::repaired,
    ),
    life(
        "adopt",
        Kind::AdoptCluster,
        "legacy",
        prepare::legacy,
        begin::adopt,
        check::adopted,
    ),
    life(
        "release",
        Kind::ReleaseCluster,
        "orders",
        prepare::nothing,
        begin::release,
        check::released,
    ),
    life(
        "release_adopted",
        Kind::ReleaseCluster,
        "legacy",
        prepare::adopted,
        begin::release,
        check::released,
    ),
    #[cfg(feature = "lookups")]
    life(
        "open_ingress",
        Kind::ChangeIngress,
        "orders",
        prepare::nothing,
        ingress::open_ingress,
        ingress::is_opened,
    ),
    #[cfg(feature = "lookups")]
    life(
        "close_ingress",
        Kind::ChangeIngress,
        "orders",
        ingress::opened,
        ingress::close_ingress,
        ingress::is_closed,
    ),
    #[cfg(feature = "lookups")]
    life(
        "delete_opened",
        Kind::DeleteCluster,
        "orders",
        ingress::opened,
        begin::delete,
        check::nothing_left,
    ),
];

/// A world prepared for a scenario, and how its undisturbed run went.
pub struct Ready {
    pub life: &'static LifeTest,
    pub frozen: Frozen,
    /// Everything in AWS before.
    pub before: Vec<String>,
    /// The undisturbed run.
    pub forward: Course,
    /// The undisturbed undo after a cancel at the furthest point, for the kinds that have one.
    pub undo: Option<Course>,
}

/// How an undisturbed run went.
#[derive(Debug, Clone)]
pub struct Course {
    /// Mutating calls, each once, in order.
    pub mutations: Vec<String>,
    /// Reads, each once, in order.
    pub reads: Vec<String>,
    /// How often each mutating call took effect.
    pub effects: BTreeMap<String, usize>,
    /// Everything in AWS at the end.
    pub picture: Vec<String>,
    /// What the rows say at the end.
    pub rows: Vec<String>,
    /// Every place it came through; see [`Run::progress`].
    pub places: Vec<i64>,
    /// Steps that were done, not skipped.
    pub done: BTreeSet<String>,
}

impl Course {
    /// The last place before the end.
    pub fn furthest(&self) -> i64 {
        *self.places.last().unwrap()
    }
}

/// The account before anything of ours: what belongs to others.
pub struct Base {
    pub frozen: Frozen,
    pub picture: Vec<String>,
}

static BASE: OnceCell<Base> = OnceCell::const_new();
static CREATED: OnceCell<Frozen> = OnceCell::const_new();
static READY: [OnceCell<Ready>; COUNT] = [const { OnceCell::const_new() }; COUNT];

/// The account before anything of ours.
pub async fn base() -> &'static Base {
    BASE.get_or_init(|| async {
        let settings = aws_sandbox::Settings {
            creating_seconds: 0.02,
            deleting_seconds: 0.15,
            modifying_seconds: 0.02,
            rebooting_seconds: 0.03,
            parameter_changes_need_reboot: true,
            journal: Some(new_journal()),
            ..instant()
        };
        let world = TestEnv::with(settings.clone()).await;
        prepare::others(&world).await;
        let picture = picture(&world, &[]).await;
        Base {
            frozen: world.freeze(settings).await,
            picture,
        }
    })
    .await
}

/// The same account with a cluster of ours.
async fn created() -> &'static Frozen {
    CREATED
        .get_or_init(|| async {
            let (world, settings) = base().await.frozen.branch().await;
            prepare::created(&world).await;
            world.freeze(settings).await
        })
        .await
}

/// Every scenario, prepared and run once undisturbed.
pub async fn all_ready() -> Vec<&'static Ready> {
    let tasks: Vec<_> = (0..COUNT).map(|index| tokio::spawn(ready(index))).collect();
    let mut all = Vec::new();
    for task in tasks {
        all.push(task.await.unwrap());
    }
    all
}

/// A scenario, prepared and run once undisturbed.
pub async fn ready(index: usize) -> &'static Ready {
    READY[index]
        .get_or_init(|| async {
            let life = &LIVES[index];
            let is_managed = life.cluster == "orders" && life.kind != Kind::CreateCluster;
            let origin = if is_managed {
                created().await
            } else {
                &base().await.frozen
            };
            let (world, settings) = origin.branch().await;
            (life.prepare)(&world).await;
            let before = picture(&world, &[]).await;
            let frozen = world.freeze(settings).await;
            let forward = undisturbed(life, &frozen).await;
            let undo = if dax_provisioner::operations::plan(life.kind).undo.is_empty() {
                None
            } else {
                Some(undone(life, &frozen, forward.furthest()).await)
            };
            Ready {
                life,
                frozen,
                before,
                forward,
                undo,
            }
        })
        .await
}

async fn undisturbed(life: &'static LifeTest, frozen: &Frozen) -> Course {
    let run = Run::begin(life, frozen).await;
    let places = run.places().await;
    let ended = run.world.operation(run.id).await;
    assert_eq!(
        ended.status,
        Status::Succeeded,
        "{}: {:#?}",
        life.name,
        ended.fault
    );
    run.check_truth(life.name).await;
    (life.check)(&run.world, &ended).await;
    let course = run.course(&ended, places).await;
    run.world.end().await;
    course
}

async fn undone(life: &'static LifeTest, frozen: &Frozen, place: i64) -> Course {
    let run = Run::begin(life, frozen).await;
    run.advance(place).await;
    run.cancel().await;
    let ended = run.finish(run.id).await;
    assert_eq!(
        ended.status,
        Status::Cancelled,
        "{}: {:#?}",
        life.name,
        ended.fault
    );
    let course = run.course(&ended, Vec::new()).await;
    run.world.end().await;
    course
}

/// Steps that are done where a deletion takes its time: elsewhere a quick one may be over before anybody waits for it.
async fn done_slowly(ready: &Ready) -> BTreeSet<String> {
    let run = Run::begin(ready.life, &ready.frozen.with_slow_deletions()).await;
    if ready.life.kind == Kind::CreateCluster {
        run.advance(ready.forward.furthest()).await;
        run.cancel().await;
    }
    let step = "select coalesce(current_step, '') from operations where id = $1";
    for _ in 0..200 {
        let step: String = sqlx::query_scalar(step)
            .bind(run.id)
            .fetch_one(&run.world.pool)
            .await
            .unwrap();
        if step == "await_cluster_gone" {
            break;
        }
        run.turn().await;
    }
    run.world.sandbox.advance_clock(SLOW);
    let ended = run.finish(run.id).await;
    let done = run.course(&ended, Vec::new()).await.done;
    run.world.end().await;
    done
}

/// Every kind and every step is lived through, so that a new one cannot dodge the laws.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_and_every_step_is_lived_through() {
    let mut done: BTreeSet<(&'static str, String)> = BTreeSet::new();
    for ready in all_ready().await {
        let steps = ready
            .forward
            .done
            .iter()
            .chain(ready.undo.iter().flat_map(|undo| &undo.done));
        done.extend(steps.map(|step| (ready.life.kind.as_str(), step.clone())));
        if ["create", "delete"].contains(&ready.life.name) {
            let slowly = done_slowly(ready).await;
            done.extend(
                slowly
                    .into_iter()
                    .map(|step| (ready.life.kind.as_str(), step)),
            );
        }
        println!(
            "{:18} {} places, calls {:?}",
            ready.life.name,
            ready.forward.places.len(),
            ready.forward.mutations
        );
    }
    let (mut steps, mut missing) = (0, Vec::new());
    for kind in Kind::ALL {
        let is_lived = LIVES.iter().any(|life| life.kind == kind)
            || (kind == Kind::ChangeIngress && !LOOKUPS_BUILT_IN);
        assert!(is_lived, "{} has no scenario", kind.as_str());
        let plan = dax_provisioner::operations::plan(kind);
        for step in plan.steps.iter().chain(plan.undo) {
            steps += 1;
            if !done.contains(&(kind.as_str(), step.name.to_owned()))
                && !is_excused(kind, step.name)
            {
                missing.push(format!("{} {}", kind.as_str(), step.name));
            }
        }
    }
    println!(
        "lives: {COUNT} scenarios, {} kinds, {steps} steps and undo steps",
        Kind::ALL.len()
    );
    assert_eq!(
        missing,
        Vec::<String>::new(),
        "no scenario does these steps"
    );
}

/// Steps that a kind shares with others and never has anything to do in.
fn is_excused(kind: Kind, step: &str) -> bool {
    let never = ["delete_new_access_policies", "delete_new_parameter_group"];
    match kind {
        Kind::ScaleCluster => never.contains(&step),
        Kind::RepairCluster => step == never[0],
        // None that was never made has a port opened.
        Kind::CreateCluster => step == "close_ingress",
        Kind::DeleteCluster => step == "close_ingress" && !LOOKUPS_BUILT_IN,
        Kind::ChangeIngress => !LOOKUPS_BUILT_IN,
        _ => false,
    }
}
