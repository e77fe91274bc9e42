//! What is recorded of requests over HTTP.

use aws_sandbox::{FaultKind, FaultRule};
use dax_provisioner::domain::operation::Status;
use dax_provisioner::store::TokenRights;
use serde_json::{Value, json};

use crate::authorization::built_in;
use crate::support::api::{ApiClient, cluster_request};
use crate::support::cluster_fixture::ClusterFixture;
use crate::support::test_env::TestEnv;

fn request(name: &str, project: &str) -> Value {
    let mut body = cluster_request(name);
    body["project"] = json!(project);
    body
}

/// The members of a record that are not about time and place.
fn shown(record: &Value) -> Value {
    let members = [
        "caller",
        "requested_for",
        "groups",
        "action",
        "decision",
        "target",
        "project",
        "cluster",
        "policies",
        "organisation",
    ];
    members
        .iter()
        .map(|&member| (member.to_owned(), record[member].clone()))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_accepted_create_and_a_denied_one_say_who_what_and_why() {
    let fixture = ClusterFixture::new().await;
    let (mut api, _rules) = fixture.env.governed_api(built_in(&[]));
    let rights = TokenRights {
        groups: vec!["operators".to_owned()],
        projects: vec![dax_provisioner::domain::project::ProjectName::parse("payments").unwrap()],
        acts_for: true,
    };
    api.token = Some(fixture.env.token_with("portal", rights).await);
    let headers = [("x-requested-for", "alice"), ("x-request-id", "r-1")];
    let created = api
        .post("/v1/clusters", &request("orders", "payments"), &headers)
        .await;
    let id = created.accepted().to_string();
    let all = json!({"access": "read_only", "all_tables": true});
    let mut denied = request("other", "payments");
    denied["service_role"] = all;
    api.post("/v1/clusters", &denied, &headers)
        .await
        .rejected(403, "forbidden");
    let records = fixture.env.audit_of("create_cluster").await;
    let expected = |decision: &str, cluster: &str, policies: Value| {
        json!({
            "caller": "token:portal", "requested_for": "alice", "groups": ["operators"], "action": "create_cluster",
            "decision": decision, "target": "default", "project": "payments", "cluster": cluster, "policies": policies,
            "organisation": "hash",
        })
    };
    assert_eq!(records.len(), 2, "{records:#?}");
    assert_eq!(
        shown(&records[0]),
        expected("accepted", "orders", json!(["operators"]))
    );
    assert_eq!(
        shown(&records[1]),
        expected("denied", "other", json!(["all_tables"]))
    );
    assert_eq!(
        (&records[0]["operation_id"], &records[0]["request_id"]),
        (&json!(id), &json!("r-1"))
    );
    assert!(
        records[0]["caller_id"]
            .as_str()
            .unwrap()
            .starts_with("token:")
    );
    assert_eq!(records[1]["operation_id"], Value::Null);
    // A repeated request changes nothing, so it is not recorded.
    let key = [("idempotency-key", "k"), ("x-requested-for", "alice")];
    for _ in 0..2 {
        api.post("/v1/clusters", &request("second", "payments"), &key)
            .await
            .accepted();
    }
    assert_eq!(fixture.env.audit_of("create_cluster").await.len(), 3);
}

/// The action, the decision and the cluster or subject of each record that is not about AWS.
async fn actions(env: &TestEnv) -> Vec<(String, String)> {
    let records = env.audit().await;
    let text =
        |record: &Value, member: &str| record[member].as_str().unwrap_or_default().to_owned();
    let own = records.iter().filter(|record| record["intent"].is_null());
    own.map(|record| (text(record, "action"), text(record, "decision")))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::too_many_lines, reason = "one sequence of events")]
