//! Creates that arrive during a commit are accepted by the next statement together, and operations are
//! read together in the same way. Each caller has its own outcome, and none is lost.

use std::time::Duration;

use dax_provisioner::domain::operation::Kind;
use dax_provisioner::store::{Accepted, IdempotencyKey, NewOperation, Store, StoreError};
use futures_util::future::join_all;
use sqlx::{Executor, PgConnection};
use uuid::Uuid;

use crate::support::database::{TestDatabase, open_store};
use crate::support::database_proxy::DatabaseProxy;
use crate::support::requests::{new_operation, plain_spec};

type Outcome = Result<Accepted, StoreError>;

struct Create {
    name: &'static str,
    key: Option<(&'static str, u8)>,
}

fn create(name: &'static str) -> Create {
    Create { name, key: None }
}

fn create_with_key(name: &'static str, key: &'static str, fingerprint: u8) -> Create {
    let key = Some((key, fingerprint));
    Create { name, key }
}

impl Create {
    fn operation(&self) -> NewOperation {
        let key = |(key, fingerprint): (&str, u8)| IdempotencyKey {
            caller: "token:test".to_owned(),
            key: key.to_owned(),
            fingerprint: vec![fingerprint],
        };
        NewOperation {
            idempotency_key: self.key.map(key),
            ..new_operation(Kind::CreateCluster)
        }
    }
}

struct Batches {
    database: TestDatabase,
    store: Store,
    proxy: std::sync::Arc<DatabaseProxy>,
}

impl Batches {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let proxy = DatabaseProxy::start(&database.url()).await;
        let store = open_store(proxy.url.clone(), 2);
        Self {
            database,
            store,
            proxy,
        }
    }

    async fn connect(&self) -> PgConnection {
        <PgConnection as sqlx::Connection>::connect(&self.database.url())
            .await
            .unwrap()
    }

    async fn accept(&self, create: &Create) -> Outcome {
        let spec = plain_spec(create.name);
        self.store.accept_create(&create.operation(), &spec).await
    }

    /// Sends `first`, which waits for a lock, and all of `creates` during that time; then runs `release`,
    /// which ends the wait.
    async fn accept_together(
        &self,
        first: &Create,
        creates: &[Create],
        release: impl Future<Output = ()>,
    ) -> (Outcome, Vec<Outcome>) {
        let mut blocker = self.connect().await;
        blocker
            .execute("begin; lock table clusters in exclusive mode")
            .await
            .unwrap();
        let started = async {
            // `join` polls in order: everything waits in the queue when this starts.
            self.wait_for_lock().await;
            blocker.execute("rollback").await.unwrap();
            release.await;
        };
        let all = join_all(creates.iter().map(|create| self.accept(create)));
        let (first, all, ()) = tokio::join!(self.accept(first), all, started);
        (first, all)
    }

