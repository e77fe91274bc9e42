//! One run of a scenario: an environment, the scenario's operation, and the worker that runs it.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sandbox::CallRecord;
use dax_provisioner::domain::operation::{Operation, Status, StepStatus};
use dax_provisioner::operations::plan;
use dax_provisioner::store::UndoRequested;
use dax_provisioner::worker::Worker;
use uuid::Uuid;

use crate::properties::aws_snapshot::snapshot;
use crate::properties::prepared::Baseline;
use crate::properties::scenarios::Scenario;
use crate::properties::templates::Template;
use crate::support::test_env::TestEnv;

/// Limit of turns; no run needs as many.
const TURNS: usize = 1_000;

/// A shorter wait is slept through: turns that only read from AWS cost more.
const LONGEST_SLEEP: Duration = Duration::from_millis(60);

pub struct ScenarioRun {
    pub env: TestEnv,
    pub worker: Worker,
    pub id: Uuid,
    pub scenario: &'static Scenario,
    /// Pause before each turn, for runs that only time can continue.
    pub pause: Duration,
    /// Sequence number of the last call before the run.
    last_call_before: u64,
}

/// Where an operation stands, and how long all operations wait.
struct Position {
    status: Status,
    /// Resources that the operation touched, and calls whose outcome is known. What an undo or a
    /// delete finds depends on nothing else.
    place: i64,
    wait: Duration,
}

impl ScenarioRun {
    /// Forks a template and accepts the scenario's operation.
    pub async fn begin(scenario: &'static Scenario, template: &Template) -> Self {
        Self::begin_in(scenario, template.fork().await).await
    }

    pub async fn begin_in(scenario: &'static Scenario, env: TestEnv) -> Self {
        let last_call_before = env.sandbox.calls().last().map_or(0, |call| call.sequence);
        let id = (scenario.begin)(&env).await;
        let worker = env.worker("w");
        Self {
            env,
            worker,
            id,
            scenario,
            pause: Duration::ZERO,
            last_call_before,
        }
    }

    /// The service's calls since the run began.
    pub fn calls(&self) -> Vec<CallRecord> {
        let mut calls = self.env.service_calls();
        calls.retain(|call| call.sequence > self.last_call_before);
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

    pub async fn status(&self) -> Status {
        self.env.status(self.id).await
    }

    async fn position(&self, id: Uuid) -> Position {
        let query = "
            select status,
                (select count(*) from inventory where touched_by = $1)
                + (select count(*) from intents where operation_id = $1 and closed_at is not null),
                (select coalesce(max(extract(epoch from wake_at - clock_timestamp())), 0)::float8
                 from operations
                 where finished_at is null and owner is null and wake_at <> 'infinity')
            from operations
            where id = $1";
        let (status, place, seconds): (String, i64, f64) = sqlx::query_as(query)
            .bind(id)
            .fetch_one(&self.env.pool)
            .await
            .unwrap();
        Position {
            status: status.parse().unwrap(),
            place,
            wait: Duration::from_secs_f64(seconds.max(0.0)),
        }
    }

    /// Takes one turn, when the wait has ended.
    pub async fn turn(&self) {
        let position = self.position(self.id).await;
        self.turn_after(position.wait).await;
    }

    async fn turn_after(&self, wait: Duration) {
        if wait > LONGEST_SLEEP {
            self.env.make_due().await;
        } else if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        if !self.pause.is_zero() {
            tokio::time::sleep(self.pause).await;
        }
        self.worker.turn().await.unwrap();
    }

    /// Takes turns until an operation is at a position, and returns that.
    async fn turns_until(
        &self,
        id: Uuid,
        mut is_reached: impl FnMut(&Position) -> bool,
    ) -> Position {
        for _ in 0..TURNS {
            let position = self.position(id).await;
            if is_reached(&position) {
                return position;
            }
            self.turn_after(position.wait).await;
        }
        panic!("{TURNS} turns: {:#?}", self.env.operation(id).await);
    }

    /// Takes turns until an operation is finished. A blocked one gets turns as well.
    pub async fn finish(&self, id: Uuid) -> Operation {
        self.turns_until(id, |at| at.status.is_finished()).await;
        self.env.operation(id).await
    }

    /// Takes turns until the operation has reached a place, or is finished.
    pub async fn advance(&self, place: i64) {
        self.turns_until(self.id, |at| at.status.is_finished() || at.place >= place)
            .await;
    }

    /// Takes turns until the operation is finished. Returns every place that it passed.
    pub async fn places(&self) -> Vec<i64> {
        let mut places = Vec::new();
        self.turns_until(self.id, |at| {
            if !at.status.is_finished() {
                places.push(at.place);
            }
            at.status.is_finished()
        })
        .await;
        places.dedup();
        places
    }

    pub async fn request_cancel(&self) -> UndoRequested {
        let undo = |kind| plan(kind).undo_names();
        self.env
            .store
            .cancel(self.id, "token:test", undo)
            .await
            .unwrap()
    }

    pub async fn request_roll_back(&self) -> UndoRequested {
        let undo = |kind| plan(kind).undo_names();
        self.env
            .store
            .roll_back(self.id, "token:test", undo)
            .await
            .unwrap()
    }

    /// Cancels the operation, which must still be possible.
    pub async fn cancel(&self) {
        assert_eq!(self.request_cancel().await, UndoRequested::Started);
    }

    /// The result of the run.
    pub async fn baseline(&self, ended: &Operation, places: Vec<i64>) -> Baseline {
        let is_done =
            |status: StepStatus| matches!(status, StepStatus::Succeeded | StepStatus::Undone);
        let done = ended
            .steps
            .iter()
            .filter(|step| is_done(step.status))
            .map(|step| step.name.clone());
        Baseline {
            mutations: self.call_names(true),
            reads: self.call_names(false),
            effects: self.effects(),
            snapshot: snapshot(&self.env, &[self.id]).await,
            rows: self.rows().await,
            places,
            done: done.collect(),
        }
    }

    /// The mutating or the reading calls, each once, in order.
    fn call_names(&self, mutating: bool) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for call in self.calls() {
            if call.mutating == mutating && !names.iter().any(|name| *name == call.operation) {
                names.push(call.operation.into_owned());
            }
        }
        names
    }
}
