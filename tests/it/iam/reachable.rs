//! What the holder of the service's credentials can do beyond the work of the service. Each entry
//! is a statement of `docs/security.md`; where a guard stops it, the test shows that, too.

use aws_sandbox::Identity;
use dax_provisioner::domain::names::IAM_PATH;
use serde_json::{Value, json};

use crate::iam::escalation_names::{
    ALLOW_ALL, BOUNDARY, MANAGED_POLICY, MANAGED_ROLE, Row, TRUST_ACCOUNT,
};
use crate::iam::escalations::{ADMINISTRATOR_KEYS, SERVICE_KEYS, account};
use crate::support::identity::{SERVICE_ARN, create_boundary_named};
use crate::support::requests::unmanaged_role;
use crate::support::signed_calls;
use crate::support::test_env::TestEnv;

const DOCUMENT: &str = include_str!("../../../docs/security.md");
/// A role of the holder's own making.
const ROLE: &str = "dax-own-abcdefghij";
const ROLE_ARN: &str = "arn:aws:iam::123456789012:role/dax-provisioner/dax-own-abcdefghij";
const POLICY_ARN: &str = "arn:aws:iam::123456789012:policy/dax-provisioner/dax-own-abcdefghij";
const STRANGER: &str = "stranger";
const STRANGER_ARN: &str = "arn:aws:iam::999999999999:user/stranger";
const ORDERS: &str = "arn:aws:dynamodb:us-east-1:123456789012:table/Orders";

const TRUST_WEB: &str = concat!(
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","#,
    r#""Principal":{"Federated":"accounts.google.com"},"Action":"sts:AssumeRoleWithWebIdentity"}]}"#,
);

/// Statements of the document, and the calls of IAM that the shipped policy allows.
const IAM_CALLS: [(&str, Row); 9] = [
    (
        "sessions of up to twelve hours",
        (
            "CreateRole",
            &[
                ("RoleName", "dax-long-abcdefghij"),
                ("Path", IAM_PATH),
                ("PermissionsBoundary", BOUNDARY),
                ("AssumeRolePolicyDocument", TRUST_ACCOUNT),
                ("MaxSessionDuration", "43200"),
            ],
        ),
    ),
    (
        "a public identity provider",
        (
            "CreateRole",
            &[
                ("RoleName", "dax-web-abcdefghij"),
                ("Path", IAM_PATH),
                ("PermissionsBoundary", BOUNDARY),
                ("AssumeRolePolicyDocument", TRUST_WEB),
            ],
        ),
    ),
    (
        "a deeper path, there with any name",
        (
            "CreateRole",
            &[
                ("RoleName", "Admin2"),
                ("Path", "/dax-provisioner/dax-x/"),
                ("PermissionsBoundary", BOUNDARY),
                ("AssumeRolePolicyDocument", TRUST_ACCOUNT),
            ],
        ),
    ),
    (
        "set the two ownership tags to any value",
        (
            "TagRole",
            &[
                ("RoleName", MANAGED_ROLE),
                ("Tags.member.1.Key", "dax-provisioner:installation"),
                ("Tags.member.1.Value", "another"),
            ],
        ),
    ),
    (
        "create policies of any content there",
        (
            "CreatePolicy",
            &[
                ("PolicyName", "dax-all-abcdefghij"),
                ("Path", IAM_PATH),
                ("PolicyDocument", ALLOW_ALL),
            ],
        ),
    ),
    (
        "attach them to the roles of clusters and detach others",
        (
            "DetachRolePolicy",
            &[("RoleName", MANAGED_ROLE), ("PolicyArn", MANAGED_POLICY)],
        ),
    ),
    (
        "delete these roles and policies",
        ("DeletePolicy", &[("PolicyArn", MANAGED_POLICY)]),
    ),
    (
        "delete these roles and policies",
        ("DeleteRole", &[("RoleName", MANAGED_ROLE)]),
    ),
    (
        "read the names and trust policies of all roles",
        ("ListRoles", &[("PathPrefix", "/")]),
    ),
];