async fn every_kind_of_write_has_one_record() {
    let fixture = ClusterFixture::with_cluster(&json!({})).await;
    let (env, api) = (&fixture.env, &fixture.api);
    fixture.create_foreign_cluster("foreign", &[]).await;
    let body = json!({});
    for (path, body) in [
        (
            "/v1/clusters/orders/scale",
            json!({"replication_factor": 2}),
        ),
        ("/v1/clusters/orders/reboot", json!({})),
        ("/v1/clusters/orders/repair", json!({})),
        ("/v1/clusters/foreign/adopt", json!({})),
        ("/v1/clusters/foreign/release", json!({})),
    ] {
        let accepted = api.post(path, &body, &[]).await;
        fixture.succeeds(&accepted).await;
    }
    let changed = fixture.patch(&json!({"description": "new"})).await;
    fixture.succeeds(&changed).await;
    let blocked = FaultRule::new("dax:CreateCluster", FaultKind::Capacity).count(1_000);
    env.sandbox.add_fault(blocked.clone());
    let created = api
        .post("/v1/clusters", &cluster_request("second"), &[])
        .await;
    let id = created.accepted();
    assert_eq!(fixture.settle(id).await.status, Status::Blocked);
    let undo = |verb: &str| format!("/v1/operations/{id}/{verb}");
    for verb in ["retry", "roll_back"] {
        api.post(&undo(verb), &body, &[]).await.accepted();
        fixture.settle(id).await;
    }
    let created = api
        .post("/v1/clusters", &cluster_request("third"), &[])
        .await;
    let cancel = format!("/v1/operations/{}/cancel", created.accepted());
    api.post(&cancel, &body, &[]).await.accepted();
    fixture.settle_all().await;
    let deleted = api.delete("/v1/clusters/orders").await;
    fixture.succeeds(&deleted).await;
    let expected = [
        "create_cluster",
        "scale_cluster",
        "reboot_nodes",
        "repair_cluster",
        "adopt_cluster",
        "release_cluster",
        "update_cluster",
        "create_cluster",
        "retry_operation",
        "roll_back_operation",
        "create_cluster",
        "cancel_operation",
        "delete_cluster",
    ];
    let expected: Vec<(String, String)> = expected
        .iter()
        .map(|&action| (action.to_owned(), "accepted".to_owned()))
        .collect();
    assert_eq!(actions(env).await, expected);
    for record in env.audit().await {
        assert_eq!(record["caller"], "anonymous", "{record:#}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::too_many_lines, reason = "one sequence of events")]
async fn webhooks_and_tokens_are_recorded_without_their_secrets() {
    let env = TestEnv::new().await;
    let api = env.webhook_api();
    let url = "https://portal.example.com/hooks/s3cr3t-path?key=s3cr3t-key";
    let (webhook, secret) = api.create_webhook(url, &["*"]).await;
    let rotated = api
        .send_empty("POST", &format!("{webhook}/rotate_secret"))
        .await;
    let second = rotated.body["secret"].as_str().unwrap().to_owned();
    api.send_empty("POST", &format!("{webhook}/test")).await;
    let delivery = api.deliveries(&webhook).await[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    api.send_empty(
        "POST",
        &format!("{webhook}/deliveries/{delivery}/redeliver"),
    )
    .await;
    let patch = axum::http::Request::patch(&webhook)
        .header("content-type", "application/json")
        .header("if-match", "*");
    let patch = patch
        .body(json!({"url": format!("{url}2")}).to_string().into())
        .unwrap();
    assert_eq!(api.send(patch).await.status, 200);
    assert_eq!(api.delete(&webhook).await.status, 204);
    assert_eq!(api.delete(&webhook).await.status, 404);
    let rights = TokenRights {
        groups: vec!["operators".to_owned()],
        ..TokenRights::default()
    };
    let first = env.token_with("portal", rights).await;
    let again = env.token("portal").await;
    assert!(env.store.revoke_token("portal").await.unwrap());
    assert!(!env.store.revoke_token("portal").await.unwrap());
    let names: Vec<String> = actions(&env)
        .await
        .into_iter()
        .map(|(action, _)| action)
        .collect();
    assert_eq!(
        names,
        [
            "create_webhook",
            "rotate_webhook_secret",
            "test_webhook",
            "redeliver_webhook_delivery",
            "update_webhook",
            "delete_webhook",
            "create_token",
            "rotate_token",
            "revoke_token",
        ]
    );
    let records = env.audit().await;
    let id = webhook.rsplit('/').next().unwrap();
    assert!(
        records[..6]
            .iter()
            .all(|record| record["subject"] == id && record["caller"] == "anonymous")
    );
    assert!(
        records[6..]
            .iter()
            .all(|record| record["subject"] == "portal" && record["caller"] == "command")
    );
    assert_eq!(records[6]["details"]["groups"], json!(["operators"]));
    let text = serde_json::to_string(&records).unwrap();
    for hidden in [
        secret.as_str(),
        &second,
        &first,
        &again,
        "whsec_",
        "dxp_",
        "s3cr3t",
    ] {
        assert!(!text.contains(hidden), "{hidden}");
    }
    for record in &records {
        let stored: String =
            sqlx::query_scalar("select r::text from audit_records r where position = $1")
                .bind(record["position"].as_i64().unwrap())
                .fetch_one(&env.pool)
                .await
                .unwrap();
        assert!(
            !stored.contains("s3cr3t") && !stored.contains("whsec_") && !stored.contains("dxp_")
        );
    }
}

async fn events(api: &ApiClient, id: uuid::Uuid) -> Vec<Value> {
    let list = api
        .get(&format!("/v1/operations/{id}/events?limit=100"))
        .await;
    list.body["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::too_many_lines, reason = "one sequence of events")]
async fn the_history_names_who_retried_rolled_back_and_cancelled() {
    let fixture = ClusterFixture::new().await;
    let (mut api, _rules) = fixture
        .env
        .governed_api(dax_provisioner::authorization::Rules::default());
    let rights = TokenRights {
        acts_for: true,
        ..TokenRights::default()
    };
    api.token = Some(fixture.env.token_with("portal", rights).await);
    let alice = [("x-requested-for", "alice")];
    let fault = FaultRule::new("dax:CreateCluster", FaultKind::Capacity).count(1_000);
    fixture.env.sandbox.add_fault(fault);
    let created = api
        .post("/v1/clusters", &cluster_request("orders"), &alice)
        .await;
    let id = created.accepted();
    fixture.settle(id).await;
    for verb in ["retry", "roll_back"] {
        let path = format!("/v1/operations/{id}/{verb}");
        api.post(&path, &json!({}), &alice).await.accepted();
        fixture.settle(id).await;
    }
    let other = api
        .post("/v1/clusters", &cluster_request("other"), &alice)
        .await
        .accepted();
    api.post(
        &format!("/v1/operations/{other}/cancel"),
        &json!({}),
        &alice,
    )
    .await
    .accepted();
    for (id, kind) in [
        (id, "retry_requested"),
        (id, "roll_back_requested"),
        (other, "cancel_requested"),
    ] {
        let events = events(&api, id).await;
        let event = events
            .iter()
            .find(|event| event["type"] == kind)
            .unwrap_or_else(|| panic!("{kind}: {events:#?}"));
        assert_eq!(
            event["data"],
            json!({"requested_by": "token:portal", "requested_for": "alice"})
        );
        assert!(
            event["message"]
                .as_str()
                .unwrap()
                .ends_with("by token:portal for alice"),
            "{event}"
        );
    }
    // A delete has nothing to undo; its end says who cancelled it.
    fixture.settle_all().await;
    fixture.env.sandbox.clear_faults();
    let created = api
        .post("/v1/clusters", &cluster_request("third"), &[])
        .await;
    fixture.succeeds(&created).await;
    let deleted = api.delete("/v1/clusters/third").await.accepted();
    api.post(
        &format!("/v1/operations/{deleted}/cancel"),
        &json!({}),
        &alice,
    )
    .await;
    let events = events(&api, deleted).await;
    let last = events
        .iter()
        .find(|event| event["type"] == "operation_cancelled")
        .unwrap();
    assert_eq!(last["data"]["requested_for"], "alice", "{last}");
}
