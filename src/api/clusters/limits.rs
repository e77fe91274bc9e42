//! The limits in the schemas of the request bodies are rules as well.

use chrono::DateTime;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::domain::cluster::Cluster;
use crate::domain::iam::policies::{Access, Tables};
use crate::domain::ingress::AllowedSources;
use crate::domain::installation::AwsAccount;
use crate::domain::inventory::{Item, ResourceKind};
use crate::domain::names::ClusterName;
use crate::domain::operation::ClusterStatus;
use crate::domain::spec::{ClusterSpec, ServiceRole};
use crate::domain::target::TargetName;
use crate::domain::validation::fields;
use crate::domain::validation::typed::NodeType;

use super::patch::ClusterPatch;
use super::{adopt, ingress, patch_rules, reboot, scale};
use crate::api::http::schema_limits::check;

/// A security group ID that is too long.
const LONG_GROUP: &str = "sg-000000000000000000";

pub(super) fn account() -> AwsAccount {
    AwsAccount {
        sandbox_id: None,
        account_id: "123456789012".to_owned(),
        partition: "aws".to_owned(),
        region: "us-east-1".to_owned(),
    }
}

/// A cluster of three nodes with a managed role.
pub(super) fn cluster() -> Cluster {
    let name = ClusterName::parse("orders").unwrap();
    let node_type = NodeType::parse("dax.r5.large").unwrap();
    let service_role = ServiceRole::New {
        access: Access::ReadOnly,
        tables: Tables::Named(vec!["Orders".to_owned()]),
    };
    Cluster {
        project: None,
        created_by: None,
        id: Uuid::nil(),
        target: TargetName::default(),
        name: name.clone(),
        status: ClusterStatus::Available,
        version: 1,
        desired: ClusterSpec {
            service_role,
            ..ClusterSpec::with_defaults(name, node_type, 3)
        },
        observed: None,
        observed_at: None,
        details: None,
        operation_id: Uuid::nil(),
        fault: None,
        attention: None,
        is_awaiting_approval: false,
        is_expiring: false,
        inventory: vec![Item::managed(
            ResourceKind::Role,
            "dax-orders",
            None,
            Uuid::nil(),
        )],
        created_at: DateTime::UNIX_EPOCH,
    }
}

fn text(length: usize) -> String {
    "a".repeat(length)
}

fn list(count: usize, item: impl Fn(usize) -> String) -> Value {
    (0..count).map(item).collect()
}

#[test]
fn the_limits_of_a_patch_are_rules() {
    let topic = format!("arn:aws:sns:us-east-1:123456789012:{}", text(2048));
    let bodies = vec![
        json!({"description": text(1001)}),
        json!({"maintenance_window": "x"}),
        json!({"notification_topic_arn": "x"}),
        json!({"notification_topic_arn": topic}),
        json!({"parameters": {"record_ttl_millis": -1}}),
        json!({"parameters": {"record_ttl_millis": fields::TTL_MILLIS_MAX + 1}}),
        json!({"parameters": {"query_ttl_millis": -1}}),
        json!({"parameters": {"query_ttl_millis": fields::TTL_MILLIS_MAX + 1}}),
        json!({"parameter_group": {"name": ""}}),
        json!({"parameter_group": {"name": text(256)}}),
        json!({"parameter_group": {"name": "1a"}}),
        json!({"security_group_ids": []}),
        json!({"security_group_ids": list(17, |n| format!("sg-{n:08x}"))}),
        json!({"security_group_ids": ["sg-1"]}),
        json!({"security_group_ids": [LONG_GROUP]}),
        json!({"service_role": {"tables": []}}),
        json!({"service_role": {"tables": list(501, |n| format!("t{n:03}"))}}),
        json!({"service_role": {"tables": ["a*"]}}),
        json!({"service_role": {"tables": [text(2049)]}}),
        json!({"tags": {"": "x"}}),
        json!({"tags": {"0": text(257)}}),
        json!({"project": ""}),
        json!({"project": "A"}),
        json!({"project": text(41)}),
    ];
    let (cluster, account) = (cluster(), account());
    check::<ClusterPatch>(bodies, |body| {
        patch_rules::validate(body, &cluster, &account).is_err()
    });
}

#[test]
fn the_limits_of_a_change_of_the_nodes_are_rules() {
    let (cluster, account) = (cluster(), account());
    let zone = |_| "us-east-1a".to_owned();
    let long_zone = format!("us-east-1{}", text(56));
    let nodes = [
        list(12, |n| format!("orders-{n}")),
        json!(["a b"]),
        json!([text(65)]),
    ];
    let mut bodies = vec![
        json!({"replication_factor": 0}),
        json!({"replication_factor": 12}),
        json!({"replication_factor": 11, "availability_zones": list(12, zone)}),
        json!({"replication_factor": 4, "availability_zones": ["US"]}),
        json!({"replication_factor": 4, "availability_zones": [long_zone]}),
    ];
    bodies.extend(
        nodes
            .iter()
            .map(|ids| json!({"replication_factor": 2, "node_ids_to_remove": ids})),
    );
    check::<scale::ScaleRequest>(bodies, |body| {
        scale::validate(body, &cluster, &account).is_err()
    });
    let mut bodies = vec![json!({"node_ids": []})];
    bodies.extend(nodes.iter().map(|ids| json!({"node_ids": ids})));
    check::<reboot::RebootRequest>(bodies, |body| reboot::validate(body, &cluster).is_err());
}

#[test]
fn the_limits_of_an_ingress_are_rules() {
    let long = "2001:0db8:0000:0000:0000:0000:192.168.100.200/128";
    let bodies = vec![
        json!({"source_security_group_id": "sg-1"}),
        json!({"cidr": long}),
        json!({"cidr": "10.0.0.0/16", "security_group_id": "sg-1"}),
    ];
    let cluster = cluster();
    check::<ingress::IngressRequest>(bodies, |body| {
        ingress::validate(body, &cluster, &AllowedSources::default()).is_err()
    });
}

#[test]
fn the_limits_of_an_adoption_are_rules() {
    let groups = [
        json!([]),
        list(17, |n| format!("sg-{n:08x}")),
        json!(["sg-1"]),
        json!([LONG_GROUP]),
    ];
    let bodies = groups.map(|ids| json!({"expected": {"security_group_ids": ids}}));
    let projects = ["", "A", &text(41)].map(|name| json!({"project": name}));
    let bodies = [bodies.to_vec(), projects.to_vec()].concat();
    check::<adopt::AdoptRequest>(bodies, |body| adopt::read(body).is_err());
}
