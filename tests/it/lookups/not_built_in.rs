//! A build without lookups rejects what needs them, and reports why.

use dax_provisioner::domain::ingress::{IngressSpec, Peer};
use dax_provisioner::domain::inventory::Presence;
use dax_provisioner::domain::operation::Status;
use dax_provisioner::domain::problems::fault::FaultClass;
use dax_provisioner::domain::spec::Spec;
use dax_provisioner::domain::waiting::WaitingFor;
use serde_json::json;

use crate::iam::preflights::{check, preflight};
use crate::lookups::{VPC, body_of_vpc, created_for_cluster, spec_of_vpc};
use crate::properties::scenario_actions;
use crate::support::api::cluster_request;
use crate::support::requests::plain_spec;
use crate::support::test_env::TestEnv;

const REASON: &str = "built without the `lookups` feature";

#[tokio::test]
async fn a_vpc_is_rejected() {
    let env = TestEnv::new().await;
    let api = env.api();
    for path in ["/v1/clusters", "/v1/plans", "/v1/preflights"] {
        let response = api.post(path, &body_of_vpc(VPC), &[]).await;
        let error = &response.rejected(422, "invalid_request")["errors"][0];
        assert_eq!(error["pointer"], "/subnet_group/vpc_id", "{path}");
        assert_eq!(error["code"], "not_offered", "{path}");
        let detail = "is not available: this server was built without the `lookups` feature; \
            give `name` or `subnet_ids`";
        assert_eq!(error["detail"], detail, "{path}");
    }
    assert_eq!(env.service_calls().len(), 0);
}

#[tokio::test]
async fn preflights_that_need_lookups_are_not_checked() {
    let env = TestEnv::new().await;
    let mut body = cluster_request("orders");
    body["subnet_group"] = json!({"subnet_ids": ["subnet-0a1b2c3d"]});
    body["security_group_ids"] = json!(["sg-0a1b2c3d"]);
    let response = preflight(&env.api(), &body).await;
    for name in ["subnets", "network_type", "security_groups", "tables"] {
        let check = check(&response, name);
        assert_eq!(check["result"], "not_checked", "{check:#}");
        let detail = check["detail"].as_str().unwrap();
        assert!(detail.contains(REASON), "{detail}");
    }
}

/// A build with lookups has accepted the operation. A build without them blocks it, and can delete
/// its cluster.
#[tokio::test]
async fn a_create_of_another_build_blocks_and_can_be_deleted() {
    let env = TestEnv::new().await;
    let worker = env.worker("w");
    let create = env.create(&spec_of_vpc(VPC)).await;
    let blocked = env.settle(&worker, create).await;
    assert_eq!(blocked.status, Status::Blocked);
    assert_eq!(blocked.waiting_for, Some(WaitingFor::Operator));
    let fault = blocked.fault.unwrap();
    assert_eq!(fault.class, FaultClass::NotBuiltIn);
    assert!(fault.detail.contains(REASON), "{}", fault.detail);
    let path = format!("/v1/operations/{create}");
    let operation = env.api().get(&path).await.body;
    assert_eq!(operation["problem"]["code"], "unavailable", "{operation:#}");
    let delete = env.delete("orders").await;
    assert_eq!(env.finish(&worker, delete).await.status, Status::Succeeded);
    assert_eq!(created_for_cluster(&env), Vec::<String>::new());
}

#[tokio::test]
async fn ports_are_not_opened_or_closed() {
    let env = TestEnv::new().await;
    let api = env.api();
    let path = "/v1/clusters/orders/ingress";
    let open = api.post(path, &json!({"cidr": "10.0.0.0/16"}), &[]).await;
    let close = api.delete(&format!("{path}?cidr=10.0.0.0/16")).await;
    for response in [open, close] {
        let error = &response.rejected(422, "invalid_request")["errors"][0];
        assert_eq!(error["code"], "not_offered");
        let detail = "opening and closing ports is not available: this server was built without \
            the `lookups` feature";
        assert_eq!(error["detail"], detail);
    }
}

/// A build with lookups has opened the port. A build without them deletes the cluster, leaves the
/// port open, and reports it in the receipt.
#[tokio::test]
async fn a_port_opened_by_another_build_is_left_and_reported() {
    let env = TestEnv::new().await;
    let worker = env.worker("w");
    let create = env.create(&plain_spec("orders")).await;
    assert_eq!(env.settle(&worker, create).await.status, Status::Succeeded);
    let spec = IngressSpec {
        open: true,
        security_group_id: None,
        port: 9111,
        peer: Peer::cidr("10.0.0.0/16"),
    };
    let open = scenario_actions::accept(&env, "orders", Spec::ChangeIngress(spec)).await;
    let blocked = env.settle(&worker, open).await;
    assert_eq!(blocked.status, Status::Blocked);
    assert_eq!(blocked.fault.unwrap().class, FaultClass::NotBuiltIn);
    let name = "sg-0a1b2c3d4e5f60718:9111:10.0.0.0/16";
    sqlx::query(
        "insert into inventory
            (cluster_id, operation_id, touched_by, kind, name, owner, presence)
         select cluster_id, id, id, 'security_group_rule', $2, 'managed', 'present'
         from operations
         where id = $1",
    )
    .bind(open)
    .bind(name)
    .execute(&env.pool)
    .await
    .unwrap();
    let delete = env.delete("orders").await;
    let deleted = env.finish(&worker, delete).await;
    assert_eq!(deleted.status, Status::Succeeded, "{deleted:#?}");
    let mut receipt = deleted.receipt.iter();
    let rule = receipt.find(|item| item.name == name).unwrap();
    assert_eq!(rule.presence, Presence::Left);
    let reason = rule.reason.as_ref().unwrap();
    assert!(reason.contains(REASON), "{reason}");
}
