//! Clusters over HTTP: asked for, read, listed, deleted.

use dax_provisioner::domain::operation::Status;
use serde_json::json;

use crate::support::api::cluster_request;
use crate::support::test_env::TestEnv;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_asked_for_watched_used_and_deleted() {
    let world = TestEnv::new().await;
    let (door, worker) = (world.api(), world.worker("w"));
    let created = door.post("/v1/clusters", &cluster_request("Orders"), &[]).await;
    let id = created.accepted();
    assert_eq!(
        (
            created.body["status"].as_str(),
            created.body["cluster"].as_str()
        ),
        (Some("pending"), Some("orders"))
    );
    assert_eq!(created.body["requested_by"], "anonymous");
    let cluster = door.get("/v1/clusters/ORDERS").await;
    assert_eq!(
        (cluster.status.as_u16(), cluster.body["status"].as_str()),
        (200, Some("creating"))
    );
    assert_eq!(cluster.body["account_id"], world.account.account_id);
    assert_eq!(
        cluster.body["desired"]["service_role"]["tables"],
        json!(["Orders"])
    );
    assert_eq!(cluster.body["endpoint"], json!(null));

    assert_eq!(world.settle(&worker, id).await.status, Status::Succeeded);
    let operation = door.get(created.header("location")).await;
    assert_eq!(operation.body["status"], "succeeded");
    assert_eq!(operation.body["progress"]["percent"], 100);
    assert!(
        !operation.headers.contains_key("retry-after"),
        "a finished operation need not be read again"
    );
    let kinds: Vec<&str> = operation.body["receipt"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["kind"].as_str().unwrap())
        .collect();
    assert!(
        kinds.contains(&"role") && kinds.contains(&"policy") && kinds.contains(&"cluster"),
        "{kinds:?}"
    );
    let cluster = door.get("/v1/clusters/orders").await;
    assert_eq!(cluster.body["status"], "available");
    assert_eq!(cluster.body["service_role"]["owner"], "managed");
    assert_eq!(
        cluster.body["subnet_group"],
        json!({"name": "default", "owner": "external"})
    );
    assert_eq!(
        cluster.body["parameter_group"],
        json!({"name": "default.dax1.0", "owner": "external"})
    );
    assert_eq!(cluster.body["endpoint"]["port"], 9111);
    assert!(
        cluster.body["endpoint"]["url"]
            .as_str()
            .unwrap()
            .starts_with("daxs://")
    );
    assert_eq!(
        cluster.body["observed"]["nodes"].as_array().unwrap().len(),
        1
    );

    let deleted = door.delete("/v1/clusters/orders").await;
    let delete = deleted.accepted();
    assert_eq!(
        door.delete("/v1/clusters/orders").await.accepted(),
        delete,
        "asked again, it is the same operation"
    );
    assert_eq!(
        world.settle(&worker, delete).await.status,
        Status::Succeeded
    );
    door.get("/v1/clusters/orders")
        .await
        .rejected(404, "not_found");
    door.delete("/v1/clusters/orders")
        .await
        .rejected(404, "not_found");
    assert_eq!(
        door.get(&format!("/v1/operations/{delete}")).await.body["status"],
        "succeeded"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_operation_at_a_time_works_on_a_cluster_and_a_delete_takes_over() {
    let world = TestEnv::new().await;
    let (door, worker) = (world.api(), world.worker("w"));
    let create = door
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    let twin = door.post("/v1/clusters", &cluster_request("orders"), &[]).await;
    assert_eq!(
        twin.rejected(409, "operation_in_progress")["instance"],
        format!("/v1/operations/{create}")
    );
    assert!(twin.header("retry-after").parse::<u64>().unwrap() >= 1);
    let delete = door.delete("/v1/clusters/orders").await.accepted();
    assert_eq!(
        door.delete("/v1/clusters/orders").await.accepted(),
        delete,
        "a repeated delete is the same operation"
    );
    let taken = door.get(&format!("/v1/operations/{create}")).await;
    assert_eq!(taken.body["status"], "cancelled");
    assert_eq!(taken.body["superseded_by"], delete.to_string());
    world.settle(&worker, delete).await;
    let again = door
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    world.settle(&worker, again).await;
    door.post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .rejected(409, "cluster_exists");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_protected_cluster_is_not_deleted_and_parts_can_be_left() {
    let world = TestEnv::new().await;
    let (door, worker) = (world.api(), world.worker("w"));
    let mut body = cluster_request("safe");
    body["deletion_protection"] = json!(true);
    let safe = door.post("/v1/clusters", &body, &[]).await.accepted();
    let loose = door
        .post("/v1/clusters", &cluster_request("loose"), &[])
        .await
        .accepted();
    world.settle(&worker, safe).await;
    world.settle(&worker, loose).await;
    door.delete("/v1/clusters/safe")
        .await
        .rejected(409, "deletion_protected");
    let refused = door
        .delete("/v1/clusters/loose?retain=service_role,endpoint")
        .await;
    assert_eq!(
        refused.rejected(422, "invalid_request")["errors"][0]["parameter"],
        "retain"
    );
    let delete = door
        .delete("/v1/clusters/loose?retain=service_role")
        .await
        .accepted();
    world.settle(&worker, delete).await;
    let receipt = door.get(&format!("/v1/operations/{delete}")).await.body["receipt"].clone();
    let state = |kind: &str| {
        let item = receipt
            .as_array()
            .unwrap()
            .iter()
            .find(|item| item["kind"] == kind)
            .unwrap();
        item["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        (state("role"), state("policy"), state("cluster")),
        ("left".into(), "left".into(), "gone".into())
    );
    let orphans = door.get("/v1/orphans").await;
    let kinds: Vec<&str> = orphans.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["role", "policy"], "{:#}", orphans.body);
    assert!(orphans.body["items"][0]["ours"].as_bool().unwrap());
    assert!(orphans.body["items"][0]["age_seconds"].as_i64().unwrap() >= 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_paged_without_gaps_while_things_are_added() {
    let world = TestEnv::new().await;
    let door = world.api();
    for n in 0..5 {
        door.post("/v1/clusters", &cluster_request(&format!("c{n}")), &[])
            .await
            .accepted();
    }
    for (list, key) in [
        ("clusters?status=creating&limit=2", "name"),
        ("operations?kind=create_cluster&limit=2", "cluster"),
    ] {
        let mut path = format!("/v1/{list}");
        let mut seen = Vec::new();
        loop {
            let page = door.get(&path).await;
            assert_eq!(page.status, 200, "{page:?}");
            seen.extend(
                page.body["items"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|item| item[key].as_str().unwrap().to_owned()),
            );
            door.post("/v1/clusters", &cluster_request(&format!("n{}", seen.len())), &[])
                .await;
            let Some(next) = page.body["next_cursor"].as_str() else {
                break;
            };
            let link = page.header("link");
            assert!(
                link.contains(next) && link.ends_with("rel=\"next\""),
                "{link}"
            );
            path = link[1..link.find('>').unwrap()].to_owned();
        }
        let original: Vec<&String> = seen.iter().filter(|name| name.starts_with('c')).collect();
        assert_eq!(original, ["c4", "c3", "c2", "c1", "c0"], "{list}");
    }
    assert_eq!(
        door.get("/v1/clusters?status=failed").await.body["items"],
        json!([])
    );
    assert_eq!(
        door.get("/v1/operations?cluster=C3").await.body["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_has_the_version_gets_nothing() {
    let world = TestEnv::new().await;
    let (door, worker) = (world.api(), world.worker("w"));
    let id = door
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    for path in [
        "/v1/clusters/orders".to_owned(),
        format!("/v1/operations/{id}"),
    ] {
        let first = door.get(&path).await;
        let tag = first.header("etag");
        assert_eq!(tag, format!("\"{}\"", first.body["version"]));
        let again = door.get_with(&path, &[("if-none-match", tag)]).await;
        assert_eq!(
            (
                again.status.as_u16(),
                again.text.as_str(),
                again.header("etag")
            ),
            (304, "", tag)
        );
    }
    let before = door.get("/v1/clusters/orders").await;
    world.settle(&worker, id).await;
    let after = door
        .get_with(
            "/v1/clusters/orders",
            &[("if-none-match", before.header("etag"))],
        )
        .await;
    assert_eq!(after.status, 200, "what a reader can see has changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_known_account_nothing_is_accepted_and_everything_else_answers() {
    let world = TestEnv::new().await;
    let door = world.api();
    door.account.send(None).unwrap();
    door.post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .rejected(503, "unavailable");
    assert_eq!(door.get("/v1/clusters").await.status, 200);
    assert_eq!(door.get("/v1/operations").await.status, 200);
    door.get("/readyz").await.rejected(503, "unavailable");
    // A request that comes a moment too early is not sent away.
    let body = cluster_request("orders");
    let told = async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        door.account.send(Some(world.account.clone())).unwrap();
    };
    let (answer, ()) = tokio::join!(door.post("/v1/clusters", &body, &[]), told);
    answer.accepted();
}
