//! The list of clusters shows what needs attention, and its filters.

use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::mutation::bodies::ClusterUpdate;
use dax_provisioner::domain::operation::Status;
use dax_provisioner::worker::Worker;
use serde_json::{Value, json};

use crate::support::api::{ApiClient, DOCUMENT, cluster_request, strings};
use crate::support::test_env::TestEnv;

async fn create(api: &ApiClient, name: &str, tags: Value) -> uuid::Uuid {
    let mut body = cluster_request(name);
    body["tags"] = tags;
    api.post("/v1/clusters", &body, &[]).await.accepted()
}

/// The names that a query of the list returns.
async fn names(api: &ApiClient, query: &str) -> Vec<String> {
    let page = api.get(&format!("/v1/clusters?{query}")).await;
    assert_eq!(page.status, 200, "{page:?}");
    let names = strings(&page.body["items"], "name");
    names.into_iter().map(str::to_owned).collect()
}

/// Polls all clusters, whatever is due.
async fn poll(env: &TestEnv, worker: &Worker) {
    tokio::time::sleep(env.settings.timing.refresh).await;
    env.make_jobs_due().await;
    assert!(worker.poll().await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_operation_needs_attention_until_it_continues() {
    let env = TestEnv::new().await;
    let (api, worker) = (env.api(), env.worker("w"));
    env.grant_all_except("iam:CreateRole");
    let id = create(&api, "orders", json!({})).await;
    assert_eq!(
        api.get("/v1/clusters/orders").await.body["attention"],
        json!(null)
    );
    assert_eq!(env.settle(&worker, id).await.status, Status::Blocked);
    let cluster = api.get("/v1/clusters/orders").await.body;
    assert_eq!(
        (&cluster["status"], &cluster["attention"]),
        (&json!("creating"), &json!("blocked"))
    );
    assert_eq!(names(&api, "attention=blocked").await, ["orders"]);
    assert_eq!(
        names(&api, "attention=failed&attention=drifted").await,
        [""; 0]
    );
    env.grant(&[], Vec::new());
    assert_eq!(env.finish(&worker, id).await.status, Status::Succeeded);
    assert_eq!(
        api.get("/v1/clusters/orders").await.body["attention"],
        json!(null)
    );
    assert_eq!(names(&api, "attention=blocked").await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_create_says_so_and_was_never_observed() {
    let env = TestEnv::new().await;
    let (api, worker) = (env.api(), env.worker("w"));
    let id = create(&api, "orders", json!({})).await;
    let drift = api.get("/v1/clusters/orders/drift").await.body;
    assert_eq!(
        drift,
        json!({"drifted": false, "fields": [], "observed_at": null})
    );
    env.one_turn(&worker).await;
    let cancel = format!("/v1/operations/{id}/cancel");
    api.post(&cancel, &json!({}), &[]).await.accepted();
    assert_eq!(env.finish(&worker, id).await.status, Status::Cancelled);
    let cluster = api.get("/v1/clusters/orders").await.body;
    assert_eq!(
        (&cluster["status"], &cluster["attention"]),
        (&json!("failed"), &json!("failed"))
    );
    assert_eq!(cluster["problem"]["code"], "cluster_failed");
    assert_eq!(
        cluster["problem"]["instance"],
        format!("/v1/operations/{id}")
    );
    assert!(
        cluster["problem"]["detail"]
            .as_str()
            .unwrap()
            .contains("cancelled")
    );
    assert_eq!(cluster["drift"]["observed_at"], json!(null));
    assert_eq!(names(&api, "attention=failed").await, ["orders"]);
    // The name is free, and the new cluster needs no attention.
    create(&api, "orders", json!({})).await;
    assert_eq!(names(&api, "attention=failed").await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drifted_cluster_needs_attention_until_it_is_repaired() {
    let env = TestEnv::new().await;
    let (api, worker) = (env.api(), env.worker("w"));
    let mut body = cluster_request("orders");
    body["description"] = json!("ours");
    let id = api.post("/v1/clusters", &body, &[]).await.accepted();
    env.settle(&worker, id).await;
    poll(&env, &worker).await;
    assert_eq!(names(&api, "attention=drifted").await, [""; 0]);
    let drifting = Mutation::UpdateCluster(Box::new(ClusterUpdate {
        name: "orders".to_owned(),
        description: Some("by hand".to_owned()),
        maintenance_window: None,
        notification_topic_arn: None,
        notification_topic_status: None,
        parameter_group: None,
        security_group_ids: None,
    }));
    env.admin.send(&drifting, &env.account).await.unwrap();
    poll(&env, &worker).await;
    assert_eq!(names(&api, "attention=drifted").await, ["orders"]);
    assert_eq!(
        api.get("/v1/clusters/orders").await.body["attention"],
        "drifted"
    );
    let repair = api
        .post("/v1/clusters/orders/repair", &json!({}), &[])
        .await
        .accepted();
    assert_eq!(env.finish(&worker, repair).await.status, Status::Succeeded);
    poll(&env, &worker).await;
    assert_eq!(names(&api, "attention=drifted").await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_are_combined_and_kept_by_the_link() {
    let env = TestEnv::new().await;
    let api = env.api();
    create(&api, "a-one", json!({"team": "orders", "a:b": "c"})).await;
    create(&api, "a-two", json!({"team": "orders", "a": "b:c"})).await;
    create(&api, "b-one", json!({"team": "payments"})).await;
    assert_eq!(names(&api, "name_prefix=A-").await, ["a-two", "a-one"]);
    assert_eq!(
        names(&api, "tag=team:orders&tag=a:b:c").await,
        ["a-two", "a-one"]
    );
    assert_eq!(names(&api, "tag=team:payments").await, ["b-one"]);
    assert_eq!(names(&api, "tag=team:orders&name_prefix=b").await, [""; 0]);
    assert_eq!(
        names(&api, "status=creating&status=failed&name_prefix=b").await,
        ["b-one"]
    );
    assert_eq!(names(&api, "status=available&status=failed").await, [""; 0]);
    let page = api
        .get("/v1/clusters?limit=1&status=creating&status=failed&tag=team:orders")
        .await;
    let link = page.header("link").to_owned();
    assert!(
        link.contains("status=creating&status=failed&tag=team%3Aorders"),
        "{link}"
    );
    let next = api.get(&link[1..link.find('>').unwrap()]).await;
    assert_eq!(strings(&next.body["items"], "name"), ["a-one"]);
    for (query, parameter) in [
        ("status=lost", "status"),
        ("attention=", "attention"),
        ("name_prefix=1", "name_prefix"),
        ("name_prefix=a&name_prefix=b", "name_prefix"),
        ("tag=team", "tag"),
    ] {
        let answer = api.get(&format!("/v1/clusters?{query}")).await;
        let problem = answer.rejected(422, "invalid_request");
        assert_eq!(problem["errors"][0]["parameter"], parameter, "{query}");
    }
}

#[test]
fn every_list_with_a_cursor_documents_its_link() {
    let mut lists = 0;
    for item in DOCUMENT["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let mut names = parameters.map(|parameter| parameter["name"].as_str());
            if names.any(|name| name == Some("cursor")) {
                lists += 1;
                let link = &operation["responses"]["200"]["headers"]["Link"];
                assert!(link.is_object(), "{}", operation["operationId"]);
            }
        }
    }
    assert!(lists >= 9, "{lists}");
}
