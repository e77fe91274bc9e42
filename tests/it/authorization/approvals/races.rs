//! Approvals at the same time as other requests.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::query_scalar;

use super::{Case, ORDERS, awaiting, operation, types, vote};
use crate::support::api::{ApiClient, ApiResponse, cluster_request};

/// Approvals with a rival. All of them together stay below the sandbox's quota of nodes.
const ROUNDS: usize = 20;

/// Waits until a session of the database waits for a lock.
async fn until_a_session_waits(case: &Case) {
    for _ in 0..1_000 {
        let waiting: i64 = query_scalar(
            "select count(*) from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock'",
        )
        .fetch_one(&case.fixture.env.pool)
        .await
        .unwrap();
        if waiting > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nothing waits for a lock");
}

/// A worker's record locks the operation that runs, then its cluster. An approval that locked them
/// the other way round would end one of both with a deadlock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_locks_in_the_order_of_a_worker() {
    let case = Case::new().await;
    let admin = case.caller("root", &["admins"]).await;
    let operator = case.caller("op", &["operators"]).await;
    let platform = case.caller("pat", &["operators", "platform"]).await;
    let create = admin
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    let delete = awaiting(&operator.delete(ORDERS).await);
    let mut worker = case.fixture.env.pool.begin().await.unwrap();
    sqlx::query("select 1 from operations where id = $1 for update")
        .bind(create)
        .execute(&mut *worker)
        .await
        .unwrap();
    let id = delete.clone();
    let approval = tokio::spawn(async move { vote(&platform, &id, "approve").await });
    until_a_session_waits(&case).await;
    sqlx::query("update clusters set version = version + 1 where name = 'orders'")
        .execute(&mut *worker)
        .await
        .unwrap();
    worker.commit().await.unwrap();
    let approved = approval.await.unwrap();
    approved.accepted();
    case.fixture.succeeds(&approved).await;
}

/// The rivals of an approval of a create.
#[derive(Debug, Clone, Copy)]
enum Rival {
    Cancel,
    Reject,
    Delete,
    Expiry,
    NewRules,
}

impl Rival {
    async fn act(self, case: &Case, callers: &Callers, id: &str, cluster: &str) {
        let answer: Option<ApiResponse> = match self {
            Self::Cancel => {
                let path = format!("/v1/operations/{id}/cancel");
                Some(callers.operator.post(&path, &json!({}), &[]).await)
            }
            Self::Reject => Some(vote(&callers.other, id, "reject").await),
            Self::Delete => Some(
                callers
                    .admin
                    .delete(&format!("/v1/clusters/{cluster}"))
                    .await,
            ),
            Self::Expiry => {
                let expired = case
                    .fixture
                    .env
                    .store
                    .expire_approvals(Duration::ZERO)
                    .await;
                expired.unwrap();
                None
            }
            Self::NewRules => {
                let frozen = r#"@id("frozen") forbid (principal in Group::"operators",
                    action == Action::"create_cluster", resource);"#;
                let frozen = super::with_policies(frozen);
                case.rules.send_replace(Arc::new(frozen));
                None
            }
        };
        if let Some(answer) = answer {
            assert!(answer.status.as_u16() < 500, "{self:?}: {answer:?}");
        }
    }
}

struct Callers {
    operator: ApiClient,
    other: ApiClient,
    admin: ApiClient,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[expect(clippy::too_many_lines, reason = "one sequence of events")]
async fn an_approval_and_its_rival_have_one_outcome() {
    let case = Arc::new(Case::new().await);
    let groups = ["operators", "platform", "finance"];
    let callers = Arc::new(Callers {
        operator: case.caller("op", &["operators"]).await,
        other: case.caller("bob", &groups).await,
        admin: case.caller("root", &["admins"]).await,
    });
    let platform = case.caller("pat", &groups).await;
    let rivals = [
        Rival::Cancel,
        Rival::Reject,
        Rival::Delete,
        Rival::Expiry,
        Rival::NewRules,
    ];
    let mut ids = Vec::new();
    for round in 0..ROUNDS {
        let (cluster, rival) = (format!("c{round}"), rivals[round % rivals.len()]);
        case.rules.send_replace(Arc::new(super::rules()));
        let create = cluster_request(&cluster);
        let id = awaiting(&callers.operator.post("/v1/clusters", &create, &[]).await);
        let approve = async {
            if round % 3 == 0 {
                tokio::task::yield_now().await;
            }
            vote(&platform, &id, "approve").await
        };
        let (approved, ()) = tokio::join!(approve, rival.act(&case, &callers, &id, &cluster));
        assert!(approved.status.as_u16() < 500, "{rival:?}: {approved:?}");
        ids.push((id, cluster, rival));
    }
    case.rules.send_replace(Arc::new(super::rules()));
    case.fixture.settle_all().await;
    let mut started = 0;
    for (id, cluster, rival) in ids {
        let ended = operation(&callers.admin, &id).await;
        let events = callers
            .admin
            .get(&format!("/v1/operations/{id}/events?limit=100"))
            .await
            .body;
        let kinds = types(&events);
        let is_approved = kinds.contains(&"operation_approved");
        assert!(
            !(is_approved && kinds.contains(&"operation_rejected")),
            "{rival:?}: {kinds:?}"
        );
        let ends = kinds.iter().filter(|kind| {
            [
                "operation_succeeded",
                "operation_cancelled",
                "operation_failed",
            ]
            .contains(kind)
        });
        assert_eq!(ends.count(), 1, "{rival:?}: {kinds:?}");
        let has_begun = ended["started_at"] != Value::Null;
        started += usize::from(has_begun);
        assert!(is_approved || !has_begun, "{rival:?}: {ended}");
        let calls = case.fixture.env.service_calls();
        let mut calls = calls.iter().filter(|call| call.mutating);
        let is_about = |target: &Option<String>| {
            let target = target.as_deref().unwrap_or_default();
            target == cluster || target.contains(&format!("dax-{cluster}-"))
        };
        assert!(
            has_begun || !calls.any(|call| is_about(&call.target)),
            "{rival:?}: {cluster}"
        );
    }
    println!("{started} of {ROUNDS} were started");
}
