//! Ingress changes that are rejected or blocked: invalid requests, and errors of AWS.

use axum::body::Body;
use axum::http::Request;
use dax_provisioner::domain::operation::Status;
use serde_json::{Value, json};

use crate::lookups::ingress::{CLIENTS, GROUP, put_group, rules, with_clients};
use crate::support::api::cluster_request;
use crate::support::cluster_fixture::ClusterFixture;

#[tokio::test]
async fn an_invalid_request_to_open_a_port_is_rejected() {
    let fixture = with_clients(&json!({})).await;
    for (body, violations) in [
        (json!({}), vec![("", "required")]),
        (json!({"cidr": "0.0.0.0/0"}), vec![("/cidr", "too_wide")]),
        (json!({"cidr": "::/0"}), vec![("/cidr", "too_wide")]),
        (json!({"cidr": "128.0.0.0/1"}), vec![("/cidr", "too_wide")]),
        (json!({"cidr": "2000::/3"}), vec![("/cidr", "too_wide")]),
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
        let response = fixture.post("ingress", &body).await;
        response.rejected(422, "invalid_request");
        assert_eq!(response.violations(), violations, "{body}");
    }
    let host_bits = json!({"cidr": "10.1.2.3/16"});
    let response = fixture.post("ingress", &host_bits).await;
    assert_eq!(
        response.body["errors"][0]["detail"],
        "must not have bits set beyond its prefix; the network is `10.1.0.0/16`"
    );
    check_nothing_sent(&fixture);
}

fn check_nothing_sent(fixture: &ClusterFixture) {
    for call in fixture.env.service_calls() {
        let is_change = call.operation.contains("SecurityGroupIngress");
        assert!(!is_change, "{}", call.operation);
    }
}

#[tokio::test]
async fn an_invalid_request_to_close_a_port_is_rejected() {
    let fixture = with_clients(&json!({})).await;
    for (query, parameter, code) in [
        ("", "source_security_group_id", "required"),
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
        let path = format!("/v1/clusters/orders/ingress{query}");
        let response = fixture.api.delete(&path).await;
        let error = &response.rejected(422, "invalid_request")["errors"][0];
        assert_eq!(error["parameter"], parameter, "{query}: {error:#}");
        assert_eq!(error["code"], code, "{query}: {error:#}");
    }
    check_nothing_sent(&fixture);
}

#[tokio::test]
async fn a_port_of_an_unknown_cluster_is_not_opened() {
    let fixture = ClusterFixture::new().await;
    let cidr = json!({"cidr": "10.0.0.0/8"});
    fixture
        .api
        .post("/v1/clusters/unknown/ingress", &cidr, &[])
        .await
        .rejected(404, "not_found");
}

/// A cluster with two security groups.
async fn with_two_groups() -> ClusterFixture {
    let fixture = ClusterFixture::new().await;
    put_group(&fixture, CLIENTS, "clients");
    let mut body = cluster_request("orders");
    body["security_group_ids"] = json!([GROUP, CLIENTS]);
    fixture
        .succeeds(&fixture.api.post("/v1/clusters", &body, &[]).await)
        .await;
    fixture
}

#[tokio::test]
async fn one_of_several_security_groups_must_be_named() {
    let fixture = with_two_groups().await;
    let cidr = json!({"cidr": "10.0.0.0/16"});
    let response = fixture.post("ingress", &cidr).await;
    let error = &response.rejected(422, "invalid_request")["errors"][0];
    assert_eq!(error["pointer"], "/security_group_id");
    let detail = error["detail"].as_str().unwrap();
    assert!(detail.contains(GROUP), "{detail}");
    assert!(detail.contains(CLIENTS), "{detail}");

    // Without an observation, only the operation can detect it.
    sqlx::query("update clusters set observed = null")
        .execute(&fixture.env.pool)
        .await
        .unwrap();
    let accepted = fixture.post("ingress", &cidr).await.accepted();
    let ended = fixture.env.finish(&fixture.worker, accepted).await;
    assert_eq!(ended.status, Status::Failed);
    assert_eq!(ended.fault.unwrap().candidates.len(), 2);
}

#[tokio::test]
async fn a_named_security_group_is_opened_and_the_only_open_one_is_closed() {
    let fixture = with_two_groups().await;
    let body = json!({"cidr": "10.0.0.0/16", "security_group_id": CLIENTS});
    fixture
        .succeeds(&fixture.post("ingress", &body).await)
        .await;
    assert_eq!(rules(&fixture, CLIENTS).len(), 1);
    assert_eq!(rules(&fixture, GROUP).len(), 0);
    let path = "/v1/clusters/orders/ingress?cidr=10.0.0.0/16";
    fixture.succeeds(&fixture.api.delete(path).await).await;
    assert_eq!(rules(&fixture, CLIENTS), Vec::<String>::new());
}

/// Checks that an operation is blocked by a missing permission, grants it, and finishes the
/// operation. Returns the statement of the hint.
async fn blocks_until_granted(
    fixture: &ClusterFixture,
    action: &str,
    hint: &str,
    accepted: uuid::Uuid,
) -> Value {
    let blocked = fixture.settle(accepted).await;
    assert_eq!(blocked.status, Status::Blocked, "{action}: {blocked:#?}");
    let path = format!("/v1/operations/{accepted}");
    let operation = fixture.api.get(&path).await.body;
    assert_eq!(operation["waiting_for"], "permission");
    let problem = &operation["problem"];
    assert_eq!(problem["code"], "permission_missing");
    assert_eq!(problem["aws"]["action"], action, "{problem:#}");
    assert_eq!(problem["hints"][0]["id"], hint, "{problem:#}");
    let statement = problem["hints"][0]["policy"]["Statement"][0].clone();
    assert_eq!(statement["Action"], action, "{problem:#}");
    fixture.env.grant(&[], Vec::new());
    let done = fixture.env.finish(&fixture.worker, accepted).await;
    assert_eq!(done.status, Status::Succeeded, "{action}: {done:#?}");
    statement
}

