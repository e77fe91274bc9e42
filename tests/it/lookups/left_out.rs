//! A build without lookups says so, and claims nothing.

use dax_provisioner::domain::ingress::{IngressSpec, Peer};
use dax_provisioner::domain::inventory::Presence;
use dax_provisioner::domain::operation::Status;
use dax_provisioner::domain::problems::fault::FaultClass;
use dax_provisioner::domain::spec::Spec;
use dax_provisioner::domain::waiting::WaitingFor;

use crate::properties::scenario_actions;
use crate::support::requests::plain_spec;

use super::*;

#[tokio::test]
async fn a_vpc_is_not_offered() {
    let world = TestEnv::new().await;
    let door = world.api();
    for path in ["/v1/clusters", "/v1/plans", "/v1/preflights"] {
        let answer = door.post(path, &body_of_vpc(VPC), &[]).await;
        let errors = &answer.rejected(422, "invalid_request")["errors"];
        assert_eq!(errors[0]["pointer"], "/subnet_group/vpc_id", "{path}");
        assert_eq!(errors[0]["code"], "not_offered", "{path}");
        assert_eq!(
            errors[0]["detail"],
            "is not available: this server was built without the `lookups` feature; \
            give `name` or `subnet_ids`",
            "{path}"
        );
    }
    assert_eq!(world.service_calls().len(), 0);
}

#[tokio::test]
async fn what_is_not_looked_up_is_not_checked_with_the_reason() {
    let world = TestEnv::new().await;
    let mut body = cluster_request("orders");
    body["subnet_group"] = json!({"subnet_ids": ["subnet-0a1b2c3d"]});
    body["security_group_ids"] = json!(["sg-0a1b2c3d"]);
    let found = preflight(&world.api(), &body).await;
    for name in ["subnets", "network_type", "security_groups", "tables"] {
        let check = check(&found, name);
        assert_eq!(check["result"], "not_checked", "{check:#}");
        assert!(
            check["detail"]
                .as_str()
                .unwrap()
                .contains("built without the `lookups` feature"),
            "{check:#}"
        );
    }
}

/// Accepted by a process with lookups, then met by one without: it waits for a process that can, and is undone when asked.
#[tokio::test]
async fn work_of_another_build_waits_and_can_be_deleted() {
    let world = TestEnv::new().await;
    let worker = world.worker("w");
    let create = world.create(&spec_of_vpc(VPC)).await;
    let blocked = world.settle(&worker, create).await;
    assert_eq!(
        (blocked.status, blocked.waiting_for),
        (Status::Blocked, Some(WaitingFor::Operator))
    );
    let fault = blocked.fault.unwrap();
    assert_eq!(fault.class, FaultClass::NotBuiltIn);
    assert!(
        fault.detail.contains("built without the `lookups` feature"),
        "{}",
        fault.detail
    );
    let door = world.api();
    let shown = door.get(&format!("/v1/operations/{create}")).await;
    assert_eq!(
        shown.body["problem"]["code"], "unavailable",
        "{:#}",
        shown.body
    );
    let delete = world.delete("orders").await;
    assert_eq!(
        world.finish(&worker, delete).await.status,
        Status::Succeeded
    );
    assert_eq!(made_by_us(&world), Vec::<String>::new());
}

#[tokio::test]
async fn ports_are_not_offered() {
    let world = TestEnv::new().await;
    let door = world.api();
    let path = "/v1/clusters/orders/ingress";
    let open = door.post(path, &json!({"cidr": "10.0.0.0/16"}), &[]).await;
    let close = door.delete(&format!("{path}?cidr=10.0.0.0/16")).await;
    for answer in [open, close] {
        let error = &answer.rejected(422, "invalid_request")["errors"][0];
        assert_eq!(error["code"], "not_offered");
        let detail = "opening and closing ports is not available: this server was built without \
            the `lookups` feature";
        assert_eq!(error["detail"], detail);
    }
}

/// Opened by a process with lookups, then deleted by one without: the port stays open, and the receipt says so.
#[tokio::test]
async fn a_port_that_another_build_has_opened_is_left_and_told() {
    let world = TestEnv::new().await;
    let worker = world.worker("w");
    let create = world.create(&plain_spec("orders")).await;
    assert_eq!(
        world.settle(&worker, create).await.status,
        Status::Succeeded
    );
    let spec = IngressSpec {
        open: true,
        security_group_id: None,
        port: 9111,
        peer: Peer::cidr("10.0.0.0/16"),
    };
    let open = scenario_actions::accept(&world, "orders", Spec::ChangeIngress(spec)).await;
    let blocked = world.settle(&worker, open).await;
    assert_eq!(
        (blocked.status, blocked.fault.unwrap().class),
        (Status::Blocked, FaultClass::NotBuiltIn)
    );
    let name = "sg-0a1b2c3d4e5f60718:9111:10.0.0.0/16";
    sqlx::query(
        "insert into inventory (cluster_id, operation_id, touched_by, kind, name, owner, presence)
         select cluster_id, id, id, 'security_group_rule', $2, 'managed', 'present' from operations where id = $1",
    )
    .bind(open)
    .bind(name)
    .execute(&world.pool)
    .await
    .unwrap();
    let delete = world.delete("orders").await;
    let gone = world.finish(&worker, delete).await;
    assert_eq!(gone.status, Status::Succeeded, "{:#?}", gone.fault);
    let rule = gone.receipt.iter().find(|item| item.name == name).unwrap();
    assert_eq!(rule.presence, Presence::Left);
    assert!(
        rule.reason
            .as_ref()
            .unwrap()
            .contains("built without the `lookups` feature"),
        "{rule:?}"
    );
}