    /// Waits until a statement of the store waits for a lock.
    async fn wait_for_lock(&self) {
        let mut watcher = self.connect().await;
        let waits = "select count(*) from pg_stat_activity
                     where datname = current_database() and wait_event_type = 'Lock'";
        while sqlx::query_scalar::<_, i64>(waits)
            .fetch_one(&mut watcher)
            .await
            .unwrap()
            == 0
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn operations(&self) -> Vec<(String, Uuid)> {
        let mut watcher = self.connect().await;
        sqlx::query_as("select cluster_name, id from operations order by cluster_name")
            .fetch_all(&mut watcher)
            .await
            .unwrap()
    }

    /// The number of statements that accepted creates.
    fn statements(&self) -> usize {
        let statements = self.proxy.take_statements();
        let accepts = |statement: &&String| statement.contains("insert into operations");
        statements.iter().filter(accepts).count()
    }
}

fn id(outcome: &Outcome) -> Uuid {
    let accepted = outcome.as_ref().unwrap();
    accepted.created().unwrap_or_else(|| panic!("{accepted:?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_create_of_a_batch_has_its_own_outcome() {
    let batches = Batches::new().await;
    let known = batches.accept(&create_with_key("known", "k0", 1)).await;
    batches.statements();
    let creates = [
        create_with_key("a", "k1", 1),
        create("b"),
        create_with_key("known", "k0", 1),
        create_with_key("c", "k0", 2),
        create("known"),
        // The same name, and the same key twice, as others of the batch.
        create_with_key("b", "k2", 1),
        create_with_key("a", "k1", 1),
        create_with_key("d", "k1", 2),
        create("e"),
    ];
    let release = std::future::ready(());
    let first = create("first");
    let (first, outcomes) = batches.accept_together(&first, &creates, release).await;
    let statements = batches.statements();
    let (a, b) = (id(&outcomes[0]), id(&outcomes[1]));
    let mut created = vec![id(&first), a, b, id(&outcomes[8]), id(&known)];
    let outcome = |number: usize| outcomes[number].as_ref().unwrap();
    assert_eq!(*outcome(2), Accepted::Replayed(id(&known)));
    assert_eq!(*outcome(3), Accepted::KeyReused);
    assert_eq!(*outcome(4), Accepted::InProgress(id(&known)));
    assert_eq!(*outcome(5), Accepted::InProgress(b));
    assert_eq!(*outcome(6), Accepted::Replayed(a));
    assert_eq!(*outcome(7), Accepted::KeyReused);
    let mut stored: Vec<Uuid> = batches
        .operations()
        .await
        .into_iter()
        .map(|(_, id)| id)
        .collect();
    stored.sort();
    created.sort();
    assert_eq!(stored, created);
    // The first one, those that fit in one statement, and two rounds of those that had to wait.
    assert!(statements <= 4, "{statements} statements");
}

/// Another process stores the same key between the start of the statement and its insert.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conflict_with_another_process_fails_no_neighbour() {
    let batches = Batches::new().await;
    let earlier = id(&batches.accept(&create("earlier")).await);
    let mut other = batches.connect().await;
    let insert = "insert into idempotency_keys (caller, key, fingerprint, operation_id)
                  values ('token:test', 'k9', '\\x01', $1)";
    other.execute("begin").await.unwrap();
    sqlx::query(insert)
        .bind(earlier)
        .execute(&mut other)
        .await
        .unwrap();
    let commit = async {
        batches.wait_for_lock().await;
        other.execute("commit").await.unwrap();
    };
    let creates = [create("a"), create_with_key("b", "k9", 1), create("c")];
    let first = create("first");
    let (first, outcomes) = batches.accept_together(&first, &creates, commit).await;
    for outcome in [&first, &outcomes[0], &outcomes[2]] {
        id(outcome);
    }
    let conflict = outcomes[1].as_ref().unwrap();
    assert_eq!(*conflict, Accepted::Replayed(earlier));
    let names: Vec<String> = batches
        .operations()
        .await
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["a", "c", "earlier", "first"]);
}

/// A caller that disconnects has sent its request: it is accepted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_caller_loses_neither_its_create_nor_that_of_others() {
    let batches = Batches::new().await;
    let mut blocker = batches.connect().await;
    blocker
        .execute("begin; lock table clusters in exclusive mode")
        .await
        .unwrap();
    let (first, dropped, other) = (create("first"), create("dropped"), create("other"));
    let limit = Duration::from_millis(50);
    let dropped = tokio::time::timeout(limit, batches.accept(&dropped));
    let rest = async { tokio::join!(batches.accept(&first), batches.accept(&other)) };
    let release = async {
        let dropped = dropped.await;
        assert!(dropped.is_err(), "{dropped:?}");
        blocker.execute("rollback").await.unwrap();
    };
    let ((first, other), ()) = tokio::join!(rest, release);
    for outcome in [&first, &other] {
        id(outcome);
    }
    let stored = batches.operations().await;
    assert_eq!(stored.len(), 3, "{stored:?}");
}