const CLOSE_PATH: &str = "/v1/clusters/orders/ingress?cidr=10.0.0.0/16";

fn group_arn() -> String {
    format!("arn:aws:ec2:us-east-1:123456789012:security-group/{GROUP}")
}

#[tokio::test]
async fn opening_a_port_blocks_until_each_missing_permission_is_granted() {
    let fixture = with_clients(&json!({})).await;
    for (action, hint, resource) in [
        (
            "ec2:DescribeSecurityGroupRules",
            "ec2_describe_security_group_rules",
            json!("*"),
        ),
        (
            "ec2:AuthorizeSecurityGroupIngress",
            "ec2_authorize_security_group_ingress",
            json!(group_arn()),
        ),
        ("ec2:CreateTags", "ec2_create_tags", Value::Null),
    ] {
        fixture.env.grant_all_except(action);
        let cidr = json!({"cidr": "10.0.0.0/16"});
        let open = fixture.post("ingress", &cidr).await.accepted();
        let statement = blocks_until_granted(&fixture, action, hint, open).await;
        if !resource.is_null() {
            assert_eq!(statement["Resource"], resource);
        }
        assert_eq!(rules(&fixture, GROUP).len(), 1);
        fixture
            .succeeds(&fixture.api.delete(CLOSE_PATH).await)
            .await;
    }
}

#[tokio::test]
async fn closing_a_port_blocks_until_its_permission_is_granted() {
    let fixture = with_clients(&json!({})).await;
    let cidr = json!({"cidr": "10.0.0.0/16"});
    fixture
        .succeeds(&fixture.post("ingress", &cidr).await)
        .await;
    let action = "ec2:RevokeSecurityGroupIngress";
    let hint = "ec2_revoke_security_group_ingress";
    fixture.env.grant_all_except(action);
    let close = fixture.api.delete(CLOSE_PATH).await.accepted();
    let statement = blocks_until_granted(&fixture, action, hint, close).await;
    assert_eq!(statement["Resource"], group_arn());
    assert_eq!(rules(&fixture, GROUP), Vec::<String>::new());
}

#[tokio::test]
async fn a_blocked_opening_is_cancelled_without_a_rule() {
    let fixture = with_clients(&json!({})).await;
    fixture
        .env
        .grant_all_except("ec2:AuthorizeSecurityGroupIngress");
    let cidr = json!({"cidr": "10.0.0.0/16"});
    let open = fixture.post("ingress", &cidr).await.accepted();
    assert_eq!(fixture.settle(open).await.status, Status::Blocked);
    fixture
        .api
        .send_empty("POST", &format!("/v1/operations/{open}/cancel"))
        .await
        .accepted();
    let ended = fixture.env.finish(&fixture.worker, open).await;
    assert_eq!(ended.status, Status::Cancelled);
    assert_eq!(fixture.cluster().await["status"], "available");
    assert_eq!(rules(&fixture, GROUP), Vec::<String>::new());
}

#[tokio::test]
async fn a_port_is_not_opened_to_a_missing_security_group() {
    let fixture = with_clients(&json!({})).await;
    let missing = json!({"source_security_group_id": "sg-0c1b2c3d"});
    let open = fixture.post("ingress", &missing).await.accepted();
    let ended = fixture.env.finish(&fixture.worker, open).await;
    assert_eq!(ended.status, Status::Failed);
    let path = format!("/v1/operations/{open}");
    let problem = fixture.api.get(&path).await.body["problem"].clone();
    assert_eq!(problem["code"], "aws_rejected_input");
    assert_eq!(problem["hints"][0]["id"], "ec2_security_group_missing");
    assert_eq!(rules(&fixture, GROUP), Vec::<String>::new());
}

#[tokio::test]
async fn an_idempotency_key_repeats_an_opening() {
    let fixture = with_clients(&json!({})).await;
    let path = "/v1/clusters/orders/ingress";
    let key = [("idempotency-key", "open-1")];
    let cidr = json!({"cidr": "10.0.0.0/16"});
    let first = fixture.api.post(path, &cidr, &key).await;
    fixture.succeeds(&first).await;
    let again = fixture.api.post(path, &cidr, &key).await;
    assert_eq!(again.accepted(), first.accepted());
    fixture
        .api
        .post(path, &json!({"cidr": "10.1.0.0/16"}), &key)
        .await
        .rejected(422, "idempotency_key_reused");
}

#[tokio::test]
async fn an_idempotency_key_repeats_a_closing() {
    let fixture = with_clients(&json!({})).await;
    let cidr = json!({"cidr": "10.0.0.0/16"});
    fixture
        .succeeds(&fixture.post("ingress", &cidr).await)
        .await;
    let close = async |cidr: &str| {
        let path = format!("/v1/clusters/orders/ingress?cidr={cidr}");
        let request = Request::delete(path).header("idempotency-key", "close-1");
        fixture.api.send(request.body(Body::empty()).unwrap()).await
    };
    let closed = close("10.0.0.0/16").await;
    fixture.succeeds(&closed).await;
    assert_eq!(close("10.0.0.0/16").await.accepted(), closed.accepted());
    close("10.1.0.0/16")
        .await
        .rejected(422, "idempotency_key_reused");
}
