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
