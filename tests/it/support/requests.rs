//! Operations and cluster specs that tests submit to the store.

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

/// A cluster with a new service role, a new parameter group and a new subnet group without subnets.
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

/// A cluster with a new service role and the default groups.
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

/// A cluster with everything new. Its subnet group has the sandbox's own subnets.
pub fn spec_with_groups(env: &TestEnv, name: &str) -> ClusterSpec {
    let subnet_ids = env
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
