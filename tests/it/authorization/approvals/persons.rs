//! A person does not approve a request of their own: not with another token, in another spelling or
//! through a portal.

use serde_json::json;

use super::{Case, awaiting, vote};
use crate::support::api::{ApiClient, cluster_request};

impl Case {
    /// Requests a create for this person through the portal.
    async fn requested_for(&self, portal: &ApiClient, cluster: &str, person: &str) -> String {
        let headers = [("x-requested-for", person)];
        let body = cluster_request(cluster);
        awaiting(&portal.post("/v1/clusters", &body, &headers).await)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_token_of_the_same_name_does_not_approve_what_the_old_one_requested() {
    let case = Case::new().await;
    let groups = ["operators", "platform"];
    let ann = case.caller("ann", &groups).await;
    let create = cluster_request("orders");
    let id = awaiting(&ann.post("/v1/clusters", &create, &[]).await);
    assert!(case.fixture.env.store.revoke_token("ann").await.unwrap());
    let again = case.caller("ann", &groups).await;
    for verb in ["approve", "reject"] {
        vote(&again, &id, verb)
            .await
            .rejected(403, "approval_not_allowed");
    }
    let pat = case.caller("pat", &groups).await;
    assert_eq!(vote(&pat, &id, "approve").await.body["status"], "pending");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_person_of_a_portal_does_not_approve_in_another_spelling_or_with_a_token() {
    let case = Case::new().await;
    let portal = case.portal(&["operators"]).await;
    let groups = ["operators", "platform"];
    let other = case.with_token({
        let rights = dax_provisioner::store::TokenRights {
            acts_for: true,
            ..super::super::rights(&groups, &[])
        };
        case.fixture.env.token_with("chat", rights).await
    });
    let id = case.requested_for(&portal, "orders", "Ann  Smith").await;
    let path = format!("/v1/operations/{id}/approve");
    for person in ["Ann  Smith", "ann smith", "  ANN   SMITH  ", "ann\tsmith"] {
        let headers = [("x-requested-for", person)];
        let response = other.post(&path, &json!({}), &headers).await;
        let status = response.status.as_u16();
        assert!(status == 403 || status == 400, "{person:?}: {response:?}");
    }
    // A token and a person of the same name.
    let id = case.requested_for(&portal, "users", "Ann").await;
    let ann = case.caller("ann", &groups).await;
    vote(&ann, &id, "approve")
        .await
        .rejected(403, "approval_not_allowed");
    let requested = awaiting(
        &ann.post("/v1/clusters", &cluster_request("third"), &[])
            .await,
    );
    let headers = [("x-requested-for", "ANN")];
    other
        .post(
            &format!("/v1/operations/{requested}/approve"),
            &json!({}),
            &headers,
        )
        .await
        .rejected(403, "approval_not_allowed");
    let bob = [("x-requested-for", "bob")];
    let approved = other.post(&path, &json!({}), &bob).await;
    assert_eq!(approved.body["status"], "pending", "{approved:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotated_token_is_the_same_caller() {
    let case = Case::new().await;
    let groups = ["operators", "platform"];
    let mut ann = case.caller("ann", &groups).await;
    let create = cluster_request("orders");
    let id = awaiting(&ann.post("/v1/clusters", &create, &[]).await);
    ann.token = Some(case.fixture.env.token("ann").await);
    vote(&ann, &id, "approve")
        .await
        .rejected(403, "approval_not_allowed");
}
