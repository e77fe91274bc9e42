//! What stops the opening of a port: a wrong request at the door, a refusal of AWS with its cure.

use axum::body::Body;
use axum::http::Request;
use dax_provisioner::domain::operation::Status;
use serde_json::{Value, json};

use crate::support::cluster_fixture::ClusterFixture;

use super::ingress::{CLIENTS, GROUP, house, put_group, rules};

#[tokio::test]
async fn a_wrong_request_is_refused_with_every_fault() {
    let house = house(&json!({})).await;
    for (body, faults) in [
        (json!({}), vec![("", "required")]),
        (json!({"cidr": "0.0.0.0/0"}), vec![("/cidr", "too_wide")]),
        (json!({"cidr": "::/0"}), vec![("/cidr", "too_wide")]),
        (json!({"cidr": "10.0.0.0/0"}), vec![("/cidr", "too_wide")]),
        (json!({"cidr": "10.1.2.3/16"}), vec![("/cidr", "host_bits")]),
        (
            json!({"cidr": "10.1.2.3"}),
            vec![("/cidr", "invalid_format")],
        ),
        (json!({"cidr": null}), vec![("/cidr", "wrong_type")]),
        (
            json!({"cidr": "10.0.0.0/8", "source_security_group_id": CLIENTS}),
            vec![("/cidr", "exclusive")],
        ),
        (
            json!({"source_security_group_id": "clients", "security_group_id": "SG-1", "port": 22}),
            vec![
                ("/port", "unknown_field"),
                ("/security_group_id", "invalid_format"),
                ("/source_security_group_id", "invalid_format"),
            ],
        ),
        (
            json!({"cidr": "10.0.0.0/8", "security_group_id": CLIENTS}),
            vec![("/security_group_id", "unknown_security_group")],
        ),
    ] {
        let refused = house.post("ingress", &body).await;
        refused.rejected(422, "invalid_request");
        assert_eq!(refused.violations(), faults, "{body}");
    }
    let told = house
        .post("ingress", &json!({"cidr": "10.1.2.3/16"}))
        .await
        .body["errors"][0]["detail"]
        .clone();
    assert_eq!(
        told,
        "must not have bits set beyond its prefix; the network is `10.1.0.0/16`"
    );
    for (query, parameter, code) in [
        ("", "source_security_group_id", "required"),
        ("?cidr=0.0.0.0/0", "cidr", "too_wide"),
        ("?cidr=10.0.0.1/8", "cidr", "host_bits"),
        (
            "?cidr=10.0.0.0/8&source_security_group_id=sg-4d3c2b1a",
            "cidr",
            "exclusive",
        ),
        (
            "?source_security_group_id=x",
            "source_security_group_id",
            "invalid_format",
        ),
        (
            "?cidr=10.0.0.0/8&security_group_id=sg-4d3c2b1a",
            "security_group_id",
            "unknown_security_group",
        ),
        ("?cidr=10.0.0.0/8&port=22", "port", "unknown_parameter"),
    ] {
        let refused = house
            .api
            .delete(&format!("/v1/clusters/orders/ingress{query}"))
            .await;
        let error = &refused.rejected(422, "invalid_request")["errors"][0];
        assert_eq!(
            (&error["parameter"], &error["code"]),
            (&json!(parameter), &json!(code)),
            "{query}: {error:#}"
        );
    }
    house
        .api
        .post(
            "/v1/clusters/nothing/ingress",
            &json!({"cidr": "10.0.0.0/8"}),
            &[],
        )
        .await
        .rejected(404, "not_found");
    assert!(
        !house
            .env
            .service_calls()
            .iter()
            .any(|call| call.operation.contains("SecurityGroupIngress"))
    );
}

#[tokio::test]
async fn of_several_security_groups_one_must_be_named() {
    let house = ClusterFixture::new().await;
    put_group(&house, CLIENTS, "clients");
    let mut body = crate::support::api::cluster_request("orders");
    body["security_group_ids"] = json!([GROUP, CLIENTS]);
    house
        .succeeds(&house.api.post("/v1/clusters", &body, &[]).await)
        .await;
    let refused = house.post("ingress", &json!({"cidr": "10.0.0.0/16"})).await;
    assert_eq!(
        refused.rejected(422, "invalid_request")["errors"][0]["pointer"],
        "/security_group_id"
    );
    let detail = refused.body["errors"][0]["detail"].as_str().unwrap();
    assert!(
        detail.contains(GROUP) && detail.contains(CLIENTS),
        "{detail}"
    );
    // What the row does not know yet, the operation finds out.
    sqlx::query("update clusters set observed = null")
        .execute(&house.env.pool)
        .await
        .unwrap();
    let unknown = house
        .post("ingress", &json!({"cidr": "10.0.0.0/16"}))
        .await
        .accepted();
    let ended = house.env.finish(&house.worker, unknown).await;
    assert_eq!(ended.status, Status::Failed);
    assert_eq!(ended.fault.unwrap().candidates.len(), 2);
    house.poll().await;
    let named = json!({"cidr": "10.0.0.0/16", "security_group_id": CLIENTS});
    house.succeeds(&house.post("ingress", &named).await).await;
    assert_eq!(
        (rules(&house, CLIENTS).len(), rules(&house, GROUP).len()),
        (1, 0)
    );
    // It is opened in one only, so that one is meant.
    house
        .succeeds(
            &house
                .api
                .delete("/v1/clusters/orders/ingress?cidr=10.0.0.0/16")
                .await,
        )
        .await;
    assert_eq!(rules(&house, CLIENTS), Vec::<String>::new());
}

