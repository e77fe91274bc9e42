//! Turns that end at the same time are recorded by one statement, each as if it were alone.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dax_provisioner::domain::problems::fault::{Fault, FaultClass};
use dax_provisioner::domain::task::Task;
use dax_provisioner::store::{
    Claim, Claimant, Continuation, Next, Recorded, Store, StoreError, TurnReport,
};
use futures_util::future::join_all;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::support::database_proxy::DatabaseProxy;
use crate::support::requests::{claimant, plain_spec};
use crate::support::test_env::TestEnv;

use sorts::{NEXT, of, sorts, wait};

mod next;
mod sorts;
mod waits;

type Outcome = Result<Recorded, StoreError>;

/// An operation that a worker holds.
struct Held {
    name: String,
    claim: Claim,
    task: Task,
}

struct Records {
    env: TestEnv,
    store: Store,
    proxy: Arc<DatabaseProxy>,
    claimant: Arc<Claimant>,
    /// Whose loops record turns. It knows no step, so they find no other operation.
    loops: Arc<Claimant>,
    /// The clusters whose records were answered, and when.
    answered: Mutex<Vec<(String, Instant)>>,
}

impl Records {
    async fn new() -> Self {
        Self::with_timeout(Duration::from_secs(20)).await
    }

    /// `timeout`: how long a statement may take.
    async fn with_timeout(timeout: Duration) -> Self {
        let env = TestEnv::new().await;
        let proxy = DatabaseProxy::start(&env.database.url()).await;
        let store = Store::open(&dax_provisioner::store::Connection {
            url: proxy.url.clone(),
            max_connections: 4,
            acquire_timeout: timeout,
            statement_timeout: timeout,
        });
        Self {
            env,
            store: store.unwrap(),
            proxy,
            claimant: claimant("w"),
            loops: Arc::new(Claimant::new("w".to_owned(), Vec::new())),
            answered: Mutex::default(),
        }
    }

    /// Claims a new operation, after `change`, an update of its row. No other one is due.
    async fn claim(&self, name: &str, change: &str) -> Held {
        let id = self.env.create(&plain_spec(name)).await;
        let change = format!(
            "update operations set wake_at = 'infinity' where id <> '{id}';
             update operations set {change} where id = '{id}'"
        );
        self.env.pool.execute(AssertSqlSafe(change)).await.unwrap();
        self.claim_again(name).await
    }

    async fn claim_all<const N: usize>(&self, names: [&str; N]) -> [Held; N] {
        let mut held = Vec::new();
        for name in names {
            held.push(self.claim(name, "version = version").await);
        }
        held.try_into().ok().unwrap()
    }

    async fn claim_again(&self, name: &str) -> Held {
        let claimed = self.store.claim(&self.claimant).await.unwrap().unwrap();
        let task = claimed.task.unwrap();
        assert_eq!(task.cluster.as_str(), name);
        Held {
            name: name.to_owned(),
            claim: claimed.claim,
            task,
        }
    }

    async fn record(&self, held: &Held, report: &TurnReport) -> Outcome {
        let Held { claim, task, .. } = held;
        let continuation = Continuation {
            claimant: Arc::clone(&self.loops),
            holds: true,
        };
        let outcome = self
            .store
            .record(claim, task, report, Some(&continuation))
            .await;
        let answered = (held.name.clone(), Instant::now());
        self.answered.lock().unwrap().push(answered);
        outcome
    }

