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
    let events = operator
        .get(&format!("/v1/operations/{two}/events"))
        .await
        .body;
    assert_eq!(
        types(&events)[1..],
        [
            "approval_requested",
            "operation_approved",
            "approval_requested"
        ]
    );
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delete_ends_if_the_cluster_was_changed_after_the_request() {
    let case = Case::with_cluster().await;
    let operator = case.caller("op", &["operators"]).await;
    let platform = case.caller("pat", &["operators", "platform"]).await;
    let stale = awaiting(&operator.delete(ORDERS).await);
    let patched = operator
        .patch(ORDERS, &json!({"description": "still needed"}))
        .await;
    case.fixture.succeeds(&patched).await;
    // A new request is not the one that was made before the change.
    let fresh = awaiting(&operator.delete(ORDERS).await);
    assert_ne!(fresh, stale);
    vote(&platform, &stale, "approve").await.accepted();
    assert!(
        reason(&operator, &stale)
            .await
            .contains("was changed after the request")
    );
    let approved = vote(&platform, &fresh, "approve").await;
    case.fixture.succeeds(&approved).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_expire_at_once_ends_when_it_is_approved() {
    let case = Case::with_cluster().await;
    let calls = case.mutations();
    let operator = case.caller("op", &["operators"]).await;
    let platform = case.caller("pat", &["operators", "platform"]).await;
    let mut body = cluster_request("users");
    body["expires_at"] = json!("2027-06-01T00:00:00Z");
    let create = awaiting(&operator.post("/v1/clusters", &body, &[]).await);
    let soon = json!({"expires_at": "2027-06-01T00:00:00Z"});
    let patch = awaiting(&operator.patch(ORDERS, &soon).await);
    query(
        "update operations set spec = replace(spec::text, '2027-06-01', '2026-06-01')::jsonb
         where status = 'awaiting_approval'",
    )
    .execute(&case.fixture.env.pool)
    .await
    .unwrap();
    for id in [&create, &patch] {
        vote(&platform, id, "approve").await.accepted();
        assert!(
            reason(&operator, id)
                .await
                .contains("`expires_at` has passed")
        );
    }
    assert_eq!(operator.get(ORDERS).await.body["expires_at"], Value::Null);
    assert_eq!(case.mutations(), calls);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn votes_denials_and_expiries_have_records_about_their_operation() {
    let case = Case::new().await;
    let env = &case.fixture.env;
    let operator = case.caller("op", &["operators", "platform"]).await;
    let create = cluster_request("orders");
    let id = awaiting(&operator.post("/v1/clusters", &create, &[]).await);
    vote(&operator, &id, "approve")
        .await
        .rejected(403, "approval_not_allowed");
    let viewer = case.caller("vic", &["viewers"]).await;
    vote(&viewer, &id, "approve")
        .await
        .rejected(403, "forbidden");
    let denied = env.audit_of("approve_operation").await;
    assert_eq!(denied.len(), 2, "{denied:#?}");
    for record in &denied {
        assert_eq!(record["decision"], "denied");
        assert_eq!(record["operation_id"], id.as_str());
        assert_eq!(record["cluster"], "orders");
    }
    let requested = env.audit_of("create_cluster").await;
    assert_eq!(requested[0]["policies"], json!(["operators", "team"]));
    let ended = env.store.expire_approvals(std::time::Duration::ZERO).await;
    assert_eq!(ended.unwrap(), 1);
    let expired = env.audit_of("expire_approval").await;
    assert_eq!(expired.len(), 1);
    assert_eq!(expired[0]["caller"], "schedule:expiry");
    assert_eq!(expired[0]["operation_id"], id.as_str());
    assert_eq!(expired[0]["requested_for"], Value::Null);
}
