//! How operations that wait for approvals end.

use serde_json::{Value, json};
use sqlx::query;

use super::{Case, ORDERS, awaiting, operation, reason, rules, types, vote, with_policies};
use crate::support::api::cluster_request;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_policies_decide_again_at_the_last_approval() {
    let case = Case::new().await;
    let operator = case.caller("op", &["operators"]).await;
    let platform = case.caller("pat", &["operators", "platform"]).await;
    let create = |name: &str| cluster_request(name);
    let one = awaiting(&operator.post("/v1/clusters", &create("one"), &[]).await);
    let two = awaiting(&operator.post("/v1/clusters", &create("two"), &[]).await);
    let three = awaiting(&operator.post("/v1/clusters", &create("three"), &[]).await);
    case.rules.send_replace(std::sync::Arc::new(with_policies(
        r#"@id("frozen") forbid (principal in Group::"operators", action == Action::"create_cluster", resource)
        when { resource.name == "one" };
        @id("more") @approval("security")
        forbid (principal, action == Action::"create_cluster", resource) when { resource.name == "two" };
        @id("full") forbid (principal, action == Action::"create_cluster", resource)
        when { resource.name == "three" && context.project_clusters > 1 };"#,
    )));
    vote(&platform, &one, "approve").await.accepted();
    assert!(
        reason(&operator, &one)
            .await
            .contains("forbidden by frozen")
    );
    let more = vote(&platform, &two, "approve").await;
    assert_eq!(awaiting(&more), two);
    assert_eq!(more.body["approvals"][1]["group"], "security");
    vote(&platform, &three, "approve").await.accepted();
    assert!(
        reason(&operator, &three)
            .await
            .contains("a limit on the project")
    );
    assert_eq!(case.mutations(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::too_many_lines, reason = "one sequence of events")]
async fn what_is_rejected_cancelled_or_forgotten_ends_without_a_call() {
    let case = Case::with_cluster().await;
    let calls = case.mutations();
    let operator = case.caller("op", &["operators"]).await;
    let platform = case.caller("pat", &["operators", "platform"]).await;
    let delete = awaiting(&operator.delete(ORDERS).await);
    vote(&platform, &delete, "reject").await.accepted();
    assert!(
        reason(&operator, &delete)
            .await
            .contains("rejected by token:pat: CHG-1")
    );
    let delete = awaiting(&operator.delete(ORDERS).await);
    operator
        .post(&format!("/v1/operations/{delete}/cancel"), &json!({}), &[])
        .await
        .accepted();
    assert!(
        reason(&operator, &delete)
            .await
            .contains("cancelled by token:op")
    );
    let delete = awaiting(&operator.delete(ORDERS).await);
    let week = std::time::Duration::from_secs(7 * 24 * 3_600);
    assert_eq!(
        case.fixture.env.store.expire_approvals(week).await.unwrap(),
        0
    );
    query(
        "update operations set created_at = now() - interval '7 days 1 second' where id = $1::uuid",
    )
    .bind(&delete)
    .execute(&case.fixture.env.pool)
    .await
    .unwrap();
    assert_eq!(
        case.fixture.env.store.expire_approvals(week).await.unwrap(),
        1
    );
    assert!(
        reason(&operator, &delete)
            .await
            .contains("not approved within 7 days")
    );

    // The entry of a create that was not approved can be deleted, and its name used again.
    let create = awaiting(
        &operator
            .post("/v1/clusters", &cluster_request("users"), &[])
            .await,
    );
    vote(&platform, &create, "reject").await.accepted();
    assert_eq!(
        operator.get("/v1/clusters/users").await.body["status"],
        "failed"
    );
    let create = awaiting(
        &operator
            .post("/v1/clusters", &cluster_request("users"), &[])
            .await,
    );
    // A delete that is permitted supersedes it.
    let admin = case.caller("root", &["admins"]).await;
    let delete = admin.delete("/v1/clusters/users").await;
    case.fixture.succeeds(&delete).await;
    assert_eq!(operation(&operator, &create).await["status"], "cancelled");
    vote(&platform, &create, "approve")
        .await
        .rejected(409, "operation_finished");
    assert_eq!(case.mutations(), calls);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn approvals_at_once_start_it_once() {
    let case = Case::with_cluster().await;
    let operator = case.caller("op", &["operators"]).await;
    let delete = awaiting(&operator.delete(ORDERS).await);
    let replica = case.fixture.env.governed_api_of(
        case.fixture.env.database.open_store(4),
        rules(),
        Default::default(),
    );
    let mut votes = Vec::new();
    for number in 0..10 {
        let mut api = case
            .caller(&format!("p{number}"), &["operators", "platform"])
            .await;
        if number % 2 == 0 {
            api.router = replica.0.router.clone();
        }
        let (id, verb) = (
            delete.clone(),
            if number == 7 { "reject" } else { "approve" },
        );
        votes.push(tokio::spawn(async move {
            vote(&api, &id, verb).await.status.as_u16()
        }));
    }
    let mut accepted = 0;
    for vote in votes {
        accepted += usize::from(vote.await.unwrap() == 202);
    }
    assert!(accepted >= 1);
    let events = operator
        .get(&format!("/v1/operations/{delete}/events"))
        .await
        .body;
    let kinds = types(&events);
    let decided = ["operation_approved", "operation_rejected"];
    assert_eq!(
        kinds.iter().filter(|kind| decided.contains(kind)).count(),
        1,
        "{kinds:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expiry_needs_the_approval_of_a_delete() {
    let case = Case::with_cluster().await;
    let operator = case.caller("op", &["operators"]).await;
    let asked = json!({"action": "delete_cluster", "cluster": "orders"});
    let answer = operator.post("/v1/authorizations", &asked, &[]).await.body;
    assert_eq!(
        (&answer["allowed"], &answer["approvals"]),
        (&json!(true), &json!(["platform"]))
    );
    let soon = json!({"expires_at": "2027-06-01T00:00:00Z"});
    let id = awaiting(&operator.patch(ORDERS, &soon).await);
    assert_eq!(operator.get(ORDERS).await.body["expires_at"], Value::Null);
    let platform = case.caller("pat", &["operators", "platform"]).await;
    case.fixture
        .succeeds(&vote(&platform, &id, "approve").await)
        .await;
    assert_eq!(
        operator.get(ORDERS).await.body["expires_at"],
        "2027-06-01T00:00:00Z"
    );
}
