//! The exact documents, and the sizes at which they are split.

use super::boundary::{boundary_policy, guard_policy, is_boundary_policy};
use super::service::{ServiceScope, service_policy, simulation_policy};
use super::{
    Access, Conditions, POLICIES_PER_ROLE, POLICY_CHARACTERS_MAX, PolicyDocument, Tables,
    TooManyTables, Values, access_policies, application_policy, condition, non_whitespace_len,
    statement_for, trust_policy,
};

const ACCOUNT: &str = "123456789012";
const BOUNDARY: &str = "arn:aws:iam::123456789012:policy/dax-provisioner-boundary";

fn compact(text: &str) -> String {
    text.split_whitespace().collect()
}

fn named(names: impl IntoIterator<Item = impl Into<String>>) -> Tables {
    Tables::Named(names.into_iter().map(Into::into).collect())
}

fn policies(mode: Access, tables: &Tables) -> Result<Vec<PolicyDocument>, TooManyTables> {
    access_policies(mode, tables, "aws", "us-west-2", ACCOUNT)
}

#[test]
fn the_trust_policy_is_the_guide_s() {
    assert_eq!(
        trust_policy().to_json(),
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"dax.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#
    );
}

#[test]
fn the_access_policy_names_each_table_and_its_indexes() {
    let read_only = r#"{"Version":"2012-10-17","Statement":[{"Sid":"DaxReadOnlyTables","Effect":"Allow",
        "Action":["dynamodb:DescribeTable","dynamodb:GetItem","dynamodb:BatchGetItem","dynamodb:Query","dynamodb:Scan"],
        "Resource":["arn:aws:dynamodb:us-west-2:123456789012:table/Catalog","arn:aws:dynamodb:us-west-2:123456789012:table/Catalog/index/*"]}]}"#;
    let read_write = r#"{"Version":"2012-10-17","Statement":[{"Sid":"DaxReadWriteTables","Effect":"Allow",
        "Action":["dynamodb:DescribeTable","dynamodb:GetItem","dynamodb:BatchGetItem","dynamodb:Query","dynamodb:Scan","dynamodb:PutItem","dynamodb:UpdateItem","dynamodb:DeleteItem","dynamodb:BatchWriteItem","dynamodb:ConditionCheckItem"],
        "Resource":["arn:aws:dynamodb:us-west-2:123456789012:table/Books","arn:aws:dynamodb:us-west-2:123456789012:table/Books/index/*"]}]}"#;
    for (mode, table, expected) in [
        (Access::ReadOnly, "Catalog", read_only),
        (Access::ReadWrite, "Books", read_write),
    ] {
        let documents = policies(mode, &named([table])).expect("one table fits");
        assert_eq!(
            documents
                .iter()
                .map(PolicyDocument::to_json)
                .collect::<Vec<_>>(),
            [compact(expected)]
        );
    }
}

#[test]
fn all_tables_are_one_pattern_in_the_requested_partition() {
    let documents = access_policies(
        Access::ReadOnly,
        &Tables::All,
        "aws-cn",
        "cn-north-1",
        ACCOUNT,
    )
    .expect("a pattern fits");
    let [document] = &documents[..] else {
        panic!("{documents:?}")
    };
    let wide = Values::many(["arn:aws-cn:dynamodb:cn-north-1:123456789012:table/*"]);
    assert_eq!(document.statement[0].resource, Some(wide));
}

#[test]
fn tables_are_sorted_and_deduplicated() {
    let some = policies(Access::ReadWrite, &named(["b", "a", "b"])).expect("they fit");
    let same = policies(Access::ReadWrite, &named(["a", "b"])).expect("they fit");
    assert_eq!(some, same);
    assert_eq!(policies(Access::ReadWrite, &named([""; 0])), Ok(Vec::new()));
}

/// `count` names of exactly `length` characters, sorted.
fn names(count: usize, length: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("t{number:05}{}", "x".repeat(length - 6)))
        .collect()
}

