//! Tests of the built-in policies, of what is refused as a policy, and of failing closed.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::*;
use crate::domain::iam::policies::{Access, Tables};
use crate::domain::ingress::{IngressSpec, Peer};
use crate::domain::names::ClusterName;
use crate::domain::project::ProjectUsage;
use crate::domain::spec::{ClusterSpec, ServiceRole};
use crate::domain::validation::typed::{NodeType, RoleArn};

const ROLE: &str = "arn:aws:iam::123456789012:role/DaxRole";

fn rules(policies: &str) -> Rules {
    Rules {
        policies: Some(Policies::parse(&[("test.cedar", policies)]).unwrap()),
        ..built_in()
    }
}

fn built_in() -> Rules {
    let listed = ProjectRules {
        service_roles: vec![ROLE.to_owned()],
    };
    Rules {
        policies: Some(Policies::built_in()),
        projects: BTreeMap::from([(project("payments"), listed)]),
        ..Rules::default()
    }
}

fn project(name: &str) -> ProjectName {
    ProjectName::parse(name).unwrap()
}

static TARGET: LazyLock<TargetName> = LazyLock::new(TargetName::default);
static REGIONS: LazyLock<BTreeMap<TargetName, String>> =
    LazyLock::new(|| BTreeMap::from([(TARGET.clone(), "us-east-1".to_owned())]));

fn caller(groups: &[&str], projects: &[&str]) -> Identity {
    Identity {
        id: "token:1".to_owned(),
        shown_as: "token:someone".to_owned(),
        groups: groups.iter().map(|&group| group.to_owned()).collect(),
        projects: projects.iter().map(|name| project(name)).collect(),
        requested_for: Some("ann@example.com".to_owned()),
        ..Identity::default()
    }
}

fn scope(name: Option<&str>) -> Scope {
    Scope::of(name.map(project).as_ref(), &TargetName::default())
}

fn spec(service_role: ServiceRole) -> ClusterSpec {
    let name = ClusterName::parse("orders").unwrap();
    let node_type = NodeType::parse("dax.r5.large").unwrap();
    ClusterSpec {
        service_role,
        ..ClusterSpec::with_defaults(name, node_type, 3)
    }
}

fn named_tables() -> ServiceRole {
    ServiceRole::New {
        access: Access::ReadOnly,
        tables: Tables::Named(vec!["Orders".to_owned()]),
    }
}

fn given() -> ServiceRole {
    let arn = RoleArn::from_aws(ROLE);
    ServiceRole::Existing { arn }
}

/// The settings of three nodes in the default target.
fn settings<'a>(
    rules: &'a Rules,
    spec: &'a ClusterSpec,
    changed: &'a BTreeSet<String>,
    usage: &'a ProjectUsage,
) -> Settings<'a> {
    Settings {
        spec,
        changed,
        target: &TARGET,
        usage,
        nodes: 3,
        regions: &REGIONS,
        prices: &rules.prices,
        now: chrono::DateTime::UNIX_EPOCH,
    }
}

/// The IDs of the policies that forbid, or `None` if the action is permitted.
fn decide(
    rules: &Rules,
    who: &Identity,
    action: Action,
    scope: &Scope,
    spec: &ClusterSpec,
    changed: &BTreeSet<String>,
) -> Option<Vec<String>> {
    let usage = ProjectUsage::default();
    let settings = settings(rules, spec, changed, &usage);
    let place = Place {
        target: &scope.target,
        account_id: Some("123456789012"),
        region: Some("us-east-1"),
    };
    let ingress = IngressSpec {
        open: true,
        security_group_id: None,
        port: 9111,
        peer: Peer::cidr("10.0.0.0/8"),
    };
    let subject = match action {
        Action::Read => Subject::Scope(scope),
        _ if action.is_on_webhooks() && scope.project.is_some() => Subject::Scope(scope),
        _ if action.is_on_target() => Subject::Target(&scope.target),
        Action::UseTable => Subject::Table("Orders", Some(Access::ReadOnly), scope, &place),
        Action::OpenIngress | Action::CloseIngress => Subject::Ingress(&spec.name, &ingress, scope),
        Action::CreateCluster
        | Action::UpdateCluster
        | Action::ScaleCluster
        | Action::RepairCluster
        | Action::AdoptCluster => Subject::Settings(&settings, scope),
        _ => Subject::Cluster(&spec.name, scope),
    };
    let question = Question {
        caller: who,
        action,
        subject,
    };
    match rules.decide(&question) {
        Ok(_) => None,
        Err(Denial::Forbidden(by) | Denial::NeedsApproval(by)) => {
            Some(by.into_iter().map(|policy| policy.id).collect())
        }
        Err(Denial::Failed(error)) => panic!("{action:?}: {error}"),
    }
}

