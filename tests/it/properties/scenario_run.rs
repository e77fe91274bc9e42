//! One run of a scenario: a world of its own, its operation, and what can be said of both.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sandbox::CallRecord;
use dax_provisioner::domain::drift::drift;
use dax_provisioner::domain::ingress::Ingress;
use dax_provisioner::domain::inventory::{Item, Owner, Presence, ResourceKind};
use dax_provisioner::domain::names::operation_suffix;
use dax_provisioner::domain::observed::{Details, GroupValues};
use dax_provisioner::domain::operation::{Operation, Status, StepStatus};
use dax_provisioner::operations::plan;
use dax_provisioner::store::UndoRequested;
use dax_provisioner::worker::Worker;
use uuid::Uuid;

use crate::properties::scenarios::{Course, LifeTest, base};
use crate::properties::snapshots::Frozen;
use crate::support::test_env::TestEnv;

/// Most turns a run needs.
const TURNS: usize = 1_000;

/// One run.
pub struct Run {
    pub world: TestEnv,
    pub worker: Worker,
    pub id: Uuid,
    life: &'static LifeTest,
    from: u64,
}

/// Everything in AWS, one line for each thing, the ids of these operations left out.
pub async fn picture(world: &TestEnv, operations: &[Uuid]) -> Vec<String> {
    let found = world.sandbox.inventory();
    let mut lines = Vec::new();
    lines.extend(
        found
            .roles
            .iter()
            .filter(|role| !role.service_linked)
            .map(|role| {
                let mut role = role.clone();
                role.attached_policies.sort();
                format!("{role:?}")
            }),
    );
    lines.extend(
        found
            .policies
            .iter()
            .filter(|policy| !policy.builtin)
            .map(|policy| format!("{policy:?}")),
    );
    lines.extend(found.clusters.iter().map(|cluster| format!("{cluster:?}")));
    lines.extend(found.subnet_groups.iter().map(|group| format!("{group:?}")));
    lines.extend(
        found
            .parameter_groups
            .iter()
            .map(|group| format!("{group:?}")),
    );
    for mut group in found.security_groups.clone() {
        lines.extend(
            group
                .ingress
                .drain(..)
                .map(|rule| format!("{} lets in {rule}", group.id)),
        );
        lines.push(format!("{group:?}"));
    }
    for (name, mut seen) in world.admin.clusters().await.unwrap() {
        seen.endpoint = None;
        lines.push(format!("{name}: {seen:?}"));
    }
    without_ids(lines, operations)
}

fn without_ids(mut lines: Vec<String>, operations: &[Uuid]) -> Vec<String> {
    for line in &mut lines {
        for id in operations {
            *line = line
                .replace(&id.to_string(), "OPERATION")
                .replace(&operation_suffix(*id), "SUFFIX");
        }
    }
    lines.sort();
    lines
}

impl Run {
    /// Thaws a world and has the scenario's operation accepted.
    pub async fn begin(life: &'static LifeTest, frozen: &Frozen) -> Self {
        let world = frozen.thaw().await;
        let from = world.sandbox.calls().last().map_or(0, |call| call.sequence);
        let id = (life.begin)(&world).await;
        let worker = world.worker("w");
        Self {
            world,
            worker,
            id,
            life,
            from,
        }
    }

    /// The service's calls since the run began.
    pub fn calls(&self) -> Vec<CallRecord> {
        let mut calls = self.world.service_calls();
        calls.retain(|call| call.sequence > self.from);
        calls
    }

    /// How often each call took effect.
    pub fn effects(&self) -> BTreeMap<String, usize> {
        let mut effects = BTreeMap::new();
        for call in self.calls().into_iter().filter(|call| call.effect) {
            *effects.entry(call.operation.into_owned()).or_default() += 1;
        }
        effects
    }

    /// Where an operation stands.
    pub async fn status(&self, id: Uuid) -> Status {
        let word: String = sqlx::query_scalar("select status from operations where id = $1")
            .bind(id)
            .fetch_one(&self.world.pool)
            .await
            .unwrap();
        Status::parse(&word).unwrap()
    }

    /// How far the operation has come: calls whose outcome is known, and things that were found or made. What an undo or
    /// a delete meets changes with nothing else.
    pub async fn progress(&self) -> i64 {
        let count = "select (select count(*) from inventory where touched_by = $1)
                          + (select count(*) from intents where operation_id = $1 and closed_at is not null)";
        sqlx::query_scalar(count)
            .bind(self.id)
            .fetch_one(&self.world.pool)
            .await
            .unwrap()
    }

