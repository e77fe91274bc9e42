//! Requests that tests send.

use std::collections::{BTreeMap, BTreeSet};

use dax_provisioner::domain::iam::policies::{Access, Tables};
use dax_provisioner::domain::names::ClusterName;
use dax_provisioner::domain::operation::Kind;
use dax_provisioner::domain::spec::{
    ClusterSpec, OnFailure, ParameterGroup, ServiceRole, SubnetGroup,
};
use dax_provisioner::operations::plan;
use dax_provisioner::store::NewOperation;
use uuid::Uuid;

use crate::support::test_env::TestEnv;

pub fn new_operation(kind: Kind) -> NewOperation {
    NewOperation {
        id: Uuid::now_v7(),
        steps: plan(kind).step_names(),
        deadline: plan(kind).deadline,
        requested_by: "token:test".to_owned(),
        request_id: None,
        traceparent: None,
        idempotency_key: None,
    }
}

/// A cluster that needs everything made: role, policies, both groups.
pub fn full_spec(name: &str) -> ClusterSpec {
    ClusterSpec {
        subnet_group: SubnetGroup::New {
            subnet_ids: BTreeSet::new(),
        },
        parameter_group: ParameterGroup::New {
            values: BTreeMap::from([("record-ttl-millis".to_owned(), "60000".to_owned())]),
        },
        ..plain_spec(name)
    }
}

/// A cluster that needs its role and policy made, and uses the default groups.
pub fn plain_spec(name: &str) -> ClusterSpec {
    ClusterSpec {
        name: ClusterName::parse(name).unwrap(),
        description: None,
        node_type: "dax.t3.small".to_owned(),
        replication_factor: 1,
        availability_zones: Vec::new(),
        service_role: ServiceRole::New {
            access: Access::ReadWrite,
            tables: Tables::Named(vec!["Orders".to_owned()]),
        },
        subnet_group: SubnetGroup::Default,
        security_group_ids: Vec::new(),
        network_type: None,
        parameter_group: ParameterGroup::Default,
        encryption_at_rest: true,
        encryption_in_transit: true,
        maintenance_window: None,
        notification_topic_arn: None,
        tags: BTreeMap::new(),
        deletion_protection: false,
        on_failure: OnFailure::Hold,
    }
}

/// The same, its subnet group made of the sandbox's own subnets.
pub fn spec_with_groups(world: &TestEnv, name: &str) -> ClusterSpec {
    let subnet_ids = world
        .sandbox
        .inventory()
        .subnets
        .iter()
        .map(|subnet| subnet.id.clone())
        .collect();
    ClusterSpec {
        subnet_group: SubnetGroup::New { subnet_ids },
        ..full_spec(name)
    }
}
