//! AuthorizeSecurityGroupIngress and RevokeSecurityGroupIngress.

use serde::Serialize;

use crate::authorization::AccessRequest;
use crate::ec2::permissions::read_rules;
use crate::ec2::requests::end_dry_run;
use crate::ec2::rule_views::{PermissionView, RuleView, rule_arn};
use crate::ec2::security_group_rules::unknown_rule;
use crate::ec2::security_groups::group_arn;
use crate::ec2::tags::read_tags;
use crate::state::network::{IngressRule, IngressSource, SecurityGroup};
use crate::state::{Change, Tag};
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::form::Form;
use crate::wire::xml::{Items, children};

/// AWS's default quota of inbound rules of one security group.
const MAX_RULES: usize = 60;

/// Authorizes the change of a group and the tagging of its new rules, and returns the group. A
/// group name refers to the default VPC.
fn find_group<'a>(
    turn: &mut Turn<'a>,
    form: &Form,
    action: &str,
    tags: &[Tag],
) -> Result<&'a SecurityGroup, ServiceFault> {
    let state = turn.state;
    let (id, name) = (form.text("GroupId"), form.text("GroupName"));
    let in_default_vpc = |group: &SecurityGroup| {
        state
            .vpcs
            .get(&group.vpc_id)
            .is_some_and(|vpc| vpc.is_default)
    };
    let found = match (id, name) {
        (Some(id), _) => state.security_groups.get(id),
        (None, Some(name)) => state
            .security_groups
            .values()
            .find(|group| group.name == name && in_default_vpc(group)),
        (None, None) => {
            let message = "The request must contain the parameter groupName or groupId";
            return Err(ServiceFault::new("MissingParameter", message));
        }
    };
    let requested = id.or(name).unwrap_or_default();
    authorize(turn, action, requested, found, tags)?;
    end_dry_run(form)?;
    let missing = || {
        ServiceFault::new(
            "InvalidGroup.NotFound",
            format!("The security group '{requested}' does not exist"),
        )
    };
    found.ok_or_else(missing)
}

/// Authorizes the action on the group, and CreateTags on rules whose IDs are not known yet.
fn authorize(
    turn: &mut Turn<'_>,
    action: &str,
    requested: &str,
    found: Option<&SecurityGroup>,
    tags: &[Tag],
) -> Result<(), ServiceFault> {
    let arn = group_arn(turn, found.map_or(requested, |group| group.id.as_str()));
    let vpc_arn = |group: &SecurityGroup| {
        format!(
            "arn:aws:ec2:{}:{}:vpc/{}",
            turn.region(),
            turn.account_id(),
            group.vpc_id
        )
    };
    let access = AccessRequest::on(action, &arn);
    let access = match found.map(vpc_arn) {
        Some(vpc_arn) => access.with("ec2:Vpc", &vpc_arn),
        None => access,
    };
    turn.authorize(&access)?;
    if tags.is_empty() {
        return Ok(());
    }
    let rules = rule_arn(turn, "*");
    let creating = action.trim_start_matches("ec2:");
    turn.authorize(
        &AccessRequest::on("ec2:CreateTags", &rules)
            .with("ec2:CreateAction", creating)
            .requesting_tags(tags),
    )
}

/// Whether two rules allow the same traffic, regardless of their IDs.
fn same_traffic(one: &IngressRule, other: &IngressRule) -> bool {
    (&one.protocol, one.from_port, one.to_port, &one.source)
        == (
            &other.protocol,
            other.from_port,
            other.to_port,
            &other.source,
        )
}

