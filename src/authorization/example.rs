//! Examples: questions with the expected decision, which operators keep beside their policies.

use cedar_policy::Context;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::domain::caller::Identity;
use crate::domain::names::ClusterName;
use crate::domain::project::{ProjectName, Scope};
use crate::domain::target::TargetName;

use super::Rules;
use super::action::Action;
use super::decision::{Denial, Permits, Place, Question, Subject};
use super::policies::{PARSED, action_uid};

/// A test of policies: a question and the decision that it must have.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// What the test shows.
    pub name: String,
    caller: ExampleCaller,
    action: String,
    /// The target, `default` if it is not named.
    target: Option<String>,
    project: Option<String>,
    /// The name of the cluster, `example` if it does not matter.
    cluster: Option<String>,
    /// The name of the table, for `use_table`.
    table: Option<String>,
    /// Attributes of the context that differ from those of a cluster of three `dax.r5.large`.
    #[serde(default)]
    context: Map<String, Value>,
    decision: Expected,
    /// The IDs of the policies that must forbid, if they matter.
    policies: Option<Vec<String>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExampleCaller {
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    projects: Vec<String>,
    requested_for: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Expected {
    Allow,
    Deny,
    Approval,
}

impl Expected {
    fn text(self) -> &'static str {
        match self {
            Self::Allow => "allowed",
            Self::Deny => "denied",
            Self::Approval => "left to an approval",
        }
    }
}

impl Example {
    /// Asks the rules, or returns what differs from the expected decision.
    pub fn check(&self, rules: &Rules, targets: &[Place<'_>]) -> Result<(), String> {
        let decided = self.decide(rules, targets)?;
        let (decision, by) = match decided {
            Ok(_) => (Expected::Allow, Vec::new()),
            Err(Denial::Failed(error)) => return Err(format!("cannot be evaluated: {error}")),
            Err(Denial::NeedsApproval(by)) => (Expected::Approval, by),
            Err(Denial::Forbidden(by)) => (Expected::Deny, by),
        };
        let ids: Vec<&str> = by.iter().map(|policy| policy.id.as_str()).collect();
        let by_whom = match (decision, ids.as_slice()) {
            (Expected::Deny, []) => " because no policy permits it".to_owned(),
            (_, []) => String::new(),
            (_, ids) => format!(" by {}", ids.join(", ")),
        };
        if decision != self.decision {
            let (is, must) = (decision.text(), self.decision.text());
            return Err(format!("is {is}{by_whom}, and must be {must}"));
        }
        match &self.policies {
            Some(named) if *named != ids => Err(format!(
                "is {}{by_whom}, and must be by {}",
                decision.text(),
                named.join(", ")
            )),
            _ => Ok(()),
        }
    }

    fn decide(
        &self,
        rules: &Rules,
        targets: &[Place<'_>],
    ) -> Result<Result<Permits, Denial>, String> {
        let action: Action = self
            .action
            .parse()
            .map_err(|_| format!("there is no action {:?}", self.action))?;
        let project = |text: &String| ProjectName::parse(text).map_err(|rule| rule.detail);
        let caller = Identity {
            id: "token:example".to_owned(),
            shown_as: "token:example".to_owned(),
            groups: self.caller.groups.clone(),
            projects: self
                .caller
                .projects
                .iter()
                .map(project)
                .collect::<Result<_, _>>()?,
            requested_for: self.caller.requested_for.clone(),
            ..Identity::default()
        };
        let target = self.target.as_deref().unwrap_or("default");
        let target = TargetName::parse(target).map_err(|rule| rule.detail)?;
        let place = targets.iter().find(|place| *place.target == target);
        let place = place.ok_or_else(|| format!("there is no target {target}"))?;
        let scope = Scope {
            project: self.project.as_ref().map(project).transpose()?,
            target: target.clone(),
        };
        let name = ClusterName::parse(self.cluster.as_deref().unwrap_or("example"));
        let name = name.map_err(|rule| rule.detail)?;
        let table = self.table.as_deref().unwrap_or("Example");
        let subject = match action {
            Action::Read => Subject::Scope(&scope),
            _ if action.is_on_webhooks() && scope.project.is_some() => Subject::Scope(&scope),
            _ if action.is_on_target() => Subject::Target(&target),
            Action::UseTable => Subject::Table(table, None, &scope, place),
            _ => Subject::Cluster(&name, &scope),
        };
        let question = Question {
            caller: &caller,
            action,
            subject,
        };
        Ok(rules.decide_in(&question, Some(self.context(action, &scope)?)))
    }

    /// The context of the action, with the attributes of this example.
    fn context(&self, action: Action, scope: &Scope) -> Result<Context, String> {
        let mut context = match action {
            Action::CreateCluster
            | Action::UpdateCluster
            | Action::ScaleCluster
            | Action::RepairCluster
            | Action::AdoptCluster => settings(),
            Action::OpenIngress | Action::CloseIngress => json!({"port": 9111}),
            Action::UseTable => {
                json!({"access": "read_only", "target": entity_json("Target", scope.target.as_str())})
            }
            _ => json!({}),
        };
        if let Some(fields) = context.as_object_mut() {
            if let (Action::UseTable, Some(project)) = (action, &scope.project) {
                fields.insert(
                    "project".to_owned(),
                    entity_json("Project", project.as_str()),
                );
            }
            fields.extend(self.context.clone());
            // As in a merge patch, null takes an attribute away.
            fields.retain(|_, value| !value.is_null());
        }
        Context::from_json_value(context, Some((&PARSED.schema, &action_uid(action))))
            .map_err(|error| error.to_string())
    }
}

fn entity_json(kind: &str, id: &str) -> Value {
    json!({"type": kind, "id": id})
}

/// A new cluster of three `dax.r5.large` with a managed role for named tables, the first one of its
/// project.
fn settings() -> Value {
    json!({
        "changed": ["node_type", "replication_factor", "service_role"],
        "node_type": "dax.r5.large",
        "replication_factor": 3,
        "access": "read_write",
        "all_tables": false,
        "encryption_at_rest": true,
        "encryption_in_transit": true,
        "subnet_group": "default",
        "subnet_ids": [],
        "security_group_ids": [],
        "tags": [],
        "tag_keys": [],
        "deletion_protection": false,
        "monthly_cost_cents": 0,
        "cost_known": false,
        "project_clusters": 1,
        "project_nodes": 3,
        "project_monthly_cost_cents": 0,
        "project_cost_known": false,
    })
}
