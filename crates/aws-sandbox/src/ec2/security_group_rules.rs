//! DescribeSecurityGroupRules.

use serde::Serialize;

use crate::authorization::AccessRequest;
use crate::ec2::filters::Filters;
use crate::ec2::requests::{check_access, page};
use crate::ec2::rule_views::RuleView;
use crate::ec2::tags::tag_values;
use crate::turn::Turn;
use crate::wire::fault::ServiceFault;
use crate::wire::form::Form;
use crate::wire::xml::{Items, children};

/// All filters that EC2 documents, except `tag:<key>`.
const FILTERS: [&str; 2] = ["group-id", "security-group-rule-id"];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DescribeSecurityGroupRulesResult {
    security_group_rule_set: Items<RuleView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// The rules of all groups in both directions, ordered by ID.
pub(super) fn describe_security_group_rules(
    turn: &mut Turn<'_>,
    form: &Form,
) -> Result<String, ServiceFault> {
    check_access(
        turn,
        form,
        &AccessRequest::anywhere("ec2:DescribeSecurityGroupRules"),
    )?;
    let filters = Filters::read(form, &FILTERS)?;
    let ids = form.numbered("SecurityGroupRuleId");
    let mut rules: Vec<RuleView> = Vec::new();
    for group in turn.state.security_groups.values() {
        rules.push(RuleView::egress(turn, group));
        rules.extend(
            group
                .ingress
                .iter()
                .map(|rule| RuleView::ingress(turn, group, rule)),
        );
    }
    rules.sort_unstable_by(|one, other| one.id().cmp(other.id()));
    if let Some(missing) = ids
        .iter()
        .find(|id| !rules.iter().any(|rule| rule.id() == id.as_str()))
    {
        return Err(unknown_rule(missing));
    }
    rules.retain(|rule| ids.is_empty() || ids.iter().any(|id| id == rule.id()));
    rules.retain(|rule| filters.pass(|name| value(rule, name)));
    let (rules, next_token) = page(form, rules, |rule| rule.id().to_owned())?;
    children(&DescribeSecurityGroupRulesResult {
        security_group_rule_set: rules.into_iter().collect(),
        next_token,
    })
}

fn value(rule: &RuleView, name: &str) -> Vec<String> {
    match name {
        "group-id" => vec![rule.group_id().to_owned()],
        "security-group-rule-id" => vec![rule.id().to_owned()],
        tag => tag_values(rule.tags(), tag),
    }
}

/// The error for the ID of a rule that does not exist.
pub(super) fn unknown_rule(id: &str) -> ServiceFault {
    match id.starts_with("sgr-") {
        true => ServiceFault::new(
            "InvalidSecurityGroupRuleId.NotFound",
            format!("The security group rule ID '{id}' does not exist"),
        ),
        false => ServiceFault::new(
            "InvalidSecurityGroupRuleId.Malformed",
            format!("Invalid id: \"{id}\" (expecting \"sgr-...\")"),
        ),
    }
}
