//! That the policies which a prepared decision leaves out cannot match.

use cedar_policy::PolicySet;

use super::*;
use crate::authorization::policies::Policies;

const PRINCIPALS: [&str; 7] = [
    "principal",
    "principal is Caller",
    "principal == Caller::\"token:1\"",
    "principal == Caller::\"token:2\"",
    "principal in Group::\"operators\"",
    "principal is Caller in Group::\"viewers\"",
    "principal in Project::\"payments\"",
];
const RESOURCES: [&str; 8] = [
    "resource",
    "resource is Cluster",
    "resource == Cluster::\"default/orders\"",
    "resource == Cluster::\"default/other\"",
    "resource in Project::\"payments\"",
    "resource is Cluster in Project::\"search\"",
    "resource in Target::\"default\"",
    "resource is Cluster in Target::\"prod\"",
];

/// Each head as a permit of its own.
fn each_head() -> Vec<String> {
    let heads = PRINCIPALS
        .iter()
        .flat_map(|principal| RESOURCES.map(|resource| (principal, resource)));
    let policy = |(principal, resource)| {
        format!(
            "@id(\"only\") permit ({principal}, action == Action::\"delete_cluster\", {resource});"
        )
    };
    heads.map(policy).collect()
}

#[test]
fn a_policy_that_is_left_out_cannot_match() {
    let (mut permitted, mut denied) = (0, 0);
    for text in each_head() {
        let policies = Policies::parse(&[("test.cedar", &text)]).unwrap();
        let rules = Rules {
            policies: Some(policies.clone()),
            ..built_in()
        };
        for (groups, projects) in [
            (vec![], vec![]),
            (vec!["operators"], vec!["payments"]),
            (vec!["viewers", "others"], vec!["search", "payments"]),
        ] {
            for project in [None, Some("payments"), Some("search")] {
                let (who, scope) = (caller(&groups, &projects), scope(project));
                let name = ClusterName::parse("orders").unwrap();
                let question = Question {
                    caller: &who,
                    action: Action::DeleteCluster,
                    subject: Subject::Cluster(&name, &scope),
                };
                let all = PolicySet::from_policies(policies.about(question.action).cloned());
                let prepared = rules.prepared(&policies, &question).unwrap();
                let (request, entities) = rules.request(&prepared, &question, None).unwrap();
                let by_all = policies.answer_of(&all.unwrap(), &request, &entities);
                assert_eq!(rules.decide(&question), by_all, "{text} {who:?} {scope:?}");
                // The second time from what is kept.
                assert_eq!(rules.decide(&question), by_all);
                *if by_all.is_ok() {
                    &mut permitted
                } else {
                    &mut denied
                } += 1;
            }
        }
    }
    assert!(permitted > 50 && denied > 50, "{permitted} {denied}");
}

/// A table: its name, the access to it, its account and Region, and the project that asks.
type Asked = (
    &'static str,
    Access,
    &'static str,
    &'static str,
    Option<&'static str>,
);

const ASKED: Asked = (
    "Orders",
    Access::ReadOnly,
    "123456789012",
    "us-east-1",
    Some("payments"),
);

fn is_permitted(rules: &Rules, who: &Identity, asked: Asked) -> bool {
    let (name, access, account_id, region, project) = asked;
    let scope = scope(project);
    let place = Place {
        target: &scope.target,
        account_id: Some(account_id),
        region: Some(region),
    };
    let question = Question {
        caller: who,
        action: Action::UseTable,
        subject: Subject::Table(name, Some(access), &scope, &place),
    };
    rules.decide(&question).is_ok()
}

#[test]
fn a_kept_answer_about_a_table_is_used_for_no_other() {
    let (name, access, account, region, project) = ASKED;
    let others: [(&str, Asked); 5] = [
        (
            "resource.name == \"Orders\"",
            ("Other", access, account, region, project),
        ),
        (
            "context.access == \"read_only\"",
            (name, Access::ReadWrite, account, region, project),
        ),
        (
            "resource.account == \"123456789012\"",
            (name, access, "210987654321", region, project),
        ),
        (
            "resource.region == \"us-east-1\"",
            (name, access, account, "eu-west-1", project),
        ),
        ("context has project", (name, access, account, region, None)),
    ];
    for (condition, other) in others {
        let text = format!(
            "@id(\"only\") permit (principal, action == Action::\"use_table\", resource) when {{ {condition} }};"
        );
        let (rules, who) = (rules(&text), caller(&["operators"], &["payments"]));
        // The second round from what is kept.
        for _ in 0..2 {
            assert!(is_permitted(&rules, &who, ASKED), "{condition}");
            assert!(!is_permitted(&rules, &who, other), "{condition}");
        }
    }
}