#[test]
fn each_policy_fills_to_the_limit_and_no_further() {
    for (length, fitting) in [(10, 46), (20, 39), (40, 31), (80, 21), (255, 9)] {
        let full = policies(Access::ReadWrite, &named(names(fitting, length))).expect("they fit");
        assert_eq!(full.len(), 1, "{fitting} names of {length}");
        let over =
            policies(Access::ReadWrite, &named(names(fitting + 1, length))).expect("they fit");
        assert_eq!(over.len(), 2, "{} names of {length}", fitting + 1);
        assert_eq!(over[0], full[0]);
        let size = |document: &PolicyDocument| non_whitespace_len(&document.to_json());
        assert!(size(&full[0]) <= POLICY_CHARACTERS_MAX);
        let of_one = 2 * format!("arn:aws:dynamodb:us-west-2:{ACCOUNT}:table/").len()
            + 2 * length
            + "/index/*".len()
            + 6;
        assert!(
            size(&full[0]) + of_one > POLICY_CHARACTERS_MAX,
            "one more would fit"
        );
    }
}

#[test]
fn tables_beyond_ten_policies_are_rejected() {
    for (length, fitting) in [(10, 46), (20, 39), (40, 31), (80, 21), (255, 9)] {
        let most = fitting * POLICIES_PER_ROLE;
        let documents = policies(Access::ReadWrite, &named(names(most, length))).expect("they fit");
        assert_eq!(documents.len(), POLICIES_PER_ROLE);
        let error =
            policies(Access::ReadWrite, &named(names(most + 1, length))).expect_err("one too many");
        assert_eq!(
            error,
            TooManyTables {
                tables: most + 1,
                fitting: most,
                policies: POLICIES_PER_ROLE + 1
            }
        );
    }
    let text = TooManyTables {
        tables: 91,
        fitting: 90,
        policies: 11,
    }
    .to_string();
    assert_eq!(
        text,
        "91 tables need 11 policies of 6144 characters, but a role can have 10; the first 90 tables fit"
    );
}

#[test]
fn a_policy_can_be_exactly_full() {
    // One name grows until its policy is full; one character more starts another policy.
    let fills = |length: &usize| {
        let mut tables = names(20, 80);
        tables.push(format!("z{}", "x".repeat(length - 1)));
        let documents = policies(Access::ReadWrite, &named(tables)).expect("they fit");
        // Each character of a name counts twice, so a full policy can have one character left.
        documents.len() == 1
            && non_whitespace_len(&documents[0].to_json()) > POLICY_CHARACTERS_MAX - 2
    };
    let length = (6..=255).find(fills).expect("some length fills the policy");
    let mut tables = names(20, 80);
    tables.push(format!("z{}", "x".repeat(length)));
    assert_eq!(
        policies(Access::ReadWrite, &named(tables)).map(|documents| documents.len()),
        Ok(2)
    );
}

#[test]
fn the_service_policy_is_the_documented_one() {
    let scope = ServiceScope {
        partition: "aws",
        account_id: ACCOUNT,
        region: "us-west-2",
        boundary_arn: Some(BOUNDARY),
        service_role_arns: &[],
        lookups: false,
    };
    let document = service_policy(&scope).to_json();
    assert_eq!(document, compact(include_str!("service_policy.json")));
    assert!(non_whitespace_len(&document) <= POLICY_CHARACTERS_MAX);
}

#[test]
fn without_a_boundary_there_are_no_boundary_conditions() {
    let existing = ["arn:aws:iam::123456789012:role/DaxRole".to_owned()];
    let scope = ServiceScope {
        partition: "aws",
        account_id: ACCOUNT,
        region: "us-west-2",
        boundary_arn: None,
        service_role_arns: &existing,
        lookups: false,
    };
    let document = service_policy(&scope);
    let json = document.to_json();
    assert!(!json.contains("PermissionsBoundary"), "{json}");
    let sids: Vec<&str> = document
        .statement
        .iter()
        .filter_map(|statement| statement.sid.as_deref())
        .collect();
    assert_eq!(
        sids,
        [
            "DaxControlPlane",
            "PlacementPreflight",
            "CreateServiceRole",
            "ReadServiceRole",
            "TagServiceRole",
            "DeleteServiceRole",
            "AttachOnlyOurPolicies",
            "FindRolesAndOrphans",
            "CreateAccessPolicies",
            "ManageAccessPolicies",
            "PassServiceRoleToDaxOnly",
            "CreateDaxServiceLinkedRole",
            "ReadDaxServiceLinkedRole",
            "ReadExistingServiceRoles",
            "PassExistingServiceRolesToDaxOnly",
            "NoSessionsOfServiceRoles",
        ]
    );
    let existing = Some(Values::many(existing));
    assert!(
        document
            .statement
            .iter()
            .rev()
            .skip(1)
            .take(2)
            .all(|statement| statement.resource == existing)
    );
}