    /// A statement waits for a lock while it records `first`; the others come during that time.
    /// `release` ends the wait.
    async fn record_together(
        &self,
        first: &Held,
        others: &[(&Held, TurnReport)],
        release: impl AsyncFnOnce(&mut PgConnection),
    ) -> (Outcome, Vec<Outcome>) {
        let url = self.env.database.url();
        let mut blocker = <PgConnection as Connection>::connect(&url).await.unwrap();
        let lock = "begin; lock table operation_steps in exclusive mode";
        blocker.execute(lock).await.unwrap();
        self.proxy.take_statements();
        let waits = "select exists (select 1 from pg_stat_activity
                     where datname = current_database() and wait_event_type = 'Lock')";
        let (started, has_started) = oneshot::channel();
        let released = async {
            while !sqlx::query_scalar::<_, bool>(waits)
                .fetch_one(&self.env.pool)
                .await
                .unwrap()
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            started.send(()).unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
            release(&mut blocker).await;
            blocker.execute("rollback").await.unwrap();
        };
        let all = async {
            has_started.await.unwrap();
            let records = others
                .iter()
                .map(|(held, report)| self.record(held, report));
            join_all(records).await
        };
        let report = of(NEXT);
        let (first, all, ()) = tokio::join!(self.record(first, &report), all, released);
        (first, all)
    }

    /// The number of statements that recorded turns.
    fn statements(&self) -> usize {
        let statements = self.proxy.take_statements();
        let records = |text: &&String| text.contains("Records turns");
        statements.iter().filter(records).count()
    }

    /// What the database has of an operation, without what differs between two equal ones.
    async fn stored(&self, held: &Held) -> Value {
        let rows = |table: &str, condition: &str, order: &str| {
            format!(
                "(select jsonb_agg(to_jsonb(r) order by {order}) from {table} r where {condition})"
            )
        };
        let of_operation = |table, order| rows(table, "operation_id = o.id", order);
        let query = format!(
            "select jsonb_build_array(to_jsonb(o), {}, {}, {}, {}, {}, {}, {}) from operations o where id = $1",
            of_operation("operation_steps", "position"),
            of_operation("operation_events", "sequence"),
            of_operation("attempts", "position, number"),
            of_operation("intents", "id"),
            of_operation("audit_records", "id"),
            rows("inventory", "cluster_id = o.cluster_id", "id"),
            rows("clusters", "id = o.cluster_id", "id"),
        );
        let mut stored: Value = sqlx::query_scalar(AssertSqlSafe(query))
            .bind(held.claim.operation_id)
            .fetch_one(&self.env.pool)
            .await
            .unwrap();
        normalise(&mut stored, &held.name);
        stored
    }
}

