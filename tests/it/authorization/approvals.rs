//! Operations that wait until people have approved them.

use dax_provisioner::authorization::Rules;
use dax_provisioner::store::TokenRights;
use serde_json::{Value, json};

use super::{rights, with_policies};
use crate::support::api::{ApiClient, ApiResponse, cluster_request};
use crate::support::cluster_fixture::ClusterFixture;

const ORDERS: &str = "/v1/clusters/orders";

/// Creates and deletes need the approval of the platform team; large ones that of finance as well.
fn rules() -> Rules {
    with_policies(
        r#"@id("team") @approval("platform") @advice("Ask the platform team.")
        forbid (principal, action in [Action::"create_cluster", Action::"delete_cluster"], resource)
        unless { principal in Group::"admins" };
        @id("size") @approval("finance")
        forbid (principal, action in Action::"configure", resource)
        when { context.project_nodes > 4 } unless { principal in Group::"admins" };"#,
    )
}

mod endings;
mod kills;
mod persons;
mod races;
mod subjects;

pub struct Case {
    fixture: ClusterFixture,
    api: ApiClient,
    rules: tokio::sync::watch::Sender<std::sync::Arc<Rules>>,
}

impl Case {
    pub async fn new() -> Self {
        let fixture = ClusterFixture::new().await;
        let (api, rules) = fixture.env.governed_api(rules());
        Self {
            fixture,
            api,
            rules,
        }
    }

    /// The API for a caller with these groups.
    pub async fn caller(&self, name: &str, groups: &[&str]) -> ApiClient {
        let token = self.fixture.env.token_with(name, rights(groups, &[])).await;
        self.with_token(token)
    }

    /// The API for a portal that sends requests for persons.
    async fn portal(&self, groups: &[&str]) -> ApiClient {
        let rights = TokenRights {
            acts_for: true,
            ..rights(groups, &[])
        };
        self.with_token(self.fixture.env.token_with("portal", rights).await)
    }

    fn with_token(&self, token: String) -> ApiClient {
        ApiClient {
            router: self.api.router.clone(),
            shutdown: self.api.shutdown.clone(),
            account: self.api.account.clone(),
            token: Some(token),
        }
    }

    /// A cluster `orders` that exists.
    async fn with_cluster() -> Self {
        let case = Self::new().await;
        let admin = case.caller("root", &["admins"]).await;
        let created = admin
            .post("/v1/clusters", &cluster_request("orders"), &[])
            .await;
        case.fixture.succeeds(&created).await;
        case
    }

    /// The number of calls that changed something in AWS.
    fn mutations(&self) -> usize {
        let calls = self.fixture.env.service_calls();
        calls.iter().filter(|call| call.mutating).count()
    }

    /// Lets workers do everything that they can.
    async fn work(&self) {
        for _ in 0..5 {
            self.fixture.env.make_due().await;
            self.fixture.worker.turn().await.unwrap();
            self.fixture.worker.poll().await.unwrap();
        }
    }
}

fn awaiting(response: &ApiResponse) -> String {
    let id = response.accepted();
    assert_eq!(response.body["status"], "awaiting_approval", "{response:?}");
    assert_eq!(response.body["waiting_for"], "approval");
    id.to_string()
}

async fn vote(api: &ApiClient, id: &str, verb: &str) -> ApiResponse {
    let body = json!({"comment": "CHG-1"});
    api.post(&format!("/v1/operations/{id}/{verb}"), &body, &[])
        .await
}

async fn operation(api: &ApiClient, id: &str) -> Value {
    api.get(&format!("/v1/operations/{id}")).await.body
}

/// The reason of an operation that was cancelled.
async fn reason(api: &ApiClient, id: &str) -> String {
    let operation = operation(api, id).await;
    assert_eq!(operation["status"], "cancelled", "{operation}");
    assert_eq!(operation["problem"]["code"], "approval_not_allowed");
    operation["problem"]["detail"].as_str().unwrap().to_owned()
}