#[test]
fn lookups_add_four_statements_limited_to_account_and_region() {
    let of = |lookups| {
        let scope = ServiceScope {
            partition: "aws",
            account_id: ACCOUNT,
            region: "us-west-2",
            boundary_arn: Some(BOUNDARY),
            service_role_arns: &[],
            lookups,
        };
        service_policy(&scope)
    };
    let (without, with) = (of(false).statement, of(true));
    let more: Vec<_> = with
        .statement
        .iter()
        .filter(|statement| !without.contains(statement))
        .cloned()
        .collect();
    assert_eq!(more.len() + without.len(), with.statement.len());
    assert_eq!(
        PolicyDocument::new(more).to_json(),
        r#"{"Version":"2012-10-17","Statement":[{"Sid":"LookUpTables","Effect":"Allow","Action":["dynamodb:DescribeTable"],"Resource":"arn:aws:dynamodb:us-west-2:123456789012:table/*"},{"Sid":"LookUpIngress","Effect":"Allow","Action":["ec2:DescribeSecurityGroupRules"],"Resource":"*"},{"Sid":"ChangeIngress","Effect":"Allow","Action":["ec2:AuthorizeSecurityGroupIngress","ec2:RevokeSecurityGroupIngress"],"Resource":"arn:aws:ec2:us-west-2:123456789012:security-group/*"},{"Sid":"TagNewIngressRules","Effect":"Allow","Action":["ec2:CreateTags"],"Resource":"arn:aws:ec2:us-west-2:123456789012:security-group-rule/*","Condition":{"StringEquals":{"ec2:CreateAction":"AuthorizeSecurityGroupIngress"}}}]}"#
    );
    assert!(non_whitespace_len(&with.to_json()) <= POLICY_CHARACTERS_MAX);
}

#[test]
fn only_the_service_s_own_identity_can_be_simulated() {
    let user = "arn:aws:iam::123456789012:user/portal";
    let role = "arn:aws:iam::123456789012:role/team/portal";
    for (own, actions) in [(user, 1), (role, 2)] {
        let statement = simulation_policy(own).statement.remove(0);
        assert_eq!(statement.resource, Some(Values::one(own)));
        assert!(matches!(statement.action, Values::Many(many) if many.len() == actions));
    }
}

#[test]
fn boundary_and_application_policies_are_the_documented_ones() {
    assert_eq!(
        boundary_policy("aws", "us-west-2", ACCOUNT, &[]).to_json(),
        r#"{"Version":"2012-10-17","Statement":[{"Sid":"OnlyDynamoDbData","Effect":"Allow","Action":["dynamodb:DescribeTable","dynamodb:GetItem","dynamodb:BatchGetItem","dynamodb:Query","dynamodb:Scan","dynamodb:PutItem","dynamodb:UpdateItem","dynamodb:DeleteItem","dynamodb:BatchWriteItem","dynamodb:ConditionCheckItem"],"Resource":"arn:aws:dynamodb:us-west-2:123456789012:table/*"}]}"#
    );
    assert_eq!(
        application_policy(Access::ReadWrite, "aws", "us-west-2", ACCOUNT, "mycluster").to_json(),
        r#"{"Version":"2012-10-17","Statement":[{"Sid":"UseDaxCluster","Effect":"Allow","Action":["dax:GetItem","dax:BatchGetItem","dax:Query","dax:Scan","dax:PutItem","dax:UpdateItem","dax:DeleteItem","dax:BatchWriteItem","dax:ConditionCheckItem"],"Resource":"arn:aws:dax:us-west-2:123456789012:cache/mycluster"}]}"#
    );
    let reader = application_policy(Access::ReadOnly, "aws", "us-west-2", ACCOUNT, "mycluster");
    assert_eq!(
        reader.statement[0].action,
        Values::many(["dax:GetItem", "dax:BatchGetItem", "dax:Query", "dax:Scan"])
    );
}

