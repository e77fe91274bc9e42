//! Updates over HTTP: settings by merge patch, carried out and seen in AWS.

use serde_json::{Value, json};

use crate::changes::House;

fn names(house: &House, kind: &str) -> Vec<String> {
    house.world.made_in_aws().into_iter().filter(|arn| arn.contains(kind)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_cache_times_are_a_new_group_and_the_old_one_goes() {
    let house = House::with_cluster(&json!({"parameters": {"record_ttl_millis": 60000}})).await;
    let before = house.cluster().await;
    let old = before["parameter_group"]["name"].as_str().unwrap().to_owned();
    let patch = json!({"parameters": {"query_ttl_millis": 5000}, "reboot_nodes_if_needed": true});
    let accepted = house.patch(&patch).await;
    assert_eq!(accepted.body["kind"], "update_cluster");
    house.succeeds(&accepted).await;
    let after = house.cluster().await;
    let new = after["parameter_group"]["name"].as_str().unwrap();
    assert_ne!(new, old);
    assert_eq!(after["parameter_group"]["owner"], "managed");
    assert_eq!(after["observed"]["parameter_group"], new);
    assert_eq!(after["desired"]["parameters"], json!({"record_ttl_millis": 60000, "query_ttl_millis": 5000}));
    let values = house.world.admin.parameters(new).await.unwrap().unwrap();
    assert_eq!((values["record-ttl-millis"].as_str(), values["query-ttl-millis"].as_str()), ("60000", "5000"));
    assert!(house.world.admin.parameter_group(&old).await.unwrap().is_none(), "the old group is gone");
    let receipt = house.door.get(&format!("/v1/operations/{}", accepted.accepted())).await.body["receipt"].clone();
    let states: Vec<&str> = receipt.as_array().unwrap().iter().map(|item| item["state"].as_str().unwrap()).collect();
    assert!(states.contains(&"gone") && states.contains(&"present"), "{receipt:#}");

    // One value is taken out, then all of them.
    house.succeeds(&house.patch(&json!({"parameters": {"record_ttl_millis": null}})).await).await;
    let parameters = house.cluster().await["desired"]["parameters"].clone();
    assert_eq!(parameters, json!({"record_ttl_millis": null, "query_ttl_millis": 5000}));
    house.succeeds(&house.patch(&json!({"parameters": null})).await).await;
    let plain = house.cluster().await;
    assert_eq!((&plain["desired"]["parameters"], &plain["drift"]["drifted"]), (&Value::Null, &json!(false)));
    assert!(plain["observed"]["parameter_group"].as_str().unwrap().starts_with("default."));
    assert_eq!(
        house
            .world
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
async fn a_role_of_ours_reaches_other_tables() {
    let house = House::with_cluster(&json!({})).await;
    let old = names(&house, ":policy/dax-provisioner/");
    let role = house.cluster().await["service_role"]["arn"].clone();
    house.succeeds(&house.patch(&json!({"service_role": {"tables": ["Orders", "Customers"]}})).await).await;
    let new = names(&house, ":policy/dax-provisioner/");
    assert!(new.len() == 1 && new != old, "{old:?} {new:?}");
    let cluster = house.cluster().await;
    assert_eq!(cluster["service_role"]["arn"], role);
    let settings = &cluster["desired"]["service_role"];
    assert_eq!(settings["tables"], json!(["Orders", "Customers"]));
    let name = role.as_str().unwrap().rsplit('/').next().unwrap();
    let attached = house.world.admin.attached_policies(name, role.as_str().unwrap()).await.unwrap().unwrap();
    assert_eq!(attached.iter().collect::<Vec<_>>(), new.iter().collect::<Vec<_>>());
    let document = house.world.admin.policy(&new[0]).await.unwrap().unwrap().document;
    assert!(document.contains("table/Customers") && document.contains("table/Orders"), "{document}");

    house
        .succeeds(
            &house.patch(&json!({"service_role": {"access": "read_only", "tables": null, "all_tables": true}})).await,
        )
        .await;
    let all = names(&house, ":policy/dax-provisioner/");
    let document = house.world.admin.policy(&all[0]).await.unwrap().unwrap().document;
    assert!(all.len() == 1 && document.contains("table/*") && !document.contains("PutItem"), "{document}");
    // The same again changes nothing, in whatever order.
    let calls = house.world.effects();
    house.succeeds(&house.patch(&json!({"service_role": {"access": "read_only", "all_tables": true}})).await).await;
    assert_eq!(house.world.effects(), calls);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_other_setting_is_changed_and_taken_away_again() {
    let house = House::with_cluster(&json!({"description": "old", "tags": {"team": "orders", "stage": "test"}})).await;
    let groups = house.world.sandbox.inventory().security_groups.clone();
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
    assert_eq!(cluster["desired"]["tags"], json!({"team": "orders", "owner": "me"}));
    assert_eq!(
        (&cluster["desired"]["deletion_protection"], &cluster["desired"]["on_failure"]),
        (&json!(true), &json!("roll_back"))
    );
    assert_eq!(cluster["drift"]["drifted"], false, "{cluster:#}");
    let arn = observed["arn"].as_str().unwrap();
    let tags = house.world.admin.cluster_tags(arn).await.unwrap().unwrap();
    assert_eq!((tags.get("stage"), tags["owner"].as_str(), tags.len()), (None, "me", 4), "{tags:?}");
    house.door.delete("/v1/clusters/orders").await.refused(409, "deletion_protected");

    let nothing =
        json!({"description": null, "notification_topic_arn": null, "tags": null, "deletion_protection": false});
    house.succeeds(&house.patch(&nothing).await).await;
    let cluster = house.cluster().await;
    assert_eq!(cluster["observed"]["description"], Value::Null, "{cluster:#}");
    assert_eq!(cluster["desired"]["description"], Value::Null);
    assert_eq!(cluster["observed"]["notification_topic_arn"], Value::Null);
    assert_eq!(cluster["desired"]["tags"], json!({}));
    let tags = house.world.admin.cluster_tags(arn).await.unwrap().unwrap();
    assert_eq!(tags.len(), 2, "ours stay: {tags:?}");
    assert_eq!(cluster["drift"]["drifted"], false, "{cluster:#}");
    house.succeeds(&house.door.delete("/v1/clusters/orders").await).await;
    assert_eq!(house.world.made_in_aws(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_for_the_version_that_was_read() {
    let house = House::with_cluster(&json!({})).await;
    let merge = ("content-type", "application/merge-patch+json");
    let body = json!({"description": "x"});
    house.patch_with(&body, &[merge]).await.refused(428, "precondition_required");
    let read = house.door.get("/v1/clusters/orders").await;
    let tag = read.header("etag").to_owned();
    let weak = format!("W/{tag}");
    for stale in ["\"1\"", weak.as_str(), "7", ""] {
        house.patch_with(&body, &[merge, ("if-match", stale)]).await.refused(412, "precondition_failed");
    }
    let json_too = ("content-type", "application/json; charset=utf-8");
    let key = ("idempotency-key", "k");
    let first = house.patch_with(&body, &[json_too, ("if-match", &tag), key]).await;
    house.succeeds(&first).await;
    // The version has changed since, and the key still finds the operation.
    assert_eq!(house.patch_with(&body, &[json_too, ("if-match", &tag), key]).await.accepted(), first.accepted());
    house.patch_with(&body, &[merge, ("if-match", &tag)]).await.refused(412, "precondition_failed");
    house
        .patch_with(&json!({"description": "y"}), &[merge, ("if-match", "*"), key])
        .await
        .refused(422, "idempotency_key_reused");
    for media in ["text/plain", "application/json-patch+json", ""] {
        house
            .patch_with(&body, &[("content-type", media), ("if-match", "*")])
            .await
            .refused(415, "unsupported_media_type");
    }
    let calls = house.world.effects();
    house.succeeds(&house.patch(&json!({})).await).await;
    assert_eq!(house.world.effects(), calls, "a patch that changes nothing finds nothing to do");
    let waited = house.patch_with(&json!({}), &[merge, ("if-match", "*"), ("prefer", "wait=0")]).await;
    assert_eq!(waited.header("preference-applied"), "wait=0");
    let nowhere =
        axum::http::Request::patch("/v1/clusters/nothing").header(merge.0, merge.1).body("{}".into()).unwrap();
    house.door.send(nowhere).await.refused(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_change_is_told_at_once_with_the_way_round() {
    let house = House::with_cluster(&json!({})).await;
    let fixed = json!({
        "name": "other", "node_type": "dax.r5.large", "replication_factor": 3, "availability_zones": null,
        "subnet_group": {"name": "x"}, "network_type": "ipv6", "encryption_at_rest": false,
        "encryption_in_transit": false, "require_preflight": true,
        "service_role": {"arn": "arn:aws:iam::123456789012:role/x"},
    });
    let refused = house.patch(&fixed).await;
    refused.refused(409, "immutable_field");
    let faults = refused.faults();
    assert_eq!(faults.len(), 10, "{faults:?}");
    assert!(faults.iter().all(|(_, code)| *code == "immutable_field"));
    let errors = refused.body["errors"].as_array().unwrap();
    let scale = errors.iter().find(|error| error["pointer"] == "/replication_factor").unwrap();
    assert!(scale["detail"].as_str().unwrap().contains("POST /v1/clusters/orders/scale"), "{scale}");
    // Other faults of the same body are told beside it.
    let mixed =
        house.patch(&json!({"node_type": "x", "colour": 1, "maintenance_window": "x", "service_role": null})).await;
    mixed.refused(409, "immutable_field");
    assert_eq!(
        mixed.faults(),
        [
            ("/colour", "unknown_field"),
            ("/maintenance_window", "invalid_format"),
            ("/node_type", "immutable_field"),
            ("/service_role", "immutable_field"),
        ]
    );
    assert_eq!(house.cluster().await["status"], "available");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_is_not_ours_is_not_changed() {
    let house = House::new().await;
    house.foreign_cluster("orders", &[]).await;
    house.succeeds(&house.post("adopt", &json!({})).await).await;
    let refused =
        house.patch(&json!({"service_role": {"tables": ["A", "Orders"], "access": "read_only", "shade": 1}})).await;
    refused.refused(409, "immutable_field");
    let faults = [
        ("/service_role/access", "immutable_field"),
        ("/service_role/shade", "unknown_field"),
        ("/service_role/tables", "immutable_field"),
    ];
    assert_eq!(refused.faults(), faults);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_rules_of_a_patch_come_together() {
    let house = House::with_cluster(&json!({"tags": {"team": "orders"}, "parameters": {"record_ttl_millis": 1}})).await;
    let many: serde_json::Map<String, Value> = (0..48).map(|n| (format!("t{n}"), json!("x"))).collect();
    let long = |prefix: &str| (0..200).map(|n| format!("{prefix}-{n:0>200}")).collect::<Vec<_>>();
    let cases = [
        (json!([]), vec![("", "wrong_type")]),
        (json!({"colour": 1}), vec![("/colour", "unknown_field")]),
        (
            json!({"maintenance_window": null, "security_group_ids": null, "deletion_protection": null, "on_failure": null}),
            vec![
                ("/deletion_protection", "wrong_type"),
                ("/maintenance_window", "wrong_type"),
                ("/on_failure", "unknown_value"),
                ("/security_group_ids", "wrong_type"),
            ],
        ),
        (
            json!({"security_group_ids": [], "description": "\u{20ac}", "notification_topic_arn": "x"}),
            vec![
                ("/description", "invalid_format"),
                ("/notification_topic_arn", "invalid_format"),
                ("/security_group_ids", "out_of_range"),
            ],
        ),
        (json!({"parameter_group": {"name": "mine"}}), vec![("/parameter_group", "exclusive")]),
        (json!({"parameters": null, "parameter_group": {}}), vec![("/parameter_group/name", "required")]),
        (json!({"parameters": null, "parameter_group": {"name": null}}), vec![("/parameter_group/name", "wrong_type")]),
        (json!({"parameters": {"record_ttl_millis": null}}), vec![("/parameters", "required")]),
        (
            json!({"parameters": {"record_ttl_millis": -1, "size": 1}}),
            vec![("/parameters/record_ttl_millis", "out_of_range"), ("/parameters/size", "unknown_field")],
        ),
        (
            json!({"tags": {"aws:x": null, "dax-provisioner:operation": "y", "a!": "b"}}),
            vec![
                ("/tags/a!", "invalid_format"),
                ("/tags/aws:x", "reserved"),
                ("/tags/dax-provisioner:operation", "reserved"),
            ],
        ),
        (json!({"tags": many}), vec![("/tags", "out_of_range")]),
        (json!({"service_role": {"all_tables": true}}), vec![("/service_role/all_tables", "exclusive")]),
        (json!({"service_role": {"tables": null}}), vec![("/service_role", "required")]),
        (
            json!({"service_role": {"tables": [], "access": "all"}}),
            vec![("/service_role/access", "unknown_value"), ("/service_role/tables", "out_of_range")],
        ),
        (json!({"service_role": {"tables": long("t")}}), vec![("/service_role/tables", "too_many")]),
    ];
    for (body, faults) in cases {
        let refused = house.patch(&body).await;
        refused.refused(422, "invalid_request");
        assert_eq!(refused.faults(), faults, "{body}");
    }
    assert_eq!(house.cluster().await["status"], "available", "nothing was accepted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_and_new_policies_must_fit_on_the_role_together() {
    // Some fifteen such tables fill a policy; each list alone fits.
    let tables = |prefix: &str, count: usize| (0..count).map(|n| format!("{prefix}{n:0>150}")).collect::<Vec<_>>();
    let role = json!({"service_role": {"access": "read_only", "tables": tables("a", 70)}});
    let house = House::with_cluster(&role).await;
    let attached = names(&house, ":policy/dax-provisioner/").len();
    assert!((5..=10).contains(&attached), "{attached}");
    let refused = house.patch(&json!({"service_role": {"tables": tables("b", 70)}})).await;
    refused.refused(422, "invalid_request");
    assert_eq!(refused.faults(), [("/service_role/tables", "too_many")]);
    let detail = refused.body["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.contains(&format!("the {attached} that")) && detail.contains("takes 10"), "{detail}");
    house.succeeds(&house.patch(&json!({"service_role": {"tables": ["Orders"]}})).await).await;
    assert_eq!(names(&house, ":policy/dax-provisioner/").len(), 1);
}
