//! Adoption over HTTP: a cluster of others is taken under management, changed, and let go again.

use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::names::INSTALLATION_TAG;
use dax_provisioner::domain::operation::Status;
use serde_json::{Value, json};

use crate::support::api::cluster_request;
use crate::support::cluster_fixture::ClusterFixture;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_of_others_is_adopted_changed_and_released_and_is_still_there() {
    let house = ClusterFixture::new().await;
    house
        .create_foreign_cluster("orders", &[("team", "billing")])
        .await;
    let before = house.env.sandbox.inventory();
    let accepted = house.api.send_empty("POST", "/v1/clusters/orders/adopt").await;
    assert_eq!(accepted.body["kind"], "adopt_cluster");
    house.succeeds(&accepted).await;
    let cluster = house.cluster().await;
    assert_eq!(cluster["status"], "available");
    let desired = &cluster["desired"];
    assert_eq!(
        (&desired["node_type"], &desired["replication_factor"]),
        (&json!("dax.r5.large"), &json!(2))
    );
    assert_eq!(
        (&desired["description"], &desired["tags"]),
        (&json!("made by hand"), &json!({"team": "billing"}))
    );
    assert_eq!(
        (
            &desired["encryption_at_rest"],
            &desired["encryption_in_transit"]
        ),
        (&json!(true), &json!(false))
    );
    assert_eq!(
        desired["service_role"]["arn"],
        "arn:aws:iam::123456789012:role/service-role/DAXServiceRole"
    );
    assert_eq!(desired["maintenance_window"], "sun:05:00-sun:06:00");
    for part in ["service_role", "subnet_group", "parameter_group"] {
        assert_eq!(cluster[part]["owner"], "external", "{part}: {cluster:#}");
    }
    assert_eq!(
        cluster["endpoint"]["url"]
            .as_str()
            .unwrap()
            .split(':')
            .next(),
        Some("dax")
    );
    house.poll().await;
    assert_eq!(house.cluster().await["drift"]["fields"], json!([]));
    // Nothing but our two tags is new.
    let mut after = house.env.sandbox.inventory();
    let managed = after.clusters[0]
        .tags
        .keys()
        .filter(|key| key.starts_with("dax-provisioner:"))
        .count();
    after.clusters[0]
        .tags
        .retain(|key, _| !key.starts_with("dax-provisioner:"));
    assert_eq!((managed, &after), (2, &before));

    house
        .succeeds(
            &house
                .patch(
                    &json!({"description": "ours now", "parameters": {"query_ttl_millis": 1000}}),
                )
                .await,
        )
        .await;
    house
        .succeeds(&house.post("scale", &json!({"replication_factor": 3})).await)
        .await;
    let changed = house.cluster().await;
    assert_eq!(
        changed["parameter_group"]["owner"], "managed",
        "{changed:#}"
    );
    let standing = house.env.sandbox.inventory();
    house
        .succeeds(&house.api.send_empty("POST", "/v1/clusters/orders/release").await)
        .await;
    assert_eq!(
        house.env.sandbox.inventory(),
        standing,
        "a release touches nothing"
    );
    house
        .api
        .get("/v1/clusters/orders")
        .await
        .rejected(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_expected_is_compared_first_and_every_difference_told() {
    let house = ClusterFixture::new().await;
    house.create_foreign_cluster("orders", &[]).await;
    let before = house.env.sandbox.inventory();
    let group = before.clusters[0].security_group_ids[0].clone();
    let expected = json!({"expected": {
        "node_type": "dax.r5.xlarge", "replication_factor": 3, "subnet_group": "DEFAULT",
        "service_role_arn": "arn:aws:iam::123456789012:role/other", "parameter_group": "mine",
        "security_group_ids": ["sg-0a1b2c3d"], "encryption_at_rest": false, "encryption_in_transit": true,
        "maintenance_window": "SUN:05:00-SUN:06:00", "description": "", "network_type": "ipv6",
        "notification_topic_arn": "arn:aws:sns:us-east-1:123456789012:x",
    }});
    let refused = house.post("adopt", &expected).await;
    let differences = refused.rejected(409, "resource_conflict")["differences"]
        .as_array()
        .unwrap();
    let mut fields: Vec<&str> = differences
        .iter()
        .map(|one| one["field"].as_str().unwrap())
        .collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "description",
            "encryption_at_rest",
            "encryption_in_transit",
            "network_type",
            "node_type",
            "notification_topic_arn",
            "parameter_group",
            "replication_factor",
            "security_group_ids",
            "service_role_arn",
        ]
    );
    let nodes = differences
        .iter()
        .find(|one| one["field"] == "replication_factor")
        .unwrap();
    assert_eq!(
        (&nodes["expected"], &nodes["found"]),
        (&json!("3"), &json!("2"))
    );
    house
        .api
        .get("/v1/clusters/orders")
        .await
        .rejected(404, "not_found");
    assert_eq!(house.env.sandbox.inventory(), before, "nothing was done");

    let right = json!({"expected": {
        "node_type": "dax.r5.large", "replication_factor": 2, "security_group_ids": [group], "description": "made by hand",
        "encryption_at_rest": true, "encryption_in_transit": false,
    }, "deletion_protection": true, "on_failure": "roll_back"});
    house.succeeds(&house.post("adopt", &right).await).await;
    let desired = house.cluster().await["desired"].clone();
    assert_eq!(
        (&desired["deletion_protection"], &desired["on_failure"]),
        (&json!(true), &json!("roll_back"))
    );
    house
        .post("adopt", &right)
        .await
        .rejected(409, "cluster_exists");
    house
        .api
        .delete("/v1/clusters/orders")
        .await
        .rejected(409, "deletion_protected");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_adopted_is_told_before_anything_is_done() {
    let house = ClusterFixture::new().await;
    let missing = house.post("adopt", &json!({})).await;
    let detail = missing.rejected(404, "not_found")["detail"]
        .as_str()
        .unwrap();
    assert!(
        detail.contains("AWS has no cluster") && detail.contains("us-east-1"),
        "{detail}"
    );
    house
        .api
        .send_empty("POST", "/v1/clusters/1a/adopt")
        .await
        .rejected(404, "not_found");
    let bad = house
        .post("adopt", &json!({"expected": {"nodes": 1, "replication_factor": "2"}, "on_failure": "x", "b": 1}))
        .await;
    bad.rejected(422, "invalid_request");
    assert_eq!(
        bad.violations(),
        [
            ("/b", "unknown_field"),
            ("/expected/nodes", "unknown_field"),
            ("/expected/replication_factor", "wrong_type"),
            ("/on_failure", "unknown_value"),
        ]
    );
    house
        .create_foreign_cluster("orders", &[(INSTALLATION_TAG, "another")])
        .await;
    let other = house.post("adopt", &json!({})).await;
    assert_eq!(
        other.rejected(409, "resource_conflict")["differences"][0]["field"],
        INSTALLATION_TAG
    );
    house
        .admin(&Mutation::DeleteCluster {
            name: "orders".to_owned(),
        })
        .await;
    assert!(matches!(
        house.post("adopt", &json!({})).await.status.as_u16(),
        404 | 409
    ));
    assert_eq!(house.env.sent("dax:TagResource"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn aws_refusing_to_tell_is_a_problem_with_its_cure() {
    let mut world = crate::support::test_env::TestEnv::new().await;
    let statement =
        json!({"Effect": "Allow", "NotAction": ["dax:DescribeClusters"], "Resource": "*"});
    let identity = aws_sandbox::Identity {
        secret: "secret".to_owned(),
        arn: "arn:aws:iam::123456789012:user/portal".to_owned(),
        policies: vec![json!({"Version": "2012-10-17", "Statement": [statement]})],
        permissions_boundary: None,
        session_policies: None,
    };
    world.sandbox.put_identity("portal", identity);
    world.aws =
        crate::support::test_env::aws_as(&world.sandbox, &world.endpoint, "portal", "secret").await;
    let house = ClusterFixture::in_env(world);
    let refused = house.post("adopt", &json!({})).await;
    let problem = refused.rejected(502, "permission_missing");
    assert_eq!(problem["aws"]["action"], "dax:DescribeClusters");
    assert!(problem["hints"][0]["policy"].is_object(), "{problem:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_that_meets_a_cluster_of_others_carries_the_call_that_adopts_it() {
    let house = ClusterFixture::new().await;
    house.create_foreign_cluster("orders", &[]).await;
    let create = house
        .api
        .post("/v1/clusters", &cluster_request("orders"), &[])
        .await
        .accepted();
    assert_eq!(house.settle(create).await.status, Status::Failed);
    let failed = house
        .api
        .get(&format!("/v1/operations/{create}"))
        .await
        .body;
    let problem = &failed["problem"];
    assert_eq!(problem["code"], "cluster_exists_in_aws", "{failed:#}");
    let fields: Vec<&Value> = problem["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["field"])
        .collect();
    assert!(
        fields.contains(&&json!("node_type")) && fields.contains(&&json!("replication_factor")),
        "{fields:?}"
    );
    assert_eq!(
        house.cluster().await["problem"]["resolution"],
        problem["resolution"]
    );
    let call = &problem["resolution"];
    assert_eq!(
        (&call["method"], &call["path"]),
        (&json!("POST"), &json!("/v1/clusters/orders/adopt"))
    );
    let adopted = house
        .api
        .post(call["path"].as_str().unwrap(), &call["body"], &[])
        .await;
    house.succeeds(&adopted).await;
    let cluster = house.cluster().await;
    assert_eq!(
        (&cluster["status"], &cluster["problem"]),
        (&json!("available"), &Value::Null)
    );
    assert_eq!(cluster["desired"]["node_type"], "dax.r5.large");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adoption_that_is_cancelled_leaves_no_mark() {
    let house = ClusterFixture::new().await;
    house.create_foreign_cluster("orders", &[]).await;
    let before = house.env.sandbox.inventory();
    let id = house
        .api
        .send_empty("POST", "/v1/clusters/orders/adopt")
        .await
        .accepted();
    while house.env.sent("dax:TagResource") == 0 {
        house.env.one_turn(&house.worker).await;
    }
    house
        .api
        .send_empty("POST", &format!("/v1/operations/{id}/cancel"))
        .await
        .accepted();
    assert_eq!(house.settle(id).await.status, Status::Cancelled);
    assert_eq!(house.env.sandbox.inventory(), before);
    house
        .api
        .get("/v1/clusters/orders")
        .await
        .rejected(404, "not_found");
    house
        .succeeds(&house.api.send_empty("POST", "/v1/clusters/orders/adopt").await)
        .await;
}