#[test]
fn a_boundary_can_name_its_tables() {
    let tables = ["Orders", "Books", "Orders"].map(str::to_owned);
    let document = boundary_policy("aws", "us-west-2", ACCOUNT, &tables);
    let arn = |name: &str| format!("arn:aws:dynamodb:us-west-2:123456789012:table/{name}");
    let named = ["Books", "Books/index/*", "Orders", "Orders/index/*"].map(arn);
    assert_eq!(document.statement[0].resource, Some(Values::many(named)));
}

#[test]
fn a_boundary_of_this_account_and_region_is_recognised() {
    let recognised = |document: &str| is_boundary_policy(document, "aws", "us-west-2", ACCOUNT);
    let of = |region: &str, tables: &[&str]| {
        let tables: Vec<String> = tables.iter().map(|&name| name.to_owned()).collect();
        boundary_policy("aws", region, ACCOUNT, &tables).to_json()
    };
    for document in [of("us-west-2", &[]), of("us-west-2", &["Orders", "Books"])] {
        assert!(recognised(&document), "{document}");
    }
    let wide = of("us-west-2", &[]).replace("dynamodb:Scan", "dynamodb:*");
    let pattern = of("us-west-2", &["Ord"]).replace("table/Ord\"", "table/Ord*\"");
    let two = of("us-west-2", &["Orders"]).replace(
        "]}]}",
        r#"]},{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
    );
    for document in [
        of("*", &[]),
        of("eu-west-1", &[]),
        wide,
        pattern,
        two,
        "{}".to_owned(),
    ] {
        assert!(!recognised(&document), "{document}");
    }
}

#[test]
fn the_guard_denies_every_way_to_assume_a_managed_role_to_all_but_services() {
    assert_eq!(
        guard_policy("aws", ACCOUNT).to_json(),
        r#"{"Version":"2012-10-17","Statement":[{"Sid":"OnlyServicesAssumeManagedRoles","Effect":"Deny","Principal":"*","Action":["sts:AssumeRole","sts:AssumeRoleWithSAML","sts:AssumeRoleWithWebIdentity"],"Resource":"arn:aws:iam::123456789012:role/dax-provisioner/*","Condition":{"BoolIfExists":{"aws:PrincipalIsAWSService":"false"}}}]}"#
    );
    let parsed = serde_json::from_str::<PolicyDocument>(&guard_policy("aws", ACCOUNT).to_json());
    assert_eq!(parsed.ok(), Some(guard_policy("aws", ACCOUNT)));
}

#[test]
fn documents_are_parsed_and_unknown_elements_rejected() {
    let mut document = trust_policy();
    let to_dax = condition(
        "StringEquals",
        "iam:PassedToService",
        Values::one("dax.amazonaws.com"),
    );
    document.statement.push(statement_for(
        "iam:PassRole",
        "arn:aws:iam::123456789012:role/r",
        to_dax,
    ));
    document
        .statement
        .push(statement_for("iam:ListRoles", "*", Conditions::new()));
    assert_eq!(
        serde_json::from_str::<PolicyDocument>(&document.to_json()).ok(),
        Some(document)
    );
    for unknown in [
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","NotResource":"*"}]}"#,
        r#"{"Version":"2012-10-17","Id":"x","Statement":[]}"#,
    ] {
        assert!(
            serde_json::from_str::<PolicyDocument>(unknown).is_err(),
            "{unknown}"
        );
    }
}

#[test]
fn white_space_is_not_counted() {
    assert_eq!(non_whitespace_len("{ \"a\":\n\t\"é\" }"), 9);
}
