//! DescribeSecurityGroups.

use serde::Serialize;

use crate::authorization::AccessRequest;
use crate::ec2::filters::Filters;
use crate::ec2::requests::{check_access, check_ids, page};
use crate::ec2::rule_views::PermissionView;
use crate::state::network::{IngressRule, IngressSource, SecurityGroup};
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::form::Form;
use crate::wire::xml::{Items, children};

const FILTERS: [&str; 12] = [
    "description",
    "group-id",
    "group-name",
    "ip-permission.cidr",
    "ip-permission.from-port",
    "ip-permission.group-id",
    "ip-permission.ipv6-cidr",
    "ip-permission.prefix-list-id",
    "ip-permission.protocol",
    "ip-permission.to-port",
    "owner-id",
    "vpc-id",
];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupView {
    owner_id: String,
    group_id: String,
    group_name: String,
    group_description: String,
    vpc_id: String,
    security_group_arn: String,
    ip_permissions: Items<PermissionView>,
    ip_permissions_egress: Items<PermissionView>,
    tag_set: Items<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DescribeSecurityGroupsResult {
    security_group_info: Items<GroupView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub(super) fn group_arn(turn: &Turn<'_>, id: &str) -> String {
    format!(
        "arn:aws:ec2:{}:{}:security-group/{id}",
        turn.region(),
        turn.account_id()
    )
}

pub(super) fn describe_security_groups(
    turn: &mut Turn<'_>,
    form: &Form,
) -> Result<String, ServiceFault> {
    check_access(
        turn,
        form,
        &AccessRequest::anywhere("ec2:DescribeSecurityGroups"),
    )?;
    let filters = Filters::read(form, &FILTERS)?;
    let (ids, names) = (form.numbered("GroupId"), form.numbered("GroupName"));
    check_ids(
        &ids,
        &turn.state.security_groups,
        "InvalidGroup.NotFound",
        "security group",
    )?;
    let groups = || turn.state.security_groups.values();
    if let Some(missing) = names
        .iter()
        .find(|name| !groups().any(|group| group.name == **name))
    {
        let message = format!("The security group '{missing}' does not exist");
        return Err(ServiceFault::new("InvalidGroup.NotFound", message));
    }
    let requested = groups().filter(|group| {
        (ids.is_empty() || ids.contains(&group.id))
            && (names.is_empty() || names.contains(&group.name))
    });
    let groups = requested
        .filter(|group| filters.pass(|name| values(turn, group, name)))
        .collect();
    let (groups, next_token) = page(form, groups, |group: &&SecurityGroup| group.id.clone())?;
    let security_group_info = groups.into_iter().map(|group| view(turn, group)).collect();
    children(&DescribeSecurityGroupsResult {
        security_group_info,
        next_token,
    })
}

fn values(turn: &Turn<'_>, group: &SecurityGroup, name: &str) -> Vec<String> {
    let of_rules = |value: fn(&IngressRule) -> Option<String>| {
        group.ingress.iter().filter_map(value).collect()
    };
    match name {
        "description" => vec![group.description.clone()],
        "group-id" => vec![group.id.clone()],
        "group-name" => vec![group.name.clone()],
        "owner-id" => vec![turn.account_id().to_owned()],
        "vpc-id" => vec![group.vpc_id.clone()],
        "ip-permission.protocol" => of_rules(|rule| Some(rule.protocol.clone())),
        "ip-permission.from-port" => of_rules(|rule| rule.from_port.map(|port| port.to_string())),
        "ip-permission.to-port" => of_rules(|rule| rule.to_port.map(|port| port.to_string())),
        "ip-permission.cidr" => of_rules(|rule| match &rule.source {
            IngressSource::Cidr(cidr) => Some(cidr.clone()),
            _ => None,
        }),
        "ip-permission.ipv6-cidr" => of_rules(|rule| match &rule.source {
            IngressSource::Ipv6Cidr(cidr) => Some(cidr.clone()),
            _ => None,
        }),
        "ip-permission.group-id" => of_rules(|rule| match &rule.source {
            IngressSource::SecurityGroup(id) => Some(id.clone()),
            _ => None,
        }),
        "ip-permission.prefix-list-id" => of_rules(|rule| match &rule.source {
            IngressSource::PrefixList(id) => Some(id.clone()),
            _ => None,
        }),
        _ => Vec::new(),
    }
}

fn view(turn: &Turn<'_>, group: &SecurityGroup) -> GroupView {
    GroupView {
        owner_id: turn.account_id().to_owned(),
        group_id: group.id.clone(),
        group_name: group.name.clone(),
        group_description: group.description.clone(),
        vpc_id: group.vpc_id.clone(),
        security_group_arn: group_arn(turn, &group.id),
        ip_permissions: PermissionView::group(&group.ingress, turn.account_id())
            .into_iter()
            .collect(),
        ip_permissions_egress: Items::from_iter([PermissionView::all_traffic()]),
        tag_set: Items::from_iter([]),
    }
}