/// The document without line breaks. Panics if it lacks a statement.
fn check_documented(statement: &str) {
    let words: Vec<&str> = DOCUMENT.split_whitespace().collect();
    assert!(words.join(" ").contains(statement), "{statement:?}");
}

async fn iam(env: &TestEnv, call: &str, input: &[(&str, &str)]) {
    let response = signed_calls::query(env, SERVICE_KEYS, "iam", call, input).await;
    assert_eq!(response.status, 200, "{call} {input:?}: {response:?}");
}

#[tokio::test]
async fn what_iam_cannot_forbid_is_documented() {
    let env = account(false).await;
    for (statement, (call, input)) in IAM_CALLS {
        check_documented(statement);
        iam(&env, call, input).await;
    }
}

#[tokio::test]
async fn clusters_and_groups_of_others_are_within_reach_as_documented() {
    let env = account(false).await;
    let role = env
        .admin
        .send(&unmanaged_role("ByHand", "/"), &env.account)
        .await
        .unwrap();
    let arn = "arn:aws:dax:us-east-1:123456789012:cache/by-hand";
    let by_hand = json!({"ClusterName": "by-hand", "NodeType": "dax.t3.small",
        "ReplicationFactor": 1, "IamRoleArn": role.arn});
    let dax = async |keys, call: &str, input: &Value| {
        let response = signed_calls::json(&env, keys, "dax", call, input).await;
        assert_eq!(response.status, 200, "{call}: {response:?}");
    };
    dax(ADMINISTRATOR_KEYS, "CreateCluster", &by_hand).await;
    let group = json!({"ParameterGroupName": "others"});
    dax(ADMINISTRATOR_KEYS, "CreateParameterGroup", &group).await;
    check_documented("change, reboot, tag and delete every cluster of the Region");
    check_documented("every parameter group and subnet group");
    for (call, input) in [
        (
            "UpdateCluster",
            json!({"ClusterName": "by-hand", "Description": "changed"}),
        ),
        (
            "TagResource",
            json!({"ResourceName": arn, "Tags": [{"Key": "a", "Value": "b"}]}),
        ),
        ("DeleteCluster", json!({"ClusterName": "by-hand"})),
        ("DeleteParameterGroup", group.clone()),
    ] {
        dax(SERVICE_KEYS, call, &input).await;
    }
}

