//! Conversions from entities of the state to items of the inventory.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::inventory::{
    ClusterItem, Inventory, ParameterGroupItem, PolicyItem, RoleItem, SecurityGroupItem,
    SubnetGroupItem, SubnetItem,
};
use crate::state::cluster::Cluster;
use crate::state::group::{ParameterGroup, SubnetGroup};
use crate::state::iam::{ManagedPolicy, Role};
use crate::state::network::{IngressRule, IngressSource, SecurityGroup, Subnet};
use crate::state::{State, Tag};

impl Inventory {
    pub(crate) fn of(iam: &State, state: &State, now: DateTime<Utc>) -> Inventory {
        Inventory {
            roles: iam.roles.values().map(RoleItem::of).collect(),
            policies: iam.policies.values().map(PolicyItem::of).collect(),
            clusters: state
                .clusters
                .values()
                .map(|cluster| ClusterItem::of(cluster, now))
                .collect(),
            subnet_groups: state
                .subnet_groups
                .values()
                .map(SubnetGroupItem::of)
                .collect(),
            parameter_groups: state
                .parameter_groups
                .values()
                .map(ParameterGroupItem::of)
                .collect(),
            subnets: state.subnets.values().map(SubnetItem::of).collect(),
            security_groups: state
                .security_groups
                .values()
                .map(SecurityGroupItem::of)
                .collect(),
            tables: state.tables.keys().cloned().collect(),
        }
    }
}

fn tag_map(tags: &[Tag]) -> BTreeMap<String, String> {
    tags.iter()
        .map(|tag| (tag.key.clone(), tag.value.clone()))
        .collect()
}

impl RoleItem {
    fn of(role: &Role) -> RoleItem {
        RoleItem {
            name: role.name.clone(),
            path: role.path.clone(),
            arn: role.arn.clone(),
            tags: tag_map(&role.tags),
            attached_policies: role.attached.clone(),
            inline_policies: role.inline.keys().cloned().collect(),
            permissions_boundary: role.boundary.clone(),
            service_linked: role.service_linked,
            builtin: false,
        }
    }
}

impl PolicyItem {
    fn of(policy: &ManagedPolicy) -> PolicyItem {
        PolicyItem {
            name: policy.name.clone(),
            path: policy.path.clone(),
            arn: policy.arn.clone(),
            tags: tag_map(&policy.tags),
            versions: policy.versions.len(),
            document: policy.document().to_owned(),
            builtin: policy.builtin,
        }
    }
}

impl ClusterItem {
    fn of(cluster: &Cluster, now: DateTime<Utc>) -> ClusterItem {
        ClusterItem {
            name: cluster.name.clone(),
            arn: cluster.arn.clone(),
            status: cluster.status(now).map(str::to_owned),
            nodes: cluster.nodes.iter().map(|node| node.id.clone()).collect(),
            node_type: cluster.node_type.clone(),
            role_arn: cluster.role_arn.clone(),
            subnet_group: cluster.subnet_group.clone(),
            parameter_group: cluster.parameter_group.clone(),
            security_group_ids: cluster.security_group_ids.clone(),
            tags: tag_map(&cluster.tags),
            builtin: false,
        }
    }
}

impl SubnetGroupItem {
    fn of(group: &SubnetGroup) -> SubnetGroupItem {
        SubnetGroupItem {
            name: group.name.clone(),
            description: group.description.clone(),
            vpc_id: group.vpc_id.clone(),
            subnet_ids: group.subnet_ids.clone(),
            builtin: group.builtin,
        }
    }
}

impl ParameterGroupItem {
    fn of(group: &ParameterGroup) -> ParameterGroupItem {
        ParameterGroupItem {
            name: group.name.clone(),
            description: group.description.clone(),
            record_ttl_millis: group.record_ttl_millis.clone(),
            query_ttl_millis: group.query_ttl_millis.clone(),
            builtin: group.builtin,
        }
    }
}

impl SubnetItem {
    fn of(subnet: &Subnet) -> SubnetItem {
        SubnetItem {
            id: subnet.id.clone(),
            vpc_id: subnet.vpc_id.clone(),
            availability_zone: subnet.availability_zone.clone(),
            network_types: subnet
                .network_types()
                .into_iter()
                .map(str::to_owned)
                .collect(),
            builtin: subnet.builtin,
        }
    }
}

impl SecurityGroupItem {
    fn of(group: &SecurityGroup) -> SecurityGroupItem {
        SecurityGroupItem {
            id: group.id.clone(),
            name: group.name.clone(),
            vpc_id: group.vpc_id.clone(),
            ingress: group.ingress.iter().map(describe_rule).collect(),
            builtin: group.builtin,
        }
    }
}

fn describe_rule(rule: &IngressRule) -> String {
    let ports = match (rule.from_port, rule.to_port) {
        (Some(from), Some(to)) => format!(" {from}-{to}"),
        _ => String::new(),
    };
    let protocol = if rule.protocol == "-1" {
        "all"
    } else {
        &rule.protocol
    };
    let source = match &rule.source {
        IngressSource::Cidr(source)
        | IngressSource::Ipv6Cidr(source)
        | IngressSource::SecurityGroup(source)
        | IngressSource::PrefixList(source) => source,
    };
    format!("{protocol}{ports} from {source}")
}
