//! Lookups in a build with the feature. Every response member is optional in AWS's models and is
//! treated as such.

use std::collections::{BTreeMap, BTreeSet};

use aws_config::SdkConfig;
use aws_sdk_ec2::types::{
    Filter, IpPermission, IpRange, Ipv6Range, ResourceType, SecurityGroupRule,
    SubnetCidrBlockStateCode, Tag, TagSpecification, UserIdGroupPair,
};

use crate::domain::ingress::{Ingress, IngressRule, Peer};
use crate::domain::network::{SecurityGroup, Subnet};
use crate::domain::problems::fault::Fault;
use crate::domain::validation::typed::{SecurityGroupId, SubnetId, VpcId};

use crate::aws::budget::Budget;
use crate::aws::fault::Call;
use crate::aws::metrics::CallObserver;

/// Maximum number of items per page (EC2 API reference, `MaxResults`).
const PAGE_MAX: i32 = 1_000;

/// The SDK clients that only lookups use.
#[derive(Debug, Clone)]
pub(in crate::aws) struct Clients {
    ec2: aws_sdk_ec2::Client,
    dynamodb: aws_sdk_dynamodb::Client,
}

impl Clients {
    pub(in crate::aws) fn open(config: &SdkConfig, budget: &Budget) -> Self {
        Self {
            ec2: aws_sdk_ec2::Client::from_conf(
                aws_sdk_ec2::config::Builder::from(config)
                    .interceptor(CallObserver(budget.clone()))
                    .build(),
            ),
            dynamodb: aws_sdk_dynamodb::Client::from_conf(
                aws_sdk_dynamodb::config::Builder::from(config)
                    .interceptor(CallObserver(budget.clone()))
                    .build(),
            ),
        }
    }

    pub(super) async fn subnets_of_vpc(&self, vpc_id: &VpcId) -> Result<Vec<Subnet>, Fault> {
        let available = vec![
            filter("vpc-id", vec![vpc_id.to_string()]),
            filter("state", vec!["available".to_owned()]),
        ];
        let found = self.describe_subnets(available).await?;
        Ok(found
            .into_iter()
            .filter(|found| found.outpost_arn.is_none())
            .map(subnet)
            .collect())
    }

    pub(super) async fn subnets(&self, ids: &BTreeSet<SubnetId>) -> Result<Vec<Subnet>, Fault> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        // A filter returns the existing subnets; a query by ID fails if one is missing.
        let ids = ids.iter().map(ToString::to_string).collect();
        let found = self
            .describe_subnets(vec![filter("subnet-id", ids)])
            .await?;
        Ok(found.into_iter().map(subnet).collect())
    }

    async fn describe_subnets(
        &self,
        filters: Vec<Filter>,
    ) -> Result<Vec<aws_sdk_ec2::types::Subnet>, Fault> {
        let call = Call::read("ec2", "DescribeSubnets", None);
        let request = self
            .ec2
            .describe_subnets()
            .set_filters(Some(filters))
            .max_results(PAGE_MAX);
        let mut pages = request.into_paginator().items().send();
        let mut subnets = Vec::new();
        while let Some(found) = pages.next().await {
            subnets.push(found.map_err(|error| call.fault(&error))?);
        }
        Ok(subnets)
    }

    pub(super) async fn security_groups(
        &self,
        ids: &[SecurityGroupId],
    ) -> Result<Vec<SecurityGroup>, Fault> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let call = Call::read("ec2", "DescribeSecurityGroups", None);
        let ids = ids.iter().map(ToString::to_string).collect();
        let request = self
            .ec2
            .describe_security_groups()
            .filters(filter("group-id", ids));
        let mut pages = request
            .max_results(PAGE_MAX)
            .into_paginator()
            .items()
            .send();
        let mut groups = Vec::new();
        while let Some(found) = pages.next().await {
            let found = found.map_err(|error| call.fault(&error))?;
            let id = found.group_id.unwrap_or_default();
            groups.push(SecurityGroup {
                id,
                vpc_id: found.vpc_id.unwrap_or_default(),
            });
        }
        Ok(groups)
    }

    pub(super) async fn table_arn(&self, name: &str, arn: &str) -> Result<Option<String>, Fault> {
        let call = Call::read("dynamodb", "DescribeTable", Some(arn.to_owned()));
        let request = self.dynamodb.describe_table().table_name(name);
        let Some(answer) = call.found(request.send()).await? else {
            return Ok(None);
        };
        let arn = answer.table.and_then(|table| table.table_arn);
        call.member(arn, "TableArn").map(Some)
    }

    pub(super) async fn ingress_rules(
        &self,
        security_group_id: Option<&str>,
        tag: Option<(&str, String)>,
    ) -> Result<Vec<IngressRule>, Fault> {
        let call = Call::read("ec2", "DescribeSecurityGroupRules", None);
        let group = security_group_id.map(|id| filter("group-id", vec![id.to_owned()]));
        let tag = tag.map(|(key, value)| filter(&format!("tag:{key}"), vec![value]));
        let filters = group.into_iter().chain(tag).collect();
        let request = self
            .ec2
            .describe_security_group_rules()
            .set_filters(Some(filters))
            .max_results(PAGE_MAX);
        let mut pages = request.into_paginator().items().send();
        let mut rules = Vec::new();
        while let Some(found) = pages.next().await {
            let found = found.map_err(|error| call.fault(&error))?;
            if found.is_egress != Some(true) {
                rules.push(ingress_rule(found));
            }
        }
        Ok(rules)
    }

    pub(in crate::aws) async fn authorize_ingress(
        &self,
        ingress: &Ingress,
        tags: &BTreeMap<String, String>,
        call: &Call,
    ) -> Result<String, Fault> {
        let tags = tags
            .iter()
            .map(|(key, value)| Tag::builder().key(key).value(value).build())
            .collect();
        let tagged = TagSpecification::builder()
            .resource_type(ResourceType::SecurityGroupRule)
            .set_tags(Some(tags));
        let request = self
            .ec2
            .authorize_security_group_ingress()
            .group_id(ingress.security_group_id.as_str());
        let request = request
            .ip_permissions(permission(ingress))
            .tag_specifications(tagged.build());
        let answer = call.response(request.send()).await?;
        let rule = answer
            .security_group_rules
            .unwrap_or_default()
            .into_iter()
            .next();
        let id = rule.and_then(|rule| rule.security_group_rule_id);
        call.member(id, "SecurityGroupRuleId")
    }

    pub(in crate::aws) async fn revoke_ingress(
        &self,
        security_group_id: &str,
        rule_id: &str,
        call: &Call,
    ) -> Result<(), Fault> {
        let request = self
            .ec2
            .revoke_security_group_ingress()
            .group_id(security_group_id);
        let request = request.security_group_rule_ids(rule_id);
        call.response(request.send()).await.map(drop)
    }
}

