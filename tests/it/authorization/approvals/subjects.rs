//! What can wait for an approval: adoptions, tables, rules of security groups; and what the audit
//! says of it.

use serde_json::{Value, json};

use super::{Case, ORDERS, awaiting, operation, reason, vote, with_policies};
use crate::support::api::cluster_request;

impl Case {
    /// A case with these policies.
    async fn governed_by(policies: &str) -> Self {
        let case = Self::with_cluster().await;
        case.rules
            .send_replace(std::sync::Arc::new(with_policies(policies)));
        case
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adoption_waits_and_touches_nothing_until_it_is_approved() {
    let case = Case::new().await;
    case.rules.send_replace(std::sync::Arc::new(with_policies(
        r#"@id("adoptions") @approval("platform")
        forbid (principal, action == Action::"adopt_cluster", resource);"#,
    )));
    case.fixture.create_foreign_cluster("orders", &[]).await;
    let (env, calls) = (&case.fixture.env, case.mutations());
    let before = env.sandbox.inventory();
    let admin = case.caller("root", &["admins"]).await;
    let platform = case.caller("pat", &["operators", "platform"]).await;
    let adopt = async || {
        awaiting(
            &admin
                .post(&format!("{ORDERS}/adopt"), &json!({}), &[])
                .await,
        )
    };
    let first = adopt().await;
    case.work().await;
    admin
        .post(&format!("{ORDERS}/adopt"), &json!({}), &[])
        .await
        .rejected(409, "operation_in_progress");
    let scale = json!({"replication_factor": 4});
    admin
        .post(&format!("{ORDERS}/scale"), &scale, &[])
        .await
        .rejected(409, "operation_in_progress");
    vote(&platform, &first, "reject").await.accepted();
    assert!(
        reason(&admin, &first)
            .await
            .contains("rejected by token:pat")
    );
    admin.get(ORDERS).await.rejected(404, "not_found");

    // A delete of what is not adopted yet leaves the cluster in AWS alone.
    let second = adopt().await;
    let delete = admin.delete(ORDERS).await;
    case.fixture.succeeds(&delete).await;
    assert_eq!(operation(&admin, &second).await["status"], "cancelled");
    assert_eq!(case.mutations(), calls);
    assert_eq!(env.sandbox.inventory(), before);

    let third = adopt().await;
    let approved = vote(&platform, &third, "approve").await;
    case.fixture.succeeds(&approved).await;
    assert_eq!(admin.get(ORDERS).await.body["status"], "available");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adoption_of_a_cluster_that_was_scaled_in_between_fails() {
    let case = Case::new().await;
    case.rules.send_replace(std::sync::Arc::new(with_policies(
        r#"@id("adoptions") @approval("platform")
        forbid (principal, action == Action::"adopt_cluster", resource);"#,
    )));
    case.fixture.create_foreign_cluster("orders", &[]).await;
    let admin = case.caller("root", &["admins"]).await;
    let platform = case.caller("pat", &["operators", "platform"]).await;
    let adopt = admin
        .post(&format!("{ORDERS}/adopt"), &json!({}), &[])
        .await;
    let id = awaiting(&adopt);
    let grow = dax_provisioner::domain::mutation::Mutation::IncreaseReplicationFactor {
        name: "orders".to_owned(),
        count: 3,
        availability_zones: Vec::new(),
    };
    case.fixture.admin(&grow).await;
    vote(&platform, &id, "approve").await.accepted();
    let ended = case.fixture.settle(id.parse().unwrap()).await;
    assert_ne!(
        ended.status,
        dax_provisioner::domain::operation::Status::Succeeded,
        "{ended:#?}"
    );
    let fault = ended.fault.unwrap();
    assert_eq!(fault.differences[0].field, "replication_factor");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_waits_for_the_approval_of_its_owner_and_one_vote_counts_for_all_groups() {
    let case = Case::governed_by(
        r#"@id("payments") @approval("treasury")
        forbid (principal, action == Action::"use_table", resource) when { resource.name like "Payments*" };
        @id("people") @approval("hr")
        forbid (principal, action == Action::"use_table", resource) when { resource.name like "People*" };"#,
    )
    .await;
    let operator = case.caller("op", &["operators"]).await;
    let both = case.caller("tom", &["operators", "treasury", "hr"]).await;
    let tables = |tables: Value| json!({"service_role": {"tables": tables}});
    // A table that no rule names is not asked for.
    let free = operator
        .patch(ORDERS, &tables(json!(["Orders", "Users"])))
        .await;
    case.fixture.succeeds(&free).await;
    let tables = tables(json!(["Orders", "PaymentsEu", "People"]));
    let asked = operator.patch(ORDERS, &tables).await;
    let id = awaiting(&asked);
    let groups: Vec<&Value> = asked.body["approvals"].as_array().unwrap().iter().collect();
    assert_eq!(groups.len(), 2, "{asked:?}");
    let approved = vote(&both, &id, "approve").await;
    case.fixture.succeeds(&approved).await;
    // One event and one record, for both groups.
    let events = operator
        .get(&format!("/v1/operations/{id}/events"))
        .await
        .body;
    let events: Vec<&str> = super::types(&events)
        .into_iter()
        .filter(|kind| *kind == "operation_approved")
        .collect();
    assert_eq!(events.len(), 1);
    let records = case.fixture.env.audit_of("approve_operation").await;
    assert_eq!(records.len(), 1, "{records:#?}");
    assert_eq!(records[0]["details"], json!({"groups": ["hr", "treasury"]}));
    // The request says which policies asked.
    let requests = case.fixture.env.audit_of("update_cluster").await;
    let last = requests.last().unwrap();
    assert_eq!(last["operation_id"], id.as_str());
    assert_eq!(last["policies"], json!(["operators", "payments", "people"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_with_a_table_waits_for_its_owner() {
    let case = Case::governed_by(
        r#"@id("payments") @approval("treasury")
        forbid (principal, action == Action::"use_table", resource) when { resource.name like "Payments*" };"#,
    )
    .await;
    let operator = case.caller("op", &["operators"]).await;
    let mut body = cluster_request("pay");
    body["service_role"] = json!({"access": "read_only", "tables": ["Payments"]});
    let id = awaiting(&operator.post("/v1/clusters", &body, &[]).await);
    let treasurer = case.caller("tom", &["operators", "treasury"]).await;
    case.fixture
        .succeeds(&vote(&treasurer, &id, "approve").await)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ingress_rule_waits_for_the_network_team() {
    if !dax_provisioner::aws::LOOKUPS_BUILT_IN {
        return;
    }
    let case = Case::governed_by(
        r#"@id("wide") @approval("network") @advice("Use a smaller network.")
        forbid (principal, action == Action::"open_ingress", resource)
        when { context has ingress_cidr && !context.ingress_cidr.isInRange(ip("10.1.0.0/16")) };"#,
    )
    .await;
    let operator = case.caller("op", &["operators"]).await;
    let network = case.caller("nat", &["operators", "network"]).await;
    let path = format!("{ORDERS}/ingress");
    let narrow = json!({"cidr": "10.1.2.0/24"});
    let opened = operator.post(&path, &narrow, &[]).await;
    case.fixture.succeeds(&opened).await;
    let calls = case.mutations();
    let wide = json!({"cidr": "10.0.0.0/16"});
    let id = awaiting(&operator.post(&path, &wide, &[]).await);
    case.work().await;
    assert_eq!(case.mutations(), calls);
    case.fixture
        .succeeds(&vote(&network, &id, "approve").await)
        .await;
    assert_eq!(case.mutations(), calls + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_wait_cannot_be_decided_on() {
    let case = Case::new().await;
    let admin = case.caller("root", &["admins", "platform"]).await;
    let created = admin
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await;
    let id = created.accepted().to_string();
    for verb in ["approve", "reject"] {
        vote(&admin, &id, verb)
            .await
            .rejected(409, "operation_not_awaiting_approval");
    }
    // A rejection that comes too late is no success.
    let operator = case.caller("op", &["operators"]).await;
    let users = awaiting(
        &operator
            .post("/v1/clusters", &cluster_request("users"), &[])
            .await,
    );
    let pat = case.caller("pat", &["operators", "platform"]).await;
    vote(&pat, &users, "approve").await.accepted();
    for caller in [&pat, &admin] {
        vote(caller, &users, "reject")
            .await
            .rejected(409, "operation_not_awaiting_approval");
    }
    let approved = vote(&pat, &users, "approve").await;
    assert_eq!(approved.body["status"], "pending");
    let comment = json!({"comment": "a\u{0}b"});
    let third = awaiting(
        &operator
            .post("/v1/clusters", &cluster_request("third"), &[])
            .await,
    );
    let path = format!("/v1/operations/{third}/approve");
    let refused = pat.post(&path, &comment, &[]).await;
    assert!((400..500).contains(&refused.status.as_u16()), "{refused:?}");
}