fn trust_in(principal: &str) -> String {
    let statement = json!({"Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"AWS": principal}});
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

/// The service creates a role with this trust policy and a policy that allows everything.
async fn open_role(env: &TestEnv, principal: &str) {
    let trust = trust_in(principal);
    let boundary = env.settings.permissions_boundary.as_deref().unwrap();
    let role = [
        ("RoleName", ROLE),
        ("Path", IAM_PATH),
        ("PermissionsBoundary", boundary),
        ("AssumeRolePolicyDocument", &trust),
    ];
    iam(env, "CreateRole", &role).await;
    let policy = [
        ("PolicyName", ROLE),
        ("Path", IAM_PATH),
        ("PolicyDocument", ALLOW_ALL),
    ];
    iam(env, "CreatePolicy", &policy).await;
    let attached = [("RoleName", ROLE), ("PolicyArn", POLICY_ARN)];
    iam(env, "AttachRolePolicy", &attached).await;
}

async fn assume(env: &TestEnv, keys: (&str, &str)) -> signed_calls::RawResponse {
    let input = [("RoleArn", ROLE_ARN), ("RoleSessionName", "session")];
    signed_calls::query(env, keys, "sts", "AssumeRole", &input).await
}

#[tokio::test]
async fn the_service_cannot_start_a_session_of_a_role_that_trusts_it() {
    for principal in [
        SERVICE_ARN,
        "arn:aws:iam::123456789012:root",
        "123456789012",
        "*",
    ] {
        let env = account(false).await;
        open_role(&env, principal).await;
        let response = assume(&env, SERVICE_KEYS).await;
        assert_eq!(response.status, 403, "{principal}: {response:?}");
        let deny = "with an explicit deny in an identity-based policy";
        assert!(response.text.contains(deny), "{principal}: {response:?}");
    }
    check_documented("cannot start a session of a role under its path");
}

/// The actions on these resources that a session of the role may perform.
async fn allowed(env: &TestEnv, actions: &[&str], resources: &[&str]) -> Vec<(String, String)> {
    let resources: Vec<String> = resources.iter().map(|&arn| arn.to_owned()).collect();
    let simulated = env
        .admin
        .simulate(ROLE_ARN, actions, &resources, &[])
        .await
        .unwrap();
    simulated
        .into_iter()
        .filter(|one| one.denied.is_none())
        .map(|one| (one.action, one.resource))
        .collect()
}

#[tokio::test]
async fn a_role_that_admits_others_gives_them_what_the_boundary_allows() {
    let wide = "the data of every DynamoDB table of the account in the Region";
    let narrow = "the data of the named tables";
    for (tables, statement) in [(vec![], wide), (vec!["Orders".to_owned()], narrow)] {
        check_documented(statement);
        for principal in ["arn:aws:iam::999999999999:root", STRANGER_ARN, "*"] {
            let mut env = account(false).await;
            let (admin, place) = (&env.admin, &env.account);
            let boundary = create_boundary_named(admin, place, "own-boundary", &tables).await;
            env.settings.permissions_boundary = Some(boundary);
            env.grant(&[], Vec::new());
            open_role(&env, principal).await;
            let allow = json!({"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]});
            let stranger = Identity {
                secret: STRANGER.to_owned(),
                arn: STRANGER_ARN.to_owned(),
                policies: vec![allow],
                permissions_boundary: None,
                session_policies: None,
                service_control_policies: None,
            };
            env.sandbox.put_identity(STRANGER, stranger);
            let response = assume(&env, (STRANGER, STRANGER)).await;
            assert_eq!(response.status, 200, "{principal}: {response:?}");

            let data = ["dynamodb:GetItem", "dynamodb:DeleteItem"];
            let customers = ORDERS.replace("Orders", "Customers");
            let elsewhere = ORDERS.replace("us-east-1", "eu-west-1");
            let found = allowed(&env, &data, &[ORDERS, &customers, &elsewhere]).await;
            let of = |arn: &str| data.map(|action| (action.to_owned(), arn.to_owned()));
            let mut expected = of(ORDERS).to_vec();
            if tables.is_empty() {
                expected.extend(of(&customers));
            }
            expected.sort();
            let mut found = found;
            found.sort();
            assert_eq!(found, expected, "{principal} {tables:?}");
            let others = [
                "iam:CreateUser",
                "sts:AssumeRole",
                "s3:GetObject",
                "dax:GetItem",
            ];
            assert_eq!(allowed(&env, &others, &["*"]).await, []);
            let tables = ["dynamodb:DeleteTable", "dynamodb:PutResourcePolicy"];
            assert_eq!(allowed(&env, &tables, &[ORDERS]).await, []);
        }
    }
}

#[tokio::test]
async fn with_lookups_any_security_group_can_be_opened_as_documented() {
    let env = account(true).await;
    let group = env.sandbox.inventory().security_groups[0].id.clone();
    let rule = [
        ("GroupId", group.as_str()),
        ("IpPermissions.1.IpProtocol", "tcp"),
        ("IpPermissions.1.FromPort", "22"),
        ("IpPermissions.1.ToPort", "22"),
        ("IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0/0"),
    ];
    let call = "AuthorizeSecurityGroupIngress";
    let response = signed_calls::query(&env, SERVICE_KEYS, "ec2", call, &rule).await;
    assert_eq!(response.status, 200, "{response:?}");
    check_documented("can open a port to any network");
}