/// Takes an action away, has it blocked and explained, grants it, and sees it through.
async fn blocks_until_granted(
    house: &ClusterFixture,
    action: &str,
    hint: &str,
    accepted: uuid::Uuid,
) -> Value {
    let blocked = house.settle(accepted).await;
    assert_eq!(
        blocked.status,
        Status::Blocked,
        "{action}: {:#?}",
        blocked.fault
    );
    let shown = house
        .api
        .get(&format!("/v1/operations/{accepted}"))
        .await
        .body;
    let problem = &shown["problem"];
    assert_eq!(
        (&shown["waiting_for"], &problem["code"]),
        (&json!("permission"), &json!("permission_missing"))
    );
    assert_eq!(problem["aws"]["action"], action, "{problem:#}");
    assert_eq!(problem["hints"][0]["id"], hint, "{problem:#}");
    let handling = problem["hints"][0]["policy"]["Statement"][0].clone();
    assert_eq!(handling["Action"], action, "{problem:#}");
    house.env.grant(&[], Vec::new());
    let done = house.env.finish(&house.worker, accepted).await;
    assert_eq!(
        done.status,
        Status::Succeeded,
        "{action}: {:#?}",
        done.fault
    );
    handling
}

#[tokio::test]
async fn a_missing_permission_blocks_with_its_cure_and_the_work_goes_on() {
    let house = house(&json!({})).await;
    let group = format!("arn:aws:ec2:us-east-1:123456789012:security-group/{GROUP}");
    let (opens, closes) = (
        json!({"cidr": "10.0.0.0/16"}),
        "/v1/clusters/orders/ingress?cidr=10.0.0.0/16",
    );
    for (action, hint, resource) in [
        (
            "ec2:DescribeSecurityGroupRules",
            "ec2_describe_security_group_rules",
            json!("*"),
        ),
        (
            "ec2:AuthorizeSecurityGroupIngress",
            "ec2_authorize_security_group_ingress",
            json!(group),
        ),
        ("ec2:CreateTags", "ec2_create_tags", Value::Null),
    ] {
        house.env.grant_all_except(action);
        let open = house.post("ingress", &opens).await.accepted();
        let handling = blocks_until_granted(&house, action, hint, open).await;
        assert!(
            resource.is_null() || handling["Resource"] == resource,
            "{cure:#}"
        );
        assert_eq!(rules(&house, GROUP).len(), 1);
        house.succeeds(&house.api.delete(closes).await).await;
    }
    house.succeeds(&house.post("ingress", &opens).await).await;
    house.env.grant_all_except("ec2:RevokeSecurityGroupIngress");
    let close = house.api.delete(closes).await.accepted();
    let (action, hint) = (
        "ec2:RevokeSecurityGroupIngress",
        "ec2_revoke_security_group_ingress",
    );
    assert_eq!(
        blocks_until_granted(&house, action, hint, close).await["Resource"],
        group
    );
    assert_eq!(rules(&house, GROUP), Vec::<String>::new());
}

#[tokio::test]
async fn a_blocked_opening_is_cancelled_and_leaves_nothing() {
    let house = house(&json!({})).await;
    house.env.grant_all_except("ec2:AuthorizeSecurityGroupIngress");
    let open = house
        .post("ingress", &json!({"cidr": "10.0.0.0/16"}))
        .await
        .accepted();
    assert_eq!(house.settle(open).await.status, Status::Blocked);
    house
        .api
        .send_empty("POST", &format!("/v1/operations/{open}/cancel"))
        .await
        .accepted();
    assert_eq!(
        house.env.finish(&house.worker, open).await.status,
        Status::Cancelled
    );
    assert_eq!(house.cluster().await["status"], "available");
    assert_eq!(rules(&house, GROUP), Vec::<String>::new());
}

#[tokio::test]
async fn a_group_of_clients_that_is_not_there_ends_the_opening() {
    let house = house(&json!({})).await;
    let open = house
        .post(
            "ingress",
            &json!({"source_security_group_id": "sg-0c1b2c3d"}),
        )
        .await
        .accepted();
    let ended = house.env.finish(&house.worker, open).await;
    assert_eq!(ended.status, Status::Failed);
    let problem = house.api.get(&format!("/v1/operations/{open}")).await.body["problem"].clone();
    assert_eq!(
        (&problem["code"], &problem["hints"][0]["id"]),
        (
            &json!("aws_rejected_input"),
            &json!("ec2_security_group_missing")
        )
    );
    assert_eq!(rules(&house, GROUP), Vec::<String>::new());
}

#[tokio::test]
async fn a_key_repeats_a_change_of_ports() {
    let house = house(&json!({})).await;
    let (path, key) = (
        "/v1/clusters/orders/ingress",
        [("idempotency-key", "open-1")],
    );
    let body = json!({"cidr": "10.0.0.0/16"});
    let first = house.api.post(path, &body, &key).await;
    house.succeeds(&first).await;
    assert_eq!(
        house.api.post(path, &body, &key).await.accepted(),
        first.accepted()
    );
    house
        .api
        .post(path, &json!({"cidr": "10.1.0.0/16"}), &key)
        .await
        .rejected(422, "idempotency_key_reused");
    let close = async |query: &str| {
        let request =
            Request::delete(format!("{path}?{query}")).header("idempotency-key", "close-1");
        house.api.send(request.body(Body::empty()).unwrap()).await
    };
    let closed = close("cidr=10.0.0.0/16").await;
    house.succeeds(&closed).await;
    assert_eq!(
        close("cidr=10.0.0.0/16").await.accepted(),
        closed.accepted()
    );
    close("cidr=10.1.0.0/16")
        .await
        .rejected(422, "idempotency_key_reused");
}