fn types(events: &Value) -> Vec<&str> {
    let items = events["items"].as_array().unwrap().iter();
    items.map(|event| event["type"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::too_many_lines, reason = "one sequence of events")]
async fn a_create_waits_for_each_group_and_nothing_reaches_aws() {
    let case = Case::new().await;
    let operator = case
        .caller("op", &["operators", "platform", "finance"])
        .await;
    let mut body = cluster_request("orders");
    body["replication_factor"] = json!(5);
    let wait = [("prefer", "wait=30"), ("idempotency-key", "k")];
    let started = std::time::Instant::now();
    let accepted = operator.post("/v1/clusters", &body, &wait).await;
    let id = awaiting(&accepted);
    assert!(started.elapsed().as_secs() < 20, "the wait ends at once");
    let groups: Vec<&Value> = accepted.body["approvals"]
        .as_array()
        .unwrap()
        .iter()
        .collect();
    assert_eq!(
        (&groups[0]["group"], &groups[1]["group"]),
        (&json!("finance"), &json!("platform"))
    );
    case.work().await;
    assert_eq!(case.mutations(), 0);
    // The name is reserved, and lists show what waits.
    operator
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .rejected(409, "operation_in_progress");
    let listed = operator
        .get("/v1/clusters?attention=awaiting_approval")
        .await
        .body;
    assert_eq!(listed["items"][0]["attention"], "awaiting_approval");
    let again = operator.post("/v1/clusters", &body, &wait[1..]).await;
    assert_eq!(awaiting(&again), id);

    // Not by the requester, and not by one of another group.
    let detail = vote(&operator, &id, "approve").await;
    assert!(
        detail.rejected(403, "approval_not_allowed")["detail"]
            .as_str()
            .unwrap()
            .contains("another member")
    );
    let outsider = case.caller("other", &["operators"]).await;
    let detail = vote(&outsider, &id, "approve").await;
    assert!(
        detail.rejected(403, "approval_not_allowed")["detail"]
            .as_str()
            .unwrap()
            .contains("finance and of platform")
    );
    let viewer = case.caller("viewer", &["viewers", "platform"]).await;
    vote(&viewer, &id, "approve")
        .await
        .rejected(403, "forbidden");
    for verb in ["retry", "roll_back"] {
        operator
            .post(&format!("/v1/operations/{id}/{verb}"), &json!({}), &[])
            .await
            .rejected(409, "operation_not_blocked");
    }

    let platform = case.caller("pat", &["operators", "platform"]).await;
    assert_eq!(awaiting(&vote(&platform, &id, "approve").await), id);
    // A repeated approval changes nothing.
    assert_eq!(awaiting(&vote(&platform, &id, "approve").await), id);
    case.work().await;
    assert_eq!(case.mutations(), 0);
    let finance = case.caller("fay", &["operators", "finance"]).await;
    let last = vote(&finance, &id, "approve").await;
    assert_eq!(last.body["status"], "pending");
    let done = case.fixture.succeeds(&last).await;
    assert!(case.mutations() > 3);
    let approvals: Vec<String> = done
        .approvals
        .iter()
        .map(|approval| {
            format!(
                "{} {} {}",
                approval.group,
                approval.by.clone().unwrap(),
                approval.comment.clone().unwrap()
            )
        })
        .collect();
    assert_eq!(
        approvals,
        ["finance token:fay CHG-1", "platform token:pat CHG-1"]
    );
    let events = operator
        .get(&format!("/v1/operations/{id}/events"))
        .await
        .body;
    let types = types(&events);
    assert_eq!(types[..2], ["operation_accepted", "approval_requested"]);
    assert_eq!(
        types
            .iter()
            .filter(|kind| **kind == "operation_approved")
            .count(),
        2
    );
    assert!(
        events
            .to_string()
            .contains("approved by token:pat for platform"),
        "{events}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_portal_cannot_approve_what_it_requested_for_somebody() {
    let case = Case::new().await;
    let portal = case.portal(&["operators", "platform"]).await;
    let ann = [("x-requested-for", "ann@example.com")];
    let bob = [("x-requested-for", "bob@example.com")];
    let requested = portal
        .post("/v1/clusters", &cluster_request("orders"), &ann)
        .await;
    let id = awaiting(&requested);
    let path = format!("/v1/operations/{id}/approve");
    for person in [ann, bob] {
        portal
            .post(&path, &json!({}), &person)
            .await
            .rejected(403, "approval_not_allowed");
    }
    // Another portal that sends for the same person, in other letters.
    let rights = TokenRights {
        acts_for: true,
        ..rights(&["operators", "platform"], &[])
    };
    let other = case.with_token(case.fixture.env.token_with("chat", rights).await);
    let same = [("x-requested-for", "Ann@Example.com")];
    other
        .post(&path, &json!({}), &same)
        .await
        .rejected(403, "approval_not_allowed");
    let approved = other.post(&path, &json!({}), &bob).await;
    assert_eq!(approved.body["status"], "pending", "{approved:?}");
    assert_eq!(
        approved.body["approvals"][0]["by"],
        "token:chat for bob@example.com"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delete_that_waits_leaves_a_running_create_alone() {
    let case = Case::new().await;
    let admin = case.caller("root", &["admins"]).await;
    let operator = case.caller("op", &["operators"]).await;
    let platform = case.caller("pat", &["operators", "platform"]).await;
    let create = admin
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await;
    case.work().await;
    let delete = awaiting(&operator.delete(ORDERS).await);
    // Repeated, it is the same one.
    assert_eq!(awaiting(&operator.delete(ORDERS).await), delete);
    case.fixture.succeeds(&create).await;
    let cluster = admin.get(ORDERS).await.body;
    assert_eq!(
        (&cluster["status"], &cluster["attention"]),
        (&json!("available"), &json!("awaiting_approval"))
    );
    let approved = vote(&platform, &delete, "approve").await;
    case.fixture.succeeds(&approved).await;
    admin.get(ORDERS).await.rejected(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_waits_blocks_nothing_and_ends_if_the_settings_changed() {
    let case = Case::with_cluster().await;
    let operator = case.caller("op", &["operators"]).await;
    let finance = case.caller("fay", &["operators", "finance"]).await;
    let scale = json!({"replication_factor": 5});
    let first = awaiting(&operator.post(&format!("{ORDERS}/scale"), &scale, &[]).await);
    let patched = operator
        .patch(ORDERS, &json!({"description": "mine"}))
        .await;
    case.fixture.succeeds(&patched).await;
    vote(&finance, &first, "approve").await.accepted();
    assert!(
        reason(&operator, &first)
            .await
            .contains("was changed after the request")
    );
    assert_eq!(operator.get(ORDERS).await.body["attention"], Value::Null);

    let second = awaiting(&operator.post(&format!("{ORDERS}/scale"), &scale, &[]).await);
    let before = operator.get(ORDERS).await.body;
    assert_ne!(before["desired"]["replication_factor"], 5);
    case.fixture
        .succeeds(&vote(&finance, &second, "approve").await)
        .await;
    assert_eq!(
        operator.get(ORDERS).await.body["desired"]["replication_factor"],
        5
    );
    // Once decided, it stays decided.
    vote(&finance, &second, "reject")
        .await
        .rejected(409, "operation_finished");
}