fn normalise(value: &mut Value, name: &str) {
    match value {
        Value::Object(fields) => {
            fields.retain(|key, value| {
                let is_order = key.ends_with("_order") && value.is_number();
                !(is_order || ["id", "xid", "intent"].contains(&key.as_str()))
            });
            fields.values_mut().for_each(|value| normalise(value, name));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| normalise(value, name)),
        Value::String(text) => {
            if text.parse::<Uuid>().is_ok() {
                "an ID".clone_into(text);
            } else if text.len() > 18 && chrono::DateTime::parse_from_rfc3339(text).is_ok() {
                "a time".clone_into(text);
            } else if text.starts_with("00-") {
                "a trace".clone_into(text);
            }
            *text = text.replace(name, "NAME");
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_recorded_with_others_has_the_effect_of_one_recorded_alone() {
    let records = Records::new().await;
    let alone = sorts(&records, "alone").await;
    let mut expected = Vec::new();
    for (held, report) in &alone {
        let recorded = records.record(held, report).await.unwrap();
        expected.push((held, recorded, records.stored(held).await));
    }
    let first = records.claim("first", "version = version").await;
    let together = sorts(&records, "every").await;
    let turns: Vec<(&Held, TurnReport)> = together
        .iter()
        .map(|(held, report)| (held, report.clone()))
        .collect();

    let (_, outcomes) = records.record_together(&first, &turns, async |_| {}).await;

    let of_all = "of the first turn, of the end of a block, and of all others";
    assert_eq!(records.statements(), 3, "{of_all}");
    for ((expected, outcome), (held, _)) in expected.iter().zip(outcomes).zip(&turns) {
        let (alone, recorded, stored) = expected;
        let outcome = outcome.unwrap();
        assert_eq!(outcome.status, recorded.status, "{}", alone.name);
        assert_eq!(outcome.wakes_after, recorded.wakes_after, "{}", alone.name);
        let is_held = |next: &Next<_>| matches!(next, Next::Claimed(_));
        assert_eq!(is_held(&outcome.next), is_held(&recorded.next));
        assert_eq!(records.stored(held).await, *stored, "{}", alone.name);
    }
    let stored = |sort: &str| {
        let of_sort = |(held, _, _): &&(&Held, _, _)| held.name == format!("alone-{sort}");
        &expected.iter().find(of_sort).unwrap().2
    };
    let cluster = &stored("observed")[7][0];
    assert_eq!(cluster["observed"]["status"], "creating");
    assert_eq!(cluster["desired"]["replication_factor"], 7);
    assert_eq!(cluster["details"]["tags"]["team"], "orders");
    for (sort, outcomes) in [
        ("applied", vec!["applied"]),
        ("rejected", vec!["refused"]),
        ("settled", vec!["settled"]),
        ("again", vec!["applied", "applied"]),
    ] {
        let intents = stored(sort)[4].as_array().unwrap().iter();
        let stored: Vec<&Value> = intents.map(|intent| &intent["outcome"]).collect();
        assert_eq!(stored, outcomes, "{sort}");
    }
    for (sort, status) in [
        ("end", "succeeded"),
        ("failed", "failed"),
        ("retried", "running"),
    ] {
        assert_eq!(stored(sort)[0]["status"], status, "{sort}");
    }
    assert_eq!(stored("end")[7][0]["status"], "available");
    assert_eq!(stored("failed")[7][0]["status"], "failed");
    assert!(stored("unknown")[4][0]["closed_at"].is_null());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_that_cannot_be_recorded_fails_no_neighbour() {
    let records = Records::new().await;
    let names = ["first", "fenced", "good", "unstorable", "twice", "dropped"];
    let [first, fenced, good, unstorable, twice, dropped] = records.claim_all(names).await;
    let fence = sqlx::query("update operations set epoch = epoch + 1 where id = $1");
    let fence = fence.bind(fenced.claim.operation_id);
    fence.execute(&records.env.pool).await.unwrap();
    // PostgreSQL stores no NUL character.
    let bad = wait(Some(Fault::new(FaultClass::Transient, "\0")));
    let turns = [
        (&fenced, of(NEXT)),
        (&good, of(NEXT)),
        (&unstorable, bad),
        (&twice, wait(None)),
        (&twice, wait(None)),
    ];
    let report = of(NEXT);
    let drop = async |_: &mut PgConnection| {
        let record = records.record(&dropped, &report);
        let late = tokio::time::timeout(Duration::from_millis(50), record).await;
        assert!(late.is_err(), "{late:?}");
    };

    let (_, outcomes) = records.record_together(&first, &turns, drop).await;

    assert!(matches!(outcomes[0], Err(StoreError::Fenced)));
    outcomes[1].as_ref().unwrap();
    let error = outcomes[2].as_ref().unwrap_err();
    assert!(matches!(error, StoreError::Database(_)), "{error:?}");
    let of_twice = outcomes[3..].iter().filter(|outcome| outcome.is_ok());
    assert_eq!(of_twice.count(), 1, "{outcomes:?}");
    for (held, position) in [(&good, 1), (&unstorable, 0), (&dropped, 1)] {
        let stored = records.stored(held).await;
        assert_eq!(stored[0]["current_position"], position, "{}", held.name);
    }
    let events = records.stored(&twice).await[2].as_array().unwrap().len();
    assert_eq!(events, 2, "accepted and started");
}

/// The database ends the connection of every statement that waits: nothing is recorded, and all turns can be
/// recorded again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_whose_connection_is_killed_records_nothing_and_can_be_repeated() {
    let records = Records::new().await;
    let held = records.claim_all(["first", "a", "b", "c"]).await;
    let [first, others @ ..] = &held;
    let turns: Vec<(&Held, TurnReport)> = others.iter().map(|held| (held, of(NEXT))).collect();
    let kill = async |blocker: &mut PgConnection| {
        let kill = "select count(pg_terminate_backend(pid)) from pg_stat_activity
                    where datname = current_database() and wait_event_type = 'Lock'";
        while records.answered.lock().unwrap().len() < held.len() {
            blocker.execute(kill).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };

    let (outcome, outcomes) = records.record_together(first, &turns, kill).await;

    for outcome in std::iter::once(&outcome).chain(&outcomes) {
        let error = outcome.as_ref().unwrap_err();
        assert!(error.is_unavailable(), "{error:?}");
    }
    for held in &held {
        assert_eq!(records.stored(held).await[0]["current_position"], 0);
        records.record(held, &of(NEXT)).await.unwrap();
        assert_eq!(records.stored(held).await[0]["current_position"], 1);
    }
}
