//! The sandbox's policy evaluator confirms that the policies allow the documented actions on the
//! requested resources, and nothing else.

use aws_sandbox::policy::document::Document;
use aws_sandbox::policy::evaluate::{Authority, Context, Decision, Request, evaluate};
use proptest::prelude::*;

use super::boundary::{boundary_policy, guard_policy};
use super::{Access, PolicyDocument, Tables, access_policies, application_policy};

const REGION: &str = "us-west-2";
const ACCOUNT: &str = "123456789012";

const DOCUMENTED: [&str; 10] = [
    "DescribeTable",
    "GetItem",
    "BatchGetItem",
    "Query",
    "Scan",
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "BatchWriteItem",
    "ConditionCheckItem",
];

fn documents(policies: &[PolicyDocument]) -> Vec<Document> {
    policies
        .iter()
        .map(|policy| Document::parse_identity(&policy.to_json()).expect("IAM accepts it"))
        .collect()
}

fn allowed(identity: &[Document], action: &str, resource: &str) -> bool {
    let context = Context::new();
    let authority = Authority {
        identity,
        boundary: None,
        session: None,
        organization: None,
    };
    evaluate(
        &authority,
        &Request {
            action,
            resource,
            context: &context,
        },
    ) == Decision::Allowed
}

fn documented(mode: Access, action: &str) -> bool {
    let known = match mode {
        Access::ReadOnly => &DOCUMENTED[..5],
        Access::ReadWrite => &DOCUMENTED[..],
    };
    action
        .strip_prefix("dynamodb:")
        .is_some_and(|name| known.contains(&name))
}

fn table() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[a-c]{3}", 1 => "[A-Za-z0-9_.-]{3,20}", 1 => Just("Orders".to_owned()), 1 => Just("Orders2".to_owned())]
}

fn mode() -> impl Strategy<Value = Access> {
    prop::sample::select(vec![Access::ReadOnly, Access::ReadWrite])
}

fn action() -> impl Strategy<Value = String> {
    let others = [
        "DeleteTable",
        "CreateTable",
        "UpdateTable",
        "PutResourcePolicy",
        "GetRecords",
        "ExportTableToPointInTime",
        "PartiQLSelect",
    ];
    let names: Vec<&str> = DOCUMENTED.into_iter().chain(others).collect();
    let any = prop::sample::select(vec![
        "iam:PassRole",
        "dax:GetItem",
        "s3:GetItem",
        "dynamodb:",
    ])
    .prop_map(str::to_owned);
    prop_oneof![9 => prop::sample::select(names).prop_map(|name| format!("dynamodb:{name}")), 1 => any]
}

/// A resource, and its table if that is a table, or an index of one, of this account and Region.
fn resource() -> impl Strategy<Value = (String, Option<String>)> {
    let location = prop_oneof![
        8 => Just((REGION, ACCOUNT)), 1 => Just(("us-east-1", ACCOUNT)), 1 => Just((REGION, "210987654321")),
    ];
    let part = prop::sample::select(vec![
        "",
        "",
        "",
        "/index/by-date",
        "/stream/2026",
        "/backup/1",
        "/export/1",
        "x",
        "/index",
    ]);
    (table(), location, part).prop_map(|(table, (region, account), part)| {
        let in_scope =
            (region, account) == (REGION, ACCOUNT) && (part.is_empty() || part == "/index/by-date");
        let name = if part == "x" {
            format!("{table}x")
        } else {
            table.clone()
        };
        let tail = if part == "x" { "" } else { part };
        let expected = (in_scope || (part == "x" && (region, account) == (REGION, ACCOUNT)))
            .then(|| name.clone());
        (
            format!("arn:aws:dynamodb:{region}:{account}:table/{name}{tail}"),
            expected,
        )
    })
}