/// The database ends the connection during the statement: nothing of the batch is stored, each
/// caller gets an error, and the next create is accepted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_whose_connection_is_killed_is_stored_as_a_whole_or_not_at_all() {
    let batches = Batches::new().await;
    let mut blocker = batches.connect().await;
    blocker
        .execute("begin; lock table operation_events in exclusive mode")
        .await
        .unwrap();
    let (first_waits, others_may_start) = tokio::sync::oneshot::channel();
    let creates = [create("a"), create("b"), create("c")];
    let accepts = async {
        let others = async {
            // Not in the statement of the first.
            others_may_start.await.unwrap();
            join_all(creates.iter().map(|create| batches.accept(create))).await
        };
        tokio::join!(async { batches.accept(&create("first")).await }, others)
    };
    let kills = async {
        let mut first_waits = Some(first_waits);
        loop {
            batches.wait_for_lock().await;
            if let Some(first_waits) = first_waits.take() {
                first_waits.send(()).unwrap();
            }
            let kill = "select pg_terminate_backend(pid) from pg_stat_activity
                        where datname = current_database() and wait_event_type = 'Lock'";
            blocker.execute(kill).await.unwrap();
        }
    };
    let (first, outcomes) = tokio::select! {
        outcomes = accepts => outcomes,
        () = kills => unreachable!("it kills until the creates have failed"),
    };
    blocker.execute("rollback").await.unwrap();
    let stored = batches.operations().await;
    let outcomes: Vec<&Outcome> = std::iter::once(&first).chain(&outcomes).collect();
    let accepted = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(stored.len(), accepted, "{stored:?} {outcomes:#?}");
    assert!(first.is_err(), "{first:?}");
    for outcome in outcomes
        .into_iter()
        .filter_map(|outcome| outcome.as_ref().err())
    {
        assert!(outcome.is_unavailable(), "{outcome:?}");
    }
    id(&batches.accept(&create("later")).await);
}

/// The first caller has gone when its statement ends, and one of the operations cannot be read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_during_a_statement_share_the_next_one_with_an_outcome_each() {
    let batches = Batches::new().await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c"] {
        ids.push(id(&batches.accept(&create(name)).await));
    }
    let mut blocker = batches.connect().await;
    let unreadable = sqlx::query("update operations set target = 'not a target' where id = $1");
    unreadable.bind(ids[2]).execute(&mut blocker).await.unwrap();
    blocker
        .execute("begin; lock table operations in access exclusive mode")
        .await
        .unwrap();
    batches.proxy.take_statements();
    let wanted = [ids[0], ids[1], ids[1], ids[2], Uuid::nil()];
    let all = join_all(wanted.iter().map(|id| batches.store.operation(*id)));
    let (gone, has_gone) = tokio::sync::oneshot::channel();
    let first = async {
        let read = batches.store.operation(ids[0]);
        let read = tokio::time::timeout(Duration::from_millis(100), read).await;
        gone.send(read.is_err()).unwrap();
    };
    let release = async {
        batches.wait_for_lock().await;
        assert!(has_gone.await.unwrap());
        blocker.execute("rollback").await.unwrap();
    };

    let ((), all, ()) = tokio::join!(first, all, release);

    let statements = batches.proxy.take_statements();
    let reads = statements
        .iter()
        .filter(|text| text.contains("from operations where id = wanted.id"));
    let reads = reads.count();
    // The one of the operation that cannot be read follows on its own.
    assert!((2..=4).contains(&reads), "{reads} statements for 6 reads");
    for (outcome, id) in all[..3].iter().zip(wanted) {
        assert_eq!(outcome.as_ref().unwrap().as_ref().unwrap().id, id);
    }
    assert!(matches!(all[3], Err(StoreError::Unreadable { .. })));
    assert!(matches!(all[4], Ok(None)));
}