    /// One turn. What waits a moment for AWS is waited for, as turns that only look cost more; a longer wait is cut short.
    pub async fn turn(&self) {
        let query = "select coalesce(max(extract(epoch from wake_at - clock_timestamp())), 0)::float8 from operations
                     where finished_at is null and owner is null and wake_at <> 'infinity'";
        let seconds: f64 = sqlx::query_scalar(query)
            .fetch_one(&self.world.pool)
            .await
            .unwrap();
        if seconds > 0.06 {
            self.world.hurry().await;
        } else if seconds > 0.0 {
            tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        }
        self.worker.turn().await.unwrap();
    }

    /// Turns until an operation is finished; a blocked one is visited again.
    pub async fn finish(&self, id: Uuid) -> Operation {
        for _ in 0..TURNS {
            if self.status(id).await.is_finished() {
                return self.world.operation(id).await;
            }
            self.turn().await;
        }
        panic!(
            "not finished after {TURNS} turns: {:#?}",
            self.world.operation(id).await
        );
    }

    /// Turns until the operation has come so far, or is over.
    pub async fn advance(&self, progress: i64) {
        for _ in 0..TURNS {
            if self.status(self.id).await.is_finished() || self.progress().await >= progress {
                return;
            }
            self.turn().await;
        }
        panic!(
            "did not come to {progress}: {:#?}",
            self.world.operation(self.id).await
        );
    }

    /// Turns until the operation is over. Returns every place it came through, by its progress.
    pub async fn places(&self) -> Vec<i64> {
        let mut places = Vec::new();
        for _ in 0..TURNS {
            if self.status(self.id).await.is_finished() {
                return places;
            }
            places.push(self.progress().await);
            places.dedup();
            self.turn().await;
        }
        panic!(
            "not finished after {TURNS} turns: {:#?}",
            self.world.operation(self.id).await
        );
    }

    /// Asks for the cancel, which must be heard.
    pub async fn cancel(&self) {
        let given_up = self
            .world
            .store
            .cancel(self.id, |kind| plan(kind).undo_names())
            .await
            .unwrap();
        assert_eq!(given_up, UndoRequested::Begun);
    }

    /// What the rows say of the cluster.
    pub async fn rows(&self) -> Vec<String> {
        let Some(cluster) = self.world.store.cluster(self.life.cluster).await.unwrap() else {
            return Vec::new();
        };
        let fault = cluster.fault.map(|fault| fault.class);
        let mut lines = vec![format!(
            "{:?} {:?} {fault:?}",
            cluster.status, cluster.desired
        )];
        lines.extend(cluster.inventory.iter().map(|item| {
            let Item {
                kind,
                name,
                owner,
                presence,
                reason,
                ..
            } = item;
            format!("{kind:?} {name} {owner:?} {presence:?} {reason:?}")
        }));
        without_ids(lines, &[self.id])
    }

    /// How the run went.
    pub async fn course(&self, ended: &Operation, places: Vec<i64>) -> Course {
        let names = |mutating: bool| {
            let mut names: Vec<String> = Vec::new();
            for call in self
                .calls()
                .into_iter()
                .filter(|call| call.mutating == mutating)
            {
                if !names.iter().any(|known| *known == call.operation) {
                    names.push(call.operation.into_owned());
                }
            }
            names
        };
        let is_done =
            |status: StepStatus| matches!(status, StepStatus::Succeeded | StepStatus::Undone);
        let done = ended
            .steps
            .iter()
            .filter(|step| is_done(step.status))
            .map(|step| step.name.clone());
        Course {
            mutations: names(true),
            reads: names(false),
            effects: self.effects(),
            picture: picture(&self.world, &[self.id]).await,
            rows: self.rows().await,
            places,
            done: done.collect(),
        }
    }

    /// The run ended as another, undisturbed one did, and no call took effect more often.
    pub async fn check_like(&self, course: &Course, what: &str) {
        self.world.sandbox.clear_faults();
        assert_eq!(
            picture(&self.world, &[self.id]).await,
            course.picture,
            "{what}: AWS"
        );
        assert_eq!(self.rows().await, course.rows, "{what}: rows");
        let (mut effects, mut expected) = (self.effects(), course.effects.clone());
        // AWS keeps no trace of a finished reboot, so one whose answer was lost may be sent again.
        let again = effects.remove("dax:RebootNode") >= expected.remove("dax:RebootNode");
        assert!(again, "{what}: fewer reboots");
        assert_eq!(effects, expected, "{what}: effects");
        self.check_truth(what).await;
    }

