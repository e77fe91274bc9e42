//! Updates over HTTP: settings by merge patch, carried out and seen in AWS.

use serde_json::{Value, json};

use crate::support::cluster_fixture::{ClusterFixture, names};
use crate::support::test_env::{TestEnv, instant};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_cache_times_are_a_new_group_and_the_old_one_goes() {
    let house =
        ClusterFixture::with_cluster(&json!({"parameters": {"record_ttl_millis": 60000}})).await;
    let before = house.cluster().await;
    let old = before["parameter_group"]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    let patch = json!({"parameters": {"query_ttl_millis": 5000}, "reboot_nodes_if_needed": true});
    let accepted = house.patch(&patch).await;
    assert_eq!(accepted.body["kind"], "update_cluster");
    house.succeeds(&accepted).await;
    let after = house.cluster().await;
    let new = after["parameter_group"]["name"].as_str().unwrap();
    assert_ne!(new, old);
    assert_eq!(after["parameter_group"]["owner"], "managed");
    assert_eq!(after["observed"]["parameter_group"], new);
    assert_eq!(
        after["desired"]["parameters"],
        json!({"record_ttl_millis": 60000, "query_ttl_millis": 5000})
    );
    let values = house.env.admin.parameters(new).await.unwrap().unwrap();
    assert_eq!(
        (
            values["record-ttl-millis"].as_str(),
            values["query-ttl-millis"].as_str()
        ),
        ("60000", "5000")
    );
    assert!(
        house
            .env
            .admin
            .parameter_group(&old)
            .await
            .unwrap()
            .is_none(),
        "the old group is gone"
    );
    let receipt = house
        .api
        .get(&format!("/v1/operations/{}", accepted.accepted()))
        .await
        .body["receipt"]
        .clone();
    let states: Vec<&str> = receipt
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["state"].as_str().unwrap())
        .collect();
    assert!(
        states.contains(&"gone") && states.contains(&"present"),
        "{receipt:#}"
    );

    // One value is taken out, then all of them.
    house
        .succeeds(
            &house
                .patch(&json!({"parameters": {"record_ttl_millis": null}}))
                .await,
        )
        .await;
    let parameters = house.cluster().await["desired"]["parameters"].clone();
    assert_eq!(
        parameters,
        json!({"record_ttl_millis": null, "query_ttl_millis": 5000})
    );
    house
        .succeeds(&house.patch(&json!({"parameters": null})).await)
        .await;
    let plain = house.cluster().await;
    assert_eq!(
        (&plain["desired"]["parameters"], &plain["drift"]["drifted"]),
        (&Value::Null, &json!(false))
    );
    assert!(
        plain["observed"]["parameter_group"]
            .as_str()
            .unwrap()
            .starts_with("default.")
    );
    assert_eq!(
        house
            .env
            .admin
            .parameter_groups()
            .await
            .unwrap()
            .iter()
            .filter(|group| group.name.starts_with("dax-"))
            .count(),
        0
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_wait_for_a_reboot_are_rebooted_if_that_is_asked_for() {
    let settings = aws_sandbox::Settings {
        parameter_changes_need_reboot: true,
        ..instant()
    };
    let house = ClusterFixture::in_env(TestEnv::with(settings).await);
    let mut body = crate::support::api::cluster_request("orders");
    body["replication_factor"] = json!(2);
    house
        .succeeds(&house.api.post("/v1/clusters", &body, &[]).await)
        .await;
    house
        .succeeds(
            &house
                .patch(&json!({"parameters": {"query_ttl_millis": 5000}}))
                .await,
        )
        .await;
    let waiting = house.cluster().await["observed"].clone();
    assert_eq!(
        waiting["node_ids_to_reboot"].as_array().unwrap().len(),
        2,
        "{waiting:#}"
    );
    assert_ne!(waiting["parameter_apply_status"], "in-sync");
    assert_eq!(house.env.sent("dax:RebootNode"), 0);
    house
        .succeeds(&house.patch(&json!({"reboot_nodes_if_needed": true})).await)
        .await;
    assert_eq!(house.env.sent("dax:RebootNode"), 2);
    house.poll().await;
    let rebooted = house.cluster().await["observed"].clone();
    assert_eq!(
        (
            &rebooted["node_ids_to_reboot"],
            &rebooted["parameter_apply_status"]
        ),
        (&json!([]), &json!("in-sync"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_of_ours_reaches_other_tables() {
    let house = ClusterFixture::with_cluster(&json!({})).await;
    let old = names(&house, ":policy/dax-provisioner/");
    let role = house.cluster().await["service_role"]["arn"].clone();
    house
        .succeeds(
            &house
                .patch(&json!({"service_role": {"tables": ["Orders", "Customers"]}}))
                .await,
        )
        .await;
    let new = names(&house, ":policy/dax-provisioner/");
    assert!(new.len() == 1 && new != old, "{old:?} {new:?}");
    let cluster = house.cluster().await;
    assert_eq!(cluster["service_role"]["arn"], role);
    let settings = &cluster["desired"]["service_role"];
    assert_eq!(settings["tables"], json!(["Orders", "Customers"]));
    let name = role.as_str().unwrap().rsplit('/').next().unwrap();
    let attached = house
        .env
        .admin
        .attached_policies(name, role.as_str().unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        attached.iter().collect::<Vec<_>>(),
        new.iter().collect::<Vec<_>>()
    );
    let document = house
        .env
        .admin
        .policy(&new[0])
        .await
        .unwrap()
        .unwrap()
        .document;
    assert!(
        document.contains("table/Customers") && document.contains("table/Orders"),
        "{document}"
    );

    house
        .succeeds(
            &house.patch(&json!({"service_role": {"access": "read_only", "tables": null, "all_tables": true}})).await,
        )
        .await;
    let all = names(&house, ":policy/dax-provisioner/");
    let document = house
        .env
        .admin
        .policy(&all[0])
        .await
        .unwrap()
        .unwrap()
        .document;
    assert!(
        all.len() == 1 && document.contains("table/*") && !document.contains("PutItem"),
        "{document}"
    );
    // The same again changes nothing, in whatever order.
    let calls = house.env.effects();
    house
        .succeeds(
            &house
                .patch(&json!({"service_role": {"access": "read_only", "all_tables": true}}))
                .await,
        )
        .await;
    assert_eq!(house.env.effects(), calls);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_other_setting_is_changed_and_taken_away_again() {
    let house = ClusterFixture::with_cluster(
        &json!({"description": "old", "tags": {"team": "orders", "stage": "test"}}),
    )
    .await;
    let groups = house.env.sandbox.inventory().security_groups.clone();
    let group = groups[0].id.clone();
    let topic = "arn:aws:sns:us-east-1:123456789012:dax-events";
    let patch = json!({
        "description": "new", "maintenance_window": "MON:05:00-mon:06:00", "notification_topic_arn": topic,
        "security_group_ids": [group], "tags": {"stage": null, "owner": "me"}, "deletion_protection": true,
        "on_failure": "roll_back",
    });
    house.succeeds(&house.patch(&patch).await).await;
    let cluster = house.cluster().await;
    let observed = &cluster["observed"];
    assert_eq!(observed["description"], "new");
    assert_eq!(observed["maintenance_window"], "mon:05:00-mon:06:00");
    assert_eq!(observed["notification_topic_arn"], topic);
    assert_eq!(observed["security_group_ids"], json!([group]));
    assert_eq!(
        cluster["desired"]["tags"],
        json!({"team": "orders", "owner": "me"})
    );
    assert_eq!(
        (
            &cluster["desired"]["deletion_protection"],
            &cluster["desired"]["on_failure"]
        ),
        (&json!(true), &json!("roll_back"))
    );
    assert_eq!(cluster["drift"]["drifted"], false, "{cluster:#}");
    let arn = observed["arn"].as_str().unwrap();
    let tags = house.env.admin.cluster_tags(arn).await.unwrap().unwrap();
    assert_eq!(
        (tags.get("stage"), tags["owner"].as_str(), tags.len()),
        (None, "me", 4),
        "{tags:?}"
    );
    house
        .api
        .delete("/v1/clusters/orders")
        .await
        .rejected(409, "deletion_protected");

    let nothing = json!({"description": null, "notification_topic_arn": null, "tags": null, "deletion_protection": false});
    house.succeeds(&house.patch(&nothing).await).await;
    let cluster = house.cluster().await;
    assert_eq!(
        cluster["observed"]["description"],
        Value::Null,
        "{cluster:#}"
    );
    assert_eq!(cluster["desired"]["description"], Value::Null);
    assert_eq!(cluster["observed"]["notification_topic_arn"], Value::Null);
    assert_eq!(cluster["desired"]["tags"], json!({}));
    let tags = house.env.admin.cluster_tags(arn).await.unwrap().unwrap();
    assert_eq!(tags.len(), 2, "ours stay: {tags:?}");
    assert_eq!(cluster["drift"]["drifted"], false, "{cluster:#}");
    house
        .succeeds(&house.api.delete("/v1/clusters/orders").await)
        .await;
    assert_eq!(house.env.created_in_aws(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_for_the_version_that_was_read() {
    let house = ClusterFixture::with_cluster(&json!({})).await;
    let merge = ("content-type", "application/merge-patch+json");
    let body = json!({"description": "x"});
    house
        .patch_with(&body, &[merge])
        .await
        .rejected(428, "precondition_required");
    let read = house.api.get("/v1/clusters/orders").await;
    let tag = read.header("etag").to_owned();
    let weak = format!("W/{tag}");
    for stale in ["\"1\"", weak.as_str(), "7", ""] {
        house
            .patch_with(&body, &[merge, ("if-match", stale)])
            .await
            .rejected(412, "precondition_failed");
    }
    let json_too = ("content-type", "application/json; charset=utf-8");
    let key = ("idempotency-key", "k");
    let first = house
        .patch_with(&body, &[json_too, ("if-match", &tag), key])
        .await;
    house.succeeds(&first).await;
    // The version has changed since, and the key still finds the operation.
    assert_eq!(
        house
            .patch_with(&body, &[json_too, ("if-match", &tag), key])
            .await
            .accepted(),
        first.accepted()
    );
    house
        .patch_with(&body, &[merge, ("if-match", &tag)])
        .await
        .rejected(412, "precondition_failed");
    house
        .patch_with(
            &json!({"description": "y"}),
            &[merge, ("if-match", "*"), key],
        )
        .await
        .rejected(422, "idempotency_key_reused");
    for media in ["text/plain", "application/json-patch+json", ""] {
        house
            .patch_with(&body, &[("content-type", media), ("if-match", "*")])
            .await
            .rejected(415, "unsupported_media_type");
    }
    let calls = house.env.effects();
    house.succeeds(&house.patch(&json!({})).await).await;
    assert_eq!(
        house.env.effects(),
        calls,
        "a patch that changes nothing finds nothing to do"
    );
    let waited = house
        .patch_with(
            &json!({}),
            &[merge, ("if-match", "*"), ("prefer", "wait=0")],
        )
        .await;
    assert_eq!(waited.header("preference-applied"), "wait=0");
    let nowhere = axum::http::Request::patch("/v1/clusters/nothing")
        .header(merge.0, merge.1)
        .body("{}".into())
        .unwrap();
    house.api.send(nowhere).await.rejected(404, "not_found");
}
