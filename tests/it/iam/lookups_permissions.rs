//! What lookups add to the service's rights: each is as narrow as IAM can make it, and what IAM cannot stop is known.

use dax_provisioner::domain::iam::policies::service::{CREATE_ACTION, CREATES_RULES};

use crate::support::identity::{SERVICE, SERVICE_ARN};
use crate::support::signed_calls;
use crate::support::test_env::TestEnv;

const GROUP: &str = "arn:aws:ec2:us-east-1:123456789012:security-group/sg-0a1b2c3d4e5f60718";
const NEW_RULE: &str = "arn:aws:ec2:us-east-1:123456789012:security-group-rule/*";
const TABLE: &str = "arn:aws:dynamodb:us-east-1:123456789012:table/Orders";

/// The action, the resource, and in which call the resource would be made.
type Row = (&'static str, &'static str, Option<&'static str>);

/// What the policy is for, so that the other rows are refused for what they differ in.
const ALLOWED: [Row; 5] = [
    ("dynamodb:DescribeTable", TABLE, None),
    ("ec2:DescribeSecurityGroupRules", "*", None),
    ("ec2:AuthorizeSecurityGroupIngress", GROUP, None),
    ("ec2:RevokeSecurityGroupIngress", GROUP, None),
    ("ec2:CreateTags", NEW_RULE, Some(CREATES_RULES)),
];

const REFUSED: [Row; 39] = [
    // Things of others, in another account or Region.
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
    // Tags on anything but a rule that is being made: tags open doors where policies ask for them.
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
    // Everything else about a network.
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
    // Everything else about a table.
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
    let world = TestEnv::new().await;
    world.put_policies(&[world.policy_of_build(&[], true)]);
    world
}

async fn is_allowed(world: &TestEnv, (action, resource, made_in): Row) -> bool {
    let mut context = vec![("aws:RequestedRegion", "us-east-1".to_owned())];
    context.extend(made_in.map(|call| (CREATE_ACTION, call.to_owned())));
    let said = world
        .admin
        .simulate(SERVICE_ARN, &[action], &[resource.to_owned()], &context)
        .await
        .unwrap();
    assert_eq!(said.len(), 1, "{action} on {resource}: {said:?}");
    said[0].denied.is_none()
}

#[tokio::test]
async fn rights_for_lookups_end_at_account_region_and_purpose() {
    let world = with_lookups().await;
    for row in ALLOWED {
        assert!(
            is_allowed(&world, row).await,
            "{row:?} is what lookups are for"
        );
    }
    for row in REFUSED {
        assert!(!is_allowed(&world, row).await, "{row:?} is allowed");
    }
    println!(
        "rights of lookups: {} are as narrow as they can be, {} beside them are denied",
        ALLOWED.len(),
        REFUSED.len()
    );
}

#[tokio::test]
async fn without_lookups_none_of_their_rights_is_given() {
    let world = TestEnv::new().await;
    world.put_policies(&[world.policy_of_build(&[], false)]);
    for row in ALLOWED {
        assert!(!is_allowed(&world, row).await, "{row:?} is allowed");
    }
}

/// IAM sees the group, never the source of a rule: no condition key carries it. Whoever holds the right can open a port
/// to everybody; that it does not happen is the rule of this service's own door, and a service control policy or AWS
/// Config has to watch over it elsewhere. The day this is denied, the README's warning is out of date.
#[tokio::test]
async fn that_a_port_is_not_opened_to_everybody_is_nothing_that_iam_can_say() {
    let world = with_lookups().await;
    let group = world.sandbox.inventory().security_groups[0].id.clone();
    let everybody = [
        ("GroupId", group.as_str()),
        ("IpPermissions.1.IpProtocol", "tcp"),
        ("IpPermissions.1.FromPort", "9111"),
        ("IpPermissions.1.ToPort", "9111"),
        ("IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0/0"),
    ];
    let keys = (SERVICE, SERVICE);
    assert_eq!(
        signed_calls::query(
            &world,
            keys,
            "ec2",
            "AuthorizeSecurityGroupIngress",
            &everybody
        )
        .await
        .status,
        200
    );
}