    /// What must hold whenever an operation is over: nothing is open, the receipt is true, rows and AWS agree, and what
    /// belongs to others is as it was.
    pub async fn check_truth(&self, what: &str) {
        let open: i64 = sqlx::query_scalar("select count(*) from intents where closed_at is null")
            .fetch_one(&self.world.pool)
            .await
            .unwrap();
        assert_eq!(open, 0, "{what}: an intent stayed open");
        let now = picture(&self.world, &[]).await;
        let missing: Vec<&String> = base()
            .await
            .picture
            .iter()
            .filter(|line| !now.contains(line))
            .collect();
        assert_eq!(
            missing,
            Vec::<&String>::new(),
            "{what}: changed, and not ours: {now:#?}"
        );
        let ended = self.world.operation(self.id).await;
        for item in ended
            .receipt
            .iter()
            .filter(|item| item.owner == Owner::Managed)
        {
            let wrong = match item.presence {
                Presence::Present => !self.exists(item),
                Presence::Gone => self.exists(item),
                Presence::Left => false,
            };
            assert!(!wrong, "{what}: the receipt lies about {item:?}");
        }
        self.check_made_is_recorded(what).await;
    }

    async fn check_made_is_recorded(&self, what: &str) {
        let suffix = operation_suffix(self.id);
        let cluster = self.world.store.cluster(self.life.cluster).await.unwrap();
        let rows = cluster.map(|cluster| cluster.inventory).unwrap_or_default();
        for name in self
            .world
            .made_in_aws()
            .into_iter()
            .filter(|name| name.ends_with(&suffix))
        {
            let is_it = |item: &&Item| {
                name.ends_with(&format!(" {}", item.name))
                    || name.ends_with(&format!("/{}", item.name))
            };
            let row = rows.iter().find(is_it);
            assert!(
                row.is_some_and(|row| row.presence == Presence::Present),
                "{what}: nothing tells of {name}: {row:?}"
            );
        }
    }

    fn exists(&self, item: &Item) -> bool {
        let found = self.world.sandbox.inventory();
        match item.kind {
            ResourceKind::Role => found.roles.iter().any(|one| one.name == item.name),
            ResourceKind::Policy => found.policies.iter().any(|one| one.name == item.name),
            ResourceKind::SubnetGroup => {
                found.subnet_groups.iter().any(|one| one.name == item.name)
            }
            ResourceKind::ParameterGroup => found
                .parameter_groups
                .iter()
                .any(|one| one.name == item.name),
            ResourceKind::Cluster => found.clusters.iter().any(|one| one.name == item.name),
            ResourceKind::SecurityGroupRule => {
                let Ingress {
                    security_group_id,
                    port,
                    ..
                } = Ingress::parse(&item.name).unwrap();
                let peer = item.name.splitn(3, ':').last().unwrap();
                let rule = format!("tcp {port}-{port} from {peer}");
                found
                    .security_groups
                    .iter()
                    .any(|group| group.id == security_group_id && group.ingress.contains(&rule))
            }
            ResourceKind::ServiceLinkedRole => true,
        }
    }

    /// Fields in which AWS differs from the desired settings, everything read anew.
    pub async fn drift(&self) -> Vec<String> {
        let Some(mut cluster) = self.world.store.cluster(self.life.cluster).await.unwrap() else {
            return Vec::new();
        };
        let admin = &self.world.admin;
        cluster.observed = admin.cluster(self.life.cluster).await.unwrap();
        if let Some(seen) = &cluster.observed {
            let tags = admin
                .cluster_tags(seen.arn.as_ref().unwrap())
                .await
                .unwrap();
            let group = seen.parameter_group.clone().unwrap();
            let values = admin.parameters(&group).await.unwrap().unwrap();
            cluster.details = Some(Details {
                tags,
                parameters: Some(GroupValues { group, values }),
            });
        }
        drift(&cluster)
            .into_iter()
            .map(|field| format!("{field:?}"))
            .collect()
    }
}
