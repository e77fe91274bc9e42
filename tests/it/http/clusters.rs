//! Clusters over HTTP: create, read, list, delete.

use dax_provisioner::domain::operation::Status;
use serde_json::json;

use crate::support::api::{ApiClient, cluster_request, strings};
use crate::support::test_env::TestEnv;

/// Sends the create of a cluster. Returns the ID of the operation.
async fn create(api: &ApiClient, name: &str) -> uuid::Uuid {
    api.post("/v1/clusters", &cluster_request(name), &[])
        .await
        .accepted()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_readable_before_it_exists_in_aws() {
    let env = TestEnv::new().await;
    let api = env.api();
    let created = api
        .post("/v1/clusters", &cluster_request("Orders"), &[])
        .await;
    created.accepted();
    assert_eq!(created.body["status"], "pending");
    assert_eq!(created.body["cluster"], "orders");
    assert_eq!(created.body["requested_by"], "anonymous");
    let cluster = api.get("/v1/clusters/ORDERS").await;
    assert_eq!(cluster.status, 200);
    assert_eq!(cluster.body["status"], "creating");
    assert_eq!(cluster.body["account_id"], env.account.account_id);
    let desired = &cluster.body["desired"];
    assert_eq!(desired["service_role"]["tables"], json!(["Orders"]));
    assert_eq!(cluster.body["endpoint"], json!(null));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_created_cluster_has_its_resources_and_its_endpoint() {
    let env = TestEnv::new().await;
    let (api, worker) = (env.api(), env.worker("w"));
    let id = create(&api, "orders").await;
    assert_eq!(env.settle(&worker, id).await.status, Status::Succeeded);
    let operation = api.get(&format!("/v1/operations/{id}")).await;
    assert_eq!(operation.body["status"], "succeeded");
    assert_eq!(operation.body["progress"]["percent"], 100);
    assert!(!operation.headers.contains_key("retry-after"));
    let kinds = strings(&operation.body["receipt"], "kind");
    for kind in ["role", "policy", "cluster"] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    let cluster = api.get("/v1/clusters/orders").await.body;
    assert_eq!(cluster["status"], "available");
    assert_eq!(cluster["service_role"]["owner"], "managed");
    assert_eq!(
        cluster["subnet_group"],
        json!({"name": "default", "owner": "external"})
    );
    assert_eq!(
        cluster["parameter_group"],
        json!({"name": "default.dax1.0", "owner": "external"})
    );
    let endpoint = &cluster["endpoint"];
    assert_eq!(endpoint["port"], 9111);
    let url = endpoint["url"].as_str().unwrap();
    assert!(url.starts_with("daxs://"), "{url}");
    let nodes = cluster["observed"]["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_cluster_is_not_found_and_its_operation_stays_readable() {
    let env = TestEnv::new().await;
    let (api, worker) = (env.api(), env.worker("w"));
    let id = create(&api, "orders").await;
    env.settle(&worker, id).await;
    let path = "/v1/clusters/orders";
    let delete = api.delete(path).await.accepted();
    assert_eq!(
        api.delete(path).await.accepted(),
        delete,
        "a repeated delete is the same operation"
    );
    assert_eq!(env.settle(&worker, delete).await.status, Status::Succeeded);
    api.get(path).await.rejected(404, "not_found");
    api.delete(path).await.rejected(404, "not_found");
    let operation = api.get(&format!("/v1/operations/{delete}")).await;
    assert_eq!(operation.body["status"], "succeeded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_has_one_operation_at_a_time_and_a_delete_supersedes_it() {
    let env = TestEnv::new().await;
    let (api, worker) = (env.api(), env.worker("w"));
    let first = create(&api, "orders").await;
    let second = api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await;
    let problem = second.rejected(409, "operation_in_progress");
    assert_eq!(problem["instance"], format!("/v1/operations/{first}"));
    assert!(second.header("retry-after").parse::<u64>().unwrap() >= 1);
    let delete = api.delete("/v1/clusters/orders").await.accepted();
    assert_eq!(
        api.delete("/v1/clusters/orders").await.accepted(),
        delete,
        "a repeated delete is the same operation"
    );
    let superseded = api.get(&format!("/v1/operations/{first}")).await;
    assert_eq!(superseded.body["status"], "cancelled");
    assert_eq!(superseded.body["superseded_by"], delete.to_string());
    env.settle(&worker, delete).await;
    let again = create(&api, "orders").await;
    env.settle(&worker, again).await;
    api.post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .rejected(409, "cluster_exists");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_protected_cluster_is_not_deleted() {
    let env = TestEnv::new().await;
    let (api, worker) = (env.api(), env.worker("w"));
    let mut body = cluster_request("safe");
    body["deletion_protection"] = json!(true);
    let id = api.post("/v1/clusters", &body, &[]).await.accepted();
    env.settle(&worker, id).await;
    api.delete("/v1/clusters/safe")
        .await
        .rejected(409, "deletion_protected");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delete_can_retain_the_service_role_which_is_then_an_orphan() {
    let env = TestEnv::new().await;
    let (api, worker) = (env.api(), env.worker("w"));
    let id = create(&api, "orders").await;
    env.settle(&worker, id).await;
    let response = api
        .delete("/v1/clusters/orders?retain=service_role,endpoint")
        .await;
    let problem = response.rejected(422, "invalid_request");
    assert_eq!(problem["errors"][0]["parameter"], "retain");
    let delete = api
        .delete("/v1/clusters/orders?retain=service_role")
        .await
        .accepted();
    env.settle(&worker, delete).await;
    let receipt = api.get(&format!("/v1/operations/{delete}")).await.body["receipt"].clone();
    let state = |kind: &str| {
        let mut items = receipt.as_array().unwrap().iter();
        items.find(|item| item["kind"] == kind).unwrap()["state"].clone()
    };
    assert_eq!(state("role"), "left");
    assert_eq!(state("policy"), "left");
    assert_eq!(state("cluster"), "gone");
    let orphans = api.get("/v1/orphans").await.body["items"].clone();
    assert_eq!(strings(&orphans, "kind"), ["role", "policy"], "{orphans:#}");
    assert!(orphans[0]["ours"].as_bool().unwrap());
    assert!(orphans[0]["age_seconds"].as_i64().unwrap() >= 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_a_list_have_no_gaps_while_items_are_added() {
    let env = TestEnv::new().await;
    let api = env.api();
    for n in 0..5 {
        create(&api, &format!("c{n}")).await;
    }
    for (list, member) in [
        ("clusters?status=creating&limit=2", "name"),
        ("operations?kind=create_cluster&limit=2", "cluster"),
    ] {
        let mut path = format!("/v1/{list}");
        let mut names: Vec<String> = Vec::new();
        loop {
            let page = api.get(&path).await;
            assert_eq!(page.status, 200, "{page:?}");
            let page_names = strings(&page.body["items"], member);
            names.extend(page_names.into_iter().map(str::to_owned));
            let new = cluster_request(&format!("n{}", names.len()));
            api.post("/v1/clusters", &new, &[]).await;
            let Some(next) = page.body["next_cursor"].as_str() else {
                break;
            };
            let link = page.header("link");
            assert!(link.contains(next), "{link}");
            assert!(link.ends_with("rel=\"next\""), "{link}");
            path = link[1..link.find('>').unwrap()].to_owned();
        }
        names.retain(|name| name.starts_with('c'));
        assert_eq!(names, ["c4", "c3", "c2", "c1", "c0"], "{list}");
    }
    let failed = api.get("/v1/clusters?status=failed").await;
    assert_eq!(failed.body["items"], json!([]));
    let of_cluster = api.get("/v1/operations?cluster=C3").await;
    assert_eq!(of_cluster.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_with_the_current_etag_returns_304() {
    let env = TestEnv::new().await;
    let (api, worker) = (env.api(), env.worker("w"));
    let id = create(&api, "orders").await;
    for path in [
        "/v1/clusters/orders".to_owned(),
        format!("/v1/operations/{id}"),
    ] {
        let first = api.get(&path).await;
        let etag = first.header("etag");
        assert_eq!(etag, format!("\"{}\"", first.body["version"]));
        let again = api.get_with(&path, &[("if-none-match", etag)]).await;
        assert_eq!(again.status, 304);
        assert_eq!(again.text, "");
        assert_eq!(again.header("etag"), etag);
    }
    let before = api.get("/v1/clusters/orders").await;
    env.settle(&worker, id).await;
    let known = [("if-none-match", before.header("etag"))];
    let after = api.get_with("/v1/clusters/orders", &known).await;
    assert_eq!(after.status, 200, "the representation has changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn until_the_account_is_known_only_writes_are_rejected() {
    let env = TestEnv::new().await;
    let api = env.api();
    api.account.send(None).unwrap();
    api.post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .rejected(503, "unavailable");
    assert_eq!(api.get("/v1/clusters").await.status, 200);
    assert_eq!(api.get("/v1/operations").await.status, 200);
    api.get("/readyz").await.rejected(503, "unavailable");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_waits_shortly_for_the_account() {
    let env = TestEnv::new().await;
    let api = env.api();
    api.account.send(None).unwrap();
    let body = cluster_request("orders");
    let identified = async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        api.account.send(Some(env.account.clone())).unwrap();
    };
    let (response, ()) = tokio::join!(api.post("/v1/clusters", &body, &[]), identified);
    response.accepted();
}