fn describe_rule(rule: &IngressRule) -> String {
    let (IngressSource::Cidr(peer)
    | IngressSource::Ipv6Cidr(peer)
    | IngressSource::SecurityGroup(peer)
    | IngressSource::PrefixList(peer)) = &rule.source;
    let ports = match (rule.from_port, rule.to_port) {
        (Some(from), Some(to)) => format!(", from port: {from}, to port: {to}"),
        _ => String::new(),
    };
    let protocol = if rule.protocol == "-1" {
        "ALL".to_owned()
    } else {
        rule.protocol.to_ascii_uppercase()
    };
    format!("peer: {peer}, {protocol}{ports}, ALLOW")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AuthorizeResult {
    r#return: bool,
    security_group_rule_set: Items<RuleView>,
}

pub(super) fn authorize_security_group_ingress(
    turn: &mut Turn<'_>,
    form: &Form,
) -> Result<String, ServiceFault> {
    let tags = read_tags(turn, form, "security-group-rule")?;
    let group = find_group(turn, form, "ec2:AuthorizeSecurityGroupIngress", &tags)?;
    let mut rules = read_rules(turn, group, form)?;
    rules
        .iter_mut()
        .for_each(|rule| rule.tags.clone_from(&tags));
    reject_duplicates(&rules)?;
    let mut changed = group.clone();
    for rule in &rules {
        if changed
            .ingress
            .iter()
            .any(|existing| same_traffic(existing, rule))
        {
            let message = format!(
                "the specified rule \"{}\" already exists",
                describe_rule(rule)
            );
            return Err(ServiceFault::new("InvalidPermission.Duplicate", message));
        }
        changed.ingress.insert(rule.clone());
    }
    if changed.ingress.len() > MAX_RULES {
        let message = "The maximum number of rules per security group has been reached.";
        return Err(ServiceFault::new(
            "RulesPerSecurityGroupLimitExceeded",
            message,
        ));
    }
    let security_group_rule_set = rules
        .iter()
        .map(|rule| RuleView::ingress(turn, group, rule))
        .collect();
    turn.change(Change::SecurityGroup(Box::new(changed)));
    children(&AuthorizeResult {
        r#return: true,
        security_group_rule_set,
    })
}

/// Rejects a request that contains the same traffic twice.
fn reject_duplicates(rules: &[IngressRule]) -> Result<(), ServiceFault> {
    let repeated = |(at, rule): (usize, &IngressRule)| {
        rules[..at]
            .iter()
            .any(|earlier| same_traffic(earlier, rule))
    };
    match rules.iter().enumerate().any(repeated) {
        true => {
            let message = "The same permission must not appear multiple times";
            Err(ServiceFault::new("InvalidParameterValue", message))
        }
        false => Ok(()),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RevokeResult {
    r#return: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown_ip_permission_set: Option<Items<PermissionView>>,
    revoked_security_group_rule_set: Items<RevokedRuleView>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RevokedRuleView {
    security_group_rule_id: String,
    group_id: String,
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
    referenced_group_id: Option<String>,
}

impl RevokedRuleView {
    fn of(group: &SecurityGroup, rule: IngressRule) -> RevokedRuleView {
        let mut view = RevokedRuleView {
            security_group_rule_id: rule.id,
            group_id: group.id.clone(),
            is_egress: false,
            ip_protocol: rule.protocol,
            from_port: rule.from_port.unwrap_or(-1),
            to_port: rule.to_port.unwrap_or(-1),
            cidr_ipv4: None,
            cidr_ipv6: None,
            prefix_list_id: None,
            referenced_group_id: None,
        };
        match rule.source {
            IngressSource::Cidr(cidr) => view.cidr_ipv4 = Some(cidr),
            IngressSource::Ipv6Cidr(cidr) => view.cidr_ipv6 = Some(cidr),
            IngressSource::PrefixList(id) => view.prefix_list_id = Some(id),
            IngressSource::SecurityGroup(id) => view.referenced_group_id = Some(id),
        }
        view
    }
}

/// Unknown rules are listed in the response in a default VPC, and an error in any other VPC.
pub(super) fn revoke_security_group_ingress(
    turn: &mut Turn<'_>,
    form: &Form,
) -> Result<String, ServiceFault> {
    let group = find_group(turn, form, "ec2:RevokeSecurityGroupIngress", &[])?;
    let mut ids = form.numbered("SecurityGroupRuleId");
    ids.sort_unstable();
    ids.dedup();
    let (revoked, unknown) = match ids.is_empty() {
        true => rules_matching(group, read_rules(turn, group, form)?),
        false => (rules_with_ids(group, &ids)?, Vec::new()),
    };
    let in_default_vpc = turn
        .state
        .vpcs
        .get(&group.vpc_id)
        .is_some_and(|vpc| vpc.is_default);
    if !unknown.is_empty() && !in_default_vpc {
        let message = "The specified rule does not exist in this security group.";
        return Err(ServiceFault::new("InvalidPermission.NotFound", message));
    }
    if !revoked.is_empty() {
        let mut changed = group.clone();
        changed
            .ingress
            .retain(|rule| !revoked.iter().any(|revoked| revoked.id == rule.id));
        turn.change(Change::SecurityGroup(Box::new(changed)));
    }
    let unknown_views = PermissionView::group(&unknown, turn.account_id());
    children(&RevokeResult {
        r#return: true,
        unknown_ip_permission_set: (!unknown.is_empty())
            .then(|| unknown_views.into_iter().collect()),
        revoked_security_group_rule_set: revoked
            .into_iter()
            .map(|rule| RevokedRuleView::of(group, rule))
            .collect(),
    })
}

/// The group's rules that allow the requested traffic, and the requested rules without a match.
fn rules_matching(
    group: &SecurityGroup,
    requested: Vec<IngressRule>,
) -> (Vec<IngressRule>, Vec<IngressRule>) {
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    for rule in requested {
        match group
            .ingress
            .iter()
            .find(|existing| same_traffic(existing, &rule))
        {
            Some(existing) => found.push(existing.clone()),
            None => unknown.push(rule),
        }
    }
    (found, unknown)
}

/// The group's rules with these IDs. An unknown ID is an error.
fn rules_with_ids(group: &SecurityGroup, ids: &[String]) -> Result<Vec<IngressRule>, ServiceFault> {
    let find = |id: &String| {
        let found = group.ingress.iter().find(|rule| rule.id == *id).cloned();
        found.ok_or_else(|| unknown_rule(id))
    };
    ids.iter().map(find).collect()
}