fn filter(name: &str, values: Vec<String>) -> Filter {
    Filter::builder()
        .name(name)
        .set_values(Some(values))
        .build()
}

fn subnet(found: aws_sdk_ec2::types::Subnet) -> Subnet {
    let associated = |code: Option<&SubnetCidrBlockStateCode>| {
        code == Some(&SubnetCidrBlockStateCode::Associated)
    };
    let ipv6 = found
        .ipv6_cidr_block_association_set()
        .iter()
        .any(|association| {
            associated(
                association
                    .ipv6_cidr_block_state()
                    .and_then(|state| state.state()),
            )
        });
    Subnet {
        ipv4: found.cidr_block().is_some_and(|cidr| !cidr.is_empty()),
        ipv6,
        free_addresses: found
            .available_ip_address_count
            .and_then(|count| count.try_into().ok()),
        id: found.subnet_id.unwrap_or_default(),
        vpc_id: found.vpc_id.unwrap_or_default(),
        availability_zone: found.availability_zone.unwrap_or_default(),
    }
}

fn permission(ingress: &Ingress) -> IpPermission {
    let port = i32::from(ingress.port);
    let permission = IpPermission::builder()
        .ip_protocol("tcp")
        .from_port(port)
        .to_port(port);
    match &ingress.peer {
        Peer::SecurityGroup(id) => {
            let group = UserIdGroupPair::builder().group_id(id.as_str()).build();
            permission.user_id_group_pairs(group)
        }
        Peer::Cidr(cidr) if cidr.contains(':') => {
            permission.ipv6_ranges(Ipv6Range::builder().cidr_ipv6(cidr).build())
        }
        Peer::Cidr(cidr) => permission.ip_ranges(IpRange::builder().cidr_ip(cidr).build()),
    }
    .build()
}

fn ingress_rule(found: SecurityGroupRule) -> IngressRule {
    let one_port = found.ip_protocol() == Some("tcp") && found.from_port == found.to_port;
    let port = found
        .from_port
        .filter(|_| one_port)
        .and_then(|port| u16::try_from(port).ok());
    let group = found
        .referenced_group_info
        .and_then(|group| group.group_id)
        .map(|id| Peer::SecurityGroup(SecurityGroupId::from_aws(id)));
    let cidr = found
        .cidr_ipv4
        .or(found.cidr_ipv6)
        .map(|cidr| Peer::cidr(&cidr));
    let peer = group.or(cidr);
    let security_group_id = SecurityGroupId::from_aws(found.group_id.unwrap_or_default());
    let tags = found.tags.unwrap_or_default().into_iter();
    IngressRule {
        id: found.security_group_rule_id.unwrap_or_default(),
        arn: found.security_group_rule_arn,
        ingress: port.zip(peer).map(|(port, peer)| Ingress {
            security_group_id,
            port,
            peer,
        }),
        tags: tags
            .map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default()))
            .collect(),
    }
}