proptest! {
    // 1,000 policies with 100 requests each.
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn access_is_the_documented_actions_on_the_requested_tables(
        mode in mode(),
        tables in prop::collection::vec(table(), 1..6),
        requests in prop::collection::vec((action(), resource()), 100),
    ) {
        let policies = access_policies(mode, &Tables::Named(tables.clone()), "aws", REGION, ACCOUNT).expect("few tables fit");
        let identity = documents(&policies);
        for (action, (resource, table)) in requests {
            let expected = documented(mode, &action) && table.is_some_and(|table| tables.contains(&table));
            prop_assert_eq!(allowed(&identity, &action, &resource), expected, "{} on {} of {:?}", action, resource, tables);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn split_policies_grant_the_same_as_one_policy(
        mode in mode(), tables in prop::collection::btree_set("[A-Za-z0-9_.-]{40,120}", 60..140), action in action(),
    ) {
        let names: Vec<String> = tables.iter().cloned().collect();
        let policies = access_policies(mode, &Tables::Named(names), "aws", REGION, ACCOUNT).expect("they fit");
        prop_assert!(policies.len() > 1);
        let identity = documents(&policies);
        for table in tables.iter().take(20).chain(tables.iter().rev().take(20)) {
            let arn = format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}");
            prop_assert_eq!(allowed(&identity, &action, &arn), documented(mode, &action));
            let other = allowed(&identity, &action, &format!("{arn}x"));
            prop_assert!(!other, "{} beside {}", action, arn);
        }
    }

    #[test]
    fn all_tables_are_those_of_this_account_and_region(mode in mode(), requests in prop::collection::vec((action(), resource()), 50)) {
        let identity = documents(&access_policies(mode, &Tables::All, "aws", REGION, ACCOUNT).expect("a pattern fits"));
        for (action, (resource, _)) in requests {
            let in_scope = resource.starts_with("arn:aws:dynamodb:us-west-2:123456789012:table/");
            prop_assert_eq!(allowed(&identity, &action, &resource), in_scope && documented(mode, &action));
        }
    }

    #[test]
    fn the_boundary_allows_every_access_policy_and_nothing_else(action in action(), (resource, _) in resource()) {
        let boundary = documents(&[boundary_policy("aws", REGION, ACCOUNT, &[])]);
        let in_scope = resource.contains(":us-west-2:123456789012:");
        prop_assert_eq!(allowed(&boundary, &action, &resource), in_scope && documented(Access::ReadWrite, &action));
    }

    #[test]
    fn a_boundary_with_tables_allows_only_those(
        tables in prop::collection::vec(table(), 1..6), action in action(), (resource, table) in resource(),
    ) {
        let boundary = documents(&[boundary_policy("aws", REGION, ACCOUNT, &tables)]);
        let expected = documented(Access::ReadWrite, &action) && table.is_some_and(|table| tables.contains(&table));
        prop_assert_eq!(allowed(&boundary, &action, &resource), expected, "{} on {}", action, resource);
    }
}

#[test]
fn an_application_can_use_only_its_own_cluster() {
    let cluster = |name: &str| format!("arn:aws:dax:{REGION}:{ACCOUNT}:cache/{name}");
    for (mode, writes) in [(Access::ReadOnly, false), (Access::ReadWrite, true)] {
        let identity = documents(&[application_policy(mode, "aws", REGION, ACCOUNT, "orders")]);
        let can = |action: &str| allowed(&identity, action, &cluster("orders"));
        assert!(can("dax:GetItem") && can("dax:Scan"));
        assert_eq!(
            (can("dax:PutItem"), can("dax:ConditionCheckItem")),
            (writes, writes)
        );
        assert!(!can("dax:DeleteCluster") && !can("dynamodb:GetItem"));
        assert!(!allowed(&identity, "dax:GetItem", &cluster("orders2")));
    }
}

#[test]
fn the_guard_denies_managed_roles_to_all_but_services() {
    // The evaluator knows no resource control policies, so the statement is read without principal.
    let mut guard = guard_policy("aws", ACCOUNT);
    guard.statement[0].principal = None;
    let everything =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let mut identity = documents(&[guard]);
    identity.push(Document::parse_identity(everything).expect("IAM accepts it"));
    let authority = Authority {
        identity: &identity,
        boundary: None,
        session: None,
        organization: None,
    };
    let assumed = |action: &str, name: &str, service: Option<&str>| {
        let resource = format!("arn:aws:iam::{ACCOUNT}:role/{name}");
        let key = "aws:principalisawsservice".to_owned();
        let context: Context = service
            .map(|value| (key, vec![value.to_owned()]))
            .into_iter()
            .collect();
        let request = Request {
            action,
            resource: &resource,
            context: &context,
        };
        evaluate(&authority, &request) == Decision::Allowed
    };
    for name in ["dax-provisioner/dax-a-b", "dax-provisioner/deeper/x"] {
        for action in [
            "AssumeRole",
            "AssumeRoleWithSAML",
            "AssumeRoleWithWebIdentity",
        ] {
            let action = format!("sts:{action}");
            assert!(!assumed(&action, name, Some("false")), "{action} {name}");
            assert!(!assumed(&action, name, None), "{action} {name}");
        }
        assert!(assumed("sts:AssumeRole", name, Some("true")));
    }
    assert!(assumed("sts:AssumeRole", "Admin", Some("false")));
}
