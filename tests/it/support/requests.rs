//! Operations and cluster specs that tests submit, and resources that an administrator creates.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dax_provisioner::domain::iam::policies::{Access, Tables, trust_policy};
use dax_provisioner::domain::mutation::Mutation;
use dax_provisioner::domain::mutation::bodies::NewCluster;
use dax_provisioner::domain::names::ClusterName;
use dax_provisioner::domain::operation::Kind;
use dax_provisioner::domain::spec::{ClusterSpec, ParameterGroup, ServiceRole, SubnetGroup};
use dax_provisioner::domain::validation::typed::{MaintenanceWindow, NodeType, RoleArn, SubnetId};
use dax_provisioner::operations::{known_steps, plan};
use dax_provisioner::store::{Claimant, NewOperation};
use uuid::Uuid;

use crate::support::test_env::TestEnv;

pub fn new_operation(kind: Kind) -> NewOperation {
    NewOperation {
        id: Uuid::now_v7(),
        steps: plan(kind).step_names(),
        deadline: plan(kind).deadline,
        requested_by: "token:test".to_owned(),
        requested_for: None,
        project: None,
        request_id: None,
        traceparent: None,
        idempotency_key: None,
        actor: None,
        approval: dax_provisioner::store::ApprovalState::NotNeeded,
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
        service_role: ServiceRole::New {
            access: Access::ReadWrite,
            tables: Tables::Named(vec!["Orders".to_owned()]),
        },
        ..ClusterSpec::with_defaults(ClusterName::parse(name).unwrap(), small_nodes(), 1)
    }
}

/// The smallest node type of the sandbox.
pub fn small_nodes() -> NodeType {
    NodeType::parse("dax.t3.small").unwrap()
}

/// A maintenance window, for the optional field of a spec or a call.
pub fn window(text: &str) -> Option<MaintenanceWindow> {
    Some(MaintenanceWindow::parse(text).unwrap())
}

/// A cluster with everything new. Its subnet group has the sandbox's own subnets.
pub fn spec_with_groups(env: &TestEnv, name: &str) -> ClusterSpec {
    let subnet_ids = env
        .sandbox
        .inventory()
        .subnets
        .iter()
        .map(|subnet| SubnetId::from_aws(&subnet.id))
        .collect();
    ClusterSpec {
        subnet_group: SubnetGroup::New { subnet_ids },
        ..full_spec(name)
    }
}

/// A role that trusts DAX, without tags.
pub fn unmanaged_role(name: &str, path: &str) -> Mutation {
    Mutation::CreateRole {
        name: name.to_owned(),
        path: path.to_owned(),
        trust_policy: trust_policy().to_json(),
        permissions_boundary: None,
        description: "created by hand".to_owned(),
        tags: BTreeMap::new(),
    }
}

/// A cluster with two nodes and default groups, without tags.
pub fn unmanaged_cluster(name: &str, role_arn: &str) -> NewCluster {
    NewCluster {
        name: name.to_owned(),
        description: None,
        node_type: NodeType::parse("dax.r5.large").unwrap(),
        replication_factor: 2,
        availability_zones: Vec::new(),
        iam_role_arn: RoleArn::from_aws(role_arn),
        subnet_group: "default".to_owned(),
        security_group_ids: Vec::new(),
        network_type: None,
        parameter_group: None,
        encryption_at_rest: true,
        encryption_in_transit: false,
        maintenance_window: None,
        notification_topic_arn: None,
        tags: BTreeMap::new(),
    }
}

/// What claims operations, as a worker does.
pub fn claimant(owner: &str) -> Arc<Claimant> {
    Arc::new(Claimant::new(owner.to_owned(), known_steps()))
}
