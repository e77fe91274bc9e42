//! Refusals, and the ways round them.

use dax_provisioner::domain::operation::Kind;
use dax_provisioner::domain::spec::DeleteSpec;
use dax_provisioner::store::Accepted;
use serde_json::{Value, json};

use super::{built_in, with_policies};
use crate::support::api::{ApiResponse, cluster_request};
use crate::support::cluster_fixture::ClusterFixture;
use crate::support::requests::unmanaged_role;

/// The IDs of the policies that refused a request, each with its advice.
fn refused(response: &ApiResponse) -> Vec<(String, Option<String>)> {
    let problem = response.rejected(403, "forbidden");
    let policies = problem["policies"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    policies
        .iter()
        .map(|policy| (text(&policy["id"]).unwrap(), text(&policy["advice"])))
        .collect()
}

fn ids(response: &ApiResponse) -> Vec<String> {
    refused(response).into_iter().map(|(id, _)| id).collect()
}

async fn create(api: &crate::support::api::ApiClient, body: &Value) -> ApiResponse {
    api.post("/v1/clusters", body, &[]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_is_decided_however_it_is_named() {
    let fixture = ClusterFixture::new().await;
    let role = unmanaged_role("DaxRole", "/service-role/");
    let arn = fixture.admin(&role).await.unwrap();
    fixture.env.grant(std::slice::from_ref(&arn), Vec::new());
    let (mut api, rules) = fixture.env.governed_api(built_in(&[]));
    fixture
        .env
        .act_as(&mut api, "op", &["operators"], &["payments"])
        .await;
    let mut given = cluster_request("given");
    given["service_role"] = json!({"arn": arn});
    let mut found = cluster_request("found");
    found.as_object_mut().unwrap().remove("service_role");
    let mut all = cluster_request("all");
    all["service_role"] = json!({"access": "read_only", "all_tables": true});
    assert_eq!(ids(&create(&api, &given).await), ["given_roles"]);
    let refusal = create(&api, &found).await;
    assert_eq!(ids(&refusal), ["given_roles"]);
    let advice = refused(&refusal)[0].1.clone().unwrap();
    assert!(advice.contains("organisation.toml"), "{advice}");
    assert_eq!(ids(&create(&api, &all).await), ["all_tables"]);
    // Nothing was accepted, and the names are free.
    assert_eq!(api.get("/v1/operations").await.body["items"], json!([]));
    rules.send_replace(std::sync::Arc::new(built_in(&[&arn])));
    let accepted = create(&api, &found).await;
    fixture.succeeds(&accepted).await;
    let cluster = api.get("/v1/clusters/found").await.body;
    assert_eq!(cluster["service_role"]["arn"], arn);
    // A second role would be ambiguous: nothing is accepted either.
    fixture.admin(&unmanaged_role("Other", "/")).await;
    let mut again = found.clone();
    again["name"] = json!("again");
    create(&api, &again)
        .await
        .rejected(422, "service_role_unspecified");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_are_decided_one_by_one_after_normalising() {
    let fixture = ClusterFixture::new().await;
    let rules = with_policies(
        r#"@id("own_tables") @advice("Names of your tables start with pay-.")
        forbid (principal, action == Action::"use_table", resource)
        when { principal in Project::"payments" } unless { resource.name like "pay-*" };"#,
    );
    let (mut api, _rules) = fixture.env.governed_api(rules);
    fixture
        .env
        .act_as(&mut api, "op", &["operators"], &["payments"])
        .await;
    let account = &fixture.env.account;
    let own = format!(
        "arn:aws:dynamodb:{}:{}:table/pay-1",
        account.region, account.account_id
    );
    let foreign = format!(
        "arn:aws:dynamodb:{}:{}:table/Orders",
        account.region, account.account_id
    );
    let with_tables = |name: &str, tables: Value| {
        let mut body = cluster_request(name);
        body["service_role"] = json!({"access": "read_only", "tables": tables});
        body
    };
    for tables in [
        json!(["Orders"]),
        json!(["pay-1", "Orders"]),
        json!([foreign]),
        json!(["PAY-1"]),
    ] {
        let refusal = create(&api, &with_tables("one", tables.clone())).await;
        assert_eq!(ids(&refusal), ["own_tables"], "{tables}");
    }
    let accepted = create(&api, &with_tables("one", json!([own, "pay-2"]))).await;
    fixture.succeeds(&accepted).await;
    // A patch of one field is decided on all settings.
    let patch = json!({"service_role": {"tables": ["pay-1", "Orders"]}});
    let status = api
        .status_of("PATCH", "/v1/clusters/one", Some(&patch))
        .await;
    assert_eq!(status, 403);
    let patch = json!({"description": "mine"});
    assert_eq!(
        api.status_of("PATCH", "/v1/clusters/one", Some(&patch))
            .await,
        202
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_cannot_claim_another_project_and_a_project_never_changes() {
    let fixture = ClusterFixture::new().await;
    let (mut api, _rules) = fixture.env.governed_api(built_in(&[]));
    fixture
        .env
        .act_as(&mut api, "op", &["operators"], &["payments"])
        .await;
    let mut body = cluster_request("pay");
    body["project"] = json!("search");
    assert_eq!(ids(&create(&api, &body).await), ["own_projects"]);
    // One of several projects must be named.
    fixture
        .env
        .act_as(&mut api, "two", &["operators"], &["payments", "search"])
        .await;
    let unnamed = create(&api, &cluster_request("pay")).await;
    assert_eq!(ids(&unnamed), ["own_projects"]);
    let accepted = create(&api, &body).await;
    assert_eq!(accepted.body["project"], "search");
    fixture.succeeds(&accepted).await;
    let patch = json!({"project": "payments"});
    let status = api
        .status_of("PATCH", "/v1/clusters/pay", Some(&patch))
        .await;
    assert!([409, 422].contains(&status), "{status}");
    let tags = &fixture.env.sandbox.inventory().clusters[0].tags;
    assert_eq!(tags["dax-provisioner:project"], "search");
    fixture
        .env
        .act_as(&mut api, "admin", &["admins"], &[])
        .await;
    for project in ["", "UPPER", "a b", "1a", &"x".repeat(41)] {
        let mut body = cluster_request("bad");
        body["project"] = json!(project);
        let response = create(&api, &body).await;
        assert_eq!(
            response.violations(),
            [("/project", response.violations()[0].1)]
        );
    }
}

#[tokio::test]
async fn a_policy_that_cannot_be_evaluated_denies() {
    let fixture = ClusterFixture::new().await;
    let rules = with_policies(
        r#"@id("overflow") forbid (principal, action == Action::"create_cluster", resource)
        when { context.replication_factor * 9223372036854775807 > 1 };"#,
    );
    let (mut api, _rules) = fixture.env.governed_api(rules);
    fixture
        .env
        .act_as(&mut api, "admin", &["admins"], &[])
        .await;
    let mut body = cluster_request("broken");
    body["replication_factor"] = json!(3);
    let status = api.status_of("POST", "/v1/clusters", Some(&body)).await;
    assert_eq!(status, 500);
    assert_eq!(api.get("/v1/operations").await.body["items"], json!([]));
}

#[tokio::test]
async fn a_token_created_again_inherits_nothing_and_a_rotated_one_keeps_all() {
    let fixture = ClusterFixture::new().await;
    let env = &fixture.env;
    let (mut api, _rules) = env.governed_api(built_in(&[]));
    env.act_as(&mut api, "portal", &["admins"], &[]).await;
    let me = api.get("/v1/me").await.body;
    assert_eq!(
        (&me["name"], &me["reads_everything"]),
        (&json!("token:portal"), &json!(true))
    );
    // A rotation keeps ID and rights, whatever is asked for.
    env.act_as(&mut api, "portal", &[], &[]).await;
    assert_eq!(api.get("/v1/me").await.body, me);
    assert!(env.store.revoke_token("portal").await.unwrap());
    env.act_as(&mut api, "portal", &["viewers"], &["payments"])
        .await;
    let second = api.get("/v1/me").await.body;
    assert_ne!(second["id"], me["id"]);
    assert_eq!(
        (&second["groups"], &second["projects"]),
        (&json!(["viewers"]), &json!(["payments"]))
    );
    assert_eq!(
        second["scopes"],
        json!([{"project": "payments", "target": "default"}])
    );
}

#[tokio::test]
async fn only_a_token_that_acts_for_others_can_name_a_person() {
    let fixture = ClusterFixture::new().await;
    let (mut api, _rules) = fixture.env.governed_api(built_in(&[]));
    fixture
        .env
        .act_as(&mut api, "op", &["operators"], &[])
        .await;
    let person = [("x-requested-for", "ann@example.com")];
    api.post("/v1/clusters", &cluster_request("one"), &person)
        .await
        .rejected(403, "forbidden");
    let mut rights = super::rights(&["operators"], &[]);
    rights.acts_for = true;
    api.token = Some(fixture.env.token_with("portal", rights).await);
    let accepted = api
        .post("/v1/clusters", &cluster_request("one"), &person)
        .await;
    assert_eq!(accepted.body["requested_for"], "ann@example.com");
    assert_eq!(accepted.body["requested_by"], "token:portal");
    let cluster = api.get("/v1/clusters/one").await.body;
    assert_eq!(cluster["created_by"], "token:portal");
    let bad = "x".repeat(201);
    let long = [("x-requested-for", bad.as_str())];
    assert_eq!(api.get_with("/v1/me", &long).await.status, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_entry_of_a_failed_create_stays_in_its_project() {
    let fixture = ClusterFixture::new().await;
    let (mut api, _rules) = fixture.env.governed_api(built_in(&[]));
    fixture
        .env
        .act_as(&mut api, "payer", &["operators"], &["payments"])
        .await;
    let created = create(&api, &cluster_request("reuse")).await.accepted();
    let cancel = format!("/v1/operations/{created}/cancel");
    api.post(&cancel, &json!({}), &[]).await.accepted();
    fixture.settle(created).await;
    fixture
        .env
        .act_as(&mut api, "seeker", &["operators"], &["search"])
        .await;
    let taken = create(&api, &cluster_request("reuse")).await;
    assert_eq!(taken.rejected(409, "cluster_exists").get("instance"), None);
    fixture
        .env
        .act_as(&mut api, "payer", &["operators"], &["payments"])
        .await;
    assert_eq!(api.get("/v1/clusters/reuse").await.body["status"], "failed");
    let again = create(&api, &cluster_request("reuse")).await;
    fixture.succeeds(&again).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delete_is_of_the_cluster_that_was_decided_on() {
    let fixture = ClusterFixture::with_cluster(&json!({})).await;
    let store = &fixture.env.store;
    let new = crate::support::requests::new_operation(Kind::DeleteCluster);
    let (other, spec) = (uuid::Uuid::now_v7(), DeleteSpec::default());
    let accepted = store
        .accept_delete_of(&new, "orders", Some(other), &spec, None)
        .await;
    assert_eq!(accepted.unwrap(), Accepted::Stale);
    let id = store.cluster("orders").await.unwrap().unwrap().id;
    let accepted = store
        .accept_delete_of(&new, "orders", Some(id), &spec, None)
        .await;
    assert_eq!(accepted.unwrap().created(), Some(new.id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adoption_that_is_not_permitted_says_nothing_of_aws() {
    let fixture = ClusterFixture::new().await;
    fixture.create_foreign_cluster("foreign", &[]).await;
    let count = r#"@id("few") forbid (principal, action in Action::"configure", resource)
        when { context.project_clusters > 10 };"#;
    let (mut api, _rules) = fixture.env.governed_api(with_policies(count));
    for groups in [["viewers"], ["operators"]] {
        fixture
            .env
            .act_as(&mut api, groups[0], &groups, &["search"])
            .await;
        let expected = json!({"expected": {"node_type": "dax.r5.xlarge"}});
        let answers = ["foreign", "nothing"].map(|name| format!("/v1/clusters/{name}/adopt"));
        let first = api.post(&answers[0], &expected, &[]).await;
        let second = api.post(&answers[1], &expected, &[]).await;
        first.rejected(403, "forbidden");
        assert_eq!(first.body, second.body);
    }
    fixture
        .env
        .act_as(&mut api, "admin", &["admins"], &[])
        .await;
    let differs = json!({"expected": {"node_type": "dax.r5.xlarge"}});
    let answer = api.post("/v1/clusters/foreign/adopt", &differs, &[]).await;
    answer.rejected(409, "resource_conflict");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patch_that_reboots_needs_the_right_to_reboot() {
    let fixture = ClusterFixture::new().await;
    let rules = with_policies(
        r#"@id("no_reboots") forbid (principal, action == Action::"reboot_nodes", resource);"#,
    );
    let (mut api, _rules) = fixture.env.governed_api(rules);
    fixture
        .env
        .act_as(&mut api, "op", &["operators"], &[])
        .await;
    fixture
        .succeeds(&create(&api, &cluster_request("one")).await)
        .await;
    let mut patch =
        json!({"parameters": {"record_ttl_millis": 77000}, "reboot_nodes_if_needed": true});
    let path = "/v1/clusters/one";
    assert_eq!(api.status_of("PATCH", path, Some(&patch)).await, 403);
    patch["reboot_nodes_if_needed"] = json!(false);
    assert_eq!(api.status_of("PATCH", path, Some(&patch)).await, 202);
}
