//! The permissions that lookups add to the shipped policy are as narrow as IAM permits.

use dax_provisioner::domain::iam::policies::service::{CREATE_ACTION, CREATES_RULES};

use crate::support::identity::{SERVICE, SERVICE_ARN};
use crate::support::signed_calls;
use crate::support::test_env::TestEnv;

const GROUP: &str = "arn:aws:ec2:us-east-1:123456789012:security-group/sg-0a1b2c3d4e5f60718";
const NEW_RULE: &str = "arn:aws:ec2:us-east-1:123456789012:security-group-rule/*";
const TABLE: &str = "arn:aws:dynamodb:us-east-1:123456789012:table/Orders";

/// The action, the resource, and the call that creates the resource.
type Row = (&'static str, &'static str, Option<&'static str>);

/// These rows are allowed, so a row below is denied for its difference.
const ALLOWED: [Row; 5] = [
    ("dynamodb:DescribeTable", TABLE, None),
    ("ec2:DescribeSecurityGroupRules", "*", None),
    ("ec2:AuthorizeSecurityGroupIngress", GROUP, None),
    ("ec2:RevokeSecurityGroupIngress", GROUP, None),
    ("ec2:CreateTags", NEW_RULE, Some(CREATES_RULES)),
];

const DENIED: [Row; 39] = [
    // Resources of another account or Region.
    (
        "ec2:AuthorizeSecurityGroupIngress",
        "arn:aws:ec2:us-east-1:210987654321:security-group/sg-0a1b2c3d",
        None,
    ),
    (
        "ec2:AuthorizeSecurityGroupIngress",
        "arn:aws:ec2:eu-west-1:123456789012:security-group/sg-0a1b2c3d",
        None,
    ),
    ("ec2:AuthorizeSecurityGroupIngress", "*", None),
    (
        "ec2:RevokeSecurityGroupIngress",
        "arn:aws:ec2:us-east-1:210987654321:security-group/sg-0a1b2c3d",
        None,
    ),
    (
        "ec2:RevokeSecurityGroupIngress",
        "arn:aws:ec2:eu-west-1:123456789012:security-group/sg-0a1b2c3d",
        None,
    ),
    (
        "dynamodb:DescribeTable",
        "arn:aws:dynamodb:us-east-1:210987654321:table/Orders",
        None,
    ),
    (
        "dynamodb:DescribeTable",
        "arn:aws:dynamodb:eu-west-1:123456789012:table/Orders",
        None,
    ),
    // Tags on anything except a new rule. Tags grant access where policies have tag conditions.
    ("ec2:CreateTags", NEW_RULE, None),
    ("ec2:CreateTags", NEW_RULE, Some("CreateSecurityGroup")),
    (
        "ec2:CreateTags",
        NEW_RULE,
        Some("AuthorizeSecurityGroupEgress"),
    ),
    ("ec2:CreateTags", GROUP, Some(CREATES_RULES)),
    ("ec2:CreateTags", GROUP, None),
    (
        "ec2:CreateTags",
        "arn:aws:ec2:us-east-1:123456789012:instance/i-0a1b2c3d",
        None,
    ),
    (
        "ec2:CreateTags",
        "arn:aws:ec2:us-east-1:123456789012:instance/i-0a1b2c3d",
        Some(CREATES_RULES),
    ),
    (
        "ec2:CreateTags",
        "arn:aws:ec2:us-east-1:123456789012:subnet/subnet-0a1b2c3d",
        Some(CREATES_RULES),
    ),
    (
        "ec2:CreateTags",
        "arn:aws:ec2:us-east-1:210987654321:security-group-rule/*",
        Some(CREATES_RULES),
    ),
    ("ec2:CreateTags", "*", Some(CREATES_RULES)),
    ("ec2:DeleteTags", NEW_RULE, None),
    ("ec2:DeleteTags", GROUP, None),
    // Other changes of a network.
    ("ec2:AuthorizeSecurityGroupEgress", GROUP, None),
    ("ec2:RevokeSecurityGroupEgress", GROUP, None),
    ("ec2:ModifySecurityGroupRules", GROUP, None),
    (
        "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
        GROUP,
        None,
    ),
    ("ec2:CreateSecurityGroup", "*", None),
    ("ec2:DeleteSecurityGroup", GROUP, None),
    ("ec2:ModifyNetworkInterfaceAttribute", "*", None),
    ("ec2:ModifySubnetAttribute", "*", None),
    ("ec2:CreateVpcEndpoint", "*", None),
    ("ec2:AssociateSecurityGroupVpc", GROUP, None),
    // Other access to tables.
    ("dynamodb:GetItem", TABLE, None),
    ("dynamodb:Query", TABLE, None),
    ("dynamodb:Scan", TABLE, None),
    ("dynamodb:PutItem", TABLE, None),
    ("dynamodb:UpdateTable", TABLE, None),
    ("dynamodb:DeleteTable", TABLE, None),
    ("dynamodb:CreateTable", TABLE, None),
    ("dynamodb:PutResourcePolicy", TABLE, None),
    ("dynamodb:ExportTableToPointInTime", TABLE, None),
    ("dynamodb:ListTables", "*", None),
];

async fn with_lookups() -> TestEnv {
    let env = TestEnv::new().await;
    env.put_policies(&[env.policy_of_build(&[], true)]);
    env
}

async fn is_allowed(env: &TestEnv, (action, resource, created_by): Row) -> bool {
    let mut context = vec![("aws:RequestedRegion", "us-east-1".to_owned())];
    context.extend(created_by.map(|call| (CREATE_ACTION, call.to_owned())));
    let decisions = env
        .admin
        .simulate(SERVICE_ARN, &[action], &[resource.to_owned()], &context)
        .await
        .unwrap();
    assert_eq!(decisions.len(), 1, "{action} on {resource}: {decisions:?}");
    decisions[0].denied.is_none()
}

#[tokio::test]
async fn lookups_are_limited_to_account_region_and_purpose() {
    let env = with_lookups().await;
    for row in ALLOWED {
        assert!(is_allowed(&env, row).await, "{row:?} is denied");
    }
    for row in DENIED {
        assert!(!is_allowed(&env, row).await, "{row:?} is allowed");
    }
}

#[tokio::test]
async fn the_policy_without_lookups_has_none_of_their_permissions() {
    let env = TestEnv::new().await;
    env.put_policies(&[env.policy_of_build(&[], false)]);
    for row in ALLOWED {
        assert!(!is_allowed(&env, row).await, "{row:?} is allowed");
    }
}

/// IAM has no condition key for the source of a rule, so the policy cannot limit it. Only this
/// service's validation rejects 0.0.0.0/0. If this test fails, the warning in docs/security.md is
/// out of date.
#[tokio::test]
async fn iam_cannot_deny_a_rule_that_admits_every_address() {
    let env = with_lookups().await;
    let group = env.sandbox.inventory().security_groups[0].id.clone();
    let every_address = [
        ("GroupId", group.as_str()),
        ("IpPermissions.1.IpProtocol", "tcp"),
        ("IpPermissions.1.FromPort", "9111"),
        ("IpPermissions.1.ToPort", "9111"),
        ("IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0/0"),
    ];
    let (keys, call) = ((SERVICE, SERVICE), "AuthorizeSecurityGroupIngress");
    let response = signed_calls::query(&env, keys, "ec2", call, &every_address).await;
    assert_eq!(response.status, 200);
}
