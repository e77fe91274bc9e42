//! EC2's representations of rules: grouped by protocol and ports, or one by one.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::ec2::tags::{TagView, tag_set};
use crate::state::Tag;
use crate::state::network::{IngressRule, IngressSource, SecurityGroup};
use crate::turn::Turn;
use crate::wire::xml::Items;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PermissionView {
    ip_protocol: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_port: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_port: Option<i32>,
    groups: Items<GroupPairView>,
    ip_ranges: Items<IpRangeView>,
    ipv6_ranges: Items<Ipv6RangeView>,
    prefix_list_ids: Items<PrefixListView>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupPairView {
    user_id: String,
    group_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IpRangeView {
    cidr_ip: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ipv6RangeView {
    cidr_ipv6: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PrefixListView {
    prefix_list_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

impl PermissionView {
    /// Rules as permissions: one for each protocol and port range.
    pub(super) fn group<'a>(
        rules: impl IntoIterator<Item = &'a IngressRule>,
        owner: &str,
    ) -> Vec<PermissionView> {
        let mut grouped: Vec<(&IngressRule, Vec<&IngressRule>)> = Vec::new();
        for rule in rules {
            let ports = |rule: &IngressRule| (rule.protocol.clone(), rule.from_port, rule.to_port);
            match grouped
                .iter_mut()
                .find(|(first, _)| ports(first) == ports(rule))
            {
                Some((_, rules)) => rules.push(rule),
                None => grouped.push((rule, vec![rule])),
            }
        }
        grouped
            .into_iter()
            .map(|(first, rules)| PermissionView::of(first, &rules, owner))
            .collect()
    }

    fn of(first: &IngressRule, rules: &[&IngressRule], owner: &str) -> PermissionView {
        let (mut groups, mut ranges, mut ipv6, mut lists) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for rule in rules {
            let description = rule.description.clone();
            match rule.source.clone() {
                IngressSource::SecurityGroup(group_id) => {
                    groups.push(GroupPairView {
                        user_id: owner.to_owned(),
                        group_id,
                        description,
                    });
                }
                IngressSource::Cidr(cidr_ip) => ranges.push(IpRangeView {
                    cidr_ip,
                    description,
                }),
                IngressSource::Ipv6Cidr(cidr_ipv6) => ipv6.push(Ipv6RangeView {
                    cidr_ipv6,
                    description,
                }),
                IngressSource::PrefixList(prefix_list_id) => {
                    lists.push(PrefixListView {
                        prefix_list_id,
                        description,
                    });
                }
            }
        }
        PermissionView {
            ip_protocol: first.protocol.clone(),
            from_port: first.from_port,
            to_port: first.to_port,
            groups: groups.into_iter().collect(),
            ip_ranges: ranges.into_iter().collect(),
            ipv6_ranges: ipv6.into_iter().collect(),
            prefix_list_ids: lists.into_iter().collect(),
        }
    }

    /// The egress of every group.
    pub(super) fn all_traffic() -> PermissionView {
        PermissionView {
            ip_protocol: "-1".to_owned(),
            from_port: None,
            to_port: None,
            groups: Items::from_iter([]),
            ip_ranges: Items::from_iter([IpRangeView {
                cidr_ip: "0.0.0.0/0".to_owned(),
                description: None,
            }]),
            ipv6_ranges: Items::from_iter([]),
            prefix_list_ids: Items::from_iter([]),
        }
    }
}

pub(super) fn rule_arn(turn: &Turn<'_>, id: &str) -> String {
    format!(
        "arn:aws:ec2:{}:{}:security-group-rule/{id}",
        turn.region(),
        turn.account_id()
    )
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RuleView {
    security_group_rule_id: String,
    group_id: String,
    group_owner_id: String,
    is_egress: bool,
    ip_protocol: String,
    from_port: i32,
    to_port: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    cidr_ipv4: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cidr_ipv6: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix_list_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    referenced_group_info: Option<ReferencedGroupView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    tag_set: Items<TagView>,
    security_group_rule_arn: String,
    #[serde(skip)]
    tags: Vec<Tag>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReferencedGroupView {
    group_id: String,
    user_id: String,
}

impl RuleView {
    pub(super) fn ingress(turn: &Turn<'_>, group: &SecurityGroup, rule: &IngressRule) -> RuleView {
        RuleView::of(turn, group, rule, false)
    }

    /// The only egress rule of a group, which allows all traffic.
    pub(super) fn egress(turn: &Turn<'_>, group: &SecurityGroup) -> RuleView {
        let digest = hex::encode(Sha256::digest(format!("everything out of {}", group.id)));
        let rule = IngressRule {
            protocol: "-1".to_owned(),
            from_port: None,
            to_port: None,
            source: IngressSource::Cidr("0.0.0.0/0".to_owned()),
            description: None,
            id: format!("sgr-0{}", &digest[..16]),
            tags: Vec::new(),
        };
        RuleView::of(turn, group, &rule, true)
    }

    pub(super) fn id(&self) -> &str {
        &self.security_group_rule_id
    }

    pub(super) fn group_id(&self) -> &str {
        &self.group_id
    }

    pub(super) fn tags(&self) -> &[Tag] {
        &self.tags
    }

    fn of(turn: &Turn<'_>, group: &SecurityGroup, rule: &IngressRule, is_egress: bool) -> RuleView {
        let owner = turn.account_id();
        let mut view = RuleView {
            security_group_rule_id: rule.id.clone(),
            group_id: group.id.clone(),
            group_owner_id: owner.to_owned(),
            is_egress,
            ip_protocol: rule.protocol.clone(),
            from_port: rule.from_port.unwrap_or(-1),
            to_port: rule.to_port.unwrap_or(-1),
            cidr_ipv4: None,
            cidr_ipv6: None,
            prefix_list_id: None,
            referenced_group_info: None,
            description: rule.description.clone(),
            tag_set: tag_set(&rule.tags),
            security_group_rule_arn: rule_arn(turn, &rule.id),
            tags: rule.tags.clone(),
        };
        match rule.source.clone() {
            IngressSource::Cidr(cidr) => view.cidr_ipv4 = Some(cidr),
            IngressSource::Ipv6Cidr(cidr) => view.cidr_ipv6 = Some(cidr),
            IngressSource::PrefixList(id) => view.prefix_list_id = Some(id),
            IngressSource::SecurityGroup(group_id) => {
                view.referenced_group_info = Some(ReferencedGroupView {
                    group_id,
                    user_id: owner.to_owned(),
                });
            }
        }
        view
    }
}
