//! A cluster of no project is put into one, once.

use serde_json::json;

use super::built_in;
use crate::support::api::cluster_request;
use crate::support::cluster_fixture::ClusterFixture;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_of_no_project_is_put_into_one_once() {
    let fixture = ClusterFixture::new().await;
    let (mut api, _rules) = fixture.env.governed_api(built_in(&[]));
    let env = &fixture.env;
    env.act_as(&mut api, "admin", &["admins"], &[]).await;
    let created = api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await;
    fixture.succeeds(&created).await;
    let patch = |project: &str| json!({"project": project});
    let path = "/v1/clusters/orders";

    // An operator of every project may change the cluster, and not whom it belongs to.
    env.act_as(&mut api, "operator", &["operators"], &[]).await;
    let refused = api.patch(path, &patch("payments")).await;
    assert!(
        refused.rejected(403, "forbidden")["detail"]
            .as_str()
            .unwrap()
            .contains("assign_project")
    );
    // The team does not see it.
    env.act_as(&mut api, "team", &["operators"], &["payments"])
        .await;
    api.get(path).await.rejected(404, "not_found");

    env.act_as(&mut api, "admin", &["admins"], &[]).await;
    for invalid in [json!("Payments"), json!(7), json!("")] {
        let rejected = api.patch(path, &json!({"project": invalid})).await;
        assert_eq!(
            rejected.body["errors"][0]["pointer"], "/project",
            "{rejected:?}"
        );
    }
    let accepted = api.patch(path, &patch("payments")).await;
    fixture.succeeds(&accepted).await;
    assert_eq!(
        project_tag(&fixture, "orders").await.as_deref(),
        Some("payments")
    );
    // Never again.
    let again = api.patch(path, &patch("search")).await;
    let problem = again.rejected(409, "immutable_field");
    assert_eq!(problem["errors"][0]["pointer"], "/project");

    env.act_as(&mut api, "team", &["operators"], &["payments"])
        .await;
    assert_eq!(api.get(path).await.body["project"], "payments");
    let history = api.get("/v1/operations?cluster=orders").await.body;
    assert_eq!(history["items"].as_array().unwrap().len(), 2, "{history}");
    env.act_as(&mut api, "other", &["operators"], &["search"])
        .await;
    api.get(path).await.rejected(404, "not_found");
}

/// The tag of the project of a cluster in AWS.
async fn project_tag(fixture: &ClusterFixture, name: &str) -> Option<String> {
    let arn = fixture.env.account.cluster_arn(name);
    let tags = fixture.env.admin.cluster_tags(&arn).await.unwrap().unwrap();
    tags.get("dax-provisioner:project").cloned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adopted_cluster_has_the_tag_of_its_project_if_it_has_room() {
    for (own_tags, tag) in [(47, Some("payments")), (48, None)] {
        let fixture = ClusterFixture::new().await;
        let keys: Vec<String> = (0..own_tags)
            .map(|number| format!("key-{number}"))
            .collect();
        let tags: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), "")).collect();
        fixture.create_foreign_cluster("found", &tags).await;
        let body = json!({"project": "payments"});
        let adopted = fixture
            .api
            .post("/v1/clusters/found/adopt", &body, &[])
            .await;
        fixture.succeeds(&adopted).await;
        assert_eq!(project_tag(&fixture, "found").await.as_deref(), tag);
    }
}