fn all_fields(spec: &ClusterSpec) -> BTreeSet<String> {
    changed_fields(None, spec)
}

#[test]
fn the_built_in_groups_have_their_rights() {
    use strum::VariantArray;
    let (rules, spec) = (built_in(), spec(named_tables()));
    let changed = all_fields(&spec);
    for action in Action::VARIANTS {
        let allowed = |who: &Identity, scope: &Scope| {
            decide(&rules, who, *action, scope, &spec, &changed).is_none()
        };
        let none = scope(None);
        let administer = matches!(
            action,
            Action::AdoptCluster | Action::ReleaseCluster | Action::AssignProject
        ) || action.is_on_target();
        assert!(!allowed(&caller(&[], &[]), &none), "{action:?}: stranger");
        assert_eq!(
            allowed(&caller(&["viewers"], &[]), &none),
            *action == Action::Read,
            "{action:?}"
        );
        assert_eq!(
            allowed(&caller(&["operators"], &[]), &none),
            !administer,
            "{action:?}"
        );
        assert!(allowed(&caller(&["admins"], &[]), &none), "{action:?}");
        assert!(
            !allowed(&caller(&["corp:admins"], &[]), &none),
            "{action:?}"
        );
        // A caller with projects reaches only these.
        let limited = caller(&["operators"], &["payments", "orders"]);
        assert_eq!(
            allowed(&limited, &scope(Some("payments"))),
            !administer || action.is_on_webhooks(),
            "{action:?}"
        );
        if *action != Action::UseTable {
            assert!(!allowed(&limited, &scope(Some("search"))), "{action:?}");
            assert!(!allowed(&limited, &none), "{action:?}");
        }
    }
}

#[test]
fn the_hours_until_the_expiry_are_rounded_up() {
    let rules = rules(
        r#"@id("all") permit (principal, action, resource);
        @id("three_days") forbid (principal, action == Action::"create_cluster", resource)
        unless { context has expires_in_hours && context.expires_in_hours <= 72 };"#,
    );
    let refused = |seconds: Option<i64>| {
        let mut spec = spec(named_tables());
        let at = |seconds| chrono::DateTime::from_timestamp(seconds, 0).unwrap();
        spec.local.expires_at = seconds.map(at);
        let (who, changed) = (caller(&[], &[]), all_fields(&spec));
        decide(
            &rules,
            &who,
            Action::CreateCluster,
            &scope(None),
            &spec,
            &changed,
        )
        .is_some()
    };
    let limit = 72 * 3_600;
    let cases = [
        (Some(limit), false),
        (Some(1), false),
        (Some(limit + 1), true),
        (None, true),
    ];
    for (seconds, is_refused) in cases {
        assert_eq!(refused(seconds), is_refused, "{seconds:?}");
    }
}

#[test]
fn wide_and_foreign_roles_are_for_admins() {
    let rules = built_in();
    let (operator, admin) = (caller(&["operators"], &[]), caller(&["admins"], &[]));
    let all = ServiceRole::New {
        access: Access::ReadOnly,
        tables: Tables::All,
    };
    let default = ServiceRole::Discover {
        default_access: Some(Access::ReadOnly),
    };
    for (role, policy) in [
        (all, "all_tables"),
        (default, "all_tables"),
        (given(), "given_roles"),
    ] {
        let spec = spec(role);
        let ask = |who: &Identity, scope: &Scope, changed: &BTreeSet<String>| {
            decide(&rules, who, Action::CreateCluster, scope, &spec, changed)
        };
        let changed = all_fields(&spec);
        assert_eq!(
            ask(&operator, &scope(None), &changed),
            Some(vec![policy.to_owned()])
        );
        assert_eq!(ask(&admin, &scope(None), &changed), None);
        // The role is listed for the project.
        let own = ask(&operator, &scope(Some("payments")), &changed);
        assert_eq!(own.is_none(), policy == "given_roles");
        // What stays as it is was decided before.
        let description = BTreeSet::from(["description".to_owned()]);
        assert_eq!(ask(&operator, &scope(None), &description), None);
    }
}

