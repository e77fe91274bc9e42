//! Retention deletes the records of whole seals, and the verification stays valid.

use std::time::Duration;

use super::key;
use crate::support::requests::plain_spec;
use crate::support::test_env::TestEnv;

async fn sealed(env: &TestEnv, name: &str) {
    env.create(&plain_spec(name)).await;
    env.seal(Some(&key(1))).await.unwrap();
}

async fn execute(env: &TestEnv, statement: &'static str) {
    sqlx::raw_sql(statement).execute(&env.pool).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::too_many_lines, reason = "one sequence of events")]
async fn retention_prunes_sealed_ranges_and_the_chain_stays_valid() {
    let env = TestEnv::new().await;
    let key = key(1);
    for name in ["a", "b"] {
        sealed(&env, name).await;
    }
    let anchor = env.store.last_seal().await.unwrap().unwrap().anchor();
    let day = Duration::from_secs(86_400);
    assert_eq!(env.store.prune_audit(day, Some(&key)).await.unwrap(), 0);
    // A process without the key cannot prove that it deleted them, so it does not.
    assert_eq!(
        env.store.prune_audit(Duration::ZERO, None).await.unwrap(),
        0
    );
    env.create(&plain_spec("c")).await;
    env.number_events().await;
    assert_eq!(
        env.store
            .prune_audit(Duration::ZERO, Some(&key))
            .await
            .unwrap(),
        2
    );
    assert_eq!(
        env.store
            .prune_audit(Duration::ZERO, Some(&key))
            .await
            .unwrap(),
        0
    );
    // What is not sealed is not deleted.
    let left = env.audit().await;
    assert_eq!((left.len(), &left[0]["cluster"]), (1, &"c".into()));
    assert_eq!(
        env.verify(Some(&key), Some(&anchor)).await,
        Vec::<String>::new()
    );
    sealed(&env, "d").await;
    assert_eq!(
        env.verify(Some(&key), Some(&anchor)).await,
        Vec::<String>::new()
    );
    // A range that was deleted by others, with a proof of another range, or of no key.
    for tampering in [
        "delete from audit_records; update audit_seals set pruned = seal where number = 3",
        "delete from audit_records;
         update audit_seals set pruned = (select pruned from audit_seals where number = 2) where number = 3",
        "delete from audit_records",
    ] {
        let mut transaction = env.pool.begin().await.unwrap();
        sqlx::raw_sql("create table if not exists kept as table audit_records")
            .execute(&mut *transaction)
            .await
            .unwrap();
        sqlx::raw_sql(tampering).execute(&mut *transaction).await.unwrap();
        transaction.commit().await.unwrap();
        assert!(!env.verify(Some(&key), None).await.is_empty(), "{tampering}");
        execute(
            &env,
            "insert into audit_records overriding system value table kept;
             update audit_seals set pruned = null where number = 3",
        )
        .await;
        assert_eq!(env.verify(Some(&key), None).await, Vec::<String>::new());
    }
    // A record that is put into a deleted range.
    execute(
        &env,
        "insert into audit_records (position, action, decision) values (1, 'x', 'accepted')",
    )
    .await;
    let faults = env.verify(Some(&key), None).await;
    assert_eq!(
        faults,
        ["1 records exist at positions 1 to 1, which retention deleted"]
    );
}