#[test]
fn changed_fields_are_those_of_requests() {
    let before = spec(named_tables());
    let mut after = before.clone();
    assert_eq!(changed_fields(Some(&before), &after), BTreeSet::new());
    after.local.deletion_protection = true;
    after.service_role = given();
    let changed = changed_fields(Some(&before), &after);
    assert_eq!(
        changed,
        BTreeSet::from(["deletion_protection".to_owned(), "service_role".to_owned()])
    );
    assert!(all_fields(&before).contains("parameters"));
}

#[test]
fn readable_scopes_are_all_or_listed() {
    let targets = ["default", "prod"].map(|name| TargetName::parse(name).unwrap());
    let known = BTreeSet::from([project("orders"), project("payments")]);
    let readable = |rules: &Rules, who: &Identity| rules.readable(who, &targets, &known);
    let rules_ = built_in();
    assert_eq!(readable(&Rules::default(), &caller(&[], &[])), Scopes::All);
    assert_eq!(readable(&rules_, &caller(&["viewers"], &[])), Scopes::All);
    assert_eq!(
        readable(&rules_, &caller(&[], &[])),
        Scopes::Only(BTreeSet::new())
    );
    let limited = readable(&rules_, &caller(&["viewers"], &["payments"]));
    let both = targets
        .iter()
        .map(|target| Scope::of(Some(&project("payments")), target));
    assert_eq!(limited, Scopes::Only(both.collect()));
    // A project that only a policy names is excluded, although no cluster has it yet.
    let hidden = r#"
        @id("all") permit (principal, action, resource);
        @id("secret") forbid (principal, action, resource in Project::"secret");
        @id("prod") forbid (principal, action, resource in Target::"prod");"#;
    let Scopes::Only(scopes) = readable(&rules(hidden), &caller(&[], &[])) else {
        panic!("a scope is hidden");
    };
    let expected = [None, Some("orders"), Some("payments")].map(scope);
    assert_eq!(scopes, BTreeSet::from(expected));
}

#[test]
fn invalid_policies_are_refused_all_at_once() {
    let faults = |text: &str| {
        let faults = Policies::parse(&[
            ("a.cedar", text),
            (
                "b.cedar",
                "@id(\"b\") permit (principal, action, resource);",
            ),
        ]);
        faults.map(|_| ()).unwrap_err()
    };
    for (text, part) in [
        ("permit (principal, action, resource);", "@id"),
        ("@id(\"\") permit (principal, action, resource);", "@id"),
        ("@id(\"b\") permit (principal, action, resource);", "unique"),
        (
            "@id(\"x\") permit (principal, action, resource) when { context.node_type == \"a\" };",
            "node_type",
        ),
        (
            "@id(\"x\") permit (principal == User::\"a\", action, resource);",
            "User",
        ),
        (
            "@id(\"x\") permit (principal, action == Action::\"destroy\", resource);",
            "destroy",
        ),
        (
            "@id(\"x\") permit (principal == ?principal, action, resource);",
            "templates",
        ),
        (
            "@id(\"x\") forbid (principal, action, resource == Scope::\"default/a\");",
            "Scope",
        ),
        ("@id(\"x\") permit (principal, action, resource", ""),
        (
            "@id(\"x\") @advice(\"no\") permit (principal, action, resource);",
            "@advice",
        ),
        (
            "@id(\"x\") forbid (principal, action == Action::\"create_cluster\", resource) when { context.replication_factor > \"3\" };",
            "",
        ),
    ] {
        let found = faults(text);
        assert!(
            found.iter().any(|fault| fault.rule.contains(part)),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn an_error_during_an_evaluation_denies() {
    // An overflow is not found by validation.
    let rules = rules(
        r#"@id("all") permit (principal, action, resource);
        @id("overflow") forbid (principal, action == Action::"create_cluster", resource)
        when { context.replication_factor * 9223372036854775807 > 1 };"#,
    );
    let spec = spec(named_tables());
    let changed = all_fields(&spec);
    let usage = ProjectUsage::default();
    let settings = settings(&rules, &spec, &changed, &usage);
    let (scope, caller) = (scope(None), caller(&["admins"], &[]));
    let question = Question {
        caller: &caller,
        action: Action::CreateCluster,
        subject: Subject::Settings(&settings, &scope),
    };
    let denied = rules.decide(&question).unwrap_err();
    assert!(matches!(denied, Denial::Failed(error) if error.contains("overflow")));
}

mod cost;
mod prepared;
